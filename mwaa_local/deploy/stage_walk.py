"""The files of a folder as they go into the bucket: junk left out, links followed only inside the project."""

import os
import re
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pathspec

from mwaa_local.deploy.digests import unreadable
from mwaa_local.deploy.ignored import Ignored, load_ignored
from mwaa_local.errors import ProjectError

_RENAME = "Rename it, or leave it out with a line in .mwaaignore."


class FoundFile(NamedTuple):
    """A file, its name relative to the folder that was walked, and what stat says of it."""

    name: str
    path: str
    status: os.stat_result


@dataclass(frozen=True, slots=True)
class _Walk:
    roots: tuple[str, ...]
    """Links may lead to what lies in one of these; each with a slash at the end."""
    include: pathspec.GitIgnoreSpec | None


@dataclass(frozen=True, slots=True)
class _Folder:
    path: str
    prefix: str
    above: tuple[tuple[int, int], ...]
    """Device and inode of this folder and of those above it."""
    ignored: Ignored


def walk_tree(source: Path, include: tuple[str, ...], project: Path) -> Iterator[FoundFile]:
    """Yield the files of a folder; ProjectError for what cannot be read, or not be a key of a bucket."""
    path = os.fspath(source)
    roots = tuple(f"{os.path.realpath(root)}/" for root in (source, project))
    spec = _spec(include) if include else None
    try:
        status = source.stat()
    except OSError as error:
        raise unreadable(path, error) from error
    folder = _Folder(path, "", ((status.st_dev, status.st_ino),), load_ignored(source, project))
    yield from _walk(_Walk(roots, spec), folder)


def _spec(include: tuple[str, ...]) -> pathspec.GitIgnoreSpec:
    try:
        return pathspec.GitIgnoreSpec.from_lines(include)
    except (ValueError, re.error) as error:
        raise ProjectError(
            f"The patterns of include, {', '.join(include)}, cannot be read: {error}.",
            hint="They are written as in a .gitignore.",
        ) from error


def _walk(walk: _Walk, folder: _Folder) -> Iterator[FoundFile]:
    for entry in _scan(folder.path):
        name = folder.prefix + _name(entry)
        is_link = entry.is_symlink()
        status = _status(entry, is_link=is_link)
        # A link that leads nowhere, or out, may be left out: only one that stays is judged.
        is_folder = status is not None and stat.S_ISDIR(status.st_mode)
        if folder.ignored.has(name, folder=is_folder):
            continue
        if is_link or status is None:
            status = _follow(walk, entry, status)
        if is_folder:
            yield from _walk(walk, _enter(folder, entry.path, name, status))
        elif stat.S_ISREG(status.st_mode) and (walk.include is None or walk.include.match_file(name)):
            yield FoundFile(name, entry.path, status)


def _enter(above: _Folder, path: str, name: str, status: os.stat_result) -> _Folder:
    identity = (status.st_dev, status.st_ino)
    if identity in above.above:
        raise ProjectError(
            f"{path} is a link to a folder above it, which has no end.", hint="Remove the link."
        )
    prefix = f"{name}/"
    return _Folder(path, prefix, (*above.above, identity), above.ignored.inside(Path(path), prefix))


def _scan(path: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise unreadable(path, error) from error


def _status(entry: os.DirEntry[str], *, is_link: bool) -> os.stat_result | None:
    """Return what stat says of an entry, None for a link that leads nowhere."""
    try:
        return entry.stat()
    except OSError as error:
        if is_link:
            return None
        raise unreadable(entry.path, error) from error


def _name(entry: os.DirEntry[str]) -> str:
    name = entry.name
    if name.isascii():
        if not name.isprintable() or "\\" in name:
            raise ProjectError(
                f"{entry.path!r}: the name holds a character that has a meaning of its own.", hint=_RENAME
            )
        return name
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        shown = os.fsencode(entry.path).decode("utf-8", "backslashreplace")
        raise ProjectError(
            f"{shown}: the name is not UTF-8, and a key of a bucket must be.", hint=_RENAME
        ) from error
    # One spelling for names with accents: macOS may spell them in two characters, and that would be another key.
    return unicodedata.normalize("NFC", name)


def _follow(walk: _Walk, entry: os.DirEntry[str], status: os.stat_result | None) -> os.stat_result:
    target = os.path.realpath(entry.path)
    if status is None:
        raise ProjectError(
            f"{entry.path} is a link to {Path(entry.path).readlink()}, which is not there.",
            hint="Mend or remove the link.",
        )
    if not f"{target}/".startswith(walk.roots):
        raise ProjectError(
            f"{entry.path} is a link that leaves the project: {target}.",
            hint="Copy what it points to into the project, or leave the link out with a line in .mwaaignore.",
        )
    return status
