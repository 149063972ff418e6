"""What becomes of processes when another stack takes the place of the one that runs."""

import signal
from dataclasses import replace

from mwaa_local.ports import ProcessId
from mwaa_local.runtime.convergence import Intent, Kill, Phase, ServiceState, Stop, after_exit, decide
from mwaa_local.runtime.rollover import (
    choose_worker_names,
    is_drainable,
    roll_over,
    without_gone,
    without_workers,
)
from mwaa_local.stack import AliveProbe, ServiceSpec, Stack, WorkerScaling
from tests.unit.test_supervision import World
from tests.unit.test_supervision import service as role_service

SCALING = WorkerScaling(1, 3, 5, "http://endpoint/queue")


def service(name: str, role: str = "", generation: str = "1") -> ServiceSpec:
    return ServiceSpec(
        name=name,
        role=role,
        command=(f"/bin/{name}",),
        forked=False,
        environment=(("GENERATION", generation),),
        cwd="/",
        log="/log",
        probe=AliveProbe(0.0),
        needs=(),
        stop_signal=signal.SIGTERM,
        stop_grace=10.0,
    )


def running(spec: ServiceSpec, **changes: object) -> ServiceState:
    state = ServiceState(spec, Phase.HEALTHY, ProcessId(7, 7.0), since=1.0, next_at=9.0)
    return replace(state, **changes)  # type: ignore[arg-type]


def stack(*services: ServiceSpec, scaling: WorkerScaling | None = None) -> Stack:
    return Stack(services, None, "run", scaling)


def test_what_has_not_changed_goes_on() -> None:
    states = (running(service("postgres")), running(service("worker", "worker")))

    assert roll_over(states, stack(*(state.spec for state in states))) == states


def test_a_role_that_has_changed_ends_and_starts_again_as_it_is_wanted_now() -> None:
    new = service("scheduler", "scheduler", "2")
    (state,) = roll_over((running(service("scheduler", "scheduler")),), stack(new))

    assert (state.spec, state.intent) == (new, Intent.RESTART)
    assert decide((state,), 5.0, stopping=False) == (Stop("scheduler"),)
    ended = after_exit(replace(state, phase=Phase.STOPPING), 0, 6.0, stopping=False)
    assert (ended.phase, ended.intent, ended.failures) == (Phase.WAITING, Intent.RUN, 0)


def test_the_endpoint_goes_on_although_the_users_variables_differ_from_shell_to_shell() -> None:
    before, after = running(service("aws")), service("aws", generation="another shell")

    assert roll_over((before,), stack(after)) == (replace(before, spec=after),)


def test_a_web_server_that_need_not_write_its_permissions_any_more_goes_on() -> None:
    def web(value: str) -> ServiceSpec:
        spec = service("webserver", "webserver")
        return replace(spec, environment=(("AIRFLOW__WEBSERVER__UPDATE_FAB_PERMS", value), *spec.environment))

    before = running(web("True"))

    assert roll_over((before,), stack(web("False"))) == (replace(before, spec=web("False")),)


def test_a_worker_that_is_replaced_has_twelve_hours_and_the_new_one_starts() -> None:
    old, new = service("worker", "worker"), service("worker-1", "worker", "2")
    fresh, leaving = roll_over((running(old),), stack(new))

    assert fresh == ServiceState(new)
    assert (leaving.intent, leaving.grace) == (Intent.LEAVE, 12 * 3600.0)
    assert leaving.is_leaving


def test_who_leaves_already_is_not_disturbed_by_another_update() -> None:
    leaving = running(service("worker", "worker"), phase=Phase.STOPPING, intent=Intent.LEAVE, next_at=43000.0)

    states = roll_over((leaving,), stack(service("worker-2", "worker")))

    assert states[1] == leaving
    assert decide(states[1:], 42999.0, stopping=False) == ()
    assert decide(states[1:], 43000.0, stopping=False) == (Kill("worker"),)


def test_what_has_left_is_forgotten() -> None:
    gone = ServiceState(service("worker"), Phase.STOPPED, intent=Intent.LEAVE)
    there = running(service("worker-1"))

    assert without_gone((gone, there)) == (there,)


def test_parked_workers_run_when_nothing_is_scaled_any_more() -> None:
    parked = ServiceState(service("worker-2", "worker"), intent=Intent.PARK)

    (kept,) = roll_over((parked,), stack(parked.spec, scaling=SCALING))
    (needed,) = roll_over((parked,), stack(parked.spec))

    assert (kept.intent, needed.intent) == (Intent.PARK, Intent.RUN)


def test_new_workers_have_names_that_no_living_one_has() -> None:
    def names(
        *wanted: str, before: tuple[str, ...], living: set[str], keeps: bool = False
    ) -> tuple[str, ...]:
        return choose_worker_names(wanted, before, living, keeps=keeps)

    assert names("worker", before=("worker",), living={"worker", "aws"}) == ("worker-1",)
    assert names("worker", before=("worker-1",), living={"worker-1"}) == ("worker",)
    assert names("worker", before=("worker-1",), living={"worker", "worker-1"}) == ("worker-2",)
    assert names("worker-1", "worker-2", before=("worker-1", "worker-2"), living={"worker-1"}) == (
        "worker-2",
        "worker-3",
    )


