"""The files of a plugins folder as they go into plugins.zip: names, modes, links resolved, junk left out."""

import os
import stat
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from mwaa_local.deploy.ignored import Ignored
from mwaa_local.errors import ProjectError
from mwaa_local.plugins_archive import HEAD, SHEBANG, ArchiveEntry, ArchiveListing, EntryKind

EXECUTABLE, PLAIN = 0o755, 0o644

_NEVER_RUN = frozenset({".py", ".md", ".txt", ".json", ".yaml", ".yml", ".whl", ".html", ".css", ".sql"})
_ELF = b"\x7fELF"


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A file to be packed: its name in the archive and where its content is."""

    name: str
    path: Path
    size: int
    mode: int
    head: bytes


@dataclass(frozen=True, slots=True)
class PluginsTree:
    """What is packed, in the archive's order, and the names of what is left out."""

    files: tuple[TreeFile, ...]
    left_out: tuple[str, ...]

    @property
    def listing(self) -> ArchiveListing:
        """Return the archive that these files will make."""
        return ArchiveListing(
            tuple(
                ArchiveEntry(file.name, EntryKind.FILE, file.size, file.size, file.mode, file.head)
                for file in self.files
            ),
            sum(file.size for file in self.files),
        )


@dataclass(slots=True)
class _Walk:
    root: Path
    found: list[TreeFile] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder of the walk."""

    folder: Path
    prefix: str
    """Its name in the archive, with a slash at the end."""
    real: tuple[Path, ...]
    """It and the folders above it, links resolved."""
    ignored: Ignored


def collect_plugins(folder: Path, ignored: Ignored) -> PluginsTree:
    """Return what of `folder` is packed; ProjectError for a link that leaves it and for what cannot be read."""
    walk = _Walk(folder.resolve())
    _walk_folder(walk, _Place(folder, "", (walk.root,), ignored))
    return PluginsTree(_in_order(_with_sane_modes(walk.found)), tuple(sorted(walk.left_out)))


def add_files(tree: PluginsTree, files: Iterable[TreeFile]) -> PluginsTree:
    """Return the tree with more files in it; one that is in it already must be the same."""
    known = {file.name: file for file in tree.files}
    more = []
    for file in files:
        there = known.get(file.name)
        if there is None:
            more.append(file)
        elif there.path.read_bytes() != file.path.read_bytes():
            raise ProjectError(
                f"{there.path} and {file.path} would both be {file.name} in the archive, and they differ.",
                hint="Remove one of them.",
            )
    return PluginsTree(_in_order([*tree.files, *more]), tree.left_out)


def read_tree_file(path: Path, name: str) -> TreeFile:
    """Return the value of one file; ProjectError if it cannot be read."""
    try:
        with path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            head = stream.read(HEAD)
    except OSError as error:
        raise ProjectError(
            f"{path} cannot be read: {error.strerror}.", hint="Give yourself the right, or remove it."
        ) from error
    runs = bool(status.st_mode & 0o111) or (head.startswith((SHEBANG, _ELF)) and not name.endswith(".so"))
    return TreeFile(name, path, status.st_size, EXECUTABLE if runs else PLAIN, head)


def _walk_folder(walk: _Walk, place: _Place) -> None:
    for entry in _scan(place.folder):
        # One spelling for names with accents: macOS may spell them in two characters, and that is another name.
        name = place.prefix + unicodedata.normalize("NFC", _text(entry))
        is_folder = Path(entry.path).is_dir()
        if place.ignored.has(name, folder=is_folder):
            walk.left_out.append(f"{name}/" if is_folder else name)
            continue
        target = _follow(walk, entry) if entry.is_symlink() else Path(entry.path)
        if is_folder:
            _enter(walk, place, target, name)
        elif stat.S_ISREG(target.stat().st_mode):
            walk.found.append(read_tree_file(target, name))
        else:
            walk.left_out.append(name)


def _enter(walk: _Walk, above: _Place, folder: Path, name: str) -> None:
    real = folder.resolve()
    if real in above.real and folder.is_dir():
        raise ProjectError(
            f"plugins/{name} is a link to a folder above it, which has no end.", hint="Remove the link."
        )
    prefix = f"{name}/"
    _walk_folder(walk, _Place(folder, prefix, (*above.real, real), above.ignored.inside(folder, prefix)))


def _scan(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise ProjectError(
            f"{folder} cannot be read: {error.strerror}.",
            hint=f"Give yourself the right: chmod u+rx {folder}",
        ) from error


def _text(entry: os.DirEntry[str]) -> str:
    try:
        entry.name.encode("utf-8")
    except UnicodeEncodeError as error:
        shown = os.fsencode(entry.path).decode("utf-8", "backslashreplace")
        raise ProjectError(
            f"{shown}: the name is not UTF-8, so an archive cannot hold it for every machine.",
            hint="Rename the file.",
        ) from error
    if "\\" in entry.name:
        raise ProjectError(
            f"{entry.path}: a backslash in a name becomes a folder in some archives.", hint="Rename the file."
        )
    return entry.name


def _follow(walk: _Walk, entry: os.DirEntry[str]) -> Path:
    link = Path(entry.path)
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise ProjectError(
            f"{link} is a link to {link.readlink()}, which is not there.", hint="Mend or remove the link."
        ) from error
    if not target.is_relative_to(walk.root):
        raise ProjectError(
            f"{link} is a link that leaves the plugins folder: {target}.",
            hint="Copy what it points to into plugins/, or leave the link out with a line in .mwaaignore.",
        )
    return target


def _with_sane_modes(files: list[TreeFile]) -> list[TreeFile]:
    """Drop the executable bits of a file system that has none and shows all files as executable (Windows's)."""
    plain = [file for file in files if Path(file.name).suffix in _NEVER_RUN and not _says_that_it_runs(file)]
    if not plain or any(file.mode == PLAIN for file in files):
        return files
    return [file if _says_that_it_runs(file) else _plain(file) for file in files]


def _says_that_it_runs(file: TreeFile) -> bool:
    return file.head.startswith((SHEBANG, _ELF))


def _plain(file: TreeFile) -> TreeFile:
    return TreeFile(file.name, file.path, file.size, PLAIN, file.head)


def _in_order(files: list[TreeFile]) -> tuple[TreeFile, ...]:
    ordered = sorted(files, key=lambda file: file.name.encode())
    for one, other in pairwise(ordered):
        if one.name == other.name:
            raise ProjectError(
                f"{one.path} and {other.path} are the same name once accents are spelled alike.",
                hint="Rename one of them.",
            )
    return tuple(ordered)
