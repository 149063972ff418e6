"""Where a project lies and what it meets there: moved, copied, odd paths, taken ports, recycled PIDs, another user."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import MakeProject
from tests.e2e.ordinary_user import NOBODY, project_of_nobody
from tests.e2e.small_project import SmallProject, finish

pytestmark = pytest.mark.airflow

ODD_NAME = "Ein Projekt mit Größe & so' (日本) " + "lang " * 18


@pytest.fixture(scope="module")
def settled(make_project: MakeProject) -> SmallProject:
    """A project that has run before, with something in its metadata."""
    project = make_project("settled")
    project.start()
    project.remember()
    return project


def moved(project: SmallProject, name: str) -> None:
    target = project.folder.with_name(name)
    project.folder.rename(target)
    project.folder = target


def test_a_folder_that_was_moved_while_stopped_keeps_everything(settled: SmallProject) -> None:
    settled.stop()

    moved(settled, "elsewhere")

    settled.start()
    settled.recall()
    assert finish(settled.run_dag("quick")).returncode == 0


def test_a_folder_that_is_moved_while_it_runs_is_started_in_its_new_place(settled: SmallProject) -> None:
    settled.start()
    before = settled.supervisor()

    moved(settled, "moved while running")

    settled.start()
    settled.recall()
    assert settled.supervisor() != before
    assert all("elsewhere" not in line for line in settled.remains())
    assert finish(settled.run_dag("quick")).returncode == 0


def test_a_copy_of_a_running_folder_is_a_project_of_its_own(
    settled: SmallProject, make_project: MakeProject
) -> None:
    settled.start()
    before = {service["name"]: service["pid"] for service in settled.status()["services"]}
    copy = make_project("copy")
    shutil.rmtree(copy.folder)
    subprocess.run(["cp", "-a", str(settled.folder), str(copy.folder)], check=True)

    assert copy.health() != "healthy"
    copy.run("stop")
    copy.start()

    assert settled.health() == "healthy"
    assert {service["name"]: service["pid"] for service in settled.status()["services"]} == before
    mine, theirs = settled.read("ports.json"), copy.read("ports.json")
    assert set(mine.values()).isdisjoint(theirs.values())
    copy.recall()
    copy.stop()
    assert settled.health() == "healthy"
    settled.recall()


def test_a_path_may_be_long_and_have_spaces_and_any_letters(make_project: MakeProject) -> None:
    project = make_project(ODD_NAME.strip())
    assert len(str(project.folder)) > 110

    project.start()

    assert finish(project.run_dag("quick")).returncode == 0
    project.stop()


def test_a_recycled_pid_is_never_signalled(settled: SmallProject) -> None:
    settled.stop()
    stranger = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        record = settled.read("run", "supervisor.json") | {"pid": stranger.pid}
        (settled.state / "run" / "supervisor.json").write_text(json.dumps(record))

        settled.run("stop")
        settled.start()
        record = settled.read("run", "supervisor.json") | {"pid": stranger.pid}
        (settled.state / "run" / "supervisor.json").write_text(json.dumps(record))
        settled.stop()

        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_remembered_port_that_is_taken_is_replaced_by_a_free_one(settled: SmallProject) -> None:
    settled.stop()
    ports = settled.read("ports.json")
    held = [socket.create_server(("127.0.0.1", ports[name])) for name in ("webserver", "postgres")]
    with held[0], held[1]:
        said = settled.start()

    assert (
        f"Port {ports['webserver']} is taken; webserver uses {settled.read('ports.json')['webserver']}."
        in said
    )
    assert settled.read("ports.json")["postgres"] != ports["postgres"]
    settled.recall()


def test_a_port_that_was_asked_for_and_is_taken_is_an_error(settled: SmallProject) -> None:
    settled.stop()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = settled.run("start", "--webserver-port", str(port))

    assert done.returncode == 2
    assert f"Error: Port {port} for webserver is taken on 127.0.0.1." in done.stderr
    assert settled.remains() == []


PATHS = """\
from datetime import datetime

from airflow import DAG
from airflow.operators.bash import BashOperator

with DAG("paths", start_date=datetime(2024, 1, 1), catchup=False, schedule=None) as dag:
    BashOperator(task_id="look", bash_command="grep BashOperator /usr/local/airflow/dags/paths.py")
"""


@pytest.fixture
def of_nobody(environment_cache: Path) -> Iterator[SmallProject]:
    """A project, a home and a cache that belong to an ordinary user."""
    if os.getuid() != 0:
        pytest.skip("only root can become another user; the other tests ran as an ordinary one")
    with project_of_nobody("2.10.3", environment_cache) as project:
        yield project


def test_an_ordinary_user_can_start_run_and_stop(of_nobody: SmallProject) -> None:
    started = of_nobody.run("start")
    if "there is none on this machine" in started.stderr:
        pytest.skip("an ordinary user cannot reach a Python 3.11")

    assert started.returncode == 0, started.stderr
    assert {process.uids().real for process in of_nobody.processes()} == {NOBODY}
    assert of_nobody.run("run", "quick").returncode == 0
    (of_nobody.folder / "dags" / "paths.py").write_text(PATHS)
    done = of_nobody.run("run", "paths", "--timeout", "60")
    assert done.returncode == 0, done.stdout + done.stderr
    assert of_nobody.run("stop").returncode == 0
    assert of_nobody.remains() == []
