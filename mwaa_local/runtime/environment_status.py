"""How an environment is: what its state folder says, as one value for people (`status`) and for programs (`--json`).

Reads files only; whether the supervisor lives is passed in, so that this costs milliseconds.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from mwaa_local.config import AwsKind, RuntimeKind
from mwaa_local.runtime.convergence import Phase
from mwaa_local.runtime.scaling_record import ScalingReport
from mwaa_local.runtime.start_record import StartRecord
from mwaa_local.runtime.state import ServiceReport


class Health(StrEnum):
    """How an environment is as a whole."""

    HEALTHY = "healthy"
    STARTING = "starting"
    """No service has failed, but not all of them answer yet."""
    UNHEALTHY = "unhealthy"
    """A service that was healthy is not, or one keeps ending."""
    STOPPED = "stopped"
    DIED = "died"
    """The supervisor is gone without having stopped the services."""


@dataclass(frozen=True, slots=True)
class EnvironmentStatus:
    """An environment as `status` shows it."""

    name: str
    project: str
    health: Health
    version: str
    amazon_provider: str | None
    differences: tuple[str, ...]
    executor: str
    aws: str
    """local, none or profile:NAME."""
    url: str | None
    """None while nothing runs, and so are the other addresses."""
    aws_endpoint: str | None
    services: tuple[ServiceReport, ...]
    password: str | None = None
    """Only when it was asked for."""
    scaling: ScalingReport | None = None
    """None where all workers run all the time."""
    compose_project: str = ""
    """The name by which its containers are found, where it runs in some."""

    def as_document(self, now: float) -> dict[str, Any]:
        """Return the form that `--json` prints; `now` in seconds since the epoch."""
        return {
            "name": self.name,
            "project": self.project,
            "health": self.health.value,
            "version": self.version,
            "amazon_provider": self.amazon_provider,
            "differences": list(self.differences),
            "runtime": (RuntimeKind.COMPOSE if self.compose_project else RuntimeKind.NATIVE).value,
            "compose_project": self.compose_project or None,
            "executor": self.executor,
            "aws": self.aws,
            "aws_endpoint": self.aws_endpoint,
            "url": self.url,
            "user": "admin",
            **({} if self.password is None else {"password": self.password}),
            **({} if self.scaling is None else {"workers": asdict(self.scaling)}),
            "services": [_service_document(service, now) for service in self.services],
        }


def _service_document(service: ServiceReport, now: float) -> dict[str, Any]:
    return {
        "name": service.name,
        "role": service.role or None,
        "phase": service.phase.value,
        "pid": service.pid,
        "seconds_in_phase": round(max(0.0, now - service.since), 1),
        "restarts": service.restarts,
        "last_exit": service.last_exit,
        **({"leaving": True} if service.leaving else {}),
        "note": service.note or None,
    }


def is_healthy(services: Iterable[ServiceReport]) -> bool:
    """Tell whether there are services and all are healthy, but for those that leave."""
    staying = [report for report in services if not report.leaving]
    return bool(staying) and all(report.phase is Phase.HEALTHY for report in staying)


def judge(services: tuple[ServiceReport, ...], *, supervised: bool) -> Health:
    """Tell how an environment is from its services' last report and from whether its supervisor lives."""
    if not supervised:
        # A supervisor that ends as it should reports every service as stopped first.
        left = any(service.phase is not Phase.STOPPED for service in services)
        return Health.DIED if left else Health.STOPPED
    if is_healthy(services):
        return Health.HEALTHY
    troubled = any(
        service.phase is Phase.UNHEALTHY
        or service.failures
        or (service.was_healthy and service.phase is not Phase.HEALTHY)
        for service in services
        if not service.leaving
    )
    return Health.UNHEALTHY if troubled else Health.STARTING


def describe_running(
    record: StartRecord,
    services: tuple[ServiceReport, ...],
    health: Health,
    differences: tuple[str, ...],
    password: str | None,
) -> EnvironmentStatus:
    """Return the status of an environment that runs, or did until its supervisor died."""
    alive = health is not Health.DIED
    local_aws = alive and record.aws == AwsKind.LOCAL.value
    return EnvironmentStatus(
        name=record.environment,
        project=record.project,
        health=health,
        version=record.version,
        amazon_provider=record.amazon_provider,
        differences=differences,
        executor=record.executor,
        aws=record.aws,
        url=f"http://127.0.0.1:{record.ports.webserver}" if alive else None,
        aws_endpoint=f"http://127.0.0.1:{record.ports.aws}" if local_aws else None,
        services=services,
        password=password,
        compose_project=record.compose_project,
    )
