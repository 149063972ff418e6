"""Decides what a supervisor does next: pure functions from the services' states and the time to actions and new states.

Times are monotonic seconds. Nothing here starts, asks or kills anything; `supervision` does.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from mwaa_local.ports import ProcessId
from mwaa_local.stack import ServiceSpec

PROBE_WHILE_STARTING = 0.1
PROBE_WHEN_HEALTHY = 10.0
PROBE_WHEN_UNHEALTHY = 1.0
FAILED_PROBES_TO_UNHEALTHY = 3
UNHEALTHY_LIMIT = 60.0
"""A process that lives but does not answer for so long is restarted."""
START_LIMIT = 180.0
STABLE_AFTER = 60.0
"""A service healthy for so long has its earlier failures forgotten."""
FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0


class Phase(StrEnum):
    """Where a service is in its life."""

    WAITING = "waiting"
    """For what it needs."""
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    BACKOFF = "backoff"
    """It ended and is started again after a delay."""
    STOPPING = "stopping"
    STOPPED = "stopped"


class Intent(StrEnum):
    """What is wanted of a service."""

    RUN = "run"
    RESTART = "restart"
    """To end and start again, as its spec is now."""
    PARK = "park"
    """Not to run until it is needed: a worker that autoscaling has no use for."""
    LEAVE = "leave"
    """To end for good: it has been replaced."""


LIVING = (Phase.STARTING, Phase.HEALTHY, Phase.UNHEALTHY, Phase.STOPPING)


@dataclass(frozen=True, slots=True)
class ServiceState:
    """A service and how it is doing; `failures` counts its ends in a row, `restarts` all of them."""

    spec: ServiceSpec
    phase: Phase = Phase.WAITING
    process: ProcessId | None = None
    since: float = 0.0
    next_at: float = 0.0
    failures: int = 0
    restarts: int = 0
    failed_probes: int = 0
    was_healthy: bool = False
    last_exit: int | None = None
    intent: Intent = Intent.RUN
    grace: float | None = None
    """Seconds to end in, where it is not the spec's own grace."""

    @property
    def is_leaving(self) -> bool:
        """Tell whether the service lives and is not wanted any more."""
        return self.intent in (Intent.PARK, Intent.LEAVE) and self.phase in LIVING

    @property
    def is_away(self) -> bool:
        """Tell whether the service neither lives nor is wanted."""
        return self.intent in (Intent.PARK, Intent.LEAVE) and self.phase not in LIVING


@dataclass(frozen=True, slots=True)
class Start:
    """Start the service."""

    name: str


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask the service whether it is healthy."""

    name: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Ask the service to end."""

    name: str


@dataclass(frozen=True, slots=True)
class Kill:
    """Kill the service with all it started."""

    name: str


Action = Start | Probe | Stop | Kill


def decide(states: tuple[ServiceState, ...], now: float, *, stopping: bool) -> tuple[Action, ...]:
    """Return what is to be done at `now`."""
    choose = _when_stopping if stopping else _when_running
    actions = (choose(state, states, now) for state in states)
    return tuple(action for action in actions if action is not None)


def _when_running(state: ServiceState, states: tuple[ServiceState, ...], now: float) -> Action | None:
    name = state.spec.name
    if state.intent is not Intent.RUN:
        if state.phase not in LIVING:
            return None
        # A role that has been ordered and not been forked yet cannot be asked.
        if state.phase is not Phase.STOPPING and state.process is not None:
            return Stop(name)
    if now < state.next_at:
        return None
    match state.phase:
        case Phase.WAITING | Phase.BACKOFF:
            healthy = {other.spec.name for other in states if other.phase is Phase.HEALTHY}
            return Start(name) if healthy.issuperset(state.spec.needs) else None
        case Phase.STARTING:
            return Kill(name) if now - state.since > START_LIMIT else Probe(name)
        case Phase.UNHEALTHY:
            return Kill(name) if now - state.since > UNHEALTHY_LIMIT else Probe(name)
        case Phase.HEALTHY:
            return Probe(name)
        case Phase.STOPPING:
            return Kill(name)
        case Phase.STOPPED:
            return None
        case _:
            assert_never(state.phase)


