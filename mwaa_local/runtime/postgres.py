"""PostgreSQL's programs as this machine can run them: preparing a data folder, and the command of its server.

The databases themselves (template, a project's copy) are the business of `database_template` and `database`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.errors import DatabaseError
from mwaa_local.ports import Clock, CommandResult, CommandRunner, Processes
from mwaa_local.runtime.database_user import DatabaseUser, as_database_user, give
from mwaa_local.runtime.postgres_binaries import Lock, PostgresBinaries

COMPLAINT = re.compile(r"(?:FATAL|PANIC|ERROR|error): +(.+)")
ROLE = "airflow"
DATABASE = "airflow"
RESET_HINT = "`mwaa-local reset-db` starts with an empty database (runs, variables and connections are lost)"

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    # A project's path may be longer than a socket's path can be.
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "24MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "32MB",
    # Containers often have a tiny /dev/shm; files in the data folder need none.
    "dynamic_shared_memory_type": "mmap",
    "huge_pages": "off",
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
    "max_worker_processes": "1",
    "max_logical_replication_workers": "0",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "wal_buffers": "1MB",
    "max_wal_size": "256MB",
    "min_wal_size": "32MB",
    # fsync and synchronous_commit stay on: a crash loses nothing that was committed.
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.5",
    "bgwriter_delay": "10s",
    "autovacuum_max_workers": "1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_checkpoints": "off",
    "lc_messages": "C",
}


@dataclass(frozen=True, slots=True)
class Machine:
    """The ports that a database needs."""

    runner: CommandRunner
    processes: Processes
    clock: Clock
    lock: Lock


@dataclass(frozen=True, slots=True)
class Postgres:
    """Programs, and who they run as."""

    binaries: PostgresBinaries
    user: DatabaseUser
    machine: Machine

    def run(
        self, program: str, *arguments: str, stdin: str = "", data: Path | None = None, timeout: float = 120
    ) -> CommandResult:
        """Run one of PostgreSQL's programs to its end as its user."""
        command = as_database_user([str(self.binaries.folder / program), *arguments], self.user, data=data)
        return self.machine.runner.run(command, env=ENVIRONMENT, cwd=Path("/"), timeout=timeout, stdin=stdin)


# None of the user's own PG* variables, no locale that this PostgreSQL may not know.
ENVIRONMENT: Mapping[str, str] = {"LC_ALL": "C", "PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "TZ": "UTC"}


def postgres_command(data: Path, postgres: Postgres, port: int, **changed: str) -> list[str]:
    """Return the command of the server; the process that it starts becomes PostgreSQL, and ends on SIGINT."""
    settings = {**SETTINGS, "port": str(port), **_settings_since(postgres.binaries.major), **changed}
    command = [str(postgres.binaries.folder / "postgres"), "-D", str(data)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    return as_database_user(command, postgres.user, data=data)


def _settings_since(major: int) -> dict[str, str]:
    """Return settings that older versions do not know: processes that a small database has no use for."""
    return {"io_method": "sync"} if major >= 18 else {}


def create_cluster(data: Path, postgres: Postgres) -> None:
    """Make a data folder with a role and a database `airflow`, reached by password and from this machine only."""
    answer = postgres.run(
        "initdb",
        "-D",
        str(data),
        "-U",
        ROLE,
        "--no-sync",
        "-E",
        "UTF8",
        "--locale=C",
        "--wal-segsize=4",
        "--auth=trust",
    )
    if answer.exit_code != 0:
        raise DatabaseError(
            f"PostgreSQL {postgres.binaries.version} cannot create a database: {last_line(answer)}",
            hint=f"check that {data.parent} can be written and has 200 MB free; `mwaa-local doctor` looks at more",
        )
    execute_alone(data, f"ALTER DATABASE postgres RENAME TO {DATABASE}", postgres, database="template1")


def execute_alone(data: Path, statement: str, postgres: Postgres, *, database: str = DATABASE) -> None:
    """Execute one statement on a database whose server is not running; it reaches PostgreSQL through its input."""
    answer = postgres.run(
        "postgres",
        "--single",
        "-D",
        str(data),
        "-c",
        "exit_on_error=on",
        database,
        stdin=statement + "\n",
        data=data,
    )
    if answer.exit_code != 0:
        raise DatabaseError(
            f"The database in {data} cannot be opened: {last_line(answer)}", hint=explain(answer.stderr)
        )


def explain(log: str) -> str:
    """Return what to do next about what PostgreSQL wrote before it gave up."""
    if "No space left" in log:
        return "make room on the disk and start again; nothing in the database was lost"
    if "Read-only file system" in log:
        return "the disk is mounted read-only: make it writable and start again; nothing in the database was lost"
    if ("already exists" in log and "postmaster.pid" in log) or "pre-existing shared memory" in log:
        return "a server still uses this database: `mwaa-local stop` ends it"
    if "Permission denied" in log:
        return "the folder belongs to another user: run mwaa-local as that user, or change the owner"
    return RESET_HINT


def last_line(answer: CommandResult) -> str:
    """Return the line that says why a program failed."""
    return find_cause(answer.stderr) or f"it ended with {answer.exit_code}"


def find_cause(log: str) -> str:
    """Return the last complaint in what a program wrote, else its last line."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    complaints = [match[1] for match in (COMPLAINT.search(line) for line in lines) if match]
    return (complaints or lines or [""])[-1]


def is_free_of_server(data: Path) -> bool:
    """Tell whether no server says that it uses the folder (a killed one may still say so)."""
    return not (data / "postmaster.pid").exists()


def give_to_database_user(path: Path, postgres: Postgres) -> None:
    """Make PostgreSQL's user the owner of a folder that we wrote."""
    give(path, postgres.user, postgres.machine.runner)
