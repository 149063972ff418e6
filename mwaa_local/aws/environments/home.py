"""The project's own environment as the MWAA API shows it: it is there while the endpoint is, and only looked at.

`mwaa-local start` runs it from the project's folder, so the API neither updates nor deletes it; tokens open its doors.
"""

import json
from dataclasses import dataclass
from typing import Any

from mwaa_local.aws.account import ACCOUNT_ID
from mwaa_local.aws.environments.rest import call_rest_api
from mwaa_local.aws.mwaa_api.backend import EnvironmentBackend, RestAnswer, RestCall, Wish
from mwaa_local.aws.mwaa_api.records import Environment, Status
from mwaa_local.aws.mwaa_api.settings import LOG_TYPES, Identity, created_settings
from mwaa_local.aws.web_doors.settings import LOOPBACK
from mwaa_local.aws.web_doors.web_server import WebServer

QUEUE_PREFIX = "airflow-celery-"
NETWORK = {"SubnetIds": ["subnet-local-a", "subnet-local-b"], "SecurityGroupIds": ["sg-local"]}
"""There is no network to choose on one machine; the API's shapes want one."""


@dataclass(frozen=True, slots=True)
class Home:
    """What is known of the project's own environment."""

    name: str
    version: str
    region: str
    bucket: str
    queue: str
    settings: str
    """As `environment_settings` writes them; may be empty."""
    web_host: str
    web_port: int
    key: bytes
    inner_host: str = LOOPBACK
    """Where its web server is for us."""


def home_environment(home: Home, now: float) -> Environment:
    """Return the environment as the API keeps it."""
    identity = Identity(home.name, home.queue.removeprefix(QUEUE_PREFIX), home.region)
    parameters: dict[str, Any] = {
        "AirflowVersion": home.version,
        "ExecutionRoleArn": f"arn:aws:iam::{ACCOUNT_ID}:role/mwaa-local",
        "SourceBucketArn": f"arn:aws:s3:::{home.bucket}",
        "DagS3Path": "dags",
        "NetworkConfiguration": NETWORK,
        "LoggingConfiguration": {name: {"Enabled": True, "LogLevel": "INFO"} for name in LOG_TYPES},
        **(json.loads(home.settings) if home.settings else {}),
    }
    return Environment(
        name=home.name,
        environment_id=identity.environment_id,
        region=home.region,
        created_at=now,
        status=Status.AVAILABLE,
        settings=created_settings(parameters, identity, home.version),
        web_host=home.web_host,
    )


class WithHome:
    """EnvironmentBackend that knows one environment more than another one."""

    def __init__(self, home: Home, others: EnvironmentBackend) -> None:
        self._home = home
        self._others = others

    def apply(self, wish: Wish) -> str:
        """Have the others apply it."""
        return self._others.apply(wish)

    def remove(self, name: str) -> None:
        """Have the others remove it."""
        self._others.remove(name)

    def token_key(self, name: str) -> bytes:
        """Return the key of an environment."""
        return self._home.key if name == self._home.name else self._others.token_key(name)

    def answers(self, name: str) -> bool:
        """Tell whether the web server of an environment answers."""
        if name != self._home.name:
            return self._others.answers(name)
        return WebServer(self._home.web_port, self._home.inner_host).answers()

    def call_rest_api(self, wish: Wish, call: RestCall) -> RestAnswer:
        """Call the REST API of an environment."""
        if wish.name != self._home.name:
            return self._others.call_rest_api(wish, call)
        return call_rest_api(
            wish, call, {"webserver": self._home.web_port}, self._home.key, self._home.inner_host
        )

    def end(self) -> None:
        """Stop the others; our own is stopped by its supervisor."""
        self._others.end()
