"""A real environment for end-to-end tests: the sample project in a folder of its own, driven by the command line."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from mwaa_local.catalog import data_folder

VERSIONS = ("2.2.2", "2.10.3", "3.0.6")
"""One of each generation: Python 3.7, 3.11 and 3.12."""
PATIENCE = 120.0
"""Seconds after which a test gives up; never a statement about how long things take."""
BUILD_PATIENCE = 900.0
"""The same for a start that may have to install Airflow first."""
COMMAND = str(Path(sys.executable).with_name("mwaa-local"))
MISSING = ("there is none on this machine", "the package index cannot be reached")
"""What `start` says where the machine has no interpreter or cannot install packages."""


@dataclass(slots=True)
class LocalEnvironment:
    """A project and the environment that `mwaa-local` runs for it."""

    project: Path
    version: str
    options: tuple[str, ...] = ()
    summary: dict[str, Any] = field(default_factory=dict)
    """What the last `start` said."""
    said: str = ""
    """What it said of its steps."""

    def mwaa_local(self, *arguments: str, patience: float = PATIENCE) -> subprocess.CompletedProcess[str]:
        """Run a command in the project's folder."""
        return subprocess.run(
            [COMMAND, *arguments],
            cwd=self.project,
            env={name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=patience,
            check=False,
        )

    def succeed(self, *arguments: str, patience: float = PATIENCE) -> str:
        """Run a command that must succeed and return what it prints."""
        done = self.mwaa_local(*arguments, patience=patience)
        assert done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def start(self) -> dict[str, Any]:
        """Start the environment; skip the test if the machine has no interpreter or no packages (CI must have them)."""
        started = self.mwaa_local(
            "start", "--json", "--version", self.version, *self.options, patience=BUILD_PATIENCE
        )
        error = started.stderr.partition("Error:")[2]
        if started.returncode and os.environ.get("CI") != "true" and any(what in error for what in MISSING):
            pytest.skip(f"Airflow {self.version} cannot be run here: {error.strip()}")
        assert started.returncode == 0, started.stderr
        self.summary, self.said = json.loads(started.stdout), started.stderr
        return self.summary

    def run_dag(self, dag_id: str, *options: str) -> dict[str, Any]:
        """Trigger a DAG, follow it to its end and return the result."""
        done = self.mwaa_local(
            "run", dag_id, "--json", "--timeout", f"{PATIENCE:.0f}", *options, patience=600
        )
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def read_state(self, *parts: str) -> str:
        """Return the content of a file of the state folder."""
        return self.project.joinpath(".mwaa-local", *parts).read_text(encoding="utf-8")

    @property
    def url(self) -> str:
        """Return the address of the Airflow UI."""
        return str(self.summary["url"])

    @property
    def password(self) -> str:
        """Return the password of the user `admin`."""
        return str(json.loads(self.read_state("secrets.json"))["admin_password"])

    def processes(self) -> list[str]:
        """Return what runs for this project: every process that carries the mark of one of its starts, or its path."""
        run_id = json.loads(self.read_state("run", "stack.json"))["run_id"]
        folder = str(self.project)
        return [
            f"{process.pid} {process.name()}"
            for process in psutil.process_iter()
            if process.pid != os.getpid() and belongs(process, run_id, folder)
        ]


def belongs(process: psutil.Process, run_id: str, folder: str) -> bool:
    try:
        variables, command = process.environ(), process.cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
    return variables.get("MWAA_LOCAL_RUN") == run_id or any(folder in part for part in command)


@contextmanager
def sample_environment(folder: Path, version: str, *options: str) -> Iterator[LocalEnvironment]:
    """Copy the sample project to `folder`; whatever happens, nothing is left running."""
    shutil.copytree(data_folder("sample_dags"), folder, ignore=shutil.ignore_patterns(".mwaa-local"))
    environment = LocalEnvironment(folder, version, options)
    try:
        yield environment
    finally:
        environment.mwaa_local("destroy", "--yes")


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait until something is the case."""
    deadline = time.monotonic() + PATIENCE
    while (asked := time.monotonic()) and not condition():
        assert time.monotonic() < deadline, f"it did not happen: {what}"
        # What takes long to find out is asked less often: it takes its time from what is waited for.
        time.sleep(max(0.2, time.monotonic() - asked))
