"""Reaches AWS with the user's own credentials, as botocore finds them: profile, single sign-on, variables, roles.

Nothing is asked before it is needed: a client is made when it is first used.
"""

import threading
from typing import Any

from botocore.config import Config
from botocore.session import Session

from mwaa_local import __version__
from mwaa_local.adapters.aws_errors import Request, translated
from mwaa_local.adapters.log_groups import CloudWatchLogs
from mwaa_local.adapters.mwaa_service import MwaaService
from mwaa_local.adapters.object_store_address import is_of_aws
from mwaa_local.aws_ports import AwsAccess, CallerIdentity, ObjectStore

ATTEMPTS = 6
"""Of one request, with growing pauses in between (up to 20 s each): throttling and server errors pass."""


def open_access(profile: str | None, region: str) -> AwsAccess:
    """Return everything of one region, reached with one profile (None: the default chain)."""
    clients = Clients(profile, region)

    def bucket(name: str) -> ObjectStore:
        from mwaa_local.adapters.object_store import open_bucket

        return open_bucket(clients.session, region, name, profile=profile)

    return AwsAccess(
        identity=clients.identity,
        bucket=bucket,
        environments=MwaaService(lambda: clients.get("mwaa"), region, profile),
        logs=CloudWatchLogs(lambda: clients.get("logs"), region, profile),
    )


class Clients:
    """botocore's clients of one profile and region, each made once."""

    def __init__(self, profile: str | None, region: str) -> None:
        self.session = Session(profile=profile)
        self._profile = profile
        self._region = region
        self._lock = threading.Lock()
        self._made: dict[str, Any] = {}

    def get(self, service: str) -> Any:
        """Return the client of a service; AwsError if there is no such profile."""
        with self._lock:
            if service not in self._made:
                with translated(Request(f"{service}:*", "*", self._profile)):
                    self._made[service] = self._make(service)
            return self._made[service]

    def identity(self) -> CallerIdentity:
        """Ask AWS who we are."""
        client = self.get("sts")
        with translated(Request("sts:GetCallerIdentity", "*", self._profile)):
            answer = client.get_caller_identity()
        return CallerIdentity(answer["Account"], answer["Arn"], self._region)

    def _make(self, service: str) -> Any:
        client = self.session.create_client(service, region_name=self._region, config=_config())
        if is_of_aws(client.meta.endpoint_url):
            return client
        # botocore would ask `api.localhost`, which is nobody's name.
        return self.session.create_client(
            service, region_name=self._region, config=_config(inject_host_prefix=False)
        )


def _config(**further: Any) -> Config:
    return Config(
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        connect_timeout=10,
        read_timeout=60,
        user_agent_extra=f"mwaa-local/{__version__}",
        **further,
    )
