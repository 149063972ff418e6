"""What botocore raises, as errors of ours: what was refused, the IAM action that is missing, what to do next.

Errors that mean something to a caller (no such bucket, a failed condition) are the caller's: it catches them inside.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    LoginError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    RefreshWithMFAUnsupportedError,
    SSOError,
    TokenRetrievalError,
)

from mwaa_local.errors import AwsError

DENIED = frozenset(
    {
        "403",
        "AccessDenied",
        "AccessDeniedException",
        "AllAccessDisabled",
        "AuthorizationError",
        "UnauthorizedAccess",
        "UnauthorizedOperation",
    }
)
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
INVALID = frozenset(
    {
        "AuthFailure",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidToken",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
SKEWED = frozenset({"InvalidSignatureException", "RequestTimeTooSkewed", "RequestInTheFuture"})
THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_NOT_AUTHORIZED = re.compile(
    r"(?P<who>arn:\S+) is not authorized to perform: (?P<action>[\w-]+:\w+)(?: on resource: \"?(?P<resource>[^\s\"]+))?"
)


@dataclass(frozen=True, slots=True)
class Request:
    """What AWS is being asked: the IAM action, the resource as IAM names it, and the profile that asks."""

    action: str
    resource: str
    profile: str | None = None


@contextmanager
def translated(request: Request) -> Iterator[None]:
    """Turn what botocore raises during one request into an AwsError."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise translate(error, request) from error


def error_code(error: ClientError) -> str:
    """Return the code of an error that AWS answered with: `NoSuchKey`, `404`, ..."""
    return str(error.response.get("Error", {}).get("Code", ""))


def translate(error: ClientError | BotoCoreError, request: Request) -> AwsError:
    """Return our error for one of botocore's."""
    if isinstance(error, ClientError):
        return _answered(error, request)
    return _not_asked(error, request)


def _answered(error: ClientError, request: Request) -> AwsError:
    code = error_code(error)
    said = _message(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in DENIED:
        return _denied(said, request)
    if code in EXPIRED:
        return AwsError("The AWS credentials have expired.", hint=_login(request.profile))
    if code in INVALID:
        return AwsError(
            f"AWS does not accept the credentials{_of(request.profile)} ({code}).",
            hint=_check(request.profile),
        )
    if code in SKEWED:
        return AwsError(
            f"AWS does not accept the request's time or signature ({code}): {said}",
            hint="Set this machine's clock, then run the command again.",
        )
    if code in THROTTLED or status >= 500:
        return AwsError(
            f"AWS could not answer {request.action} on {request.resource}, and neither when asked again: "
            f"{code or status} {said}".rstrip(),
            hint="Run the command again in a minute: it goes on where it stopped.",
        )
    return AwsError(f"AWS refuses {request.action} on {request.resource}: {said or code}{_named(code, said)}")


def _named(code: str, said: str) -> str:
    return f" ({code})" if said and code else ""


def _message(error: ClientError) -> str:
    return " ".join(str(error.response.get("Error", {}).get("Message") or "").split())


def _denied(said: str, request: Request) -> AwsError:
    """Name the action that is missing: the one AWS names, else the one that the request needs."""
    named = _NOT_AUTHORIZED.search(said)
    action = named["action"] if named else request.action
    resource = (named["resource"] if named else None) or request.resource
    who = f"{named['who']} " if named else "your user or role "
    reason = " It is denied explicitly by a policy." if "explicit deny" in said else ""
    return AwsError(
        f"Access denied: {who}may not do {action} on {resource}.{reason}",
        hint=f"Allow {action} on {resource} in its IAM policy, or use another profile.",
    )


def _not_asked(error: BotoCoreError, request: Request) -> AwsError:
    """Translate what went wrong before, or instead of, an answer."""
    profile, said = request.profile, " ".join(str(error).split())
    match error:
        case ProfileNotFound():
            return AwsError(
                f"There is no AWS profile '{error.kwargs.get('profile', profile)}'.",
                hint="Add it with `aws configure sso`, or name another one in mwaa-local.toml.",
            )
        case NoCredentialsError():
            return AwsError(f"There are no AWS credentials{_of(profile)}.", hint=_setup(profile))
        case SSOError() | TokenRetrievalError() | LoginError():
            return AwsError(f"The AWS sign-in{_of(profile)} has expired.", hint=_login(profile))
        case PartialCredentialsError() | CredentialRetrievalError() | RefreshWithMFAUnsupportedError():
            return AwsError(f"The AWS credentials{_of(profile)} cannot be used: {said}", hint=_check(profile))
        case NoRegionError():
            return AwsError("No AWS region is named.", hint='Set region = "..." in mwaa-local.toml.')
        case ParamValidationError():
            return AwsError(f"AWS would refuse {request.action} on {request.resource}: {said}")
        case ConnectionError() | HTTPClientError():
            return AwsError(
                f"AWS cannot be reached for {request.action} on {request.resource}: {said}",
                hint="Check the network, a proxy, and the region; then run the command again.",
            )
        case _:
            return AwsError(f"{request.action} on {request.resource} failed: {said}")


def _of(profile: str | None) -> str:
    return f" of profile '{profile}'" if profile else ""


def _option(profile: str | None) -> str:
    return f" --profile {profile}" if profile else ""


def _login(profile: str | None) -> str:
    return f"Sign in again: aws sso login{_option(profile)} (or renew the keys in your AWS configuration)."


def _check(profile: str | None) -> str:
    return f"Try: aws sts get-caller-identity{_option(profile)}"


def _setup(profile: str | None) -> str:
    return (
        f"Sign in with `aws sso login{_option(profile)}`, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY."
    )
