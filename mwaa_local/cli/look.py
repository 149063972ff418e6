"""A quick look at a project's environment: what its files say and whether its supervisor lives.

For commands that must answer at once; `app` brings everything that changing an environment needs, which takes longer
to import than all of this takes to run.
"""

import atexit
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from mwaa_local.adapters.locks import is_locked
from mwaa_local.adapters.replacement import become
from mwaa_local.aws_ports import AwsAccess, EnvironmentService
from mwaa_local.config import Project
from mwaa_local.docker_ports import ContainerRecord
from mwaa_local.errors import EngineError, MwaaLocalError
from mwaa_local.ports import Clock, CommandRunner
from mwaa_local.project import find_project, path_overrides
from mwaa_local.runtime.start_record import StartRecord, load_record, not_running
from mwaa_local.runtime.state import ServiceReport, StateFolder, load_status
from mwaa_local.runtime.visitor import Guest, Visit, plan_visit, visit_container
from mwaa_local.stack import parse_stack


@dataclass(frozen=True, slots=True)
class Look:
    """What can be seen of an environment; nothing is started or changed."""

    project: Project
    folder: StateFolder
    supervised: bool
    record: StartRecord | None
    """Of the last start."""
    services: tuple[ServiceReport, ...]
    """As the last supervisor left them, or as the engine sees their containers."""
    containers: tuple[ContainerRecord, ...] = ()
    """Where they run in containers."""
    silence: MwaaLocalError | None = None
    """Why the engine of the containers does not answer."""

    def running(self) -> StartRecord:
        """Return the record of what runs; RuntimeStateError if nothing does, EngineError if that cannot be known."""
        if self.silence is not None:
            raise self.silence
        if not self.supervised or self.record is None:
            raise not_running()
        return self.record

    def is_changing(self) -> bool:
        """Tell whether a command is about to start or stop it."""
        return is_locked(self.folder.start_lock)

    def visit(self, guest: Guest) -> Visit:
        """Return the interpreter and the variables with which the user's own programs run here."""
        if self.record is not None and self.record.is_compose:
            return _visit_container(self)
        return self.local_visit(guest)

    def local_visit(self, guest: Guest) -> Visit:
        """Return the same for programs of this machine: of containers, only where their AWS is."""
        stack = parse_stack(self.folder.stack.read_text(encoding="utf-8", errors="replace"))
        return plan_visit(stack, os.environ, guest)


def look(folder: Path, *, asking: bool = False) -> Look:
    """Look at the project at, or above, a folder; `asking` services in containers how they are takes a moment."""
    project = find_project(folder, path_overrides({}, os.environ))
    state = StateFolder(project.state)
    record, supervised = load_record(state), is_locked(state.supervisor_lock)
    if record is not None and record.is_compose and not supervised:
        return _look_at_containers(project, state, record, asking=asking)
    return Look(project, state, supervised, record, load_status(state))


def _look_at_containers(project: Project, folder: StateFolder, record: StartRecord, *, asking: bool) -> Look:
    """Ask the engine; what takes a moment to import is not needed for native environments."""
    from mwaa_local.cli.containers import list_containers, make_watch
    from mwaa_local.runtime.container_reports import is_up

    try:
        containers = list_containers(record, os.environ)
    except EngineError as error:
        return Look(project, folder, False, record, (), silence=error)
    if not is_up(containers):
        return Look(project, folder, False, record, (), containers)
    services = make_watch(folder).reports(containers, asking=asking)
    return Look(project, folder, True, record, services, containers)


def _visit_container(seen: Look) -> Visit:
    from mwaa_local.cli.containers import find_container_client

    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    client = find_container_client(seen.running(), os.environ)
    return visit_container(client, seen.containers, os.environ, terminal=terminal)


def make_commands() -> CommandRunner:
    """Return what runs programs."""
    from mwaa_local.adapters.commands import SystemCommands

    return SystemCommands()


def tidy_at_exit(folder: StateFolder, service: str) -> None:
    """Have the TMPDIR of a command that starts no environment removed when we end, unless another one works in it."""

    def tidy() -> None:
        from mwaa_local.adapters.processes import SystemProcesses
        from mwaa_local.runtime.airflow_home import remove_idle_folders

        if not folder.root.is_dir() or is_locked(folder.supervisor_lock):
            return
        if not SystemProcesses().marked("TMPDIR", str(folder.own_folders.tmp(service))):
            remove_idle_folders(folder, service)

    atexit.register(tidy)


def leave_to(command: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Let another program take our place, with our streams and our exit code."""
    sys.stdout.flush()
    sys.stderr.flush()
    become(command, environment)


def find_aws_credentials(profile: str | None) -> str:
    """Return how the user's AWS credentials are found; empty if there are none."""
    from mwaa_local.adapters.aws_credentials import find_credentials

    return find_credentials(profile)


def open_aws(profile: str | None, region: str) -> AwsAccess:
    """Return everything that a deployment talks to, as the user's own credentials reach it."""
    from mwaa_local.adapters.aws_access import open_access

    return open_access(profile, region)


def hold_lock(path: Path, on_wait: Callable[[], None]) -> AbstractContextManager[None]:
    """Return a lock on this machine, which another process may have for a while."""
    from mwaa_local.adapters.locks import held_lock

    return held_lock(path, on_wait=on_wait)


def make_clock() -> Clock:
    """Return the clock of this machine."""
    from mwaa_local.adapters.clock import SystemClock

    return SystemClock()


def open_environments(profile: str | None, region: str) -> EnvironmentService:
    """Return the MWAA service of a region as the user's own credentials reach it."""
    return open_aws(profile, region).environments
