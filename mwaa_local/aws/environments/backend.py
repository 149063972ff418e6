"""Runs environments as projects of their own on this machine, through the commands that a user has.

Every environment has a supervisor, a database and ports of its own; its AWS is this endpoint (`attached.json`).
"""

import json
import logging
import shutil
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mwaa_local.aws.account import ATTACHED, celery_queue_name
from mwaa_local.aws.environments.project_folder import INCORRECT, ProjectFolder, Unpack
from mwaa_local.aws.environments.source import FindSource
from mwaa_local.aws.mwaa_api.backend import BackendError, RestAnswer, RestCall, Wish
from mwaa_local.aws.web_doors.settings import parse_key, web_server_hostname
from mwaa_local.aws.web_doors.web_server import WebServer
from mwaa_local.errors import CommandError
from mwaa_local.ports import CommandResult, CommandRunner

SYNC_SECONDS = 30.0
"""How often MWAA copies the DAGs from the bucket."""
START_PATIENCE = 1200.0
"""Seconds for everything that `start` does, the building of an Airflow environment included."""
STOP_PATIENCE = 60.0
GRACEFUL = "GRACEFUL"
GRACEFUL_SECONDS = 43200.0
"""How long workers may run their tasks on during such an update: twelve hours (MWAA-FACTS 7)."""
SHOWN_LINES = 12

log = logging.getLogger("mwaa_local.aws")

CallRestApi = Callable[[Wish, RestCall, Mapping[str, int], bytes], RestAnswer]
"""Calls the REST API of an environment, given its ports and its key."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where environments live and what they are made with."""

    root: Path
    endpoint_url: str
    commands: CommandRunner
    environment: Mapping[str, str]
    """Variables of the commands."""
    find_source: FindSource
    unpack: Unpack
    create_queue: Callable[[str, str], None]
    """Makes the Celery queue of a region and a name."""
    remove_queue: Callable[[str, str], None]
    call_rest_api: CallRestApi


