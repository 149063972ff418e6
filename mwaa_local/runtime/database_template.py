"""Databases that already have a version's schema: made once by the version's own migration, then copied per project."""

import hashlib
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.errors import DatabaseError
from mwaa_local.ports import ProcessId, ProcessOrder
from mwaa_local.runtime.cache_entry import note_use
from mwaa_local.runtime.inside_files import PROGRAMS
from mwaa_local.runtime.postgres import (
    DATABASE,
    ENVIRONMENT,
    ROLE,
    Postgres,
    create_cluster,
    explain,
    find_cause,
    give_to_database_user,
    last_line,
    postgres_command,
)

SOCKETS = "/tmp"  # noqa: S108 (a private folder is made in it; a socket's path may have about 100 bytes)
RECIPE = "2"
"""Changes whenever templates are made in another way."""
START_PATIENCE = 60.0
STOP_PATIENCE = 30.0
MIGRATION_PATIENCE = 600.0
CREATE_SCHEMA = PROGRAMS / "create_schema.py"

UPGRADE, DOWNGRADE = "upgrade", "downgrade"
Migration = Callable[[str, Path], None]
"""Makes the schema in the empty database at a URL; the folder is for what it needs to write."""


@dataclass(frozen=True, slots=True)
class TemplateKey:
    """What a template depends on, besides PostgreSQL's major version and our recipe."""

    airflow: str
    environment: str
    """The key of the Airflow environment: providers bring tables and permissions."""


def ensure_template(
    key: TemplateKey, postgres: Postgres, migrate: Migration, on_wait: Callable[[], None] = lambda: None
) -> Path:
    """Return the data folder of the template, made now if it does not exist; complete or absent.

    `on_wait` is called before anything that takes seconds.
    """
    home = postgres.user.cache / "databases"
    place = home / _name(key, postgres.binaries.major)
    lock = home / f"{place.name}.lock"
    if place.is_dir():
        note_use(lock)
        return place
    on_wait()
    if not home.is_dir():
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        give_to_database_user(home, postgres)
    with postgres.machine.lock(lock):
        if not place.is_dir():
            _build(place, postgres, migrate)
            note_use(lock)
    return place


def airflow_migration(
    python: Path, environment: Mapping[str, str], postgres: Postgres, arguments: Sequence[str] = ()
) -> Migration:
    """Return the migration of the Airflow that `python` runs; `environment` holds its AIRFLOW__ settings.

    With UPGRADE as argument it is that of a database which an older Airflow has made; with DOWNGRADE and a version it
    takes one back for that older Airflow.
    """

    def migrate(url: str, scratch: Path) -> None:
        settings = {
            **environment,
            "AIRFLOW_HOME": str(scratch),
            "AIRFLOW__CORE__DAGS_FOLDER": str(scratch / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(scratch / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            # The size of default_pool on MWAA, by its name of today and of Airflow up to 2.1.
            "AIRFLOW__CORE__DEFAULT_POOL_TASK_SLOT_COUNT": "10000",
            "AIRFLOW__CORE__NON_POOLED_TASK_SLOT_COUNT": "10000",
            "AIRFLOW__CORE__SQL_ALCHEMY_CONN": url,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url,
        }
        answer = postgres.machine.runner.run(
            [str(python), str(CREATE_SCHEMA), *arguments],
            env=settings,
            cwd=scratch,
            timeout=MIGRATION_PATIENCE,
        )
        if answer.exit_code != 0:
            raise DatabaseError(
                f"Airflow could not {'migrate' if arguments else 'create'} its database schema: {last_line(answer)}",
                hint="`mwaa-local doctor` checks the environment; --debug shows Airflow's own output",
            )

    return migrate


@contextmanager
def private_server(data: Path, postgres: Postgres) -> Iterator[str]:
    """Run a server that only we can reach, through a socket in a private folder, and yield the database's URL."""
    with tempfile.TemporaryDirectory(prefix="mwl-", dir=SOCKETS) as name:
        sockets = Path(name)
        give_to_database_user(sockets, postgres)
        server = _start(data, sockets, postgres)
        try:
            _wait_until_ready(data, server, postgres)
            yield f"postgresql+psycopg2://{ROLE}@/{DATABASE}?host={sockets}"
            postgres.machine.processes.signal(server, signal.SIGINT)
            if not _wait_until_gone(server, postgres):
                raise DatabaseError(f"The database server of {data} did not end.", hint="try again")
        finally:
            postgres.machine.processes.kill_tree(server)


def _build(place: Path, postgres: Postgres, migrate: Migration) -> None:
    building = place.with_name(f"{place.name}.new")
    shutil.rmtree(building, ignore_errors=True)
    scratch = place.with_name(f"{place.name}.scratch")
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        building.mkdir(mode=0o700)
        scratch.mkdir(mode=0o700)
        give_to_database_user(building, postgres)
        create_cluster(building, postgres)
        with private_server(building, postgres) as url:
            migrate(url, scratch)
        answer = postgres.run("initdb", "--sync-only", "-D", str(building))
        if answer.exit_code != 0:
            raise DatabaseError(
                f"{building} cannot be written to disk: {last_line(answer)}", hint="try again"
            )
        building.replace(place)
        _log_of(building).unlink()
    except OSError as error:
        raise DatabaseError(
            f"The database template cannot be written: {error.strerror} ({error.filename}).",
            hint="make room on the disk, or make the folder writable, and start again",
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.rmtree(building, ignore_errors=True)


def _start(data: Path, sockets: Path, postgres: Postgres) -> ProcessId:
    # Nothing is lost if the machine crashes while a template is made: it is thrown away then.
    command = postgres_command(
        data,
        postgres,
        5432,
        listen_addresses="",
        unix_socket_directories=str(sockets),
        fsync="off",
        full_page_writes="off",
        autovacuum="off",
    )
    return postgres.machine.processes.spawn(
        ProcessOrder(tuple(command), tuple(ENVIRONMENT.items()), "/", str(_log_of(data)), int(signal.SIGQUIT))
    )


def _wait_until_ready(data: Path, server: ProcessId, postgres: Postgres) -> None:
    clock = postgres.machine.clock
    deadline = clock.monotonic() + START_PATIENCE
    while not _says_ready(data, server.pid):
        if not postgres.machine.processes.is_alive(server) or clock.monotonic() > deadline:
            log = _log_of(data).read_text(encoding="utf-8", errors="replace")
            raise DatabaseError(
                f"PostgreSQL {postgres.binaries.version} does not start: {find_cause(log)}", hint=explain(log)
            )
        clock.sleep(0.02)


def _says_ready(data: Path, pid: int) -> bool:
    """Tell whether the server with this PID takes connections: the lock file's eighth line says so (10 and newer)."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _wait_until_gone(server: ProcessId, postgres: Postgres) -> bool:
    clock = postgres.machine.clock
    deadline = clock.monotonic() + STOP_PATIENCE
    while postgres.machine.processes.is_alive(server):
        if clock.monotonic() > deadline:
            return False
        clock.sleep(0.02)
    return True


def _log_of(data: Path) -> Path:
    return data.with_name(f"{data.name}.log")


def _name(key: TemplateKey, major: int) -> str:
    digest = hashlib.sha256(f"{key.environment}\n{RECIPE}".encode()).hexdigest()[:12]
    return f"{key.airflow}-pg{major}-{digest}"
