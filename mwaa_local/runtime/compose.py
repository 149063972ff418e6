"""The Compose runtime: starts, stops and looks at an environment that runs in containers.

Compose creates and starts the containers, the engine restarts what ends and is asked what there is.
"""

import contextlib
import json
import secrets as random
from dataclasses import asdict, dataclass
from pathlib import Path

from mwaa_local.catalog import MwaaVersion
from mwaa_local.config import LoadedConfig, Project, RuntimeKind
from mwaa_local.docker_ports import ComposeOrder, ContainerRecord
from mwaa_local.errors import EngineError, MwaaLocalError, RoleFailedError, RuntimeStateError
from mwaa_local.runtime.airflow_home import request_digest
from mwaa_local.runtime.backend import NO_WISHES, StartProgress, StartWishes, comes_back
from mwaa_local.runtime.compose_file import database_volume
from mwaa_local.runtime.compose_preparation import (
    ComposePrepared,
    ComposeSite,
    ComposeTask,
    prepare_compose,
)
from mwaa_local.runtime.compose_project import OVERRIDE, ComposeProject
from mwaa_local.runtime.compose_watch import ComposeWatch
from mwaa_local.runtime.compose_wishes import without_scaling
from mwaa_local.runtime.container_reports import MIGRATION, is_up
from mwaa_local.runtime.convergence import Phase
from mwaa_local.runtime.environment_status import is_healthy
from mwaa_local.runtime.host import Host
from mwaa_local.runtime.metadata import MetadataClient
from mwaa_local.runtime.readiness import Prober
from mwaa_local.runtime.service_logs import rotate_logs, tail
from mwaa_local.runtime.settings_record import render_settings
from mwaa_local.runtime.start_record import StartRecord, load_record
from mwaa_local.runtime.state import ServiceReport, StateFolder, read_json, write_private
from mwaa_local.runtime.state_removal import remove_state
from mwaa_local.runtime.visitor import container_command
from mwaa_local.stack import render_stack

FAILURES_TO_GIVE_UP = 3
RECOVERY_PATIENCE = 60.0
INTERVAL = 0.25
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
        loaded = without_scaling(loaded, wishes, progress.warn)
        folder = self.folder
        folder.create()
        with self.host.lock(folder.start_lock):
            compose = self.site.compose()
            running = self.is_running()
            request = request_digest(loaded, self.project)
            before = load_record(folder) if running else None
            if before is not None and before.request == request and self._recovers(progress):
                return before, False
            # What takes long, or fails, does so while the environment still runs.
            images = self.site.images.ensure(loaded, progress)
            if self._containers():
                with progress.step("Stopping what runs, to start it with what has changed"):
                    self._remove(volumes=False)
            task = ComposeTask(loaded, self.project, self.host, self.site, progress)
            prepared = prepare_compose(task, images, run_id=random.token_hex(8))
            record = self._record(loaded, prepared, request)
            self._write(prepared, record)
            try:
                with progress.step(f"Containers ({compose.name})"):
                    compose.up(self._order(prepared.name))
                with progress.step("Waiting for the roles"):
                    self._wait_until_healthy(loaded.config.wait)
            except BaseException:
                self._abandon()
                raise
            write_private(self.kept.permissions, json.dumps({"fingerprint": prepared.fingerprint}))
            write_private(folder.ready, json.dumps({"run_id": prepared.stack.run_id}))
            return record, True

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
        return MetadataClient(Path("python3"), "", self.host.commands, prefix, SCRIPT, self.host.environ)

    def wait_for_replaced_workers(self) -> None:
        """Do nothing: containers are replaced at once."""

    def reset_database(self, version: MwaaVersion) -> None:
        """Stop the environment and delete a version's metadata database."""
        self.stop()
        self.site.containers.remove_volume(self.kept.name(), database_volume(version.airflow))
        self.kept.permissions.unlink(missing_ok=True)

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

    def _order(self, name: str) -> ComposeOrder:
        override = self.project.root / OVERRIDE
        files = (self.kept.file, override) if override.is_file() else (self.kept.file,)
        return ComposeOrder(name, files, self.project.root)

    def _write(self, prepared: ComposePrepared, record: StartRecord) -> None:
        folder = self.folder
        rotate_logs(folder.logs)
        write_private(folder.stack, render_stack(prepared.stack))
        write_private(folder.start_record, json.dumps(asdict(record), indent=1))
        write_private(folder.settings, render_settings(prepared.settings))

    def _record(self, loaded: LoadedConfig, prepared: ComposePrepared, request: str) -> StartRecord:
        config = loaded.config
        return StartRecord(
            project=str(self.project.root),
            environment=config.name,
            version=config.version,
            amazon_provider=config.amazon_provider,
            python="python3",
            packages=prepared.images.project,
            ports=prepared.ports,
            request=request,
            executor=str(config.executor),
            aws=str(config.aws.kind) + (f":{config.aws.profile}" if config.aws.profile else ""),
            runtime=RuntimeKind.COMPOSE.value,
            compose_project=prepared.name,
            engine=self.site.address,
            environment_class=config.environment_class.value,
        )

    def _recovers(self, progress: StartProgress) -> bool:
        """Tell whether what runs is healthy, or becomes so by itself; not what a killed start has left unfinished."""
        ready = (read_json(self.folder.ready) or {}).get("run_id")
        if ready not in {each.run_id for each in self._containers()}:
            return False
        return comes_back(self, progress, RECOVERY_PATIENCE, INTERVAL)

    def _wait_until_healthy(self, patience: float) -> None:
        clock = self.host.clock
        deadline = clock.monotonic() + patience
        while True:
            containers = self._containers()
            reports = self._watch.reports(containers)
            if reports and all(report.phase is Phase.HEALTHY for report in reports):
                return
            for container in containers:
                if _has_failed(container):
                    raise self._failure(container.service, f"ended with exit code {container.exit_code}")
            if clock.monotonic() > deadline:
                late = next(report for report in reports if report.phase is not Phase.HEALTHY)
                raise self._failure(late.name, f"was not healthy after {patience:.0f} s")
            clock.sleep(INTERVAL)

    def _failure(self, service: str, what: str) -> RoleFailedError:
        """Return the error of a service, with its last words: from its log, or what its container has printed."""
        lines = tail(self.folder.log(service), 15)
        container = next((each for each in self._containers() if each.service == service), None)
        if not lines and container is not None:
            with contextlib.suppress(MwaaLocalError):
                lines = self.site.containers.tail(container, 15)
        return RoleFailedError(
            f"The {service} container {what}. Its last log lines:\n"
            + "\n".join(f"    {line}" for line in lines),
            hint=f"the whole log: mwaa-local logs {service}",
        )


def _has_failed(container: ContainerRecord) -> bool:
    """Tell whether a container keeps ending, or the migration has ended without success."""
    ended = container.state in ("exited", "dead", "restarting")
    return ended and container.exit_code != 0 and container.restarts >= FAILURES_TO_GIVE_UP
