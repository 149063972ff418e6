"""What the supervisor does with processes: start in order, restart, take over forks, clean up, stop."""

import signal
from collections.abc import Callable
from dataclasses import dataclass, field

from mwaa_local.errors import CommandError
from mwaa_local.ports import HttpAnswer, ProcessId
from mwaa_local.runtime.convergence import Phase
from mwaa_local.runtime.readiness import Prober
from mwaa_local.runtime.supervision import SWEEP_WINDOW, Supervisor
from mwaa_local.stack import AliveProbe, HttpProbe, Probe, ServiceSpec, Stack
from tests.fakes import FakeClock, FakeHttp, FakeProcesses


def service(name: str, *needs: str, forked: bool = False, probe: Probe | None = None) -> ServiceSpec:
    return ServiceSpec(
        name=name,
        role=name,
        command=(f"/bin/{name}",),
        forked=forked,
        environment=(("NAME", name),),
        cwd="/",
        log=f"/logs/{name}.log",
        probe=probe or AliveProbe(0.0),
        needs=needs,
        stop_signal=signal.SIGTERM,
        stop_grace=10.0,
    )


@dataclass(slots=True)
class FakeLauncher:
    """A launcher whose forks are told of when the test says so."""

    processes: FakeProcesses
    process: ProcessId | None = None
    asked: list[str] = field(default_factory=list)
    told: list[tuple[str, int]] = field(default_factory=list)
    broken: bool = False

    def warm(self) -> None:
        self.process = self.processes.add(500)

    def fork(self, service: ServiceSpec) -> None:
        if self.broken:
            raise CommandError("The Airflow launcher has died: Broken pipe")
        self.asked.append(service.name)

    def replies(self) -> tuple[tuple[str, int], ...]:
        told = tuple(self.told)
        self.told.clear()
        return told

    def note_exit(self, pid: int, exit_code: int) -> bool:
        if self.process is None or self.process.pid != pid:
            return False
        self.process = None
        return True

    def close(self) -> None:
        self.process = None

    def fork_now(self, name: str, pid: int) -> None:
        self.processes.add(pid)
        self.processes.adopted.add(pid)
        self.told.append((name, pid))


class World:
    """A supervisor in a world of fakes."""

    def __init__(self, *services: ServiceSpec, launcher: bool = False) -> None:
        self.processes = FakeProcesses()
        self.clock = FakeClock()
        self.http = FakeHttp()
        self.launcher = FakeLauncher(self.processes) if launcher else None
        self.before_start, self.ended = list[str](), list[str]()
        self.supervisor = Supervisor(
            Stack(services, None, "run"),
            self.processes,
            self.launcher,
            Prober(self.http, self.clock, lambda _port: True),
            self.clock,
            before_start=lambda spec: self.before_start.append(spec.name),
            after_end=lambda spec: self.ended.append(spec.name),
        )

    def steps(self, count: int = 1, seconds: float = 0.2) -> None:
        for _ in range(count):
            self.supervisor.step()
            self.clock.sleep(seconds)

    def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(1000):
            if condition():
                return
            self.steps()
        raise AssertionError("it never happened")

    def phase(self, name: str) -> Phase:
        return next(state.phase for state in self.supervisor.states if state.spec.name == name)

    def pid(self, name: str) -> int:
        state = next(state for state in self.supervisor.states if state.spec.name == name)
        assert state.process is not None
        return state.process.pid

    def restarts(self, name: str) -> int:
        return next(state.restarts for state in self.supervisor.states if state.spec.name == name)

    def spawned(self) -> list[str]:
        return [order.command[0].rsplit("/", 1)[1] for order in self.processes.spawned]


def test_a_service_starts_when_what_it_needs_is_healthy() -> None:
    world = World(service("postgres", probe=HttpProbe("http://db")), service("scheduler", "postgres"))
    world.steps(5)
    assert world.spawned() == ["postgres"]

    world.http.answers["http://db"] = HttpAnswer(200, b"")
    world.steps(5)

    assert world.spawned() == ["postgres", "scheduler"]
    assert world.before_start == ["postgres", "scheduler"]


def test_a_service_that_ends_is_started_again_after_a_delay_that_grows() -> None:
    world = World(service("worker"))
    delays = []
    for _ in range(3):
        world.until(lambda: world.phase("worker") is Phase.HEALTHY)
        world.processes.end(world.pid("worker"), -9)
        world.steps(seconds=0.0)
        began = world.clock.monotonic()
        world.until(lambda: world.phase("worker") is not Phase.BACKOFF)
        delays.append(world.clock.monotonic() - began)

    assert world.restarts("worker") == 3
    assert delays == sorted(delays)
    assert delays[0] < delays[2]
    assert world.before_start == ["worker"] * 4


def test_a_service_that_cannot_be_started_is_tried_again() -> None:
    world = World(service("aws"))
    world.processes.unstartable.add("/bin/aws")
    world.steps(3)
    assert world.phase("aws") is Phase.BACKOFF
    world.processes.unstartable.clear()
    world.until(lambda: world.phase("aws") is Phase.HEALTHY)

    assert world.spawned() == ["aws"]


