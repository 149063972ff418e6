"""Digests of files: each read once, and not again before it changes.

What was read is remembered by path, size, times and inode. As in git's index, a file that was changed about when the
memory was written is not believed to be unchanged: a second change in the same tick of the clock would not show.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from mwaa_local.errors import ProjectError

_CHUNK = 1 << 20
_SCHEMA = 1
_SECOND = 1_000_000_000
_COARSE, _FINE = 2 * _SECOND, _SECOND // 10
"""Ticks of clocks of file systems in nanoseconds: the coarsest in use (FAT's), and all that know parts of a second."""


class FileDigests(NamedTuple):
    """The content of a file in short."""

    size: int
    sha256: str
    md5: str


class _Memory(NamedTuple):
    """A file as it was when it was read."""

    size: int
    mtime: int
    ctime: int
    inode: int
    sha256: str
    md5: str


def _no_read(path: str, size: int) -> None:
    """Ignore that a file was read."""


@dataclass(slots=True)
class Digests:
    """The digests of files, from memory where nothing has changed; `save` keeps them for the next time."""

    store: Path | None = None
    """The file that remembers; None: nothing outlives this object."""
    on_read: Callable[[str, int], None] = _no_read
    """Told the path and the size of everything that is read."""
    _known: dict[str, _Memory] = field(default_factory=dict)
    _seen: dict[str, _Memory] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.store is not None:
            self._known = _load(self.store)

    def of(self, path: str, status: os.stat_result | None = None) -> FileDigests:
        """Return the digests of a file (`status`: what stat says of it, if known); ProjectError if it is unreadable."""
        seen = self._seen.get(path)
        if seen is None:
            try:
                seen = self._remembered(path, status or os.stat(path)) or self._read(path)  # noqa: PTH116 - hot
            except OSError as error:
                raise unreadable(path, error) from error
            self._seen[path] = seen
        return FileDigests(seen.size, seen.sha256, seen.md5)

    def save(self) -> None:
        """Remember the files that were asked for, and only these; a memory that cannot be written is done without."""
        if self.store is None or all(self._known.get(path) == seen for path, seen in self._seen.items()):
            return
        document = {"schema": _SCHEMA, "files": self._seen}
        partial = self.store.with_name(f".{self.store.name}.{os.getpid()}.partial")
        try:
            self.store.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps(document, separators=(",", ":")), encoding="utf-8")
            partial.replace(self.store)
        except OSError:
            with contextlib.suppress(OSError):
                partial.unlink()

    def _remembered(self, path: str, status: os.stat_result) -> _Memory | None:
        known = self._known.get(path)
        if known is None:
            return None
        now = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        return known if known[:4] == now else None

    def _read(self, path: str) -> _Memory:
        sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
        with open(path, "rb", buffering=0) as stream:  # noqa: PTH123 - hot: a Path costs more than the opening
            before = os.fstat(stream.fileno())
            while chunk := stream.read(_CHUNK):
                sha256.update(chunk)
                md5.update(chunk)
                size += len(chunk)
            after = os.fstat(stream.fileno())
        self.on_read(path, size)
        same = (before.st_size, before.st_mtime_ns) == (
            after.st_size,
            after.st_mtime_ns,
        ) and size == after.st_size
        # A file that was written meanwhile is what we read of it, for now; it is not remembered as that.
        mtime = after.st_mtime_ns if same else -1
        return _Memory(size, mtime, after.st_ctime_ns, after.st_ino, sha256.hexdigest(), md5.hexdigest())


def unreadable(path: str, error: OSError) -> ProjectError:
    """Return the error that says why a file cannot be read."""
    return ProjectError(
        f"{path} cannot be read: {error.strerror or error}.",
        hint="Give yourself the right to read it, or leave it out with a line in .mwaaignore.",
    )


def _load(store: Path) -> dict[str, _Memory]:
    """Return what is remembered; nothing where it cannot be read back: it is only a memory."""
    try:
        written = store.stat().st_mtime_ns
        document = json.loads(store.read_bytes())
        if document["schema"] != _SCHEMA:
            return {}
        entries = ((path, _Memory(*values)) for path, values in document["files"].items())
        return {path: entry for path, entry in entries if _is_settled(entry, written)}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _is_settled(entry: _Memory, written: int) -> bool:
    changed = max(entry.mtime, entry.ctime)
    return changed < written - (_FINE if changed % _SECOND else _COARSE)
