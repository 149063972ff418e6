"""Carries metadata from version to version in containers, where each version's database is in a volume of its own.

What is decided is `carry_over`'s. PostgreSQL's container copies the cluster of the version before into the volume of
the new one, beside the cluster that may be there; the version's own image migrates the copy (a newer one's image takes
it back first), and the next start puts it in place. The volume that was copied is only read.
"""

import json
import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mwaa_local.config import LoadedConfig
from mwaa_local.docker_ports import ComposeOrder
from mwaa_local.errors import DatabaseError, MwaaLocalError
from mwaa_local.ports import Clock
from mwaa_local.runtime.carry_over import Carry, Plan, Situation, carry_out, plan_carry_over
from mwaa_local.runtime.compose_file import (
    build_compose,
    database_volume,
    render_compose,
)
from mwaa_local.runtime.compose_preparation import ComposePrepared, ComposeSite, ComposeTask
from mwaa_local.runtime.compose_project import ComposeProject
from mwaa_local.runtime.compose_waiting import ComposeWaiting
from mwaa_local.runtime.compose_watch import ComposeWatch
from mwaa_local.runtime.container_reports import MIGRATION
from mwaa_local.runtime.start_record import load_record
from mwaa_local.runtime.state import StateFolder, read_json, write_private

PATIENCE = 1800.0
"""Seconds for a migration; those of years of runs take minutes."""


@dataclass(frozen=True, slots=True)
class VolumeRecord:
    """Which version's volume was in use last and which one before, and what has become of carrying over."""

    version: str | None = None
    before: str | None = None
    unfinished: str | None = None
    """The version whose volume was new when something was to be carried over into it, until that is done."""
    adopted: str = ""
    """The cluster that was carried over last into the volume of `version`."""


@dataclass(frozen=True, slots=True)
class ComposeDatabases:
    """The databases of one project's containers."""

    folder: StateFolder
    site: ComposeSite

    def plan(self, loaded: LoadedConfig, wish: bool | None) -> Plan:
        """Decide which database the version gets; UsageError or DatabaseError where that cannot be."""
        record, wanted = self.record(), loaded.version.airflow
        kept = self._volumes()
        last = record.before if wish and record.version == wanted else record.version
        plan = plan_carry_over(
            Situation(
                last=last if last and database_volume(last) in kept else None,
                wanted=wanted,
                has_own=database_volume(wanted) in kept and record.unfinished != wanted,
                wish=wish,
            )
        )
        if isinstance(plan, Carry) and plan.is_newer and self.site.images.find_version(plan.source) is None:
            raise DatabaseError(
                f"Only Airflow {plan.source} itself can take its metadata back, and the engine has no image of it.",
                hint=f"mwaa-local build --version {plan.source}, "
                "or begin with an empty database: mwaa-local start --no-carry-over",
            )
        return plan

    def carry_out(self, plan: Plan, task: ComposeTask, prepared: ComposePrepared) -> ComposePrepared:
        """Do what was decided, while nothing runs; return what is to be started then."""
        airflow, record = task.loaded.version.airflow, self.record()
        adopted = record.adopted if record.version == airflow else ""
        name = f"carried-{secrets.token_hex(4)}"

        def carry(chosen: Carry) -> None:
            title = f"Carrying the metadata of Airflow {chosen.source} over to {airflow}"
            with task.progress.step(title):
                _Carrying(self, task, prepared, chosen, name).run()

        if carry_out(plan, carry, task.progress.warn):
            adopted = name
        self.note(airflow, adopted)
        settings = replace(prepared.parts.settings, adopted=adopted)
        return replace(prepared, parts=replace(prepared.parts, settings=settings))

    def record(self) -> VolumeRecord:
        """Return what is known; where nothing was noted, what the last start in containers left."""
        try:
            return VolumeRecord(**(read_json(self._file) or {"": None}))
        except TypeError:
            last = load_record(self.folder)
            return VolumeRecord(last.version if last is not None and last.is_compose else None)

    def note(self, airflow: str, adopted: str = "") -> None:
        """Note which version's database is in use: what comes after it begins with that."""
        known = self.record()
        before = known.version if known.version != airflow else known.before
        self.keep(VolumeRecord(airflow, before, None, adopted))

    def keep(self, record: VolumeRecord) -> None:
        """Write the record."""
        fields = {name: getattr(record, name) for name in VolumeRecord.__slots__}
        write_private(self._file, json.dumps(fields))

    def _volumes(self) -> frozenset[str]:
        name = ComposeProject(self.folder).name()
        return self.site.containers.volumes_of(name) if name else frozenset()

    @property
    def _file(self) -> Path:
        return self.folder.compose / "database.json"


