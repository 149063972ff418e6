"""`kill -9` of every process of a running environment, alone and together, at rest and during a DAG run."""

import os
import signal
from collections.abc import Callable

import psutil
import pytest

from tests.e2e.local_environment import eventually
from tests.e2e.small_project import SmallProject, finish, kill, titled

pytestmark = pytest.mark.airflow

SERVICES = ("postgres", "aws", "scheduler", "worker", "webserver")
CHILDREN = {
    "a process of Celery's pool": "ForkPoolWorker-1]",
    "a process of the web server": "gunicorn: worker",
    "the DAG processor manager": "DagFileProcessorManager",
}


@pytest.mark.parametrize("name", SERVICES)
def test_a_killed_service_is_restarted_and_that_is_shown(healthy: SmallProject, name: str) -> None:
    before = healthy.service(name)

    kill(before["pid"])

    eventually(lambda: healthy.service(name)["restarts"] == before["restarts"] + 1, f"{name} is counted")
    assert healthy.service(name)["last_exit"] == -signal.SIGKILL
    eventually(lambda: healthy.health() == "healthy", "the environment is healthy again")
    assert healthy.service(name)["pid"] != before["pid"]


@pytest.mark.parametrize("title", CHILDREN.values(), ids=CHILDREN.keys())
def test_a_killed_child_of_a_service_is_replaced(healthy: SmallProject, title: str) -> None:
    before = {process.pid for process in healthy.processes()}
    victim = titled(healthy.processes(), title)[0]
    kind = title.partition("-1]")[0]

    kill(victim)

    eventually(
        lambda: any(each.pid not in before for each in titled(healthy.processes(), kind)), "it is replaced"
    )
    eventually(lambda: healthy.health() == "healthy", "the environment is healthy again")
    assert finish(healthy.run_dag("quick")).returncode == 0


def test_without_its_launcher_the_environment_goes_on_and_restarts_services(healthy: SmallProject) -> None:
    (launcher,) = titled(healthy.processes(), "airflow launcher")

    kill(launcher)
    kill(healthy.service("scheduler")["pid"])

    eventually(lambda: len(titled(healthy.processes(), "airflow launcher")) == 1, "there is a launcher again")
    eventually(lambda: healthy.health() == "healthy", "the environment is healthy again")
    assert finish(healthy.run_dag("quick")).returncode == 0


@pytest.mark.parametrize("name", SERVICES)
def test_a_run_survives_the_death_of_a_service(healthy: SmallProject, name: str) -> None:
    command = healthy.run_dag("slow")
    eventually(lambda: (healthy.folder / "task.pid").exists(), "the task runs")

    kill(healthy.service(name)["pid"])

    finish(command)  # it may have lost its connection to the database
    eventually(lambda: healthy.health() == "healthy", "the environment is healthy again")
    eventually(lambda: set(dag_run_states(healthy).values()) <= {"success", "failed"}, "the run ends")
    assert set(dag_run_states(healthy).values()) == {"success"}


def dag_run_states(project: SmallProject) -> dict[str, str]:
    return {str(row[0]): str(row[1]) for row in project.query("SELECT run_id, state FROM dag_run")}


def kill_the_supervisor(project: SmallProject) -> None:
    kill(project.supervisor())


def kill_all_at_once(project: SmallProject) -> None:
    """As a power cut would: nobody is left to clean up."""
    processes = [*project.processes(), psutil.Process(project.supervisor())]
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for process in processes:
            try:
                os.kill(process.pid, number)
            except ProcessLookupError:
                continue


@pytest.mark.parametrize("blow", [kill_the_supervisor, kill_all_at_once])
def test_nothing_outlives_the_supervisor(healthy: SmallProject, blow: Callable[[SmallProject], None]) -> None:
    command = healthy.run_dag("slow")
    eventually(lambda: (healthy.folder / "task.pid").exists(), "the task runs")

    blow(healthy)

    healthy.see_it_end()
    assert healthy.health() == "died"
    assert finish(command).returncode != 0
    healthy.start()
    eventually(lambda: set(dag_run_states(healthy).values()) <= {"success", "failed"}, "the run ends")
    assert set(dag_run_states(healthy).values()) == {"success"}


def test_stop_after_the_supervisor_was_killed_leaves_nothing(healthy: SmallProject) -> None:
    launcher = titled(healthy.processes(), "airflow launcher")
    for process in launcher:
        process.suspend()  # as if it had been killed too: nobody cleans up
    kill(healthy.supervisor())

    healthy.stop()
