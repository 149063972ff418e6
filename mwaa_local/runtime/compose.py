"""The Compose runtime: starts, stops and looks at an environment that runs in containers.

Compose creates and starts the containers, the engine restarts what ends and is asked what there is.
"""

import contextlib
import json
import secrets as random
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

from mwaa_local.catalog import MwaaVersion
from mwaa_local.config import LoadedConfig, Project
from mwaa_local.docker_ports import ComposeOrder, ContainerRecord
from mwaa_local.errors import EngineError, RoleFailedError, RuntimeStateError
from mwaa_local.runtime.airflow_home import generation_digest, request_digest
from mwaa_local.runtime.backend import NO_WISHES, StartProgress, StartWishes, comes_back
from mwaa_local.runtime.compose_carry_over import ComposeDatabases
from mwaa_local.runtime.compose_file import database_volume
from mwaa_local.runtime.compose_preparation import (
    ComposePrepared,
    ComposeSite,
    ComposeTask,
    prepare_compose,
)
from mwaa_local.runtime.compose_project import OVERRIDE, ComposeProject
from mwaa_local.runtime.compose_record import build_record
from mwaa_local.runtime.compose_replacement import (
    RunningContainers,
    in_words,
    needs_all_stopped,
    prepare_replacement,
    unwanted,
)
from mwaa_local.runtime.compose_waiting import ComposeWaiting
from mwaa_local.runtime.compose_watch import ComposeWatch
from mwaa_local.runtime.container_reports import MIGRATION, is_up
from mwaa_local.runtime.environment_status import is_healthy
from mwaa_local.runtime.handover import note_change
from mwaa_local.runtime.host import Host
from mwaa_local.runtime.metadata import MetadataClient
from mwaa_local.runtime.readiness import Prober
from mwaa_local.runtime.rollover import without_workers
from mwaa_local.runtime.service_logs import rotate_logs
from mwaa_local.runtime.settings_record import render_settings
from mwaa_local.runtime.start_record import StartRecord, load_record
from mwaa_local.runtime.state import ServiceReport, StateFolder, read_json, write_private
from mwaa_local.runtime.state_removal import remove_state
from mwaa_local.runtime.visitor import client_variables, container_command
from mwaa_local.stack import Stack, parse_stack, render_stack
from mwaa_local.stack_workers import Rollover

RECOVERY_PATIENCE = 60.0
INTERVAL = 0.25
RELEASE = "/_mwaa_local/release"
"""The endpoint's path where it takes back what a worker held."""
SCRIPT = Path("/opt/mwaa-local/inside/mwaa_inside/database.py")


