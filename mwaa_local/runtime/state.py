"""What mwaa-local keeps in a project's `.mwaa-local` folder: locks, secrets, ports, the running stack and its status.

Every file is private to the user and replaced whole; a file that cannot be read back is reported or made anew, never
taken for good. The folder moves with the project; a copy of it is recognised as a copy.
"""

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from mwaa_local.environment_stack import OwnFolders
from mwaa_local.errors import RuntimeStateError
from mwaa_local.runtime.convergence import Phase, ServiceState


@dataclass(frozen=True, slots=True)
class StateFolder:
    """Where everything lies below a project's state folder."""

    root: Path

    @property
    def start_lock(self) -> Path:
        """Held by a command that changes the environment."""
        return self.root / "run" / "change.lock"

    @property
    def supervisor_lock(self) -> Path:
        """Held by the supervisor for as long as it lives: the kernel lets go of it however it dies."""
        return self.root / "run" / "supervisor.lock"

    @property
    def supervisor(self) -> Path:
        """Which process the supervisor is."""
        return self.root / "run" / "supervisor.json"

    @property
    def run(self) -> Path:
        """Which run of the environment the processes of the last start belong to."""
        return self.root / "run" / "run.json"

    @property
    def ready(self) -> Path:
        """Which run has once been ready, with everything done that `start` does."""
        return self.root / "run" / "ready.json"

    @property
    def stack(self) -> Path:
        """The stack that the supervisor runs; holds secrets."""
        return self.root / "run" / "stack.json"

    @property
    def status(self) -> Path:
        """What the supervisor last said of its services."""
        return self.root / "run" / "status.json"

    @property
    def start_record(self) -> Path:
        """What `start` found and decided, for `status` and the next `start`."""
        return self.root / "run" / "start.json"

    @property
    def settings(self) -> Path:
        """The Airflow settings of the last start with their origins; holds secrets."""
        return self.root / "run" / "settings.json"

    @property
    def secrets(self) -> Path:
        """Keys and passwords of the environment."""
        return self.root / "secrets.json"

    @property
    def ports(self) -> Path:
        """The ports of the last start."""
        return self.root / "ports.json"

    @property
    def database(self) -> Path:
        """PostgreSQL's data."""
        return self.root / "postgres"

    @property
    def airflow_home(self) -> Path:
        """AIRFLOW_HOME."""
        return self.root / "airflow"

    @property
    def logs(self) -> Path:
        """One file per service."""
        return self.root / "logs"

    @property
    def aws(self) -> Path:
        """What the local AWS endpoint keeps."""
        return self.root / "aws"

    @property
    def compose(self) -> Path:
        """What the Compose runtime keeps: its file, and the private files of its containers."""
        return self.root / "compose"

    @property
    def own_folders(self) -> OwnFolders:
        """Return where the services have their HOME and TMPDIR; the state folder exists."""
        return OwnFolders(self.root / "homes", temporary_folder(self.root))

    def has_database(self) -> bool:
        """Tell whether the project has a database, of whatever version."""
        return self.database.is_dir() and any(self.database.iterdir())

    def log(self, service: str) -> Path:
        """Return the log file of a service."""
        return self.logs / f"{service}.log"

    def create(self) -> None:
        """Make the folders, unseen by git; RuntimeStateError where that cannot be."""
        try:
            for folder in (self.root, self.root / "run", self.logs, self.airflow_home, self.aws):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.root.chmod(0o700)
        except OSError as error:
            raise unwritable(self.root, error) from error
        if not (self.root / ".gitignore").exists():
            write_private(self.root / ".gitignore", "*\n")


LONGEST_TEMPORARY = 40
"""Characters of the system's folder for temporary files, so that a socket's path below it is not too long."""


def temporary_folder(root: Path) -> Path:
    """Return the folder for temporary files of the environment in the state folder `root`: short, and its alone."""
    base = Path(tempfile.gettempdir())
    if len(str(base)) > LONGEST_TEMPORARY and os.access("/tmp", os.W_OK):  # noqa: S108
        base = Path("/tmp")  # noqa: S108  # what we make there is private, see `airflow_home`
    found = root.stat()
    return base / f"mwaa-local-{os.getuid()}-{found.st_dev:x}-{found.st_ino:x}"


def unwritable(path: Path, error: OSError) -> RuntimeStateError:
    """Return the error that says that something cannot be written and why."""
    return RuntimeStateError(
        f"Cannot write {path}: {error.strerror or error}",
        hint="mwaa-local keeps the environment there: free some space or give yourself the right to write",
    )


