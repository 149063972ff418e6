"""Replaces what runs without stopping it: workers end what they have begun while new ones take what is new.

`native` decides when; `rollover` what becomes of each process, in the supervisor. Two ways:

- Where the database stays as it is, the supervisor is handed the new stack, and old workers leave when their tasks end.
- Where it does not (another version of Airflow), the old workers take nothing more and are waited for; then everything
  is stopped and started as ever.
"""

from dataclasses import dataclass, replace

from mwaa_local.catalog import Role
from mwaa_local.config import LoadedConfig, Project
from mwaa_local.environment_stack import Ports, service_names
from mwaa_local.errors import RoleFailedError
from mwaa_local.runtime.airflow_home import generation_digest, prepare_own_folder
from mwaa_local.runtime.handover import hand_over, note_change
from mwaa_local.runtime.host import Host, Progress
from mwaa_local.runtime.leftovers import recorded_runs
from mwaa_local.runtime.port_choice import PortFinder
from mwaa_local.runtime.preparation import Prepared, prepare
from mwaa_local.runtime.requirements_install import pin_layers
from mwaa_local.runtime.rollover import (
    choose_worker_names,
    is_drainable,
    without_workers,
)
from mwaa_local.runtime.start_record import StartRecord
from mwaa_local.runtime.start_watch import StartWatch
from mwaa_local.runtime.state import StateFolder, load_status
from mwaa_local.stack import Stack, parse_stack
from mwaa_local.stack_workers import Rollover


@dataclass(frozen=True, slots=True)
class Running:
    """An environment that runs, and the start that made it so."""

    project: Project
    folder: StateFolder
    host: Host
    record: StartRecord

    def stack(self) -> Stack:
        """Return the stack that runs."""
        return parse_stack(self.folder.stack.read_text(encoding="utf-8", errors="replace"))


def needs_drain(running: Running, loaded: LoadedConfig) -> bool:
    """Tell whether everything has to be stopped for what is asked for, the database too."""
    own_port = loaded.config.postgres_port in (None, running.record.ports.postgres)
    return running.record.version != loaded.version.airflow or not own_port


def prepare_replacement(
    running: Running, loaded: LoadedConfig, progress: Progress, *, graceful: bool
) -> Prepared | None:
    """Get everything ready for what takes the place of what runs; None where all has to be stopped and started.

    A change of nothing but the number of workers stops no task, asked for or not.
    """
    is_rescaled = running.record.generation == generation_digest(loaded, running.project)
    if needs_drain(running, loaded) or not (graceful or is_rescaled):
        return None
    return _prepare_next(running, loaded, progress)


def _prepare_next(running: Running, loaded: LoadedConfig, progress: Progress) -> Prepared | None:
    """Get everything ready for what takes the place of what runs; None if tasks could not go on meanwhile."""
    before = running.stack()
    generation = generation_digest(loaded, running.project)
    names = choose_worker_names(
        service_names(loaded.config, Role.WORKER),
        [service.name for service in before.services if service.role == Role.WORKER],
        {report.name for report in load_status(running.folder)},
        keeps=generation == running.record.generation,
    )
    (run_id, *_) = recorded_runs(running.folder) or (before.run_id,)
    pin_layers(running.folder.root)
    prepared = prepare(
        loaded,
        running.project,
        running.folder,
        replace(running.host, port_finder=own_ports(running.host.port_finder, running.record.ports)),
        progress,
        run_id=run_id,
        rollover=Rollover(generation, names),
    )
    return prepared if is_drainable(before, prepared.stack) else None


def own_ports(finder: PortFinder, ports: Ports) -> PortFinder:
    """Return a finder that takes the ports of what runs for free."""
    own = {ports.webserver, ports.aws, ports.postgres, ports.doors}
    return PortFinder(lambda port: port in own or finder.is_free(port), finder.pick)


def switch(running: Running, prepared: Prepared, patience: float) -> None:
    """Have the supervisor go over to what has been prepared, and wait until it is healthy; else RoleFailedError."""
    for service in prepared.stack.services:
        prepare_own_folder(running.folder, service.name)
    prepare_own_folder(running.folder, "launcher")
    hand_over(running.folder, prepared.stack, running.host.watch)
    try:
        StartWatch(running.folder, running.host).wait(prepared, patience)
    except RoleFailedError as error:
        hint = f"{error.hint}; running tasks go on: start it again with --graceful, as it was or put right"
        raise RoleFailedError(error.message, hint=hint) from error


def begin_drain(running: Running) -> None:
    """Have the workers take nothing more, and end when what they run has: within twelve hours, as on MWAA."""
    # A start that is interrupted now has left no environment that could be taken for a healthy one.
    note_change(running.folder)
    hand_over(running.folder, without_workers(running.stack()), running.host.watch)
