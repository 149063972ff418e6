"""What the Compose runtime keeps of one project in its state folder: the name of the Compose project, and its files.

The name moves with the folder; a copy of the folder gets one of its own, or it would share containers and volumes.
"""

import json
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.runtime.compose_file import SECRETS, ComposePlaces
from mwaa_local.runtime.compose_settings import ContainerSettings, ContainerUser
from mwaa_local.runtime.state import StateFolder, read_json, unwritable, write_private

OVERRIDE = "compose.override.yml"
"""In the project: what the user adds to the file, as Compose merges it."""
LONGEST = 40
WRITTEN = ("aws", "logs", "airflow/logs", "run/beats")
"""The folders that containers write, below a state folder."""


@dataclass(frozen=True, slots=True)
class ComposeProject:
    """Where one project's Compose files lie."""

    folder: StateFolder

    @property
    def file(self) -> Path:
        """Return the Compose file."""
        return self.folder.compose / "compose.yml"

    @property
    def permissions(self) -> Path:
        """Return where it is kept for which plugins the database has the permissions."""
        return self.folder.compose / "permissions.json"

    @property
    def beats(self) -> Path:
        """Return the folder where containers say that they live."""
        return self.folder.root / "run" / "beats"

    def places(self, authority: Path) -> ComposePlaces:
        """Return the places that the file names."""
        return ComposePlaces(self.folder.root, self.folder.compose, authority)

    def name(self) -> str:
        """Return the name of the Compose project, "" if there has been none."""
        return str((read_json(self._record) or {}).get("name", ""))

    def ensure_name(self, environment: str) -> str:
        """Return the name of the Compose project, made at the first call."""
        self.folder.compose.mkdir(mode=0o700, exist_ok=True)
        record, here = read_json(self._record) or {}, str(self.folder.root)
        name, there = str(record.get("name", "")), str(record.get("folder", ""))
        if name and (there == here or not _is_project(Path(there), name)):
            if there != here:
                write_private(self._record, json.dumps({"name": name, "folder": here}))
            return name
        slug = re.sub(r"[^a-z0-9]+", "-", environment.lower())[:LONGEST].strip("-") or "environment"
        name = f"mwaa-local-{slug}-{secrets.token_hex(3)}"
        write_private(self._record, json.dumps({"name": name, "folder": here}))
        return name

    @property
    def _record(self) -> Path:
        return self.folder.compose / "project.json"


def _is_project(root: Path, name: str) -> bool:
    """Tell whether the state folder that a copy was made of is still there."""
    record = read_json(StateFolder(root).compose / "project.json") or {}
    return record.get("name") == name


def write_secrets(folder: Path, settings: ContainerSettings) -> None:
    """Write the private files of the containers."""
    orders = (settings.airflow_orders(), settings.postgres_orders(), settings.aws_orders())
    for name, order in zip(SECRETS, orders, strict=True):
        write_private(folder / f"{name}.json", json.dumps(order, indent=1))


def make_folders(root: Path, authority: Path, user: ContainerUser) -> None:
    """Make what containers write, so that it belongs to the user and not to the engine; RuntimeStateError if not."""
    try:
        for name in WRITTEN:
            (root / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        authority.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.getuid() == 0 and user.uid != 0:
            for given in (*(root / name for name in WRITTEN), authority):
                _give(given, user)
    except OSError as error:
        raise unwritable(Path(error.filename or root), error) from error


def give_file(path: Path, user: ContainerUser) -> None:
    """Let containers read a private file, where root writes it for another user's."""
    if os.getuid() == 0 and user.uid != 0:
        os.chown(path, user.uid, user.gid)


def _give(folder: Path, user: ContainerUser) -> None:
    """Let root's containers, whose user is another one, write what earlier ones or processes have written as root."""
    os.chown(folder, user.uid, user.gid)
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(Path(parent, name), user.uid, user.gid, follow_symlinks=False)
