"""Replaces containers without ending what runs: new workers beside old ones, which end what they have begun.

Compose recreates what has changed and leaves the rest alone, so the new file goes by the name and the run of the old
one. Old workers are no part of it any more; they are asked to end and have twelve hours, as on MWAA. Where the database
or the networks have to change, the old workers are waited for first, and then everything is stopped and started.
"""

from dataclasses import dataclass, replace
from typing import Any

import yaml

from mwaa_local.catalog import Role
from mwaa_local.config import LoadedConfig
from mwaa_local.docker_ports import ContainerRecord
from mwaa_local.environment_stack import service_names
from mwaa_local.errors import RoleFailedError
from mwaa_local.runtime.airflow_home import generation_digest
from mwaa_local.runtime.compose_file import ComposeImages
from mwaa_local.runtime.compose_preparation import ComposePrepared, ComposeTask, prepare_compose
from mwaa_local.runtime.compose_project import ComposeProject
from mwaa_local.runtime.replacement import own_ports
from mwaa_local.runtime.rollover import choose_worker_names
from mwaa_local.runtime.start_record import StartRecord
from mwaa_local.runtime.state import StateFolder
from mwaa_local.stack import Stack, parse_stack
from mwaa_local.stack_workers import Rollover


@dataclass(frozen=True, slots=True)
class RunningContainers:
    """An environment that runs in containers, and the start that made it so."""

    record: StartRecord
    containers: tuple[ContainerRecord, ...]
    folder: StateFolder

    def stack(self) -> Stack:
        """Return the stack that runs."""
        return parse_stack(self.folder.stack.read_text(encoding="utf-8", errors="replace"))

    @property
    def run_id(self) -> str:
        """Return the run of its containers."""
        return next(each.run_id for each in self.containers if each.run_id)


def needs_all_stopped(before: StartRecord, loaded: LoadedConfig) -> bool:
    """Tell whether everything has to be stopped for what is asked for, the database too."""
    own_port = loaded.config.postgres_port in (None, before.ports.postgres)
    return before.version != loaded.version.airflow or not own_port


def prepare_replacement(
    task: ComposeTask, running: RunningContainers, images: ComposeImages, *, graceful: bool
) -> ComposePrepared | None:
    """Get ready what takes the place of what runs; None where all has to be stopped and started.

    A change of nothing but the number of workers stops no task, asked for or not.
    """
    loaded, before = task.loaded, running.stack()
    generation = generation_digest(loaded, task.project)
    is_rescaled = running.record.generation == generation
    if needs_all_stopped(running.record, loaded) or not (graceful or is_rescaled):
        return None
    names = choose_worker_names(
        service_names(loaded.config, Role.WORKER),
        [spec.name for spec in before.services if spec.role == Role.WORKER],
        {each.service for each in running.containers if each.role == Role.WORKER},
        # Whether a worker sleeps when it is not wanted is settled when its container is made.
        keeps=is_rescaled and (before.scaling is not None) == loaded.config.autoscale,
    )
    finder = own_ports(task.host.port_finder, running.record.ports)
    task = replace(task, host=replace(task.host, port_finder=finder))
    prepared = prepare_compose(task, images, run_id=running.run_id, rollover=Rollover(generation, names))
    return prepared if keeps_ground(_read(running.folder), yaml.safe_load(prepared.parts.render())) else None


def keeps_ground(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Tell whether tasks can go on while one file takes the place of another: database and networks must stay."""
    grounds = [
        (document.get("networks"), document.get("services", {}).get("postgres"))
        for document in (before, after)
    ]
    return grounds[0] == grounds[1]


def unwanted(
    prepared: ComposePrepared, containers: tuple[ContainerRecord, ...]
) -> tuple[ContainerRecord, ...]:
    """Return what Compose would take for orphans, but for workers: what neither the file nor an override has."""
    services = set(yaml.safe_load(prepared.parts.render())["services"])
    return tuple(
        each
        for each in containers
        if each.run_id and each.service not in services and each.role != Role.WORKER
    )


def in_words(error: RoleFailedError) -> RoleFailedError:
    """Return the error of a replacement that failed: what ran of tasks goes on."""
    hint = f"{error.hint}; running tasks go on: start it again with --graceful, as it was or put right"
    return RoleFailedError(error.message, hint=hint)


def _read(folder: StateFolder) -> dict[str, Any]:
    try:
        document = yaml.safe_load(ComposeProject(folder).file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return document if isinstance(document, dict) else {}
