"""Lock files between processes: held, asked for, let go of by a dead holder, on a disk that cannot be written."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mwaa_local.adapters.locks import held_lock, is_locked, take_lock
from mwaa_local.errors import RuntimeStateError

HOLDER = """
import sys, time
from pathlib import Path
from mwaa_local.adapters.locks import take_lock
assert take_lock(Path(sys.argv[1])) is not None
print("held", flush=True)
time.sleep(600)
"""


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Have another process hold the lock."""
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_lock_that_does_not_exist_is_free_and_asking_does_not_make_it(tmp_path: Path) -> None:
    assert not is_locked(tmp_path / "lock")
    assert not (tmp_path / "lock").exists()


def test_a_lock_is_held_until_its_holder_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with holder(path) as process:
        assert is_locked(path)
        assert take_lock(path) is None
        process.send_signal(signal.SIGKILL)
        process.wait()

    assert not is_locked(path)


def test_a_lock_that_was_taken_is_free_again_when_its_descriptor_is_closed(tmp_path: Path) -> None:
    descriptor = take_lock(tmp_path / "lock")
    assert descriptor is not None
    assert is_locked(tmp_path / "lock")

    os.close(descriptor)

    assert not is_locked(tmp_path / "lock")


def test_a_lock_is_not_inherited(tmp_path: Path) -> None:
    descriptor = take_lock(tmp_path / "lock")
    assert descriptor is not None
    command = [sys.executable, "-c", "print('running', flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=False) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"running\n"
        os.close(descriptor)
        assert not is_locked(tmp_path / "lock")
        child.kill()


def test_two_who_ask_do_not_take_each_other_for_a_holder(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    answers: list[bool] = []

    def ask() -> None:
        answers.extend(is_locked(path) for _ in range(500))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [False] * 2000


def test_somebody_who_only_asks_does_not_keep_a_patient_taker_away(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            is_locked(path)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        for _ in range(50):
            descriptor = take_lock(path, patience=30.0)
            assert descriptor is not None
            os.close(descriptor)
    finally:
        over.set()
        thread.join()


def test_who_waits_for_a_lock_says_so_and_gets_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    said: list[str] = []
    with holder(path) as process:

        def say_and_end_the_wait() -> None:
            said.append("waiting")
            process.kill()

        with held_lock(path, on_wait=say_and_end_the_wait):
            assert is_locked(path)

    assert said == ["waiting"]


def test_a_lock_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "lock"

    with pytest.raises(RuntimeStateError, match=r"Cannot use the lock file .*: Not a directory"):
        take_lock(path)
    with pytest.raises(RuntimeStateError, match=r"Cannot use the lock file .*: Not a directory"):
        is_locked(path)