LEAST_ROOM = 32 * 1024**2
"""Bytes without which PostgreSQL cannot begin another segment of its log: services would start and never be healthy."""


def require_room(folder: StateFolder) -> None:
    """Refuse to start anything on a full disk: RuntimeStateError."""
    free = shutil.disk_usage(folder.root).free
    if free < LEAST_ROOM:
        raise RuntimeStateError(
            f"The disk is full: {folder.root} has room for {free >> 20} MB.",
            hint="free some space: an environment takes about 500 MB at first, and then what its runs leave",
        )


def write_private(path: Path, text: str) -> None:
    """Replace a file's content at once, mode 0600; RuntimeStateError if the disk is full or read-only."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise unwritable(path, error) from error


def read_json(path: Path) -> dict[str, Any] | None:
    """Return a file's JSON object; None if there is no such file or it is damaged."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


@dataclass(frozen=True, slots=True)
class Secrets:
    """Random keys and passwords of one environment; never shown in logs."""

    environment_id: str
    fernet_key: str
    webserver_secret: str
    jwt_secret: str
    database_password: str
    admin_password: str
    aws_token: str
    token_key: str
    """What the tokens of the MWAA API are signed with."""


NEWER = ("token_key",)
"""Secrets that files of earlier versions lack; they are added."""


def ensure_secrets(folder: StateFolder, new_fernet_key: Callable[[], str]) -> Secrets:
    """Return the environment's secrets, made at the first call.

    Without the Fernet key the connections in the database are lost, so there is a second copy; RuntimeStateError when
    both are damaged or gone and a database exists.
    """
    copy = folder.secrets.with_suffix(".json.copy")
    names = {field.name for field in fields(Secrets)}
    for path in (folder.secrets, copy):
        document = read_json(path)
        if document is not None and names.difference(NEWER).issubset(document):
            added = {name: secrets.token_urlsafe(32) for name in NEWER if name not in document}
            kept = Secrets(**{name: str({**document, **added}[name]) for name in names})
            if path == copy or added:
                _write_secrets(folder, kept)
            return kept
    if folder.has_database():
        raise RuntimeStateError(
            f"{folder.secrets} and its copy are damaged: the key of the database's connections is lost.",
            hint="restore the file from a backup, or start afresh: mwaa-local destroy, then mwaa-local start",
        )
    made = Secrets(
        environment_id=secrets.token_hex(4),
        fernet_key=new_fernet_key(),
        webserver_secret=secrets.token_urlsafe(32),
        jwt_secret=secrets.token_urlsafe(32),
        database_password=secrets.token_urlsafe(24),
        admin_password=secrets.token_urlsafe(12),
        aws_token=secrets.token_urlsafe(24),
        token_key=secrets.token_urlsafe(32),
    )
    _write_secrets(folder, made)
    return made


def _write_secrets(folder: StateFolder, made: Secrets) -> None:
    for path in (folder.secrets, folder.secrets.with_suffix(".json.copy")):
        write_private(path, json.dumps(asdict(made), indent=1))


@dataclass(frozen=True, slots=True)
class ServiceReport:
    """One service as the supervisor last saw it; `since` in seconds since the epoch."""

    name: str
    role: str
    phase: Phase
    pid: int | None
    started: float | None
    since: float
    failures: int
    restarts: int
    was_healthy: bool
    last_exit: int | None
    leaving: bool = False  # it ends what it has begun, and says nothing of the environment's health
    note: str = ""
    """What else there is to say, such as that it was killed for its memory."""


def render_status(states: tuple[ServiceState, ...], now: float, monotonic: float) -> str:
    """Return the JSON that the supervisor leaves for other commands."""
    reports = (
        ServiceReport(
            name=state.spec.name,
            role=state.spec.role,
            phase=state.phase,
            pid=state.process.pid if state.process else None,
            started=state.process.started if state.process else None,
            since=now - (monotonic - state.since) if state.since else now,
            failures=state.failures,
            restarts=state.restarts,
            was_healthy=state.was_healthy,
            last_exit=state.last_exit,
            leaving=state.is_leaving,
        )
        for state in states
        if not state.is_away
    )
    return json.dumps({"services": [asdict(report) for report in reports]}, indent=1)


def load_status(folder: StateFolder) -> tuple[ServiceReport, ...]:
    """Return the supervisor's last words; empty if there are none or they are damaged."""
    document = read_json(folder.status) or {}
    try:
        return tuple(
            ServiceReport(**{**item, "phase": Phase(item["phase"])}) for item in document.get("services", ())
        )
    except (TypeError, ValueError, KeyError):
        return ()