def test_what_a_dead_service_left_behind_is_killed_with_it() -> None:
    world = World(service("worker"), service("aws"))
    world.until(lambda: world.phase("worker") is Phase.HEALTHY)
    aws = world.pid("aws")
    orphan = world.processes.add(42)
    world.processes.adopted |= {orphan.pid, aws}

    world.processes.end(world.pid("worker"), -9)
    world.steps()

    assert world.processes.killed == [42]
    assert world.processes.is_alive(ProcessId(aws, float(aws)))


def test_children_of_what_a_dead_service_left_are_killed_when_they_come_to_us() -> None:
    world = World(service("worker"))
    world.until(lambda: world.phase("worker") is Phase.HEALTHY)
    pool = world.processes.add(42)
    world.processes.adopted.add(pool.pid)
    world.processes.end(world.pid("worker"), -9)
    world.steps()

    task = world.processes.add(43)
    world.processes.adopted.add(task.pid)
    world.steps()

    assert world.processes.killed == [42, 43]


def test_a_process_that_a_task_left_running_is_let_be_as_long_as_no_service_ends() -> None:
    world = World(service("worker"))
    world.until(lambda: world.phase("worker") is Phase.HEALTHY)
    world.clock.sleep(SWEEP_WINDOW)
    for pid in (42, 43):
        world.processes.adopted.add(world.processes.add(pid).pid)

    world.processes.end(42, 0)
    world.steps(5)

    assert world.processes.killed == []


def test_a_forked_role_is_taken_over_when_the_launcher_tells_its_pid() -> None:
    world = World(service("scheduler", forked=True), launcher=True)
    assert world.launcher is not None
    world.launcher.warm()
    world.steps()
    assert world.launcher.asked == ["scheduler"]

    world.launcher.fork_now("scheduler", 77)
    world.steps(2)

    assert world.pid("scheduler") == 77
    assert world.phase("scheduler") is Phase.HEALTHY
    assert world.processes.killed == []


def test_a_role_that_ended_before_it_was_told_of_counts_as_ended() -> None:
    world = World(service("scheduler", forked=True), launcher=True)
    assert world.launcher is not None
    world.launcher.warm()
    world.steps()

    world.launcher.fork_now("scheduler", 77)
    told = world.launcher.replies()
    world.processes.end(77, 1)
    world.steps()
    world.launcher.told += told
    world.steps()

    assert world.restarts("scheduler") == 1


def test_roles_that_a_dead_launcher_owes_us_are_ordered_again() -> None:
    world = World(service("scheduler", forked=True), launcher=True)
    assert world.launcher is not None
    world.launcher.warm()
    world.steps()

    world.processes.end(500, -9)
    world.until(lambda: len(world.launcher.asked) == 2 if world.launcher else False)

    assert world.restarts("scheduler") == 1


def test_a_launcher_that_takes_no_orders_makes_the_role_wait() -> None:
    world = World(service("scheduler", forked=True), launcher=True)
    assert world.launcher is not None
    world.launcher.broken = True
    world.steps()

    assert world.phase("scheduler") is Phase.BACKOFF


def test_stopping_ends_a_service_only_after_those_that_need_it() -> None:
    world = World(service("postgres"), service("scheduler", "postgres"))
    world.until(lambda: world.phase("scheduler") is Phase.HEALTHY)
    order = [world.pid("scheduler"), world.pid("postgres")]

    world.supervisor.stopping = True
    world.steps(5)

    assert [pid for pid, _ in world.processes.signals] == order
    assert world.processes.living == {}


def test_what_does_not_stop_in_its_grace_is_killed() -> None:
    world = World(service("worker"))
    world.until(lambda: world.phase("worker") is Phase.HEALTHY)
    pid = world.pid("worker")
    world.processes.stubborn.add(pid)

    world.supervisor.stopping = True
    world.until(lambda: world.phase("worker") is Phase.STOPPED)

    assert world.processes.killed == [pid]


def test_after_stopping_even_services_that_waited_are_reported_as_stopped() -> None:
    world = World(service("aws"), service("worker", "aws"))
    world.processes.unstartable.add("/bin/aws")
    world.steps(2)
    world.supervisor.stopping = True
    reports: list[set[Phase]] = []

    world.supervisor.run(world.clock.sleep, lambda states: reports.append({state.phase for state in states}))

    assert reports[-1] == {Phase.STOPPED}


def test_run_reports_changes_until_everything_has_stopped() -> None:
    world = World(service("aws"), launcher=True)
    reports: list[Phase] = []

    def wait(seconds: float) -> None:
        world.clock.sleep(seconds)
        if reports[-1] is Phase.HEALTHY:
            world.supervisor.stopping = True

    world.supervisor.run(wait, lambda states: reports.append(states[0].phase))

    assert reports[-1] is Phase.STOPPED
    assert Phase.HEALTHY in reports
    assert world.launcher is not None
    assert world.launcher.process is None
