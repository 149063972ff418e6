"""What is left out of an archive: what no program needs there, and what `.mwaaignore` names (as gitignore writes it).

`.mwaaignore` can lie in the folder that is packed and at the top of the project; its lines come after ours, so that
`!name` brings back what we would leave out. As with git, nothing comes back from a folder that is left out.
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
class Ignored:
    """Decides what is left out of an archive of `folder`."""

    own: pathspec.GitIgnoreSpec
    outer: pathspec.GitIgnoreSpec
    """Of the project's `.mwaaignore`, whose lines start at the project."""
    prefix: str
    """From the project to the folder, with a slash at the end."""

    def has(self, name: str, *, folder: bool = False) -> bool:
        """Tell whether the file or folder of this name (relative, with `/`) is left out."""
        path = f"{name}/" if folder else name
        return self.own.match_file(path) or self.outer.match_file(self.prefix + path)


def load_ignored(folder: Path, project: Path) -> Ignored:
    """Read what is left out of an archive of `folder`, which may lie outside `project`."""
    prefix = f"{folder.relative_to(project).as_posix()}/" if folder.is_relative_to(project) else ""
    same = folder == project
    return Ignored(
        _parse((*JUNK, *_read(folder / IGNORE_FILE)), folder / IGNORE_FILE),
        _parse(() if same or not prefix else _read(project / IGNORE_FILE), project / IGNORE_FILE),
        prefix,
    )


def _read(file: Path) -> tuple[str, ...]:
    if not file.is_file():
        return ()
    try:
        return tuple(file.read_text(encoding="utf-8-sig").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(f"{file} cannot be read: {error}.", hint="Save it as UTF-8 text.") from error


def _parse(lines: tuple[str, ...], file: Path) -> pathspec.GitIgnoreSpec:
    try:
        return pathspec.GitIgnoreSpec.from_lines(lines)
    except (ValueError, re.error) as error:
        raise ProjectError(f"{file}: {error}.", hint="Its lines are written as in a .gitignore.") from error
