"""Real processes behind the port: identity, signals, groups, marks, adoption; and that the fake agrees."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mwaa_local.adapters.processes import SystemProcesses
from mwaa_local.errors import CommandError
from mwaa_local.ports import Processes, ProcessId, ProcessOrder
from tests.fakes import FakeProcesses

SLEEP = "import time; time.sleep(600)"
FAMILY = (
    "import subprocess, sys, time; "
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); time.sleep(600)"
)
FAR_CHILD = (
    "import subprocess, sys, time; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], "
    "start_new_session=True).pid, flush=True); time.sleep(600)"
)


class Shop:
    """Starts processes and ends them all afterwards."""

    def __init__(self, folder: Path, processes: SystemProcesses) -> None:
        self.folder = folder
        self.processes = processes
        self.started: list[ProcessId] = []

    def start(self, code: str = SLEEP, death_signal: int = 0, **variables: str) -> ProcessId:
        process = self.processes.spawn(self.order((sys.executable, "-c", code), death_signal, variables))
        self.started.append(process)
        return process

    def order(
        self, command: tuple[str, ...], death_signal: int = 0, variables: dict[str, str] | None = None
    ) -> ProcessOrder:
        environment = {"PATH": os.environ["PATH"], **(variables or {})}
        log = str(self.folder / "log")
        return ProcessOrder(command, tuple(environment.items()), str(self.folder), log, death_signal)

    def log(self) -> str:
        return (self.folder / "log").read_text()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path, SystemProcesses())
    yield made
    for process in made.started:
        made.processes.kill_tree(process)
    eventually(lambda: not any(made.processes.is_alive(process) for process in made.started))
    eventually(lambda: made.processes.reap() == ())


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("kind", ["real", "fake"])
def test_a_process_lives_until_it_is_signalled_and_is_reaped_once(shop: Shop, kind: str) -> None:
    processes: Processes = shop.processes if kind == "real" else FakeProcesses()
    process = processes.spawn(shop.order((sys.executable, "-c", SLEEP)))
    assert processes.is_alive(process)
    assert processes.identify(process.pid) == process

    assert processes.signal(process, signal.SIGKILL)

    eventually(lambda: not processes.is_alive(process))
    reaped: list[int] = []
    while process.pid not in reaped:  # other tests have children of this process, too
        reaped += [pid for pid, _ in processes.reap()]
    assert reaped.count(process.pid) == 1
    assert process.pid not in [pid for pid, _ in processes.reap()]
    assert not processes.signal(process, signal.SIGKILL)


def test_output_is_appended_to_a_private_log(shop: Shop) -> None:
    for word in ("first", "second"):
        process = shop.start(f"import sys; print('{word}'); print('{word} error', file=sys.stderr)")
        eventually(lambda process=process: not shop.processes.is_alive(process))  # type: ignore[misc]

    assert sorted(shop.log().split("\n")) == ["", "first", "first error", "second", "second error"]
    assert (shop.folder / "log").stat().st_mode & 0o777 == 0o600


def test_a_program_that_does_not_exist_is_a_clear_error(shop: Shop) -> None:
    with pytest.raises(CommandError, match="Cannot start /no/such/program: No such file or directory"):
        shop.processes.spawn(shop.order(("/no/such/program",)))


def test_the_same_number_with_another_start_is_another_process(shop: Shop) -> None:
    process = shop.start()
    other = ProcessId(process.pid, process.started - 1)

    assert not shop.processes.is_alive(other)
    assert not shop.processes.signal(other, signal.SIGKILL)
    shop.processes.kill_tree(other)

    assert shop.processes.is_alive(process)


def test_a_process_is_killed_with_its_children(shop: Shop) -> None:
    process = shop.start(FAMILY, TREE="near")
    eventually(lambda: len(shop.processes.marked("TREE", "near")) == 2)

    shop.processes.kill_tree(process)

    eventually(lambda: shop.processes.marked("TREE", "near") == ())


def test_a_child_in_a_session_of_its_own_is_killed_too(shop: Shop) -> None:
    process = shop.start(FAR_CHILD, TREE="far")
    eventually(lambda: len(shop.processes.marked("TREE", "far")) == 2)

    shop.processes.kill_tree(process)

    eventually(lambda: shop.processes.marked("TREE", "far") == ())


def test_the_group_of_a_process_that_has_gone_is_still_killed(shop: Shop) -> None:
    process = shop.start(FAMILY, TREE="orphans")
    eventually(lambda: len(shop.processes.marked("TREE", "orphans")) == 2)
    shop.processes.signal(process, signal.SIGKILL)
    eventually(lambda: bool(shop.processes.reap()))
    assert len(shop.processes.marked("TREE", "orphans")) == 1

    shop.processes.kill_tree(process)

    eventually(lambda: shop.processes.marked("TREE", "orphans") == ())


def test_marks_are_found_by_name_and_value_and_never_our_own(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = shop.start(MARK="this run")
    shop.start(MARK="another run")
    shop.start()
    monkeypatch.setenv("MARK", "this run")

    eventually(lambda: shop.processes.marked("MARK", "this run") == (process,))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_a_process_dies_with_the_one_that_started_it(shop: Shop) -> None:
    parent = """
import os, sys, time
from mwaa_local.adapters.processes import SystemProcesses
from mwaa_local.ports import ProcessOrder
command = (sys.executable, "-c", "import time; time.sleep(600)")
print(SystemProcesses().spawn(ProcessOrder(command, (), "/", "/dev/null", 9)), flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = eval(process.stdout.readline(), {"ProcessId": ProcessId})  # our own repr
        assert shop.processes.is_alive(child)
        process.kill()
        process.wait()

    eventually(lambda: not shop.processes.is_alive(child))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt orphans")
def test_orphans_are_adopted(shop: Shop) -> None:
    program = """
import os, subprocess, sys, time
from mwaa_local.adapters.processes import SystemProcesses
processes = SystemProcesses()
assert processes.adopt_orphans()
orphan = subprocess.run(
    [sys.executable, "-c",
     "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],"
     "stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).pid)"],
    capture_output=True, text=True).stdout
(child,) = processes.children()
assert child.pid == int(orphan), (child, orphan)
processes.kill_tree(child)
while (ended := processes.reap()) == ():
    time.sleep(0.02)
assert ended == ((child.pid, -9),), ended
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
