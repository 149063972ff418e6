"""Locks that the kernel lets go of however their holder ends."""

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from mwaa_local.errors import RuntimeStateError


@contextlib.contextmanager
def held_lock(path: Path, *, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the lock file at `path`; calls `on_wait` once if somebody else holds it, then waits."""
    descriptor = _open(path)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def take_lock(path: Path, *, patience: float = 0.0) -> int | None:
    """Take the lock for as long as this process lives (or until the descriptor is closed); None if it is held.

    `patience` is for how many seconds to try again: somebody who only asks (`is_locked`) holds it for a moment.
    """
    descriptor = _open(path)
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                return None
            time.sleep(0.01)
        else:
            return descriptor


def is_locked(path: Path) -> bool:
    """Tell whether a living process holds the lock; changes nothing, so it works on a read-only disk too."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        # Shared, so that two who ask do not take each other for a holder.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _open(path: Path) -> int:
    # Not inherited: a service must not keep its supervisor's lock.
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno == errno.EROFS and path.exists():
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError) -> RuntimeStateError:
    return RuntimeStateError(
        f"Cannot use the lock file {path}: {error.strerror}",
        hint="check the disk, and that the folder belongs to you",
    )
