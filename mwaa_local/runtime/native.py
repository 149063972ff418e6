"""The native runtime: starts, stops and looks at an environment that runs as plain processes on this machine."""

import contextlib
import json
import os
import secrets as random
import signal
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from mwaa_local.catalog import MwaaVersion
from mwaa_local.config import LoadedConfig, Project
from mwaa_local.errors import RuntimeStateError
from mwaa_local.ports import ProcessId, ProcessOrder
from mwaa_local.runtime.airflow_home import (
    generation_digest,
    prepare_own_folder,
    remove_temporary_files,
    request_digest,
)
from mwaa_local.runtime.backend import NO_WISHES, StartWishes, comes_back
from mwaa_local.runtime.database import database_url, project_database, reset_database
from mwaa_local.runtime.database_preparation import note_version
from mwaa_local.runtime.database_user import choose_database_user
from mwaa_local.runtime.environment_status import is_healthy
from mwaa_local.runtime.handover import note_change, wait_for_workers
from mwaa_local.runtime.host import Host, Progress
from mwaa_local.runtime.leftovers import (
    SUPERVISOR_VARIABLE,
    is_running,
    recorded_runs,
    remove_leftovers,
    render_run,
    stop_supervisor,
)
from mwaa_local.runtime.metadata import MetadataClient
from mwaa_local.runtime.preparation import Prepared, prepare
from mwaa_local.runtime.replacement import Running, begin_drain, needs_drain, prepare_replacement, switch
from mwaa_local.runtime.requirements_install import unpin_layers
from mwaa_local.runtime.rollover import DRAIN_LIMIT
from mwaa_local.runtime.service_logs import rotate_logs
from mwaa_local.runtime.settings_record import render_settings
from mwaa_local.runtime.start_record import StartRecord, load_record, not_running
from mwaa_local.runtime.start_watch import StartWatch
from mwaa_local.runtime.state import (
    ServiceReport,
    StateFolder,
    load_status,
    read_json,
    write_private,
)
from mwaa_local.runtime.state_removal import remove_state
from mwaa_local.stack import render_stack
from mwaa_local.stack_workers import Rollover

RECOVERY_PATIENCE = 40.0
"""Seconds that `start` gives to services that the supervisor is restarting, before it restarts everything."""
IMPATIENCE = 5
"""So many times Ctrl-C is not heard while an interrupted start ends what it has begun."""


