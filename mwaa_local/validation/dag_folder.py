"""Lists the DAGs folder as Airflow would: which files it reads, which it hides, and what does not belong there."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mwaa_local.config import LoadedConfig
from mwaa_local.dag_files import FolderEntry, FolderWalk
from mwaa_local.validation.ignore_file import (
    NAME,
    BadLine,
    IgnoreDialect,
    IgnoreLine,
    IgnoreSyntax,
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


def ignore_dialect(loaded: LoadedConfig) -> IgnoreDialect:
    """Return how this version, with this configuration, reads `.airflowignore`."""
    number = loaded.version.number
    chosen = dict(loaded.config.airflow_options).get("core.dag_ignore_file_syntax", "").lower()
    default = IgnoreSyntax.GLOB if number >= (3,) else IgnoreSyntax.REGEXP
    known = number >= (2, 3) and chosen in list(IgnoreSyntax)
    return IgnoreDialect(IgnoreSyntax(chosen) if known else default, dotted=number < (2, 3))


def list_dag_folder(root: Path, dialect: IgnoreDialect) -> DagFolder:
    """Walk the folder as Airflow does, with its ignore files."""
    found = DagFolder()
    walk = FolderWalk(root)
    stack: list[tuple[str, tuple[IgnoreLine, ...], bool]] = [("", (), False)]
    while stack:
        folder, inherited, hidden = stack.pop()
        entries = tuple(walk.entries(folder))
        lines = inherited
        if any(entry.name == NAME for entry in entries):
            own = _read_ignore_file(root, folder, dialect)
            found.ignore_files.append(own)
            lines = (*inherited, *own.lines)
        for entry in entries:
            skipped = hidden or is_ignored(entry.path, lines, dialect, is_folder=entry.is_folder)
            if not entry.is_folder:
                _add_file(found, entry, hidden=skipped)
            elif entry.name == "__pycache__":
                continue  # Python makes it, and nothing uploads it
            elif entry.name in JUNK_FOLDERS:
                found.junk.append((entry.path, skipped))
            else:
                stack.append((entry.path + "/", lines, skipped))
    found.unreadable += walk.unreadable
    for each in (found.python, found.hidden, found.names):
        each.sort()
    return found


def _add_file(found: DagFolder, file: FolderEntry, *, hidden: bool) -> None:
    found.names.append(file.path)
    if file.name.endswith(".py"):
        (found.hidden if hidden else found.python).append(file.path)
        return
    try:
        size = file.entry.stat().st_size
    except OSError:
        found.unreadable.append(file.path)
        return
    if size > _BIG:
        found.big.append((file.path, size))


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
