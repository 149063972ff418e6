"""Lists the DAGs folder as Airflow would: which files it reads, which it hides, and what does not belong there."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mwaa_local.validation.ignore_file import (
    NAME,
    BadLine,
    IgnoreDialect,
    IgnoreLine,
    is_ignored,
    parse_ignore_file,
)

JUNK_FOLDERS = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        ".idea",
        ".ipynb_checkpoints",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        ".tox",
        ".venv",
        ".vscode",
        "__MACOSX",
        "node_modules",
        "site-packages",
        "venv",
    }
)
_BIG = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class IgnoreFile:
    """An ignore file that was found, its usable lines and the others."""

    path: str
    lines: tuple[IgnoreLine, ...]
    bad: tuple[BadLine, ...]


@dataclass(slots=True)
class DagFolder:
    """What lies in a DAGs folder; every path starts at it, with slashes."""

    python: list[str] = field(default_factory=list)
    """Python files that are not hidden."""
    hidden: list[str] = field(default_factory=list)
    """Python files that `.airflowignore` hides (and those in hidden folders)."""
    ignore_files: list[IgnoreFile] = field(default_factory=list)
    junk: list[tuple[str, bool]] = field(default_factory=list)
    """Folders that do not belong there, and whether they are hidden from Airflow."""
    big: list[tuple[str, int]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    """Every file."""
    unreadable: list[str] = field(default_factory=list)


def list_dag_folder(root: Path, dialect: IgnoreDialect) -> DagFolder:
    """Walk the folder; links are followed, as Airflow does, but no folder is entered twice."""
    found = DagFolder()
    seen: set[tuple[int, int]] = set()
    stack: list[tuple[str, tuple[IgnoreLine, ...], bool]] = [("", (), False)]
    while stack:
        folder, inherited, hidden = stack.pop()
        entries = _entries(root, folder, found)
        lines = inherited
        if any(entry.name == NAME for entry in entries):
            own = _read_ignore_file(root, folder, dialect)
            found.ignore_files.append(own)
            lines = (*inherited, *own.lines)
        for entry in entries:
            path = folder + entry.name
            try:
                is_folder = entry.is_dir()
                if is_folder:
                    status = entry.stat()
                    if (status.st_dev, status.st_ino) in seen:
                        continue
                    seen.add((status.st_dev, status.st_ino))
            except OSError:
                found.unreadable.append(path)
                continue
            skipped = hidden or is_ignored(path, lines, dialect, is_folder=is_folder)
            if not is_folder:
                _add_file(found, entry, path, hidden=skipped)
            elif entry.name == "__pycache__":
                continue  # Python makes it, and nothing uploads it
            elif entry.name in JUNK_FOLDERS:
                found.junk.append((path, skipped))
            else:
                stack.append((path + "/", lines, skipped))
    for each in (found.python, found.hidden, found.names):
        each.sort()
    return found


def _entries(root: Path, folder: str, found: DagFolder) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(root / folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        found.unreadable.append(folder)
        return []


def _add_file(found: DagFolder, entry: os.DirEntry[str], path: str, *, hidden: bool) -> None:
    found.names.append(path)
    if entry.name.endswith(".py"):
        (found.hidden if hidden else found.python).append(path)
        return
    try:
        size = entry.stat().st_size
    except OSError:
        found.unreadable.append(path)
        return
    if size > _BIG:
        found.big.append((path, size))


def _read_ignore_file(root: Path, folder: str, dialect: IgnoreDialect) -> IgnoreFile:
    path = folder + NAME
    try:
        text = (root / path).read_bytes().decode("utf-8-sig", errors="replace")
    except OSError as error:
        return IgnoreFile(path, (), (BadLine("", 1, f"cannot be read: {error.strerror}"),))
    return IgnoreFile(path, *parse_ignore_file(text.replace("\r\n", "\n"), folder, dialect))


def hidden_imports(folder: DagFolder, imported: Iterator[str]) -> list[str]:
    """Return the hidden files that are imported nevertheless, and so run whenever DAG files are read."""
    modules = {
        path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in folder.hidden
    }
    return sorted({modules[name] for full in imported for name in _prefixes(full) if name in modules})


def _prefixes(name: str) -> Iterator[str]:
    while name:
        yield name
        name = name.rpartition(".")[0]