def _when_stopping(state: ServiceState, states: tuple[ServiceState, ...], now: float) -> Action | None:
    name = state.spec.name
    if state.phase is Phase.STOPPING:
        return Kill(name) if now >= state.next_at else None
    if state.phase not in LIVING:
        return None
    needed_by = (other for other in states if name in other.spec.needs)
    return None if any(other.phase in LIVING for other in needed_by) else Stop(name)


def is_over(states: tuple[ServiceState, ...]) -> bool:
    """Tell whether no service has a process any more."""
    return not any(state.phase in LIVING for state in states)


def after_start(state: ServiceState, process: ProcessId, now: float) -> ServiceState:
    """Return the state of a service that has just been started."""
    return replace(state, phase=Phase.STARTING, process=process, since=now, next_at=now, failed_probes=0)


def after_probe(state: ServiceState, now: float, *, healthy: bool | None) -> ServiceState:
    """Return the state after a probe's answer; None says nothing, so that a service is not held to account for it."""
    if healthy is None and state.phase is not Phase.STARTING:
        since = now if state.phase is Phase.UNHEALTHY else state.since
        return replace(state, since=since, next_at=now + PROBE_WHEN_UNHEALTHY)
    if healthy:
        if state.phase is not Phase.HEALTHY:
            state = replace(state, phase=Phase.HEALTHY, since=now, was_healthy=True)
        failures = 0 if now - state.since >= STABLE_AFTER else state.failures
        return replace(state, next_at=now + PROBE_WHEN_HEALTHY, failed_probes=0, failures=failures)
    failed = state.failed_probes + 1
    if state.phase is Phase.HEALTHY and failed >= FAILED_PROBES_TO_UNHEALTHY:
        state = replace(state, phase=Phase.UNHEALTHY, since=now)
    wait = PROBE_WHILE_STARTING if state.phase is Phase.STARTING else PROBE_WHEN_UNHEALTHY
    return replace(state, failed_probes=failed, next_at=now + wait)


def after_exit(state: ServiceState, exit_code: int, now: float, *, stopping: bool) -> ServiceState:
    """Return the state of a service whose process has ended."""
    ended = replace(state, process=None, since=now, last_exit=exit_code, failed_probes=0)
    if stopping or state.intent in (Intent.PARK, Intent.LEAVE):
        return replace(ended, phase=Phase.STOPPED)
    if state.intent is Intent.RESTART:
        return replace(ended, phase=Phase.WAITING, intent=Intent.RUN, grace=None, next_at=now)
    failures = state.failures + 1
    return replace(
        ended,
        phase=Phase.BACKOFF,
        failures=failures,
        restarts=state.restarts + 1,
        next_at=now + min(FIRST_DELAY * 2 ** (failures - 1), LONGEST_DELAY),
    )


def after_stop_request(state: ServiceState, now: float) -> ServiceState:
    """Return the state of a service that has been asked to end; it is killed when its grace is over."""
    grace = state.spec.stop_grace if state.grace is None else state.grace
    return replace(state, phase=Phase.STOPPING, since=now, next_at=now + grace)


def after_hurry(state: ServiceState, now: float) -> ServiceState:
    """Return the state when everything stops: what is ending already gets no more time than the others."""
    if state.phase is not Phase.STOPPING:
        return replace(state, grace=None)
    return replace(state, next_at=min(state.next_at, now + state.spec.stop_grace), grace=None)


def after_parking(state: ServiceState, grace: float) -> ServiceState:
    """Return the state of a service that is not needed for now: it ends within `grace`."""
    return replace(state, intent=Intent.PARK, grace=grace)


def after_need(state: ServiceState) -> ServiceState:
    """Return the state of a parked service that is needed again, once it has ended if it is ending."""
    if state.phase is Phase.STOPPING:
        return replace(state, intent=Intent.RESTART)
    if state.phase in LIVING:
        return replace(state, intent=Intent.RUN, grace=None)
    return replace(
        state, intent=Intent.RUN, grace=None, phase=Phase.WAITING, failures=0, next_at=0.0, last_exit=None
    )


def after_kill(state: ServiceState, now: float) -> ServiceState:
    """Return the state of a service that has been killed and whose end has not been seen yet."""
    return replace(state, next_at=now + 1.0)