@dataclass(frozen=True, slots=True)
class ComposeRuntime:
    """One project's environment on a container engine."""

    project: Project
    host: Host
    site: ComposeSite

    @property
    def folder(self) -> StateFolder:
        """Return the project's state folder."""
        return StateFolder(self.project.state)

    @property
    def kept(self) -> ComposeProject:
        """Return what is kept of the Compose project."""
        return ComposeProject(self.folder)

    def start(
        self, loaded: LoadedConfig, progress: StartProgress, wishes: StartWishes = NO_WISHES
    ) -> tuple[StartRecord, bool]:
        """Start the environment, or leave it alone if it runs already as asked; (record, whether it was started)."""
        folder = self.folder
        folder.create()
        if wishes.graceful:
            self._drain(loaded, progress)
        with self.host.lock(folder.start_lock):
            compose = self.site.compose()
            running = self.is_running()
            request = request_digest(loaded, self.project)
            before = load_record(folder) if running else None
            if before is not None and before.request == request and self._recovers(progress):
                return before, False
            # What takes long, or fails, does so while the environment still runs.
            images = self.site.images.ensure(loaded, progress)
            task = ComposeTask(loaded, self.project, self.host, self.site, progress)
            what_runs = self._replaceable(request)
            if what_runs is not None:
                replacement = prepare_replacement(task, what_runs, images, graceful=wishes.graceful)
                if replacement is not None:
                    return self._replace(task, replacement, request), True
            databases = ComposeDatabases(folder, self.site)
            plan = databases.plan(loaded, wishes.carry_over)
            if self._containers():
                with progress.step("Stopping what runs, to start it with what has changed"):
                    self._remove(volumes=False)
            own = Rollover(generation_digest(loaded, self.project))
            prepared = prepare_compose(task, images, run_id=random.token_hex(8), rollover=own)
            prepared = databases.carry_out(plan, task, prepared)
            self._write(prepared, build_record(prepared, self.project, request, self.site.address))
            try:
                with progress.step(f"Containers ({compose.name})"):
                    compose.up(self._order(prepared.name))
                with progress.step("Waiting for the roles"):
                    self._waiting.until_healthy(loaded.config.wait)
            except BaseException:
                self._abandon()
                raise
            self._note_ready(prepared)
            return build_record(prepared, self.project, request, self.site.address), True

    def _replace(self, task: ComposeTask, prepared: ComposePrepared, request: str) -> StartRecord:
        """Change what runs while its tasks go on."""
        site, compose = self.site, self.site.compose()
        record = build_record(prepared, self.project, request, site.address)
        # Until the new stack is ready, an interrupted start must not be taken for one that has done all.
        note_change(self.folder)
        self._write(prepared, record, rotating=False)
        with task.progress.step(f"Replacing what has changed ({compose.name})"):
            self._waiting.begin_to_leave(prepared.stack)
            compose.up(self._order(prepared.name, keeps_orphans=True))
            for each in unwanted(prepared, self._containers()):
                site.containers.discard(each)
            try:
                self._waiting.until_healthy(task.loaded.config.wait)
            except RoleFailedError as error:
                raise in_words(error) from error
        self._note_ready(prepared)
        self._forget_ended()
        return record

    def _replaceable(self, request: str) -> RunningContainers | None:
        """Return what runs as another request wanted it, and has been ready once."""
        record, containers = load_record(self.folder), self._containers()
        ready = (read_json(self.folder.ready) or {}).get("run_id")
        is_known = record is not None and record.is_compose and record.request != request
        if record is None or not is_known or not is_up(containers):
            return None
        return (
            RunningContainers(record, containers, self.folder)
            if ready in {each.run_id for each in containers}
            else None
        )

    def _drain(self, loaded: LoadedConfig, progress: StartProgress) -> None:
        """Wait until running tasks have ended, if all is going to be stopped; others may change things meanwhile."""
        with self.host.lock(self.folder.start_lock):
            what_runs = self._replaceable(request_digest(loaded, self.project))
            if what_runs is None or not needs_all_stopped(what_runs.record, loaded):
                return
            note_change(self.folder)
            none_stays = without_workers(what_runs.stack())
            self._waiting.begin_to_leave(none_stays)
        with progress.step("Waiting for running tasks to end"):
            self._waiting.until_left(none_stays)

    def stop(self) -> bool:
        """Stop the environment and remove its containers; volumes and files are kept. False if nothing ran."""
        if not self.folder.root.is_dir():
            return False
        with self.host.lock(self.folder.start_lock):
            running = self.is_running()
            self._remove(volumes=False)
        return running

    def restart_service(self, name: str) -> None:
        """Restart one service's container."""
        containers = {each.service: each for each in self._containers() if each.service != MIGRATION}
        if name not in containers:
            raise RuntimeStateError(
                f"There is no service '{name}'.",
                hint=f"there are: {', '.join(containers)}" if containers else "start the environment first",
            )
        self.site.containers.restart(containers[name])

    def is_running(self) -> bool:
        """Tell whether a container of the environment runs."""
        return is_up(self._containers())

    def is_healthy(self) -> bool:
        """Tell whether the environment runs and every service is healthy."""
        return is_healthy(self.services())

    def services(self) -> tuple[ServiceReport, ...]:
        """Return the services as they are; none if nothing runs."""
        containers = self._containers()
        return self._watch.reports(containers) if is_up(containers) else ()

    def metadata(self) -> MetadataClient:
        """Return what asks the database, from the scheduler's container."""
        prefix = container_command(self.site.client, self._containers(), terminal=False)
        variables = client_variables(self.host.environ)
        return MetadataClient(Path("python3"), "", self.host.commands, prefix, SCRIPT, variables)

    def wait_for_replaced_workers(self) -> None:
        """Wait until the workers that have been replaced have ended what they run: twelve hours at most."""
        self._waiting.until_left(self._stack())
        self._forget_ended()

    def reset_database(self, version: MwaaVersion) -> None:
        """Stop the environment and delete a version's metadata database."""
        self.stop()
        self.site.containers.remove_volume(self.kept.name(), database_volume(version.airflow))
        self.kept.permissions.unlink(missing_ok=True)
        # Else the next start would carry over what another version has.
        self.kept.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        ComposeDatabases(self.folder, self.site).note(version.airflow)

    def destroy(self) -> bool:
        """Remove containers, networks, volumes and all that is kept; False if there was nothing."""
        folder = self.folder
        if not folder.root.exists():
            return False
        record = load_record(folder)
        with self.host.lock(folder.start_lock):
            self._remove(volumes=True)
        if record is not None and record.is_compose:
            self.site.images.discard(record.packages)
        remove_state(folder)
        return True

    @property
    def _watch(self) -> ComposeWatch:
        prober = Prober(self.host.http, self.host.clock, self.site.postgres_answers)
        return ComposeWatch(self.folder, prober.is_healthy, self.host.clock.now)

    @property
    def _waiting(self) -> ComposeWaiting:
        return ComposeWaiting(self._watch, self.site.containers, self.kept.name(), self.host.clock)

    def _containers(self) -> tuple[ContainerRecord, ...]:
        name = self.kept.name()
        return self.site.containers.list(name) if name else ()

    def _remove(self, *, volumes: bool) -> None:
        name = self.kept.name()
        if name:
            self.site.containers.remove(name, volumes=volumes)
        for stale in self.kept.beats.glob("*"):
            stale.unlink(missing_ok=True)

    def _abandon(self) -> None:
        """Remove what a start that failed or was interrupted has begun; a second Ctrl-C is not heard."""
        for _ in range(2):
            with contextlib.suppress(KeyboardInterrupt, EngineError):
                self._remove(volumes=False)
                return

    def _order(self, name: str, *, keeps_orphans: bool = False) -> ComposeOrder:
        override = self.project.root / OVERRIDE
        files = (self.kept.file, override) if override.is_file() else (self.kept.file,)
        return ComposeOrder(name, files, self.project.root, keeps_orphans)

    def _write(self, prepared: ComposePrepared, record: StartRecord, *, rotating: bool = True) -> None:
        folder = self.folder
        if rotating:
            rotate_logs(folder.logs)
        prepared.parts.write(self.kept.file)
        write_private(folder.stack, render_stack(prepared.stack))
        write_private(folder.start_record, json.dumps(asdict(record), indent=1))
        write_private(folder.settings, render_settings(prepared.settings))

    def _note_ready(self, prepared: ComposePrepared) -> None:
        write_private(self.kept.permissions, json.dumps({"fingerprint": prepared.fingerprint}))
        write_private(self.folder.ready, json.dumps({"run_id": prepared.stack.run_id}))

    def _forget_ended(self) -> None:
        """Remove workers that have been replaced and have ended, and give back what they held."""
        record = load_record(self.folder)
        for worker in self._waiting.ended(self._stack()):
            self.site.containers.discard(worker)
            for stale in self.kept.beats.glob(f"{worker.service}.*"):
                stale.unlink(missing_ok=True)
            if record is not None:
                url = f"http://127.0.0.1:{record.ports.aws}{RELEASE}?consumer={quote(worker.service)}"
                self.host.http.post(url)

    def _stack(self) -> Stack:
        return parse_stack(self.folder.stack.read_text(encoding="utf-8", errors="replace"))

    def _recovers(self, progress: StartProgress) -> bool:
        """Tell whether what runs is healthy, or becomes so by itself; not what a killed start has left unfinished."""
        ready = read_json(self.folder.ready) or {}
        if ready.get("changing") or ready.get("run_id") not in {each.run_id for each in self._containers()}:
            return False
        return comes_back(self, progress, RECOVERY_PATIENCE, INTERVAL)
