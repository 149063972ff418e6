"""What is left out of an archive: what no program needs there, and what `.mwaaignore` names (as gitignore writes it).

`.mwaaignore` can lie in the folder that is packed, in every folder of it, and in the folders above it in the project.
As with git the last line about a name decides, a file counts from its own folder down and more than those above it,
and nothing comes back from a folder that is left out. Our own lines come first: `!name` brings back what we leave out.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import pathspec

from mwaa_local.errors import ProjectError

IGNORE_FILE = ".mwaaignore"

JUNK = (
    "__pycache__/",
    "*.py[co]",
    ".git",
    ".gitignore",
    ".gitattributes",
    ".gitkeep",
    ".gitmodules",
    ".github/",
    ".hg/",
    ".svn/",
    ".DS_Store",
    "__MACOSX/",
    "._*",
    "Thumbs.db",
    "desktop.ini",
    ".directory",
    "*.sw[op]",
    "*~",
    ".#*",
    "\\#*\\#",
    ".idea/",
    ".vscode/",
    "*.code-workspace",
    ".project",
    ".pydevproject",
    ".editorconfig",
    ".ipynb_checkpoints/",
    ".mypy_cache/",
    ".pytest_cache/",
    ".ruff_cache/",
    ".tox/",
    ".nox/",
    ".venv/",
    ".coverage",
    ".mwaa-local/",
    IGNORE_FILE,
)
"""Of interpreters, version control, desktops, editors and checkers; none of it is used at run time."""


@dataclass(frozen=True, slots=True)
class _Level:
    """The lines of one ignore file."""

    spec: pathspec.GitIgnoreSpec
    any_line: re.Pattern[str]
    """What some line is about: most names are of no concern to any, and are thus asked about once, not line by line."""
    inside: str
    """The folder of the file, from the packed folder; empty for that itself and for what lies above it."""
    above: str
    """From the folder of the file to the packed folder, where it lies above."""

    def decide(self, path: str) -> bool | None:
        """Tell whether a path is left out; None where no line is about it."""
        name = self.above + path[len(self.inside) :]
        return self.spec.check_file(name).include if self.any_line.search(name) else None


@dataclass(frozen=True, slots=True)
class Ignored:
    """Decides what is left out of an archive of a folder."""

    levels: tuple[_Level, ...]
    """From the weakest: ours, those of the folders above, of the folder itself, of folders in it."""

    def has(self, name: str, *, folder: bool = False) -> bool:
        """Tell whether the file or folder of this name (relative, with `/`) is left out."""
        path = f"{name}/" if folder else name
        decisions = (level.decide(path) for level in reversed(self.levels))
        return next((decision for decision in decisions if decision is not None), False)

    def inside(self, folder: Path, name: str) -> "Ignored":
        """Return what decides in a folder of the packed one; `name` is its relative name, a slash at the end."""
        lines = _read(folder / IGNORE_FILE)
        if not lines:
            return self
        return Ignored((*self.levels, _level(lines, folder / IGNORE_FILE, name, "")))


def load_ignored(folder: Path, project: Path) -> Ignored:
    """Read what is left out of an archive of `folder`, which may lie outside `project`."""
    places = [folder]
    if folder.is_relative_to(project):
        places += [place for place in folder.parents if place.is_relative_to(project)]
    levels = [_level(JUNK, folder, "", "")]
    for place in reversed(places):
        lines = _read(place / IGNORE_FILE)
        above = "" if place == folder else f"{folder.relative_to(place).as_posix()}/"
        if lines:
            levels.append(_level(lines, place / IGNORE_FILE, "", above))
    return Ignored(tuple(levels))


def _read(file: Path) -> tuple[str, ...]:
    if not file.is_file():
        return ()
    try:
        return tuple(file.read_text(encoding="utf-8-sig").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(f"{file} cannot be read: {error}.", hint="Save it as UTF-8 text.") from error


def _level(lines: tuple[str, ...], file: Path, inside: str, above: str) -> _Level:
    spec = _parse(lines, file)
    # The lines name their groups alike, which one expression must not.
    texts = (re.sub(r"\(\?P<\w+>", "(?:", line.regex.pattern) for line in spec.patterns if line.regex)
    return _Level(spec, re.compile("|".join(f"(?:{text})" for text in texts) or r"\Z\A."), inside, above)


def _parse(lines: tuple[str, ...], file: Path) -> pathspec.GitIgnoreSpec:
    try:
        return pathspec.GitIgnoreSpec.from_lines(lines)
    except (ValueError, re.error) as error:
        raise ProjectError(f"{file}: {error}.", hint="Its lines are written as in a .gitignore.") from error
