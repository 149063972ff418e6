"""Folders that are expensive to make: made once, under a lock, and complete or absent.

A folder is made under a name of its own and renamed when whole. Whoever is killed in the middle (and any program it
leaves running) can only leave a `.partial` folder, which nobody takes for anything and the next builder removes.
"""

import errno
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.errors import EnvironmentBuildError

MARKER = "environment.json"
"""What says what a folder is; written last."""

Record = Mapping[str, object]
"""What a marker says."""


@dataclass(frozen=True, slots=True)
class Locks:
    """Lock files that the kernel lets go of however their holder ends."""

    hold: Callable[[Path], AbstractContextManager[None]]
    """Waits where somebody else holds the lock."""
    is_held: Callable[[Path], bool]


@dataclass(frozen=True, slots=True)
class Entry:
    """A complete folder and what its marker says."""

    folder: Path
    record: Record
    built: bool
    """Whether this call made it."""


def read_entry(folder: Path) -> Entry | None:
    """Return the entry in `folder` if it is complete."""
    try:
        record = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return Entry(folder, record, built=False) if isinstance(record, dict) else None


def ensure_entry(
    folder: Path,
    build: Callable[[Path], Record],
    is_usable: Callable[[Entry], bool],
    locks: Locks,
) -> Entry:
    """Return the entry in `folder`; where there is none, `build` makes it in the folder it is given."""
    entry = read_entry(folder)
    if entry and is_usable(entry):
        note_use(lock_of(folder))
        return entry
    with write_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locks.hold(lock_of(folder)):
            entry = read_entry(folder)
            if entry and is_usable(entry):
                return entry
            _remove_leftovers(folder, locks)
            built = _build(folder, build)
            note_use(lock_of(folder))
            return built


def lock_of(folder: Path) -> Path:
    """Return the lock file of an entry. It stays for good: removing it would let two builders hold two locks."""
    return folder.with_name(f".{folder.name}.lock")


def note_use(lock: Path) -> None:
    """Note that an entry is used now: its lock file's time says so, by which `cache prune` goes."""
    with suppress(OSError):  # of a cache that somebody else keeps
        lock.touch(mode=0o600)


def _build(folder: Path, build: Callable[[Path], Record]) -> Entry:
    partial = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.partial")
    try:
        partial.mkdir()
        record = build(partial)
        (partial / MARKER).write_text(json.dumps(record, indent=1), encoding="utf-8")
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return Entry(folder, record, built=True)


def _remove_leftovers(folder: Path, locks: Locks) -> None:
    """Remove what killed builders left, of this folder and of others that nobody builds now, and a broken `folder`."""
    for leftover in folder.parent.glob(".*.partial"):
        name = leftover.name[1:].rsplit(".", 2)[0]
        if name == folder.name or not locks.is_held(leftover.with_name(f".{name}.lock")):
            shutil.rmtree(leftover, ignore_errors=True)
    if os.path.lexists(folder):
        remove_entry(folder)


def remove_entry(folder: Path) -> None:
    """Remove an entry, whose lock the caller holds.

    Renamed first: a removal that is interrupted must not leave half a folder under the good name.
    """
    doomed = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.partial")
    folder.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


@contextmanager
def write_errors(folder: Path) -> Iterator[None]:
    """Turn a full or read-only disk into one clear error."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_full(folder) from error
        raise EnvironmentBuildError(
            f"{error.filename or folder}: {error.strerror or error}.",
            hint="Check who may write there; MWAA_LOCAL_CACHE names another folder for the environments.",
        ) from error


def disk_full(folder: Path) -> EnvironmentBuildError:
    """Return the error for a disk that is full."""
    return EnvironmentBuildError(
        f"The disk is full: {folder.parent} cannot take the environment (it needs about 600 MB).",
        hint="Free some space, or set MWAA_LOCAL_CACHE to a folder on another disk.",
    )


def is_disk_full(output: str) -> bool:
    """Return whether a program failed because the disk was full."""
    return any(sign in output for sign in ("No space left on device", "os error 28", "Disk quota exceeded"))
