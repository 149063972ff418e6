"""What the containers of an environment are doing, in the words of the native runtime's services.

Pure but for the files that containers touch: the engine says what runs, probes say whether it works.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mwaa_local.catalog import Role
from mwaa_local.docker_ports import ContainerRecord
from mwaa_local.runtime.convergence import START_LIMIT, Phase
from mwaa_local.runtime.state import ServiceReport
from mwaa_local.runtime.worker_duties import Duty, KnownDuty
from mwaa_local.stack import BeatProbe, Probe, ServiceSpec, Stack

MIGRATION = "migrate"
"""The service that ends when the database is ready."""
BEAT_AGE = 45.0
"""Seconds after which a worker's file is too old."""
CLOCKS_APART = 0.5
"""Seconds by which the clock of a virtual machine that runs the engine may differ."""

IsHealthy = Callable[[Probe, float], bool | None]


@dataclass(frozen=True, slots=True)
class Sighting:
    """The containers, what was asked of them, and what else is known."""

    stack: Stack
    containers: tuple[ContainerRecord, ...]
    answers: Mapping[str, bool | None]
    """By service; a service that was not asked counts as healthy while it runs."""
    killed: Mapping[str, int]
    """By service: how many of its processes were killed for their memory."""
    limits: Mapping[str, int]
    """By service: gigabytes of memory."""
    ready_run: str
    """The run that has once been ready."""
    now: float
    duties: Mapping[str, KnownDuty] = field(default_factory=dict)
    """What workers do whose number follows the tasks, by service."""
    leaves: Mapping[str, float] = field(default_factory=dict)
    """When workers were told to leave, by service."""

    def duty(self, container: ContainerRecord | None) -> KnownDuty | None:
        """Return what a container that runs says that it does."""
        if container is None or container.state != "running":
            return None
        known = self.duties.get(container.service)
        # What one before it has said is no news.
        if known is None or known.since < (container.started or 0.0) - CLOCKS_APART:
            return None
        return known


def ask_services(
    stack: Stack,
    containers: tuple[ContainerRecord, ...],
    is_healthy: IsHealthy,
    now: float,
    duties: Mapping[str, KnownDuty] | None = None,
) -> dict[str, bool | None]:
    """Ask each service whose container runs whether it works."""
    running = {each.service: each.started or now for each in containers if each.state == "running"}
    for name, known in (duties or {}).items():
        if name in running:
            running[name] = max(running[name], known.since)
    return {
        spec.name: _ask(spec.probe, now, now - running[spec.name], is_healthy)
        for spec in stack.services
        if spec.name in running
    }


def _ask(probe: Probe, now: float, alive_for: float, is_healthy: IsHealthy) -> bool | None:
    if isinstance(probe, BeatProbe):
        try:
            age = now - Path(probe.path).stat().st_mtime
        except OSError:
            return False
        # A file from before the container's start is its predecessor's.
        return age < min(BEAT_AGE, alive_for + CLOCKS_APART)
    return is_healthy(probe, alive_for)


def read_killed(beats: Path) -> dict[str, int]:
    """Return how many processes of each service were killed for their memory, as their containers have noted it."""
    found = {}
    for path in beats.glob("*.oom"):
        try:
            found[path.stem] = int(path.read_text(encoding="ascii").split()[0])
        except (OSError, ValueError, IndexError):
            continue
    return found


def report_services(sighting: Sighting) -> tuple[ServiceReport, ...]:
    """Return a report of each service, and of containers that an override file has added.

    Nothing is said of workers that sleep, nor of those that have been replaced and have ended.
    """
    by_service = {each.service: each for each in sighting.containers}
    pairs = [(spec, by_service.pop(spec.name, None)) for spec in sighting.stack.services]
    reports = [_report(spec, found, sighting) for spec, found in pairs if not _is_parked(found, sighting)]
    by_service.pop(MIGRATION, None)
    others = (
        _report_other(container, sighting)
        for container in by_service.values()
        if container.role != Role.WORKER or not has_left(container, sighting.leaves)
    )
    return (*reports, *others)


