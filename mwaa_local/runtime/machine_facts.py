"""Looks at a machine for `doctor`: what is installed, where there is room. Installs and changes nothing."""

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from mwaa_local.errors import CommandError
from mwaa_local.ports import CommandRunner
from mwaa_local.runtime.checks import FolderFact, ToolFact
from mwaa_local.runtime.interpreter_candidates import list_candidates

PATIENCE = 10.0


def find_python(minor: str, environ: Mapping[str, str], runner: CommandRunner) -> ToolFact:
    """Return the first interpreter of this minor that runs."""
    for candidate in list_candidates(minor, environ):
        found = ask_version(candidate.path, runner)
        if found.version.startswith(f"{minor}."):
            return found
    return ToolFact(error="none")


def ask_version(program: Path, runner: CommandRunner) -> ToolFact:
    """Return what `PROGRAM --version` says: the second word of it."""
    try:
        answer = runner.run([str(program), "--version"], timeout=PATIENCE, cwd=Path("/"))
    except CommandError as error:
        return ToolFact(error=error.message)
    words = answer.stdout.split()
    if answer.exit_code != 0 or len(words) < 2:
        return ToolFact(error=f"{program} --version ended with exit code {answer.exit_code}")
    return ToolFact(words[1], str(program))


def ask_engine(runner: CommandRunner) -> str | None:
    """Return the version of the Docker engine; empty if it does not answer, None without the command."""
    try:
        answer = runner.run(["docker", "version", "--format", "{{.Server.Version}}"], timeout=PATIENCE)
    except CommandError as error:
        return None if "no such program" in error.message else ""
    return answer.stdout.strip() if answer.exit_code == 0 else ""


def look_at_folder(name: str, folder: Path) -> FolderFact:
    """Return the room in a folder, or in the nearest one above it that exists."""
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    return FolderFact(
        name,
        folder,
        shutil.disk_usage(existing).free,
        existing.is_dir() and os.access(existing, os.W_OK | os.X_OK),
    )


def size_of(folder: Path) -> int:
    """Return how many bytes a folder takes on disk; files that several environments share count once."""
    inodes: dict[tuple[int, int], int] = {}
    waiting = [os.fspath(folder)]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                found = entry.stat(follow_symlinks=False)
                inodes[found.st_dev, found.st_ino] = found.st_blocks * 512
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
    return sum(inodes.values())
