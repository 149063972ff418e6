"""Waits for an environment's containers: until services are healthy, until replaced workers have ended."""

import contextlib
from dataclasses import dataclass

from mwaa_local.docker_ports import ContainerRecord, Containers
from mwaa_local.errors import MwaaLocalError, RoleFailedError
from mwaa_local.ports import Clock
from mwaa_local.runtime.compose_watch import ComposeWatch
from mwaa_local.runtime.container_reports import MIGRATION
from mwaa_local.runtime.convergence import Phase
from mwaa_local.runtime.service_logs import tail

FAILURES_TO_GIVE_UP = 3
INTERVAL = 0.25
INTERVAL_OF_TASKS = 2.0
"""Between two looks at workers whose tasks may take hours."""


@dataclass(frozen=True, slots=True)
class ComposeWaiting:
    """The containers of one Compose project, and what they are held against."""

    watch: ComposeWatch
    containers: Containers
    name: str
    clock: Clock

    def until_healthy(self, patience: float) -> None:
        """Wait until every service is healthy but for those that leave; RoleFailedError says which one is not."""
        deadline = self.clock.monotonic() + patience
        while True:
            containers = self.containers.list(self.name)
            reports = [each for each in self.watch.reports(containers) if not each.leaving]
            if reports and all(report.phase is Phase.HEALTHY for report in reports):
                return
            for container in containers:
                if _has_failed(container):
                    raise self.failure(container.service, f"ended with exit code {container.exit_code}")
            if self.clock.monotonic() > deadline:
                late = next(report for report in reports if report.phase is not Phase.HEALTHY)
                raise self.failure(late.name, f"was not healthy after {patience:.0f} s")
            self.clock.sleep(INTERVAL)

    def until_migrated(self, patience: float) -> None:
        """Wait until a migration that is not repeated has ended well; RoleFailedError says what failed."""
        deadline = self.clock.monotonic() + patience
        while True:
            for container in self.containers.list(self.name):
                if container.state in ("exited", "dead"):
                    if container.exit_code != 0:
                        raise self.failure(container.service, f"ended with exit code {container.exit_code}")
                    if container.service == MIGRATION:
                        return
            if self.clock.monotonic() > deadline:
                raise self.failure(MIGRATION, f"had not ended after {patience:.0f} s")
            self.clock.sleep(INTERVAL)

    def until_ended(self, services: frozenset[str], patience: float) -> None:
        """Wait until no container of these services runs, for `patience` seconds at most."""
        deadline = self.clock.monotonic() + patience
        while self.clock.monotonic() < deadline:
            running = {each.service for each in self.containers.list(self.name) if each.state == "running"}
            if not running & services:
                return
            self.clock.sleep(INTERVAL_OF_TASKS)

    def failure(self, service: str, what: str) -> RoleFailedError:
        """Return the error of a service, with its last words: from its log, or what its container has printed."""
        lines = tail(self.watch.folder.log(service), 15)
        found = (each for each in self.containers.list(self.name) if each.service == service)
        container = next(found, None)
        if not lines and container is not None:
            with contextlib.suppress(MwaaLocalError):
                lines = self.containers.tail(container, 15)
        return RoleFailedError(
            f"The {service} container {what}. Its last log lines:\n"
            + "\n".join(f"    {line}" for line in lines),
            hint=f"the whole log: mwaa-local logs {service}",
        )


def _has_failed(container: ContainerRecord) -> bool:
    """Tell whether a container keeps ending, or the migration has ended without success."""
    ended = container.state in ("exited", "dead", "restarting")
    return ended and container.exit_code != 0 and container.restarts >= FAILURES_TO_GIVE_UP
