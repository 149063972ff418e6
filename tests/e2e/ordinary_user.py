"""Commands as an ordinary user, for tests that run as root: root may read everything and is refused by PostgreSQL."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.small_project import SmallProject, write_project

NOBODY = 65534
BECOME_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "env")
"""`env` as well, because what setpriv starts itself is looked up with root's rights still."""
PROGRAM = "import sys; from mwaa_local.cli import main; sys.argv[0] = 'mwaa-local'; main()"


@contextmanager
def project_of_nobody(version: str, cache: Path | None = None) -> Iterator[SmallProject]:
    """Make a project whose commands run as an ordinary user, in a home that is his.

    Of `cache`, the version's environments are copied to his own.
    """
    python = python_of_everybody()
    with tempfile.TemporaryDirectory(prefix="mwaa-local-nobody-") as name:
        home = Path(name)
        project = SmallProject(home / "project", version)
        write_project(project)
        packages = os.pathsep.join(path for path in sys.path if path)
        project.variables = {
            "HOME": str(home),
            "MWAA_LOCAL_CACHE": str(home / "cache"),
            "PYTHONPATH": packages,
        }
        project.program = (*BECOME_NOBODY, python, "-c", PROGRAM)
        if cache is not None:
            for environment in (cache / "environments").glob(f"{version}-*"):
                shutil.copytree(
                    environment, home / "cache" / "environments" / environment.name, symlinks=True
                )
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", name], check=True)
        yield project
        if project.state.exists():
            project.run("destroy", "--yes")


def python_of_everybody() -> str:
    """Return an interpreter of our minor version that an ordinary user can run; skip where only root can."""
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        asked = subprocess.run([*BECOME_NOBODY, python, "-c", ""], capture_output=True, check=False)
        if asked.returncode == 0:
            return python
    pytest.skip(f"an ordinary user can reach no Python 3.{sys.version_info.minor} here")
