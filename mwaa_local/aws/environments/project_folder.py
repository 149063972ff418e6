"""Writes the project that an environment runs: its configuration, and the files of the versions that were asked for.

Only `materialise` reads plugins, requirements and startup script: as on MWAA, a new version of one of them changes
nothing until an update names it.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mwaa_local.aws.environments.dag_sync import SyncedFolder
from mwaa_local.aws.environments.source import Source
from mwaa_local.aws.mwaa_api.backend import BackendError, Wish
from mwaa_local.errors import MwaaLocalError

INCORRECT = "INCORRECT_CONFIGURATION"
"""The error code of the service for what the caller has to put right."""
PATIENCE = 600.0
"""Seconds that `start` may take until every role is healthy; a container of MWAA has ten minutes."""
USUAL_SCHEDULERS = 2
"""MWAA's default; one is enough for a laptop, and is what these become."""

Unpack = Callable[[Path, Path], object]
"""Unpacks an archive into a folder; MwaaLocalError if it must not or cannot be unpacked."""


@dataclass(frozen=True, slots=True)
class ProjectFolder:
    """The folder of one environment."""

    root: Path
    unpack: Unpack

    @property
    def dags(self) -> SyncedFolder:
        """Return the folder of DAGs."""
        return SyncedFolder(self.root / "dags")

    @property
    def state(self) -> Path:
        """Return the state folder of the environment that runs here."""
        return self.root / ".mwaa-local"

    def materialise(self, wish: Wish, source: Source) -> None:
        """Make the folder what is wished; BackendError if the bucket does not have it or it is no good."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_if_changed(self.root / "mwaa-local.toml", render_config(wish))
        self.dags.sync(source, str(wish.settings["DagS3Path"]))
        self._plugins(wish, source)
        for name, file in (("Requirements", "requirements.txt"), ("StartupScript", "startup.sh")):
            content = _content(wish, name, source)
            if content is None:
                (self.root / file).unlink(missing_ok=True)
            else:
                write_if_changed(self.root / file, content)

    def _plugins(self, wish: Wish, source: Source) -> None:
        folder, record = self.root / "plugins", self.root / "plugins.json"
        wanted = [wish.settings.get("PluginsS3Path"), wish.settings.get("PluginsS3ObjectVersion")]
        if record.exists() and json.loads(record.read_text(encoding="utf-8")) == wanted:
            return
        fresh = self._unpacked(_content(wish, "Plugins", source))
        record.unlink(missing_ok=True)
        if folder.exists():
            shutil.rmtree(folder)
        if fresh is not None:
            fresh.replace(folder)
        record.write_text(json.dumps(wanted), encoding="utf-8")

    def _unpacked(self, content: bytes | None) -> Path | None:
        """Unpack plugins beside those that are there, which stay in use if that fails."""
        # An empty file is how plugins are taken away again.
        if not content:
            return None
        archive, folder = self.root / "plugins.zip", self.root / "plugins.new"
        archive.write_bytes(content)
        if folder.exists():
            shutil.rmtree(folder)
        try:
            self.unpack(archive, folder)
        except MwaaLocalError as error:
            raise BackendError(INCORRECT, error.message) from error
        return folder


def _content(wish: Wish, name: str, source: Source) -> bytes | None:
    """Return the content of the version that is wished, None where none is; BackendError if it is not there."""
    key, version = wish.settings.get(f"{name}S3Path"), wish.settings.get(f"{name}S3ObjectVersion", "")
    if not key:
        return None
    content = source.read(key, version)
    if content is None:
        raise BackendError(INCORRECT, f"Unable to read version {version} of file {key}")
    return content


def render_config(wish: Wish) -> bytes:
    """Return the mwaa-local.toml of an environment."""
    settings = wish.settings
    schedulers = int(settings["Schedulers"])
    environment: dict[str, Any] = {
        "name": wish.name,
        "version": settings["AirflowVersion"],
        "class": settings["EnvironmentClass"],
        "region": wish.region,
        "workers": settings["MinWorkers"],
        # As on MWAA, whose minimum is what runs and whose maximum what may.
        "autoscale": settings["MaxWorkers"] > settings["MinWorkers"],
        "min_workers": settings["MinWorkers"],
        "max_workers": settings["MaxWorkers"],
        "schedulers": schedulers if schedulers > USUAL_SCHEDULERS else 1,
    }
    # As on MWAA, where an environment starts without the requirements that cannot be installed (MWAA-FACTS 3.1).
    runtime = {"ignore_requirements_failure": True, "wait": PATIENCE}
    options = settings.get("AirflowConfigurationOptions", {})
    lines = ["# Written by mwaa-local from the environment's settings: update the environment instead."]
    for title, table in (("environment", environment), ("runtime", runtime), ("airflow_options", options)):
        lines += ["", f"[{title}]", *_lines(table)]
    return ("\n".join(lines) + "\n").encode()


def _lines(table: Mapping[str, Any]) -> list[str]:
    # A JSON text, number or truth value is one of TOML's as well.
    return [f"{json.dumps(name)} = {json.dumps(value)}" for name, value in table.items()]


def write_if_changed(path: Path, content: bytes) -> None:
    """Replace a file at once, unless it has this content already."""
    if path.is_file() and path.read_bytes() == content:
        return
    draft = path.with_name(f".{path.name}.new")
    draft.write_bytes(content)
    draft.replace(path)
