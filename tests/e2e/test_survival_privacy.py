"""What others on the machine or network can see of a running environment: no port, no secret; and plain logs."""

import os
import stat
from pathlib import Path

import psutil
import pytest

from tests.e2e.conftest import MakeProject
from tests.e2e.small_project import SmallProject, describe, finish

pytestmark = pytest.mark.airflow


@pytest.fixture(scope="module", params=["2.2.2", "3.0.6"])
def used(request: pytest.FixtureRequest, make_project: MakeProject) -> SmallProject:
    """An environment of each generation that runs and has run a DAG."""
    project = make_project(f"private {request.param}", request.param)
    project.start()
    assert finish(project.run_dag("quick")).returncode == 0
    return project


def test_every_listener_is_on_loopback(used: SmallProject) -> None:
    listeners = [
        (connection.laddr.ip, describe(process))
        for process in (*used.processes(), psutil.Process(used.supervisor()))
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
        or (connection.type.name == "SOCK_DGRAM" and not connection.raddr)
    ]

    ports = {
        connection.laddr.port
        for process in used.processes()
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert ports >= set(used.read("ports.json").values())
    assert [each for each in listeners if each[0] not in ("127.0.0.1", "::1")] == []


def secrets_of(project: SmallProject) -> list[str]:
    return [value for name, value in project.read("secrets.json").items() if name != "environment_id"]


def test_only_the_user_can_read_what_holds_a_secret(used: SmallProject) -> None:
    values = [secret.encode() for secret in secrets_of(used)]
    assert stat.S_IMODE(used.state.stat().st_mode) == 0o700
    holders = [
        path for path in files_below(used.state) if any(value in path.read_bytes() for value in values)
    ]
    assert used.state / "secrets.json" in holders
    assert [str(path) for path in holders if path.stat().st_mode & 0o077] == []


def test_no_secret_is_in_a_log_or_on_a_command_line(used: SmallProject) -> None:
    values = secrets_of(used)
    logs = [*(used.state / "logs").glob("*"), *files_below(used.state / "airflow" / "logs")]
    assert len(logs) > 5
    for path in logs:
        text = path.read_text(errors="replace")
        assert [value for value in values if value in text] == [], path
    for process in (*used.processes(), psutil.Process(used.supervisor())):
        line = describe(process)
        assert not any(value in line for value in values), process


def test_no_log_carries_colours(used: SmallProject) -> None:
    logs = [*(used.state / "logs").glob("*"), *files_below(used.state / "airflow" / "logs")]
    assert [path for path in logs if b"\x1b[" in path.read_bytes()] == []


def files_below(folder: Path) -> list[Path]:
    """Return the files of a folder, without those of the installed packages and of the database."""
    found = []
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith("environment-") and name != "data"]
        found += [Path(root, name) for name in files if Path(root, name).is_file()]
    return found
