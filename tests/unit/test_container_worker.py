"""A worker's container that works only while it is wanted, with real processes for the work."""

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.local_environment import eventually
from tests.inside_modules import inside

module = inside("container_worker")


class Container:
    """The folder that all containers share, and one of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.worker = module.Worker(
            {"uid": os.getuid(), "gid": os.getgid()}, "worker-2", "run-1", str(folder)
        )
        self.codes: list[Any] = []
        self.parked = 0

    def want(self, *names: str, grace: float = 60.0, run: str = "run-1") -> None:
        file = self.folder / "roster.new"
        file.write_text(json.dumps({"run_id": run, "wanted": names, "grace": grace}))
        file.rename(self.folder / "roster.json")

    def says(self, duty: str) -> bool:
        file = self.folder / "worker-2.duty"
        return file.exists() and file.read_text() == duty

    def attend(self, work: Any) -> int | None:
        code = module.attend(self.worker, module.start(work), 0.01)
        return None if code is None else int(code)


@pytest.fixture
def container(tmp_path: Path) -> Container:
    return Container(tmp_path)


def forever() -> None:
    time.sleep(60)


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
    started = container.folder / "started"

    def work() -> None:
        child = module.start(stubborn)
        started.write_text(str(child))
        stubborn()

    pid = module.start(work)
    eventually(lambda: started.exists() and bool(started.read_text()), "the work has begun")
    child = int(started.read_text())
    assert module.attend(container.worker, pid, 0.01) is None
    eventually(lambda: not runs(child), "what it has started is gone")


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


def test_work_that_cannot_begin_ends_with_1(container: Container, capfd: pytest.CaptureFixture[str]) -> None:
    container.want("worker-2")

    def work() -> None:
        raise RuntimeError("no such database")

    assert container.attend(work) == 1
    assert "mwaa-local: no such database" in capfd.readouterr().err
