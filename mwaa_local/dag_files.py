"""The files of a DAGs folder, and which of them Airflow opens: one walk for everybody who looks there.

In its safe mode Airflow opens only Python files that hold two words somewhere, in whatever case from 2.0 on.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_WORDS = (b"dag", b"airflow")
_OLD_WORDS = (b"DAG", b"airflow")


def missing_words(content: bytes, airflow: tuple[int, ...] = (2,)) -> tuple[str, ...]:
    """Return the words without which Airflow's safe mode does not open a file of this content."""
    if airflow < (2,):
        return tuple(word.decode() for word in _OLD_WORDS if word not in content)
    lower = content.lower()
    return tuple(word.decode() for word in _WORDS if word not in lower)


@dataclass(frozen=True, slots=True)
class FolderEntry:
    """Something in a folder."""

    path: str
    """From the top, with slashes."""
    is_folder: bool
    entry: os.DirEntry[str]

    @property
    def name(self) -> str:
        """Return the last part of the path."""
        return self.entry.name


@dataclass(slots=True)
class FolderWalk:
    """A walk through a folder; links are followed, as Airflow does, but no folder is entered twice."""

    root: Path
    unreadable: list[str] = field(default_factory=list)
    _seen: set[tuple[int, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        with suppress(OSError):
            status = self.root.stat()
            self._seen.add((status.st_dev, status.st_ino))

    def entries(self, folder: str = "") -> Iterator[FolderEntry]:
        """Yield what lies in a folder (its path from the top ends with a slash), in the order of names."""
        try:
            with os.scandir(self.root / folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError:
            self.unreadable.append(folder)
            return
        for entry in entries:
            try:
                is_folder = entry.is_dir()
                if is_folder and not self._is_new(entry):
                    continue
            except OSError:
                self.unreadable.append(folder + entry.name)
                continue
            yield FolderEntry(folder + entry.name, is_folder, entry)

    def _is_new(self, entry: os.DirEntry[str]) -> bool:
        status = entry.stat()
        place = (status.st_dev, status.st_ino)
        if place in self._seen:
            return False
        self._seen.add(place)
        return True


def python_files(root: Path, skip: frozenset[str] = frozenset({"__pycache__"})) -> Iterator[FolderEntry]:
    """Yield every Python file below `root`; folders of the names in `skip` are not entered."""
    walk = FolderWalk(root)
    stack = [""]
    while stack:
        for entry in walk.entries(stack.pop()):
            if not entry.is_folder:
                if entry.name.endswith(".py"):
                    yield entry
            elif entry.name not in skip:
                stack.append(f"{entry.path}/")
