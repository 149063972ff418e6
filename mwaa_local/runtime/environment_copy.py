"""Copies an environment in about a second, so that a project's requirements never touch the shared one.

Files are hard links to the original's. Installers replace files (unlink, then write), so a link is safe for them;
what is edited in place (scripts, metadata, path files) is copied.
"""

import os
import re
import shutil
from pathlib import Path

from mwaa_local.runtime.cache_entry import MARKER


def copy_environment(source: Path, target: Path) -> Path:
    """Copy the environment in `source` into the existing folder `target`, and return its interpreter."""
    _copy_folder(source, target, link=True)
    return target / "bin" / "python"


def _copy_folder(source: Path, target: Path, *, link: bool) -> None:
    with os.scandir(source) as entries:
        for entry in entries:
            copy = target / entry.name
            if entry.is_symlink():
                copy.symlink_to(Path(entry.path).readlink())
            elif entry.is_dir():
                copy.mkdir()
                _copy_folder(
                    Path(entry.path), copy, link=link and entry.name != "bin" and not _is_metadata(entry.name)
                )
            elif entry.name != MARKER:
                _copy_file(Path(entry.path), copy, link=link and not entry.name.endswith((".pth", ".cfg")))


def _is_metadata(name: str) -> bool:
    return name.endswith((".dist-info", ".egg-info"))


def _copy_file(source: Path, target: Path, *, link: bool) -> None:
    if link:
        try:
            target.hardlink_to(source)
        except OSError:
            # Another disk, a file system without links, or too many of them.
            shutil.copy2(source, target)
    else:
        shutil.copy2(source, target)


def installed_versions(root: Path) -> dict[str, str]:
    """Return the version of each package in the environment, by canonical name, read from folder names."""
    found = {}
    for folder in (root / "lib").glob("python*/site-packages/*-info"):
        match = re.fullmatch(r"(.+?)-(\d[^-]*)(-py[\d.]+)?\.(dist|egg)-info", folder.name)
        if match:
            found[re.sub(r"[-_.]+", "-", match[1]).lower()] = match[2]
    return found


def make_scripts_relocatable(root: Path) -> None:
    """Let scripts that pip wrote find the interpreter beside them, as those that uv wrote do.

    pip writes the folder's name into them, which is a temporary one while an environment is built.
    """
    folder = os.fsencode(root / "bin")
    for script in (root / "bin").iterdir():
        if script.is_symlink() or not script.is_file():
            continue
        content = script.read_bytes()
        first, _, rest = content.partition(b"\n")
        if not first.startswith(b"#!"):
            continue
        if folder in first:
            body = rest
        elif first == b"#!/bin/sh" and rest.startswith(b"'''exec'") and folder in rest.partition(b"\n")[0]:
            # pip's form for folders with spaces or long names: two lines of shell.
            body = rest.split(b"\n", 2)[2]
        else:
            continue
        trampoline = (
            b"""#!/bin/sh\n'''exec' "$(dirname -- "$(realpath -- "$0")")"/'python' "$0" "$@"\n' '''\n"""
        )
        script.write_bytes(trampoline + body)
