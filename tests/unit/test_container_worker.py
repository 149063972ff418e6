"""A worker's container that works only while it is wanted, with real processes for the work."""

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.runtime.rollover import DRAIN_LIMIT
from tests.e2e.local_environment import eventually
from tests.inside_modules import inside

module = inside("container_worker")


class Container:
    """The folder that all containers share, and one of them."""

    def __init__(self, folder: Path, *, is_scaled: bool = True) -> None:
        self.folder = folder
        self.worker = module.Worker(
            {"uid": os.getuid(), "gid": os.getgid()}, "worker-2", "run-1", is_scaled, str(folder)
        )
        self.codes: list[Any] = []
        self.parked = 0

    def want(self, *names: str, grace: float = 60.0, run: str = "run-1") -> None:
        file = self.folder / "roster.new"
        file.write_text(json.dumps({"run_id": run, "wanted": names, "grace": grace}))
        file.rename(self.folder / "roster.json")

    def replace(self, seconds: float) -> None:
        (self.folder / "worker-2.leave").write_text(str(seconds))

    def take_back(self) -> None:
        (self.folder / "worker-2.leave").unlink()

    def says(self, duty: str) -> bool:
        file = self.folder / "worker-2.duty"
        return file.exists() and file.read_text() == duty

    def attend(self, work: Any) -> int | None:
        code = module.attend(self.worker, module.start(work), 0.01)
        return None if code is None else int(code)


@pytest.fixture
def container(tmp_path: Path) -> Container:
    return Container(tmp_path)


@pytest.fixture
def unscaled(tmp_path: Path) -> Container:
    """One that works whatever the tasks are."""
    return Container(tmp_path, is_scaled=False)


def stubborn() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)


def orderly() -> int:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    time.sleep(60)
    return 1


def test_it_sleeps_and_says_that_it_lives_until_its_name_is_called(container: Container) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        assert container.says("parked")
        assert (container.folder / "worker-2.beat").exists()
        match len(slept):
            case 1:
                container.want("worker-1")
            case 2:
                container.want("worker-2", run="another run")
            case 3:
                (container.folder / "roster.json").write_text("[]")
            case 4:
                container.want("worker-1", "worker-2")

    module.park(container.worker, sleep)
    assert len(slept) == 4
    container.worker.forget_beat()
    assert not (container.folder / "worker-2.beat").exists()


def test_who_is_wanted_does_not_sleep(container: Container) -> None:
    container.want("worker-2")
    module.park(container.worker, lambda _seconds: pytest.fail("slept"))
    assert not container.says("parked")


def test_a_worker_that_ends_unasked_ends_its_container_with_its_code(container: Container) -> None:
    container.want("worker-2")
    assert container.attend(lambda: 7) == 7
    assert container.attend(lambda: os.kill(os.getpid(), signal.SIGKILL)) == 137


def test_a_worker_that_is_not_wanted_any_more_is_asked_to_end(container: Container) -> None:
    container.want("worker-1")
    assert container.attend(orderly) is None
    assert container.says("leaving")


def test_it_is_killed_with_all_it_has_started_when_its_grace_is_over(container: Container) -> None:
    container.want("worker-1", grace=0.2)
    code, child = see_stubborn_work(container)
    assert code is None
    eventually(lambda: not runs(child), "what it has started is gone")


def test_a_worker_that_is_replaced_ends_with_its_tasks_when_its_time_is_over(unscaled: Container) -> None:
    unscaled.replace(seconds=0.2)
    code, child = see_stubborn_work(unscaled)
    assert code == 137
    assert unscaled.says("leaving")
    eventually(lambda: not runs(child), "what it has started is gone")


def test_a_worker_that_the_engine_asks_to_end_has_its_time_as_well(
    unscaled: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(vars(module), "LEAVE_LIMIT", 0.2)
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
    assert see_stubborn_work(unscaled)[0] == 137


def test_a_worker_that_is_replaced_has_more_time_than_one_that_is_not_wanted(container: Container) -> None:
    container.want("worker-2")

    def end(*_: object) -> None:
        container.replace(seconds=60)
        time.sleep(0.8)
        os._exit(0)

    def work() -> None:
        signal.signal(signal.SIGTERM, end)
        container.want("worker-1", grace=0.5)
        time.sleep(60)

    assert container.attend(work) == 0


@pytest.mark.parametrize("text", ["", "nonsense", "43200"])
def test_who_is_replaced_has_twelve_hours(container: Container, text: str) -> None:
    assert container.worker.time_to_leave() is None
    (container.folder / "worker-2.leave").write_text(text)
    assert container.worker.time_to_leave() == DRAIN_LIMIT


def see_stubborn_work(container: Container) -> tuple[int | None, int]:
    """Attend to work that does not end when it is asked; return how that ended, and what the work has started."""
    started = container.folder / "started"

    def work() -> None:
        child = module.start(stubborn)
        started.write_text(str(child))
        stubborn()

    pid = module.start(work)
    eventually(lambda: started.exists() and bool(started.read_text()), "the work has begun")
    code = module.attend(container.worker, pid, 0.01)
    return code, int(started.read_text())


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_engines_request_to_end_is_passed_on(container: Container) -> None:
    container.want("worker-2")
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
    assert container.attend(orderly) == 0
    assert not container.says("leaving")


def test_a_worker_works_again_whenever_it_is_wanted(container: Container) -> None:
    """The first time it is parked when it is not wanted any more, the second time it ends by itself."""
    container.want("worker-2")

    def work() -> int:
        if container.parked:
            return 3
        container.want("worker-1")
        return orderly()

    def after() -> None:
        container.parked += 1
        container.want("worker-2")

    assert module.keep_worker(container.worker, work, after) == 3
    assert container.parked == 1


def test_a_worker_that_does_not_follow_the_tasks_works_at_once(unscaled: Container) -> None:
    assert module.keep_worker(unscaled.worker, lambda: 3, lambda: pytest.fail("parked")) == 3


def test_an_engine_that_starts_a_replaced_worker_again_wakes_nobody(unscaled: Container) -> None:
    unscaled.replace(seconds=60)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            unscaled.take_back()

    module.park(unscaled.worker, sleep)
    assert len(slept) == 2


def test_work_that_cannot_begin_ends_with_1(container: Container, capfd: pytest.CaptureFixture[str]) -> None:
    container.want("worker-2")

    def work() -> None:
        raise RuntimeError("no such database")

    assert container.attend(work) == 1
    assert "mwaa-local: no such database" in capfd.readouterr().err
