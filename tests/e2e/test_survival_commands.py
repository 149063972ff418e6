"""Commands that are interrupted, given twice, or at work at the same time."""

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import MakeProject
from tests.e2e.local_environment import eventually
from tests.e2e.small_project import SmallProject, finish, kill

pytestmark = pytest.mark.airflow

MOMENTS = (0.02, 0.15, 0.3, 0.5, 0.8, 1.2, 1.8, 2.5, 3.5, 5.0)
"""Seconds after which Ctrl-C comes: while Python starts, while things are prepared, while the roles start."""


@pytest.fixture(scope="module")
def stopped(make_project: MakeProject) -> SmallProject:
    """A project that has run before, with something in its metadata."""
    project = make_project()
    project.start()
    project.remember()
    project.stop()
    return project


@pytest.fixture
def project(stopped: SmallProject) -> SmallProject:
    stopped.stop()
    return stopped


def interrupt(group: int) -> None:
    """Press Ctrl-C: the terminal sends SIGINT to the whole process group."""
    os.killpg(group, signal.SIGINT)


def test_an_interrupted_start_leaves_nothing_running_at_any_moment(project: SmallProject) -> None:
    for moment in MOMENTS:
        command = project.command("start")
        time.sleep(moment)
        interrupt(command.pid)
        done = finish(command)

        if done.returncode == 0:
            project.stop()  # it was quicker than we
            continue
        # Python itself may have been starting still: a shell calls its end by the signal 130 too.
        if done.returncode != -signal.SIGINT and "Fatal Python error" not in done.stderr:
            assert done.returncode == 130, f"after {moment} s: {done.stderr}"
            assert "Traceback" not in done.stderr, f"after {moment} s: {done.stderr}"
        project.see_it_end()
        assert project.health() == "stopped", f"after {moment} s"
    project.start()
    project.recall()


def test_a_start_that_is_interrupted_again_and_again_still_cleans_up(project: SmallProject) -> None:
    command = project.command("start")
    eventually(lambda: bool(project.processes()) or command.poll() is not None, "processes are started")
    for _ in range(3):
        interrupt(command.pid)
        time.sleep(0.1)

    assert finish(command).returncode == 130
    assert project.remains() == []


def test_a_killed_start_hinders_nobody(project: SmallProject) -> None:
    command = project.command("start")
    eventually(lambda: bool(project.processes()), "processes are started")
    kill(command.pid)
    finish(command)

    project.start()
    project.recall()


def test_two_starts_at_once_make_one_environment(project: SmallProject) -> None:
    first, second = project.command("start"), project.command("start")

    outcomes = [finish(first), finish(second)]

    assert [done.returncode for done in outcomes] == [0, 0], outcomes
    assert sum("is ready" in done.stdout for done in outcomes) == 1
    assert sum("running already" in done.stdout for done in outcomes) == 1
    assert project.health() == "healthy"


def test_a_second_start_changes_nothing(project: SmallProject) -> None:
    project.start()
    before = {service["name"]: service["pid"] for service in project.status()["services"]}

    project.start()

    assert {service["name"]: service["pid"] for service in project.status()["services"]} == before


def test_a_stop_during_a_start_waits_for_it_and_then_stops(project: SmallProject) -> None:
    start = project.command("start")
    eventually(lambda: bool(project.processes()), "processes are started")

    stop = project.run("stop")

    assert stop.returncode == 0, stop.stderr
    finish(start)
    assert project.remains() == []
    assert project.health() == "stopped"


def test_stop_twice_and_a_start_right_after_work(project: SmallProject) -> None:
    project.start()

    first, second = project.command("stop"), project.command("stop")
    again = project.command("start")

    assert [finish(first).returncode, finish(second).returncode] == [0, 0]
    finish(again)
    project.start()
    project.recall()
    assert "Nothing was running." not in project.run("stop").stderr
    assert "Nothing was running." in project.run("stop").stderr


def test_an_interrupted_build_is_not_taken_for_an_environment(
    make_project: MakeProject, tmp_path: Path, environment_cache: Path
) -> None:
    cache = tmp_path / "cold cache"
    project = make_project("cold")
    project.variables = {"MWAA_LOCAL_CACHE": str(cache)}
    wholes = cache / "environments"
    for moment in (1.0, 3.0):
        command = project.command("start")
        time.sleep(moment)
        interrupt(command.pid)
        assert finish(command).returncode in (0, 130)
        project.stop()
    command = project.command("start")
    eventually(lambda: any(wholes.glob("2.2.2-*")) or command.poll() is not None, "the packages are there")
    time.sleep(2.0)  # the database template is being made
    interrupt(command.pid)
    assert finish(command).returncode in (0, 130)
    project.stop()
    assert not list(cache.rglob("*.partial"))

    project.start()

    project.run("destroy", "--yes")
    shutil.rmtree(cache)
