"""A real PostgreSQL for tests: a template, a project's database made from it, and its server."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mwaa_local.adapters.clock import SystemClock
from mwaa_local.adapters.commands import SystemCommands
from mwaa_local.adapters.locks import held_lock
from mwaa_local.adapters.postgres_probe import postgres_accepts
from mwaa_local.adapters.processes import SystemProcesses
from mwaa_local.adapters.sockets import free_port
from mwaa_local.ports import ProcessId, ProcessOrder
from mwaa_local.runtime.database import ProjectDatabase, ensure_database, project_database
from mwaa_local.runtime.database_template import TemplateKey, ensure_template
from mwaa_local.runtime.postgres import ENVIRONMENT, Machine, Postgres, postgres_command

PATIENCE = 30.0
PASSWORD = "right"
KEY = TemplateKey("2.2.2", "no airflow")
MACHINE = Machine(
    SystemCommands(), SystemProcesses(), SystemClock(), lambda path: held_lock(path, on_wait=lambda: None)
)


@dataclass
class Site:
    """A machine's PostgreSQL, a template and a project's database made from it."""

    postgres: Postgres
    template: Path
    database: ProjectDatabase
    port: int = field(default_factory=free_port)
    started: list[ProcessId] = field(default_factory=list)

    def ensure(self, password: str = PASSWORD) -> None:
        ensure_database(self.database, self.template, password, self.postgres)

    def start(self) -> ProcessId:
        server = self.spawn()
        wait_until(lambda: postgres_accepts(self.port) or not MACHINE.processes.is_alive(server))
        assert postgres_accepts(self.port), self.log.read_text()
        return server

    def spawn(self) -> ProcessId:
        command = postgres_command(self.database.data, self.postgres, self.port)
        order = ProcessOrder(tuple(command), tuple(ENVIRONMENT.items()), "/", str(self.log), 0)
        self.started.append(MACHINE.processes.spawn(order))
        return self.started[-1]

    @property
    def log(self) -> Path:
        return self.database.home.parent / "server.log"

    @contextmanager
    def running(self) -> Iterator[ProcessId]:
        server = self.start()
        try:
            yield server
        finally:
            stop(server, signal.SIGINT)

    def query(self, statement: str, password: str = PASSWORD) -> str:
        """Run a statement with PostgreSQL's own client: what it answers, or its complaint."""
        psql = self.postgres.binaries.folder / "psql"
        answer = MACHINE.runner.run(
            [
                str(psql),
                "-h",
                "127.0.0.1",
                "-p",
                str(self.port),
                "-U",
                "airflow",
                "-At",
                "-c",
                statement,
                "airflow",
            ],
            env={**ENVIRONMENT, "PGPASSWORD": password},
            timeout=PATIENCE,
        )
        return (answer.stdout or answer.stderr).strip()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def stop(server: ProcessId, number: int) -> None:
    MACHINE.processes.signal(server, number)
    wait_until(lambda: not MACHINE.processes.is_alive(server))


def made(postgres: Postgres) -> Iterator[Site]:
    template = ensure_template(KEY, postgres, lambda url, scratch: None)
    site = Site(postgres, template, project_database(postgres.user.folder, "2.2.2"))
    site.ensure()
    yield site
    for server in site.started:
        MACHINE.processes.kill_tree(server)