@dataclass(frozen=True, slots=True)
class _Carrying:
    """One version's metadata on their way to another one."""

    databases: ComposeDatabases
    task: ComposeTask
    prepared: ComposePrepared
    chosen: Carry
    cluster: str

    def run(self) -> None:
        """Make the migrated copy, or leave everything as it was; DatabaseError says what failed."""
        databases, airflow = self.databases, self.task.loaded.version.airflow
        record, volume = databases.record(), database_volume(airflow)
        containers, project = databases.site.containers, self.prepared.name
        is_new = volume not in containers.volumes_of(project) or record.unfinished == airflow
        if is_new:
            databases.keep(replace(record, unfinished=airflow))
        try:
            if self.chosen.is_newer:
                newer = databases.site.images.find_version(self.chosen.source)
                self._migrate(newer, (airflow,))
            self._migrate(self.prepared.images.airflow, ())
            containers.remove(project, volumes=False)
        except BaseException as error:
            containers.remove(project, volumes=False)
            if is_new:
                containers.remove_volume(project, volume)
                databases.keep(record)
            if isinstance(error, MwaaLocalError):
                raise self._failure(error) from error
            raise

    def _migrate(self, image: str | None, arguments: tuple[str, ...]) -> None:
        kept = ComposeProject(self.databases.folder)
        file = kept.file.with_name("carry-over.yml")
        document = carry_document(self.prepared, self.chosen.source, self.cluster)
        service = document["services"][MIGRATION]
        service |= {"image": image, "command": [*service["command"], *arguments]}
        self.prepared.parts.write(kept.file)
        write_private(file, render_compose(document, self.task.loaded.config))
        order = ComposeOrder(self.prepared.name, (file,), self.task.project.root)
        self.databases.site.compose().up(order)
        waiting = _waiting(self.databases, self.prepared.name, self.task.host.clock)
        waiting.until_migrated(PATIENCE)

    def _failure(self, error: MwaaLocalError) -> DatabaseError:
        return DatabaseError(
            f"The metadata of Airflow {self.chosen.source} could not be carried over. {error.message}",
            hint="they are as they were; or begin with an empty database: mwaa-local start --no-carry-over",
        )


def _waiting(databases: ComposeDatabases, name: str, clock: Clock) -> ComposeWaiting:
    watch = ComposeWatch(databases.folder, lambda _probe, _age: None, clock.now)
    return ComposeWaiting(watch, databases.site.containers, name, clock)


def carry_document(prepared: ComposePrepared, source: str, cluster: str) -> dict[str, Any]:
    """Return what runs meanwhile: PostgreSQL on the copy, and a migration that is not repeated."""
    whole = build_compose(prepared.parts.inputs)
    volume = database_volume(source)
    postgres, migrate = whole["services"]["postgres"], whole["services"][MIGRATION]
    mounted = {"type": "volume", "source": volume, "target": "/source", "read_only": True}
    postgres |= {
        "command": ["mwaa-local-serve", "carry-over", cluster],
        "restart": "no",
        "volumes": [*postgres["volumes"], mounted],
    }
    del postgres["ports"]
    own = database_volume(prepared.parts.inputs.loaded.version.airflow)
    return {
        **{key: value for key, value in whole.items() if key == "networks"},
        "services": {"postgres": postgres, MIGRATION: {**migrate, "restart": "no"}},
        # As the other file has them: Compose takes other labels for another volume.
        "volumes": dict.fromkeys((own, volume), whole["volumes"][own]),
        "secrets": whole["secrets"],
    }
