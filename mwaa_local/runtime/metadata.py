"""The metadata database seen from outside Airflow: DAGs, import errors, heartbeats; and the admin's password."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mwaa_local.errors import DatabaseError
from mwaa_local.ports import CommandRunner
from mwaa_local.runtime.inside_files import PROGRAMS

SCRIPT = PROGRAMS / "database.py"
PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class DagSummary:
    """A DAG as the scheduler has stored it."""

    dag_id: str
    is_paused: bool
    file: str
    parsed: float | None = None
    """When its file was last parsed, in seconds since the epoch; None where the version does not say."""


@dataclass(frozen=True, slots=True)
class ImportFailure:
    """A DAG file that cannot be imported; `reason` is the traceback."""

    file: str
    reason: str
    parsed: float | None = None

    @property
    def cause(self) -> str:
        """Return the traceback's last line."""
        lines = [line for line in self.reason.splitlines() if line.strip()]
        return lines[-1].strip() if lines else "unknown error"


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the database says of the project."""

    dags: tuple[DagSummary, ...]
    import_errors: tuple[ImportFailure, ...]
    mark: str
    """Differs where anything does."""


@dataclass(frozen=True, slots=True)
class MetadataClient:
    """Asks the database with the environment's own driver; `python` is the environment's interpreter."""

    python: Path
    url: str
    commands: CommandRunner
    prefix: tuple[str, ...] = ()
    """What brings the command into a container, where the database's URL is known."""
    script: Path = SCRIPT
    environment: Mapping[str, str] = field(default_factory=lambda: {"PATH": "/usr/bin:/bin"})

    def load(self) -> Metadata:
        """Return DAGs and import errors; DatabaseError if the database cannot be asked."""
        return self._read(self._ask("summary", ""))

    def load_next(self, seen: Metadata, patience: float) -> Metadata:
        """Return the same as soon as it differs from what was seen, or after `patience` seconds; DatabaseError."""
        return self._read(self._ask("next-summary", json.dumps({"seen": seen.mark, "patience": patience})))

    @staticmethod
    def _read(document: Mapping[str, Any]) -> Metadata:
        return Metadata(
            tuple(
                DagSummary(dag["dag_id"], dag["is_paused"], dag["fileloc"], dag["parsed"])
                for dag in document["dags"]
                if dag["is_active"]
            ),
            tuple(
                ImportFailure(each["filename"], each["stacktrace"], each["parsed"])
                for each in document["import_errors"]
            ),
            document["mark"],
        )

    def set_admin_password(self, password: str) -> None:
        """Make the user `admin`, or give it this password."""
        self._ask("set-admin", json.dumps({"password": password}))

    def _ask(self, question: str, stdin: str) -> Mapping[str, Any]:
        answer = self.commands.run(
            [*self.prefix, str(self.python), str(self.script), question],
            env={**self.environment, "MWAA_LOCAL_DATABASE_URL": self.url, "LC_ALL": "C.UTF-8"},
            timeout=PATIENCE,
            stdin=stdin,
        )
        if answer.exit_code != 0:
            raise DatabaseError(
                answer.stderr.strip() or "The metadata database cannot be used.",
                hint="`mwaa-local status` shows whether PostgreSQL is healthy; "
                "if its data are damaged, `mwaa-local reset-db` makes a new database",
            )
        document: Mapping[str, Any] = json.loads(answer.stdout)
        return document
