"""Decides how a running environment becomes another one without being stopped: what stays, goes, restarts, is added.

Pure; `supervision` does it and `replacement` asks for it. On MWAA that is an update with the worker replacement
strategy GRACEFUL (MWAA-FACTS 7): workers may complete what they run for up to twelve hours, new ones take what is new.
"""

from collections.abc import Sequence, Set
from dataclasses import replace

from mwaa_local.catalog import Role
from mwaa_local.environment_stack import READ_LATE
from mwaa_local.runtime.convergence import LIVING, Intent, Phase, ServiceState, after_need
from mwaa_local.stack import ServiceSpec, Stack

DRAIN_LIMIT = 43200.0
"""Seconds that a replaced worker has for what it runs: MWAA's twelve hours."""


def roll_over(states: Sequence[ServiceState], stack: Stack) -> tuple[ServiceState, ...]:
    """Return the states of the services of `stack`, then of those that leave.

    What has not changed goes on. What has changed ends and starts again. What the stack no longer has ends for good: a
    worker when its tasks have ended.
    """
    before = {state.spec.name: state for state in states if state.intent is not Intent.LEAVE}
    wanted = {spec.name for spec in stack.services}
    own = tuple(_taken_over(before.get(spec.name), spec) for spec in stack.services)
    if stack.scaling is None:
        own = tuple(after_need(state) if state.intent is Intent.PARK else state for state in own)
    leaving = tuple(state for state in states if state.intent is Intent.LEAVE and state.phase in LIVING)
    gone = tuple(
        _leaving(state) for name, state in before.items() if name not in wanted and state.phase in LIVING
    )
    return (*own, *leaving, *gone)


def _taken_over(state: ServiceState | None, spec: ServiceSpec) -> ServiceState:
    if state is None:
        return ServiceState(spec)
    if _is_same(state.spec, spec):
        return replace(state, spec=spec)
    if state.phase in LIVING:
        return replace(state, spec=spec, intent=Intent.RESTART, grace=None)
    return ServiceState(spec, restarts=state.restarts)


def _is_same(before: ServiceSpec, after: ServiceSpec) -> bool:
    """Tell whether a process may go on; the endpoint's variables are the user's own, which change with shells."""
    if not before.role:
        return before.command == after.command
    return _without_wishes(before) == _without_wishes(after)


def _without_wishes(spec: ServiceSpec) -> ServiceSpec:
    """Return the spec without what only says what has to be done as the service starts."""
    kept = tuple(pair for pair in spec.environment if pair[0] not in READ_LATE)
    return replace(spec, environment=kept)


def _leaving(state: ServiceState) -> ServiceState:
    is_worker = state.spec.role == Role.WORKER
    grace = DRAIN_LIMIT if is_worker and state.phase is not Phase.STOPPING else None
    return replace(state, intent=Intent.LEAVE, grace=grace)


def without_gone(states: Sequence[ServiceState]) -> tuple[ServiceState, ...]:
    """Return the states without those that were to leave and have."""
    return tuple(state for state in states if state.intent is not Intent.LEAVE or state.phase in LIVING)


def choose_worker_names(
    wanted: Sequence[str], before: Sequence[str], living: Set[str], *, keeps: bool
) -> tuple[str, ...]:
    """Return the names of as many workers as `wanted`, given those of the stack before and those that live.

    Workers that go on (`keeps`) keep their names; new ones get names that nobody has, because messages, folders and
    logs belong to a name.
    """
    kept = list(before[: len(wanted)]) if keeps else []
    numbers = (f"{Role.WORKER}-{number}" for number in range(1, len(wanted) + len(living) + 1))
    fresh = [name for name in (*wanted, *numbers) if name not in living]
    return tuple(dict.fromkeys([*kept, *fresh]))[: len(wanted)]


def is_drainable(before: Stack, after: Stack) -> bool:
    """Tell whether tasks go on while `after` takes the place of `before`: their database must stay as it is."""
    return _postgres(before) == _postgres(after)


def without_workers(stack: Stack) -> Stack:
    """Return a stack in which no worker takes tasks any more."""
    services = tuple(spec for spec in stack.services if spec.role != Role.WORKER)
    return replace(stack, services=services, scaling=None)


def _postgres(stack: Stack) -> ServiceSpec | None:
    return next((spec for spec in stack.services if spec.name == "postgres"), None)