class NativeEnvironments:
    """EnvironmentBackend that runs Airflow."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._wishes: dict[str, Wish] = {}
        self._without_bucket: set[str] = set()
        self._syncing = threading.Lock()
        self._changed = threading.Event()
        self._ended = False
        threading.Thread(target=self._keep_in_sync, name="dag sync", daemon=True).start()

    def apply(self, wish: Wish) -> str:
        """Fill the folder, start the environment (again, where something changed) and wait until it is healthy."""
        folder = self._folder(wish.name)
        bucket = str(wish.settings["SourceBucketArn"]).rpartition(":")[2]
        source = self._site.find_source(bucket)
        if source is None:
            raise BackendError(INCORRECT, f"The bucket {bucket} does not exist.")
        with self._syncing:
            folder.materialise(wish, source)
        queue = celery_queue_name(wish.environment_id)
        self._site.create_queue(wish.region, queue)
        folder.state.mkdir(mode=0o700, exist_ok=True)
        attached = {"endpoint": self._site.endpoint_url, "queue": queue}
        (folder.state / ATTACHED).write_text(json.dumps(attached), encoding="utf-8")
        graceful = wish.strategy == GRACEFUL
        command = ["start", "--json", *(["--graceful"] if graceful else []), *self._carrying_over(wish)]
        result = self._run(command, wish.name, START_PATIENCE + (GRACEFUL_SECONDS if graceful else 0))
        if result.exit_code != 0:
            raise BackendError(INCORRECT, _reason(result))
        self._wishes[wish.name] = wish
        return web_server_hostname(self._ports(wish.name)["doors"])

    def remove(self, name: str) -> None:
        """Stop the environment and remove its folder and its queue."""
        wish = self._wishes.pop(name, None)
        folder = self._folder(name)
        if folder.root.is_dir():
            result = self._run(["destroy", "--yes"], name, STOP_PATIENCE)
            if result.exit_code != 0 and folder.state.exists():
                raise BackendError("INTERNAL_ERROR", _reason(result))
            with self._syncing:
                shutil.rmtree(folder.root, ignore_errors=True)
        if wish is not None:
            self._site.remove_queue(wish.region, celery_queue_name(wish.environment_id))

    def token_key(self, name: str) -> bytes:
        """Return the environment's own key, by which its doors know its tokens."""
        return parse_key(str(self._document(name, "secrets.json")["token_key"]))

    def answers(self, name: str) -> bool:
        """Tell whether the environment's web server answers."""
        try:
            return WebServer(self._ports(name)["webserver"]).answers()
        except BackendError:
            return False

    def call_rest_api(self, wish: Wish, call: RestCall) -> RestAnswer:
        """Call the environment's REST API."""
        return self._site.call_rest_api(wish, call, self._ports(wish.name), self.token_key(wish.name))

    def end(self) -> None:
        """Stop all environments: they cannot run without this endpoint."""
        self._ended = True
        self._changed.set()
        names = [path.name for path in self._site.root.glob("*") if (path / ".mwaa-local").is_dir()]
        if names:
            with ThreadPoolExecutor(len(names)) as pool:
                list(pool.map(self._stop, names))

    def sync_now(self) -> None:
        """Make the DAGs of every environment those of its bucket."""
        for wish in list(self._wishes.values()):
            with self._syncing:
                self._sync(wish)

    def note_object(self, _bucket: str, _key: str) -> None:
        """Take note that an object of a bucket has changed: DAGs are looked at at once."""
        if self._wishes:
            self._changed.set()

    def _carrying_over(self, wish: Wish) -> list[str]:
        """Return the option for another version: it migrates what the one before has, whatever it once had itself.

        After a failed update the version of before finds its own metadata as they were.
        """
        wanted = str(wish.settings["AirflowVersion"])
        try:
            last = str(self._document(wish.name, "database.json")["version"])
        except (BackendError, KeyError):
            return []
        return [] if wish.rolls_back or last == wanted else ["--carry-over"]

    def _stop(self, name: str) -> None:
        try:
            self._run(["stop"], name, STOP_PATIENCE)
        except BackendError as error:
            log.warning("environment %s: %s", name, error.message)

    def _keep_in_sync(self) -> None:
        while not self._ended:
            self._changed.wait(SYNC_SECONDS)
            self._changed.clear()
            self.sync_now()

    def _sync(self, wish: Wish) -> None:
        bucket = str(wish.settings["SourceBucketArn"]).rpartition(":")[2]
        source = self._site.find_source(bucket)
        if source is None:
            if wish.name not in self._without_bucket:
                log.error(
                    "environment %s: the bucket %s is gone; its DAGs stay as they are", wish.name, bucket
                )
            self._without_bucket.add(wish.name)
            return
        self._without_bucket.discard(wish.name)
        try:
            if wish.name in self._wishes and self._folder(wish.name).root.is_dir():
                self._folder(wish.name).dags.sync(source, str(wish.settings["DagS3Path"]))
        except OSError as error:
            log.error("environment %s: its DAGs cannot be written: %s", wish.name, error)

    def _folder(self, name: str) -> ProjectFolder:
        return ProjectFolder(self._site.root / name, self._site.unpack)

    def _run(self, arguments: list[str], name: str, patience: float) -> CommandResult:
        root = self._folder(name).root
        command = [sys.executable, "-m", "mwaa_local.cli", *arguments, "--project", str(root)]
        try:
            return self._site.commands.run(command, env=self._site.environment, cwd=root, timeout=patience)
        except CommandError as error:
            raise BackendError("INTERNAL_ERROR", error.message) from error

    def _ports(self, name: str) -> dict[str, int]:
        return {key: int(port) for key, port in self._document(name, "ports.json").items()}

    def _document(self, name: str, file: str) -> dict[str, Any]:
        try:
            document = json.loads((self._folder(name).state / file).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BackendError("INTERNAL_ERROR", f"{file} of environment {name} cannot be read") from error
        return dict(document)


def _reason(result: CommandResult) -> str:
    """Return what a failed command has said, the error first."""
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    starts = [number for number, line in enumerate(lines) if line.startswith("Error:")]
    said = lines[starts[-1] :] if starts else lines
    return "\n".join(said[:SHOWN_LINES]) or f"mwaa-local ended with exit code {result.exit_code}"
