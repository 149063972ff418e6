"""What a supervisor decides, from states and time alone."""

import signal

from mwaa_local.ports import ProcessId
from mwaa_local.runtime import convergence
from mwaa_local.runtime.convergence import (
    Kill,
    Phase,
    Probe,
    ServiceState,
    Start,
    Stop,
    after_exit,
    after_kill,
    after_probe,
    after_start,
    after_stop_request,
    decide,
    is_over,
)
from mwaa_local.stack import AliveProbe, ServiceSpec


def service(name: str, *needs: str) -> ServiceSpec:
    """Return a service that needs others."""
    return ServiceSpec(
        name=name,
        role="",
        command=("true",),
        forked=False,
        environment=(),
        cwd="/",
        log="/dev/null",
        probe=AliveProbe(0),
        needs=needs,
        stop_signal=signal.SIGTERM,
        stop_grace=10.0,
    )


def running(name: str, *needs: str, phase: Phase = Phase.HEALTHY, since: float = 0.0) -> ServiceState:
    """Return the state of a service that has a process."""
    return ServiceState(service(name, *needs), phase, ProcessId(1, 1.0), since=since)


def test_a_service_waits_until_all_it_needs_is_healthy() -> None:
    database, endpoint = running("postgres"), running("aws", phase=Phase.STARTING)
    role = ServiceState(service("scheduler", "postgres", "aws"))
    assert decide((database, endpoint, role), 1.0, stopping=False) == (Probe("postgres"), Probe("aws"))
    healthy = running("aws")
    assert Start("scheduler") in decide((database, healthy, role), 1.0, stopping=False)


def test_a_service_that_ends_is_started_again_after_a_growing_delay() -> None:
    state = running("worker")
    delays = []
    for _ in range(9):
        state = after_exit(state, 1, 100.0, stopping=False)
        delays.append(state.next_at - 100.0)
    assert delays == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert (state.failures, state.restarts, state.last_exit, state.process) == (9, 9, 1, None)
    assert decide((state,), state.next_at - 0.1, stopping=False) == ()
    assert decide((state,), state.next_at, stopping=False) == (Start("worker"),)


def test_failures_are_forgotten_after_a_stable_minute_but_restarts_are_counted_on() -> None:
    state = after_exit(running("worker"), 1, 0.0, stopping=False)
    state = after_probe(after_start(state, ProcessId(2, 2.0), 1.0), 2.0, healthy=True)
    assert after_probe(state, 30.0, healthy=True).failures == 1
    stable = after_probe(state, 63.0, healthy=True)
    assert (stable.failures, stable.restarts) == (0, 1)


def test_three_failed_probes_make_a_healthy_service_unhealthy_and_one_good_one_cures_it() -> None:
    state = running("webserver")
    for _ in range(2):
        state = after_probe(state, 1.0, healthy=False)
    assert state.phase is Phase.HEALTHY
    state = after_probe(state, 2.0, healthy=False)
    assert state.phase is Phase.UNHEALTHY
    assert after_probe(state, 3.0, healthy=True).phase is Phase.HEALTHY


def test_a_service_that_hangs_is_killed() -> None:
    hanging = running("webserver", phase=Phase.UNHEALTHY)
    assert decide((hanging,), convergence.UNHEALTHY_LIMIT, stopping=False) == (Probe("webserver"),)
    assert decide((hanging,), convergence.UNHEALTHY_LIMIT + 1, stopping=False) == (Kill("webserver"),)
    never_up = running("webserver", phase=Phase.STARTING)
    assert decide((never_up,), convergence.START_LIMIT + 1, stopping=False) == (Kill("webserver"),)


def test_what_others_need_is_stopped_after_them() -> None:
    states = (running("postgres"), running("scheduler", "postgres"))
    assert decide(states, 1.0, stopping=True) == (Stop("scheduler"),)
    asked = after_stop_request(states[1], 1.0)
    assert decide((states[0], asked), 2.0, stopping=True) == ()
    ended = after_exit(asked, 0, 3.0, stopping=True)
    assert decide((states[0], ended), 3.0, stopping=True) == (Stop("postgres"),)
    assert not is_over((states[0], ended))
    assert is_over((after_exit(states[0], 0, 4.0, stopping=True), ended))


def test_a_service_that_does_not_stop_in_its_grace_is_killed() -> None:
    asked = after_stop_request(running("worker"), 5.0)
    assert decide((asked,), 14.9, stopping=True) == ()
    assert decide((asked,), 15.0, stopping=True) == (Kill("worker"),)
    assert decide((after_kill(asked, 15.0),), 15.1, stopping=True) == ()


def test_a_service_that_waits_to_be_restarted_is_not_started_when_stopping() -> None:
    waiting = after_exit(running("worker"), 1, 0.0, stopping=False)
    assert decide((waiting,), 100.0, stopping=True) == ()
    assert is_over((waiting,))


def test_a_service_whose_health_cannot_be_known_is_left_alone() -> None:
    state = running("scheduler")
    for second in range(200):
        state = after_probe(state, float(second), healthy=None)
    assert (state.phase, state.failed_probes) == (Phase.HEALTHY, 0)
    unhealthy = after_probe(running("scheduler", phase=Phase.UNHEALTHY), 500.0, healthy=None)
    assert decide((unhealthy,), 501.0, stopping=False) == (Probe("scheduler"),)
    starting = after_probe(running("scheduler", phase=Phase.STARTING), 1.0, healthy=None)
    assert (starting.phase, starting.next_at) == (Phase.STARTING, 1.1)