@dataclass(frozen=True, slots=True)
class NativeRuntime:
    """One project's environment on this machine."""

    project: Project
    host: Host

    @property
    def folder(self) -> StateFolder:
        """Return the project's state folder."""
        return StateFolder(self.project.state)

    def start(
        self, loaded: LoadedConfig, progress: Progress, wishes: StartWishes = NO_WISHES
    ) -> tuple[StartRecord, bool]:
        """Start the environment, or leave it alone if it runs already as asked; (record, whether it was started).

        If that is wished, the workers of what runs end what they have begun. Raises RoleFailedError when a role does
        not become healthy; nothing is left running then, unless it was to take the place of what ran.
        """
        folder = self.folder
        folder.create()
        if wishes.graceful:
            self._drain(loaded, progress)
        with self.host.lock(folder.start_lock):
            running = is_running(folder, self.host.watch)
            request = request_digest(loaded, self.project)
            before = load_record(folder) if running else None
            if before is not None and before.request == request and self._recovers(progress):
                return before, False
            what_runs = self._replaceable(request)
            if what_runs is not None:
                replacement = prepare_replacement(what_runs, loaded, progress, graceful=wishes.graceful)
                if replacement is not None:
                    return self._replace(what_runs, replacement, loaded, progress), True
            if running:
                with progress.step("Stopping what runs, to start it with what has changed"):
                    stop_supervisor(folder, self.host.watch)
            remove_leftovers(folder, self.host.watch)
            unpin_layers(folder.root)
            own, run_id = Rollover(generation_digest(loaded, self.project)), random.token_hex(8)
            prepared = prepare(
                loaded,
                self.project,
                folder,
                self.host,
                progress,
                run_id=run_id,
                rollover=own,
                carry=wishes.carry_over,
            )
            record = self._record(loaded, prepared, request)
            try:
                self._launch(prepared, record)
                with progress.step("Starting the roles"):
                    StartWatch(self.folder, self.host).wait(prepared, loaded.config.wait)
            except BaseException:
                self._abandon()
                raise
            self._note_ready(prepared)
            return record, True

    def _replace(
        self, running: Running, prepared: Prepared, loaded: LoadedConfig, progress: Progress
    ) -> StartRecord:
        """Change what runs while its tasks go on."""
        record = self._record(loaded, prepared, request_digest(loaded, self.project))
        # Until the new stack is ready, an interrupted start must not be taken for one that has done all.
        note_change(self.folder)
        self._write_records(prepared, record)
        with progress.step("Replacing what has changed"):
            switch(running, prepared, loaded.config.wait)
        self._note_ready(prepared)
        return record

    def _note_ready(self, prepared: Prepared) -> None:
        write_private(prepared.permissions, json.dumps({"fingerprint": prepared.fingerprint}))
        write_private(self.folder.ready, json.dumps({"run_id": prepared.stack.run_id}))

    def _has_been_ready(self, *, unchanged: bool = False) -> bool:
        ready = read_json(self.folder.ready) or {}
        if unchanged and ready.get("changing"):
            return False
        return ready.get("run_id") in recorded_runs(self.folder)

    def wait_for_replaced_workers(self) -> None:
        """Wait until the workers that have been replaced have ended what they run: twelve hours at most."""
        wait_for_workers(self.folder, self.host.watch, DRAIN_LIMIT)

    def _replaceable(self, request: str) -> Running | None:
        """Return what runs as another request wanted it, and has been ready once."""
        record = load_record(self.folder) if is_running(self.folder, self.host.watch) else None
        if record is None or record.request == request or not self._has_been_ready():
            return None
        return Running(self.project, self.folder, self.host, record)

    def _drain(self, loaded: LoadedConfig, progress: Progress) -> None:
        """Wait until running tasks have ended, if all is going to be stopped; others may change things meanwhile."""
        with self.host.lock(self.folder.start_lock):
            what_runs = self._replaceable(request_digest(loaded, self.project))
            if what_runs is None or not needs_drain(what_runs, loaded):
                return
            begin_drain(what_runs)
        with progress.step("Waiting for running tasks to end"):
            self.wait_for_replaced_workers()

    def stop(self) -> bool:
        """Stop the environment; False if nothing ran."""
        folder = self.folder
        if not folder.root.is_dir():
            return False
        with self.host.lock(folder.start_lock):
            running = is_running(folder, self.host.watch)
            stop_supervisor(folder, self.host.watch)
            remove_temporary_files(folder)
        return running

    def restart_service(self, name: str) -> None:
        """End one service; the supervisor starts it again."""
        report = next((report for report in self.services() if report.name == name), None)
        if report is None:
            names = ", ".join(report.name for report in self.services())
            raise RuntimeStateError(
                f"There is no service '{name}'.",
                hint=f"there are: {names}" if names else "start the environment first",
            )
        if report.pid is not None and report.started is not None:
            self.host.processes.signal(ProcessId(report.pid, report.started), signal.SIGTERM)

    def is_running(self) -> bool:
        """Tell whether a supervisor holds the environment."""
        return is_running(self.folder, self.host.watch)

    def is_healthy(self) -> bool:
        """Tell whether the environment runs and every service is healthy."""
        return is_healthy(self.services())

    def services(self) -> tuple[ServiceReport, ...]:
        """Return the services as the supervisor last saw them; none if nothing runs."""
        return load_status(self.folder) if self.is_running() else ()

    def metadata(self) -> MetadataClient:
        """Return what asks the database of the environment that runs."""
        record = load_record(self.folder)
        if record is None:
            raise not_running()
        secrets = read_json(self.folder.secrets) or {}
        url = database_url(str(secrets.get("database_password", "")), record.ports.postgres)
        return MetadataClient(Path(record.python), url, self.host.commands)

    def reset_database(self, version: MwaaVersion) -> None:
        """Stop the environment and delete a version's metadata database."""
        self.stop()
        self.folder.create()
        folder = self.folder.database
        folder.mkdir(mode=0o700, exist_ok=True)
        self.host.cache.mkdir(parents=True, exist_ok=True)
        # With root, the databases may lie outside the project.
        user = choose_database_user(self.host.commands, os.getuid(), folder, self.host.cache)
        reset_database(project_database(user.folder, version.airflow))
        # Else the next start would carry over what another version has.
        note_version(self.folder, version.airflow)

    def destroy(self) -> bool:
        """Stop the environment and remove all that is kept for the project; False if there was nothing."""
        folder = self.folder
        if not folder.root.exists():
            return False
        self.stop()
        remove_state(folder)
        return True

    def _recovers(self, progress: Progress) -> bool:
        """Tell whether what runs is healthy, or becomes so by itself; not what a killed start has left unfinished."""
        if not self._has_been_ready(unchanged=True):
            return False
        return comes_back(self, progress, RECOVERY_PATIENCE, 0.1)

    def _record(self, loaded: LoadedConfig, prepared: Prepared, request: str) -> StartRecord:
        config, environment = loaded.config, prepared.environment.environment
        return StartRecord(
            project=str(self.project.root),
            environment=config.name,
            version=config.version,
            amazon_provider=config.amazon_provider,
            python=str(environment.python),
            packages=str(environment.root),
            ports=prepared.ports,
            request=request,
            executor=str(config.executor),
            aws=str(config.aws.kind) + (f":{config.aws.profile}" if config.aws.profile else ""),
            generation=generation_digest(loaded, self.project),
        )

    def _write_records(self, prepared: Prepared, record: StartRecord) -> None:
        write_private(self.folder.start_record, json.dumps(asdict(record), indent=1))
        write_private(self.folder.settings, render_settings(prepared.settings))

    def _launch(self, prepared: Prepared, record: StartRecord) -> None:
        folder = self.folder
        for service in prepared.stack.services:
            prepare_own_folder(folder, service.name)
        prepare_own_folder(folder, "launcher")
        rotate_logs(folder.logs)
        for stale in (folder.status, folder.supervisor, *(folder.root / "run").glob("*.beat")):
            stale.unlink(missing_ok=True)
        run_id = prepared.stack.run_id
        write_private(folder.run, render_run(folder, run_id))
        write_private(folder.stack, render_stack(prepared.stack))
        self._write_records(prepared, record)
        self.host.processes.spawn(
            ProcessOrder(
                command=(sys.executable, "-m", "mwaa_local.cli.supervise", str(folder.root)),
                environment=(*self.host.environ.items(), (SUPERVISOR_VARIABLE, run_id)),
                cwd="/",
                log=str(folder.log("supervisor")),
                death_signal=0,
            )
        )

    def _abandon(self) -> None:
        """End what a start that failed or was interrupted has begun."""
        # A supervisor that has no lock yet would not be found: without its stack it ends by itself.
        self.folder.stack.unlink(missing_ok=True)
        for _ in range(IMPATIENCE):
            with contextlib.suppress(KeyboardInterrupt):
                stop_supervisor(self.folder, self.host.watch)
                remove_temporary_files(self.folder)
                return
