"""What lies in the user-wide cache, when it was last used and what removing it frees; and removing it.

Projects have environments and databases of their own, copied from here: what is removed is built again when a start
needs it. Never removed is what a command is building, what a process runs from, and what was used a moment ago (it may
be being copied).
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.errors import RuntimeStateError
from mwaa_local.runtime.cache_entry import MARKER, Locks, lock_of, remove_entry

MOMENT = 600.0
"""Seconds after its last use in which something counts as in use."""
DAY = 86400.0
ENVIRONMENTS = "environments"
WHEELS, SCHEMAS = "wheels", "schemas"
"""What images are built with, by the digest of the system or of the version."""
SCHEMA_VERSION = "airflow.txt"
"""In the folder of a schema: the version of Airflow that it is of."""
_SHELVES = (ENVIRONMENTS, "databases", "pytest", WHEELS, SCHEMAS)
"""Folders that hold one item in each folder."""
_MEMORIES = ("requirements", "validate", "deploy")
"""Folders that are an item by themselves: what checks and plans remember.

Whatever else there is must stay: PostgreSQL's programs (the data of projects can be read by no others), what a user's
browser has been told to trust, the locks of ports.
"""
_BUILDING = (".new", ".scratch")
_AIRFLOW = re.compile(r"apache[_-]airflow-(\d+(?:\.\d+)+)(?:-|\.tar)")
"""Airflow itself among packages, as a wheel or as an archive."""


@dataclass(frozen=True, slots=True)
class CacheItem:
    """Something in the cache that can be removed by itself."""

    kind: str
    name: str
    folder: Path
    lock: Path | None
    """None where its makers use none."""
    used: float
    """When it was last used, in seconds since the epoch."""
    busy: bool
    """Whether somebody builds it or runs from it."""
    purpose: str = ""
    """What it is for, where its name does not say so."""

    def is_in_use(self, now: float) -> bool:
        """Tell whether it must be left alone."""
        return self.busy or now - self.used < MOMENT


@dataclass(frozen=True, slots=True)
class Size:
    """What a folder takes on disk, and what removing it would free: files that have other links stay."""

    taken: int
    freed: int


def list_items(cache: Path, locks: Locks, is_mentioned: Callable[[Path], bool]) -> tuple[CacheItem, ...]:
    """Return everything that can be removed, by kind and name; `is_mentioned` tells whether a process names a path."""
    return tuple(
        CacheItem(kind, folder.name, folder, lock, _used(folder, lock), busy, _purpose(kind, folder))
        for kind, folder, lock in _find(cache)
        for busy in ((lock is not None and locks.is_held(lock)) or is_mentioned(folder),)
    )


def choose_items(items: Iterable[CacheItem], older_than: float, now: float) -> tuple[CacheItem, ...]:
    """Return what has not been used for so many days and is not in use."""
    return tuple(item for item in items if not item.is_in_use(now) and now - item.used >= older_than * DAY)


def remove_items(items: Iterable[CacheItem], locks: Locks) -> Iterator[CacheItem]:
    """Remove items, and yield those that are gone; what has come into use since it was listed stays."""
    for item in items:
        if item.lock is not None and locks.is_held(item.lock):
            continue
        try:
            with nullcontext() if item.lock is None else locks.hold(item.lock):
                if item.folder.is_dir() and _used(item.folder, item.lock) <= item.used:
                    remove_entry(item.folder)
                    yield item
        except OSError as error:
            raise RuntimeStateError(
                f"{error.filename or item.folder} cannot be removed: {error.strerror}.",
                hint="check who owns the cache; what was removed before it is gone",
            ) from error


def measure(folder: Path) -> Size:
    """Return what a folder takes, and what of it has no links elsewhere."""
    taken: dict[tuple[int, int], int] = {}
    links: dict[tuple[int, int], int] = {}
    for entry in _walk(folder):
        found = entry.stat(follow_symlinks=False)
        key = found.st_dev, found.st_ino
        taken[key] = found.st_blocks * 512
        links[key] = links.get(key, 1 if entry.is_dir(follow_symlinks=False) else found.st_nlink) - 1
    return Size(sum(taken.values()), sum(size for key, size in taken.items() if links[key] <= 0))


def changed_files(environment: Path) -> tuple[str, ...]:
    """Return the files of an environment that were changed after it was built.

    Its files are links that it shares with projects' environments and with uv's cache: editing one in place edits all.
    Installers and compilers make new files.
    """
    try:
        built = (environment / MARKER).stat().st_mtime
    except OSError:
        return ()
    return tuple(
        sorted(
            os.path.relpath(entry.path, environment)
            for entry in _walk(environment)
            if entry.is_file(follow_symlinks=False)
            and not entry.path.endswith(".pyc")
            and entry.stat(follow_symlinks=False).st_mtime > built
        )
    )


def _find(cache: Path) -> Iterator[tuple[str, Path, Path | None]]:
    for name in _MEMORIES:
        if (cache / name).is_dir():
            yield name, cache / name, None
    for shelf in (cache / name for name in _SHELVES):
        for folder in _folders(shelf):
            if not folder.name.endswith(_BUILDING):
                locks = (shelf / f"{folder.name}.lock", lock_of(folder))
                yield shelf.name, folder, next((lock for lock in locks if lock.exists()), None)


def _purpose(kind: str, folder: Path) -> str:
    """Return whose images need what lies in a folder that has the name of a digest."""
    matches = (_AIRFLOW.match(path.name) for path in folder.glob("apache?airflow-[0-9]*"))
    found = {match[1] for match in matches if match}
    if kind == SCHEMAS:
        with suppress(OSError, ValueError):
            found = {(folder / SCHEMA_VERSION).read_text(encoding="ascii").strip()}
    versions = sorted(found, key=lambda text: [int(part) for part in re.findall(r"\d+", text)])
    return f"images of Airflow {', '.join(versions)}" if versions else ""


def _folders(parent: Path) -> tuple[Path, ...]:
    if not parent.is_dir():
        return ()
    return tuple(path for path in sorted(parent.iterdir()) if path.is_dir() and not path.name.startswith("."))


def _used(folder: Path, lock: Path | None) -> float:
    """Return when an item was last used: its lock says so, or else the newest of its files."""
    times = [folder.stat().st_mtime]
    with suppress(OSError):
        if lock is not None:
            return max(*times, lock.stat().st_mtime)
    for entry in _walk(folder):
        with suppress(OSError):
            times.append(entry.stat(follow_symlinks=False).st_mtime)
    return max(times)


def _walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    waiting = [os.fspath(folder)]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                yield entry
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