def left_workers(stack: Stack, containers: tuple[ContainerRecord, ...]) -> tuple[ContainerRecord, ...]:
    """Return the workers that have been replaced: they end what they run, or have."""
    names = {spec.name for spec in stack.services}
    return tuple(each for each in containers if each.role == Role.WORKER and each.service not in names)


def has_left(container: ContainerRecord, leaves: Mapping[str, float]) -> bool:
    """Tell whether a worker that was told to leave has ended: Podman starts it again, but it only sleeps then."""
    told = leaves.get(container.service)
    return container.state != "running" or (told is not None and (container.started or 0.0) > told)


def _is_parked(container: ContainerRecord | None, sighting: Sighting) -> bool:
    known = sighting.duty(container)
    return known is not None and known.duty is Duty.PARKED


def is_up(containers: tuple[ContainerRecord, ...]) -> bool:
    """Tell whether the environment runs: whether any of its containers does, or is about to again."""
    return any(each.state in ("running", "restarting", "paused") for each in containers)


def _report(spec: ServiceSpec, container: ContainerRecord | None, sighting: Sighting) -> ServiceReport:
    if container is None:
        return ServiceReport(
            name=spec.name,
            role=spec.role,
            phase=Phase.STOPPED,
            pid=None,
            started=None,
            since=sighting.now,
            failures=0,
            restarts=0,
            was_healthy=False,
            last_exit=None,
            note="it has no container",
        )
    known = sighting.duty(container)
    awoken = known is not None and sighting.now - known.since < START_LIMIT
    was_healthy = container.run_id == sighting.ready_run and not awoken
    phase = _phase(container, sighting.answers.get(spec.name, True), sighting.now, was_healthy=was_healthy)
    report = _as_report(container, spec.role, phase, sighting, was_healthy=was_healthy)
    if known is None:
        return report
    since = max(report.since, known.since)
    return replace(report, leaving=known.duty is Duty.LEAVING, since=since)


def _report_other(container: ContainerRecord, sighting: Sighting) -> ServiceReport:
    phase = _phase(container, True, sighting.now, was_healthy=True)
    report = _as_report(container, container.role, phase, sighting, was_healthy=True)
    return replace(report, leaving=container.role == Role.WORKER)


def _as_report(
    container: ContainerRecord, role: str, phase: Phase, sighting: Sighting, *, was_healthy: bool
) -> ServiceReport:
    runs = container.state == "running"
    since = container.started if runs else container.finished
    return ServiceReport(
        name=container.service,
        role=role,
        phase=phase,
        pid=container.pid,
        started=container.started,
        since=since or sighting.now,
        failures=0 if phase is Phase.HEALTHY else container.restarts,
        restarts=container.restarts,
        was_healthy=was_healthy,
        last_exit=None if runs else _exit_code(container.exit_code),
        note=_note(container, sighting),
    )


def _phase(container: ContainerRecord, answer: bool | None, now: float, *, was_healthy: bool) -> Phase:
    match container.state:
        case "running":
            if answer:
                return Phase.HEALTHY
            young = now - (container.started or now) < START_LIMIT
            return Phase.STARTING if young and not was_healthy else Phase.UNHEALTHY
        case "created":
            return Phase.WAITING
        case "restarting":
            return Phase.BACKOFF
        case "paused":
            return Phase.UNHEALTHY
        case _:
            return Phase.STOPPED


def _note(container: ContainerRecord, sighting: Sighting) -> str:
    limit = sighting.limits.get(container.service)
    of_limit = f" (limit {limit} GB)" if limit else ""
    killed = sighting.killed.get(container.service, 0)
    if killed:
        tasks = f"{killed} process{'' if killed == 1 else 'es'}"
        return f"{tasks} killed for want of memory{of_limit}"
    if container.out_of_memory:
        return f"killed for want of memory{of_limit}"
    return "paused: docker unpause" if container.state == "paused" else ""


def _exit_code(code: int) -> int:
    """Return an exit code as the native runtime has it: the number of a signal is negative."""
    return 128 - code if 128 < code < 192 else code
