"""Short-lived credentials of a profile of the user's, for tasks: the container-credentials protocol on loopback.

Nothing here is written to a disk or a log.
"""

import hmac
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.credentials import ReadOnlyCredentials, RefreshableCredentials
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from mwaa_local.errors import AwsError

LIFETIME = timedelta(hours=1)
"""Of credentials that are made here; MWAA's own role credentials last as long."""
RENEW_BEFORE = timedelta(minutes=15)
"""botocore asks again when fewer minutes are left."""

Handler = Callable[[dict[str, Any]], tuple[str, Mapping[str, Any]]]


@dataclass(frozen=True, slots=True, repr=False)
class TaskCredentials:
    """What a task gets."""

    access_key: str
    secret_key: str
    token: str
    expires: datetime


class ProfileCredentials:
    """Turns a profile into short-lived credentials, again and again."""

    def __init__(self, profile: str) -> None:
        self._profile = profile
        self._lock = threading.Lock()
        self._session: boto3.Session | None = None
        self._current: TaskCredentials | None = None

    def get(self) -> TaskCredentials:
        """Return credentials that last a while yet, where the profile allows; AwsError if it has none."""
        with self._lock:
            if self._current is None or self._current.expires - datetime.now(UTC) < RENEW_BEFORE:
                self._current = self._translated()
            return self._current

    def _translated(self) -> TaskCredentials:
        profile = self._profile
        login = f"Run `aws sso login --profile {profile}`."
        try:
            return self._fetch()
        except ProfileNotFound as error:
            known = ", ".join(sorted(boto3.Session().available_profiles)) or "none"
            raise AwsError(
                f"There is no AWS profile '{profile}'.",
                hint=f"Known profiles: {known}. Add it with `aws configure sso --profile {profile}`.",
            ) from error
        except (SSOError, TokenRetrievalError) as error:
            raise AwsError(
                f"The single sign-on session of profile '{profile}' has expired.", hint=login
            ) from error
        except (BotoCoreError, ClientError) as error:
            raise AwsError(
                f"Profile '{profile}' gives no credentials: {error}",
                hint=f"Try `aws sts get-caller-identity --profile {profile}`.",
            ) from error

    def _fetch(self) -> TaskCredentials:
        if self._session is None:
            self._session = boto3.Session(profile_name=self._profile)
        credentials = self._session.get_credentials()
        if credentials is None:
            raise AwsError(
                f"Profile '{self._profile}' has no credentials.",
                hint=f"Run `aws configure --profile {self._profile}` or `aws sso login --profile {self._profile}`.",
            )
        frozen = credentials.get_frozen_credentials()
        if isinstance(credentials, RefreshableCredentials):
            expires: datetime = credentials._expiry_time  # type: ignore[attr-defined]
            return _task_credentials(frozen, expires)
        if frozen.token:
            # Temporary keys that another program put into the file, and will replace there: read it again soon.
            self._session = None
            return _task_credentials(frozen, datetime.now(UTC) + 2 * RENEW_BEFORE)
        return _exchange(self._session)


def _task_credentials(frozen: ReadOnlyCredentials, expires: datetime) -> TaskCredentials:
    return TaskCredentials(frozen.access_key or "", frozen.secret_key or "", frozen.token or "", expires)


def _exchange(session: boto3.Session) -> TaskCredentials:
    """Exchange long-lived keys for short-lived ones, so that no task ever sees the former."""
    answer = session.client("sts").get_session_token(DurationSeconds=int(LIFETIME.total_seconds()))
    made = answer["Credentials"]
    return TaskCredentials(
        made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"], made["Expiration"]
    )


def check_profile(name: str) -> None:
    """Raise AwsError, with the command that helps, unless the profile gives credentials now."""
    ProfileCredentials(name).get()


def credentials_handler(profile: str, token: str) -> Handler:
    """Return what answers the container-credentials protocol; callers must present `token`."""
    source = ProfileCredentials(profile)

    def answer(environ: dict[str, Any]) -> tuple[str, Mapping[str, Any]]:
        given = str(environ.get("HTTP_AUTHORIZATION", ""))
        if not token or not hmac.compare_digest(given.encode(), token.encode()):
            return "403 Forbidden", {"code": "Forbidden", "message": "wrong authorization token"}
        try:
            credentials = source.get()
        except AwsError as error:
            message = f"{error.message} {error.hint}".strip()
            return "503 Service Unavailable", {"code": "ProfileUnavailable", "message": message}
        return "200 OK", {
            "AccessKeyId": credentials.access_key,
            "SecretAccessKey": credentials.secret_key,
            "Token": credentials.token,
            "Expiration": credentials.expires.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    return answer
