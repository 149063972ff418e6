"""Waits for an environment's containers: until services are healthy, until replaced workers, told to, have ended."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.docker_ports import ContainerRecord, Containers
from mwaa_local.errors import MwaaLocalError, RoleFailedError
from mwaa_local.ports import Clock
from mwaa_local.runtime.compose_project import ComposeProject
from mwaa_local.runtime.compose_watch import ComposeWatch
from mwaa_local.runtime.container_reports import MIGRATION, has_left, left_workers
from mwaa_local.runtime.convergence import Phase
from mwaa_local.runtime.rollover import DRAIN_LIMIT
from mwaa_local.runtime.service_logs import tail
from mwaa_local.runtime.worker_duties import let_stay, read_leaves, tell_to_leave
from mwaa_local.stack import Stack

FAILURES_TO_GIVE_UP = 3
INTERVAL = 0.25
INTERVAL_OF_CONTAINERS = 1.0
"""Between two questions to the engine, which cost it more than a probe costs a role."""
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
        asked = float("-inf")
        containers: tuple[ContainerRecord, ...] = ()
        while True:
            if self.clock.monotonic() - asked >= INTERVAL_OF_CONTAINERS:
                containers = self.containers.list(self.name)
                asked = self.clock.monotonic()
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

    def begin_to_leave(self, stack: Stack) -> None:
        """Have workers that a stack does not have any more take no more tasks, and end."""
        let_stay(self._beats, (spec.name for spec in stack.services))
        for worker in self._left(stack, ended=False):
            self.containers.let_go(worker)
            tell_to_leave(self._beats, worker.service, DRAIN_LIMIT)

    def until_left(self, stack: Stack) -> None:
        """Wait until workers that a stack does not have any more have ended: until their time is over at most."""
        deadline = self.clock.monotonic() + DRAIN_LIMIT
        while self.clock.monotonic() < deadline and self._left(stack, ended=False):
            self.clock.sleep(INTERVAL_OF_TASKS)

    def ended(self, stack: Stack) -> tuple[ContainerRecord, ...]:
        """Return the workers that a stack does not have any more and that have ended."""
        return self._left(stack, ended=True)

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

    @property
    def _beats(self) -> Path:
        return ComposeProject(self.watch.folder).beats

    def _left(self, stack: Stack, *, ended: bool) -> tuple[ContainerRecord, ...]:
        left = left_workers(stack, self.containers.list(self.name))
        leaves = read_leaves(self._beats) if left else {}
        return tuple(each for each in left if has_left(each, leaves) is ended)


def _has_failed(container: ContainerRecord) -> bool:
    """Tell whether a container keeps ending, or the migration has ended without success."""
    ended = container.state in ("exited", "dead", "restarting")
    return ended and container.exit_code != 0 and container.restarts >= FAILURES_TO_GIVE_UP