def test_workers_that_go_on_keep_their_names() -> None:
    usual, before = ("worker-1", "worker-2", "worker-3"), ("worker-4", "worker-5")

    assert choose_worker_names(usual, before, set(before), keeps=True) == ("worker-4", "worker-5", "worker-1")
    assert choose_worker_names(usual[:1], before, set(before), keeps=True) == ("worker-4",)


def test_tasks_go_on_only_with_their_database() -> None:
    before = stack(service("postgres"), service("worker", "worker"))

    assert is_drainable(before, stack(service("postgres"), service("worker", "worker", "2")))
    assert not is_drainable(before, stack(service("postgres", generation="other port")))
    assert [spec.name for spec in without_workers(before).services] == ["postgres"]


def workers(*names: str) -> tuple[ServiceSpec, ...]:
    return tuple(replace(role_service(name), role="worker") for name in names)


def test_a_supervisor_runs_as_many_workers_as_are_wanted_and_parks_the_others() -> None:
    world = World(*workers("worker-1", "worker-2"))
    world.supervisor.set_workers(1, SCALING)
    world.steps(5)
    assert world.spawned() == ["worker-1"]

    world.supervisor.set_workers(2, SCALING)
    world.until(lambda: world.phase("worker-2") is Phase.HEALTHY)
    world.supervisor.set_workers(1, SCALING)
    world.until(lambda: world.phase("worker-2") is Phase.STOPPED)

    assert world.phase("worker-1") is Phase.HEALTHY
    assert world.ended == ["worker-2"]


def test_a_worker_that_goes_and_does_not_end_is_killed_after_its_grace() -> None:
    world = World(*workers("worker-1", "worker-2"))
    world.until(lambda: world.phase("worker-2") is Phase.HEALTHY)
    pid = world.pid("worker-2")
    world.processes.stubborn.add(pid)
    world.supervisor.set_workers(1, SCALING)
    world.steps(2, seconds=119.0)
    assert world.processes.killed == []

    world.steps(2, seconds=1.0)

    assert world.processes.killed == [pid]


def test_a_worker_that_is_needed_while_it_ends_starts_again_afterwards() -> None:
    world = World(*workers("worker-1"))
    world.until(lambda: world.phase("worker-1") is Phase.HEALTHY)
    world.processes.stubborn.add(world.pid("worker-1"))
    world.supervisor.set_workers(0, SCALING)
    world.steps()
    world.supervisor.set_workers(1, SCALING)
    world.steps()
    assert world.phase("worker-1") is Phase.STOPPING

    world.processes.end(world.pid("worker-1"), 0)
    world.until(lambda: world.phase("worker-1") is Phase.HEALTHY)

    assert (len(world.spawned()), world.restarts("worker-1")) == (2, 0)


def test_a_supervisor_goes_over_to_another_stack_while_an_old_worker_ends_its_task() -> None:
    old = workers("worker")[0]
    world = World(role_service("postgres"), old)
    world.until(lambda: world.phase("worker") is Phase.HEALTHY)
    worker, postgres = world.pid("worker"), world.pid("postgres")
    world.processes.stubborn.add(worker)

    world.supervisor.replace_stack(stack(role_service("postgres"), *workers("worker-1")), None)
    world.until(lambda: world.phase("worker-1") is Phase.HEALTHY)

    assert (world.pid("postgres"), world.pid("worker")) == (postgres, worker)
    world.processes.end(worker, 0)
    world.steps(2)
    assert [state.spec.name for state in world.supervisor.states] == ["postgres", "worker-1"]
    assert world.ended == ["worker"]


def test_a_stop_does_not_wait_for_those_that_leave() -> None:
    world = World(*workers("worker"))
    world.until(lambda: world.phase("worker") is Phase.HEALTHY)
    pid = world.pid("worker")
    world.processes.stubborn.add(pid)
    world.supervisor.replace_stack(stack(), None)
    world.steps(2)
    assert world.phase("worker") is Phase.STOPPING

    world.supervisor.stopping = True
    world.steps(2, seconds=10.0)

    assert world.processes.killed == [pid]


def test_a_launcher_that_is_replaced_is_killed_and_what_it_owed_is_ordered_anew() -> None:
    world = World(role_service("scheduler", forked=True), launcher=True)
    assert world.launcher is not None
    world.launcher.warm()
    world.steps()
    assert world.launcher.asked == ["scheduler"]
    other = type(world.launcher)(world.processes)

    world.supervisor.replace_stack(stack(role_service("scheduler", forked=True)), other)
    world.steps()

    assert world.processes.killed == [500]
    assert other.asked == ["scheduler"]
