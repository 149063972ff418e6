"""Looks at an environment in containers: the engine's records, and the answers to the probes of its stack."""

from collections.abc import Callable
from dataclasses import dataclass

from mwaa_local.catalog import Role
from mwaa_local.class_limits import container_size
from mwaa_local.config import EnvironmentClass
from mwaa_local.docker_ports import ContainerRecord
from mwaa_local.runtime.compose_project import ComposeProject
from mwaa_local.runtime.container_reports import (
    IsHealthy,
    Sighting,
    ask_services,
    read_killed,
    report_services,
)
from mwaa_local.runtime.start_record import load_record
from mwaa_local.runtime.state import ServiceReport, StateFolder, read_json
from mwaa_local.runtime.worker_duties import read_duties, read_leaves
from mwaa_local.stack import Stack, parse_stack


@dataclass(frozen=True, slots=True)
class ComposeWatch:
    """What one environment's containers are held against; `now` in seconds since the epoch."""

    folder: StateFolder
    is_healthy: IsHealthy
    now: Callable[[], float]

    def reports(
        self, containers: tuple[ContainerRecord, ...], *, asking: bool = True
    ) -> tuple[ServiceReport, ...]:
        """Return a report of each service; unless they are asked, what runs counts as healthy."""
        stack = parse_stack(self.folder.stack.read_text(encoding="utf-8", errors="replace"))
        now = self.now()
        ready = read_json(self.folder.ready) or {}
        duties = read_duties(ComposeProject(self.folder).beats) if stack.scaling is not None else {}
        sighting = Sighting(
            stack=stack,
            containers=containers,
            answers=ask_services(stack, containers, self.is_healthy, now, duties) if asking else {},
            duties=duties,
            leaves=read_leaves(ComposeProject(self.folder).beats),
            killed=read_killed(ComposeProject(self.folder).beats),
            limits=self._limits(stack),
            # What is being replaced is starting, not ill.
            ready_run="" if ready.get("changing") else str(ready.get("run_id", "")),
            now=now,
        )
        return report_services(sighting)

    def _limits(self, stack: Stack) -> dict[str, int]:
        record = load_record(self.folder)
        if record is None or record.environment_class not in set(EnvironmentClass):
            return {}
        chosen = EnvironmentClass(record.environment_class)
        return {
            spec.name: container_size(chosen, Role(spec.role)).memory for spec in stack.services if spec.role
        }
