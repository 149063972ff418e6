"""Workers of a real environment that come and go: with the tasks, and in updates that let running tasks end."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.e2e.conftest import MakeProject
from tests.e2e.local_environment import eventually
from tests.e2e.small_project import SmallProject, finish

pytestmark = pytest.mark.airflow

DAGS = """\
from datetime import datetime

from airflow import DAG
from airflow.operators.bash import BashOperator

WAIT = "touch {folder}/$TASK.began; while [ ! -e {folder}/go ]; do sleep 0.2; done"

with DAG("waiting", start_date=datetime(2024, 1, 1), schedule_interval=None, is_paused_upon_creation=False) as waiting:
    for name in ("one", "two"):
        BashOperator(task_id=name, bash_command=WAIT, env={{"TASK": name, "PATH": "/usr/bin:/bin"}})

with DAG("quick", start_date=datetime(2024, 1, 1), schedule_interval=None, is_paused_upon_creation=False) as quick:
    BashOperator(task_id="work", bash_command="echo $MWAA_LOCAL_SERVICE")
"""
SCALED = ("--autoscale", "--airflow-option", "celery.worker_autoscale=1,1", "--max-workers")


@pytest.fixture(scope="module")
def scaled(make_project: MakeProject) -> SmallProject:
    """An environment of one or two workers, each for one task; one that is idle for two seconds goes."""
    project = replace(make_project("scaled"), variables={"MWAA_LOCAL_SCALE_IN_AFTER": "2"})
    (project.folder / "dags" / "work.py").write_text(DAGS.format(folder=project.folder))
    project.start(*SCALED, "2")
    return project


@pytest.fixture
def waiting(scaled: SmallProject) -> Iterator[subprocess.Popen[str]]:
    """A run whose two tasks run until the file `go` is there."""
    for name in ("go", "one.began", "two.began"):
        (scaled.folder / name).unlink(missing_ok=True)
    run = scaled.run_dag("waiting")
    yield run
    go(scaled)
    finish(run)


def go(project: SmallProject) -> None:
    (project.folder / "go").touch()


def began(project: SmallProject, name: str) -> bool:
    return (project.folder / f"{name}.began").exists()


def workers(project: SmallProject) -> dict[str, Any]:
    return {
        service["name"]: service for service in project.status()["services"] if service["role"] == "worker"
    }


def pid(project: SmallProject, name: str) -> int:
    return int(project.service(name)["pid"])


def test_workers_come_with_the_tasks_and_go_without(
    scaled: SmallProject, waiting: subprocess.Popen[str]
) -> None:
    eventually(lambda: began(scaled, "one") and began(scaled, "two"), "both tasks run, each in a worker")
    wanted = {"workers": 2, "minimum": 1, "maximum": 2, "running_tasks": 2, "queued_tasks": 0}
    # The queue is looked at every two seconds.
    eventually(lambda: scaled.status()["workers"] == wanted, "status shows both tasks and both workers")
    assert set(workers(scaled)) == {"worker-1", "worker-2"}

    go(scaled)
    assert finish(waiting).returncode == 0
    eventually(lambda: set(workers(scaled)) == {"worker-1"}, "the second worker goes")
    assert scaled.health() == "healthy"


def test_another_number_of_workers_disturbs_nothing(
    scaled: SmallProject, waiting: subprocess.Popen[str]
) -> None:
    eventually(lambda: began(scaled, "one") and began(scaled, "two"), "both tasks run, each in a worker")
    before = {service["name"]: service["pid"] for service in scaled.status()["services"]}

    scaled.start(*SCALED, "3")

    after = {service["name"]: service["pid"] for service in scaled.status()["services"]}
    assert after.items() >= before.items()
    assert scaled.status()["workers"]["maximum"] == 3
    go(scaled)
    assert finish(waiting).returncode == 0


def test_old_workers_end_their_tasks_while_new_ones_take_new_tasks(
    scaled: SmallProject, waiting: subprocess.Popen[str]
) -> None:
    eventually(lambda: began(scaled, "one") and began(scaled, "two"), "both tasks run, each in a worker")
    postgres, old = pid(scaled, "postgres"), workers(scaled)

    update = scaled.command("start", "--graceful", "--airflow-option", "core.default_task_retries=1")
    eventually(
        lambda: any(
            worker["phase"] == "healthy" for name, worker in workers(scaled).items() if name not in old
        ),
        "a new worker is ready",
    )
    quick = finish(scaled.run_dag("quick"))
    assert quick.returncode == 0, quick.stdout
    leaving = {name: worker for name, worker in workers(scaled).items() if worker.get("leaving")}
    assert {name: worker["pid"] for name, worker in leaving.items()} == {
        name: worker["pid"] for name, worker in old.items()
    }
    assert update.poll() is None

    go(scaled)
    assert finish(waiting).returncode == 0
    done = finish(update)
    assert done.returncode == 0, done.stderr
    assert not any(worker.get("leaving") for worker in workers(scaled).values())
    assert pid(scaled, "postgres") == postgres
    assert scaled.health() == "healthy"
    scaled.stop()


def test_metadata_go_with_an_environment_from_version_to_version(make_project: MakeProject) -> None:
    project = make_project("upgraded")
    project.start()
    project.remember()
    first = finish(project.run_dag("quick"))
    assert first.returncode == 0, first.stdout
    said = [project.start("--version", version) for version in ("2.4.3", "2.10.3")]

    assert "Carrying the metadata of Airflow 2.2.2 over to 2.4.3" in said[0]
    assert "Carrying the metadata of Airflow 2.4.3 over to 2.10.3" in said[1]
    project.recall()
    assert project.query("SELECT count(*) FROM dag_run WHERE dag_id = 'quick' AND state = 'success'") == [[1]]
    again = finish(project.run_dag("quick"))
    assert again.returncode == 0, again.stdout

    said.append(project.start("--version", "2.4.3", "--carry-over"))
    assert "Carrying the metadata of Airflow 2.10.3 over to 2.4.3" in said[2]
    project.recall()
    assert project.query("SELECT count(*) FROM dag_run WHERE dag_id = 'quick' AND state = 'success'") == [[2]]
