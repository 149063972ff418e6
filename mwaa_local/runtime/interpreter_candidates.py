"""Where a Python interpreter may lie: names of files to try, in the order in which they are tried. Runs nothing."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

SYSTEM_FOLDERS = (
    "/usr/bin",
    "/usr/local/bin",
    "/opt/homebrew/bin",
    "/opt/homebrew/opt/python@{minor}/bin",
    "/usr/local/opt/python@{minor}/bin",
    "/Library/Frameworks/Python.framework/Versions/{minor}/bin",
    "/opt/python/{minor}*/bin",
    "/opt/python/cp{digits}-cp*/bin",
)
"""Debian and its kin, Homebrew on both kinds of Mac, python.org's installer, manylinux images."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may be the interpreter, and how it was found."""

    path: Path
    source: str


def list_candidates(
    minor: str, environ: Mapping[str, str], system_folders: tuple[str, ...] = SYSTEM_FOLDERS
) -> tuple[Candidate, ...]:
    """Return the files that may be a Python `minor`, best first, each once: uv's, PATH, pyenv's, the system's."""
    return tuple(find_candidates(minor, environ, system_folders))


def find_candidates(
    minor: str, environ: Mapping[str, str], system_folders: tuple[str, ...] = SYSTEM_FOLDERS
) -> Iterator[Candidate]:
    """Yield the same one by one, for whom the first ones may do."""
    found: set[Path] = set()
    for candidate in _walk(minor, environ, system_folders):
        # The real file, so that /usr/bin/python3 and python3.11 are one; pyenv's shims never get this far.
        real = candidate.path.resolve()
        # os.access, because a folder of PATH that we may not search is as good as empty.
        is_one = os.access(candidate.path, os.F_OK) and real.is_file() and not _names_other_minor(real, minor)
        if is_one and real not in found:
            found.add(real)
            yield candidate


def list_uv_managed(minor: str, environ: Mapping[str, str]) -> tuple[Candidate, ...]:
    """Return the interpreters that uv has installed."""
    home = Path(environ.get("HOME") or "/")
    data = Path(environ["XDG_DATA_HOME"]) if environ.get("XDG_DATA_HOME") else home / ".local" / "share"
    folder = Path(environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python")
    return tuple(
        Candidate(path / "bin" / f"python{minor}", "uv")
        for path in _newest_first(folder, f"cpython-{minor}.*")
    )


def _walk(minor: str, environ: Mapping[str, str], system_folders: tuple[str, ...]) -> Iterator[Candidate]:
    yield from list_uv_managed(minor, environ)
    path = [Path(each) for each in environ.get("PATH", "").split(":") if each.startswith("/")]
    for name in (f"python{minor}", "python3"):
        for folder in path:
            if not _is_shims(folder):
                yield Candidate(folder / name, "PATH")
    yield from _version_managers(minor, environ)
    for pattern in system_folders:
        concrete = pattern.format(minor=minor, digits=minor.replace(".", ""))
        root, _, rest = concrete.rpartition("/")
        folders = _glob_folder(Path(root), rest)
        for folder in folders:
            yield Candidate(folder / f"python{minor}", "system")


def _version_managers(minor: str, environ: Mapping[str, str]) -> Iterator[Candidate]:
    home = Path(environ.get("HOME") or "/")
    pyenv = [Path(environ["PYENV_ROOT"])] if environ.get("PYENV_ROOT") else []
    for root in (*pyenv, home / ".pyenv"):
        for version in _newest_first(root / "versions", f"{minor}.*"):
            yield Candidate(version / "bin" / f"python{minor}", "pyenv")
    for name, folder in (
        ("asdf", home / ".asdf" / "installs" / "python"),
        ("mise", home / ".local" / "share" / "mise" / "installs" / "python"),
    ):
        for version in _newest_first(folder, f"{minor}.*"):
            yield Candidate(version / "bin" / f"python{minor}", name)


def _glob_folder(root: Path, rest: str) -> tuple[Path, ...]:
    """Return `root`/`rest`, where the last part of `root` may be a pattern."""
    if "*" not in root.name:
        return (root / rest,)
    return tuple(path / rest for path in _newest_first(root.parent, root.name))


def _newest_first(folder: Path, pattern: str) -> tuple[Path, ...]:
    try:
        names = list(folder.glob(pattern))
    except OSError:
        return ()
    return tuple(
        sorted(names, key=lambda path: [int(each) for each in re.findall(r"\d+", path.name)], reverse=True)
    )


def _is_shims(folder: Path) -> bool:
    """Return whether the folder holds pyenv's (or asdf's) shims: they fail when the version is not active."""
    return folder.name == "shims"


def _names_other_minor(path: Path, minor: str) -> bool:
    """Return whether the file's own name says that it is another Python, so that running it would be in vain."""
    match = re.fullmatch(r"python(\d\.\d+)", path.name)
    return match is not None and match[1] != minor
