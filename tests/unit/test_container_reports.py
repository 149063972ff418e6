"""What containers do, in the words of services: phases, restarts, and what was killed for want of memory."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.docker_ports import ContainerRecord
from mwaa_local.runtime.container_reports import (
    Sighting,
    ask_services,
    is_up,
    read_killed,
    report_services,
)
from mwaa_local.runtime.convergence import Phase
from mwaa_local.stack import BeatProbe, HttpProbe, Probe, ServiceSpec, Stack

NOW = 1_700_000_000.0


def spec(name: str, probe: Probe) -> ServiceSpec:
    return ServiceSpec(name, name, ("python3",), False, (), "/", "/log", probe, (), 15, 10.0)


STACK = Stack(
    (spec("webserver", HttpProbe("http://w")), spec("scheduler", HttpProbe("http://w", "s"))), None, "run-2"
)


def container(service: str, state: str = "running", **changes: object) -> ContainerRecord:
    record = ContainerRecord(
        id=service,
        name=f"p_{service}_1",
        service=service,
        role=service,
        run_id="run-2",
        state=state,
        exit_code=0,
        out_of_memory=False,
        restarts=0,
        pid=7,
        started=NOW - 300,
        finished=None,
    )
    return replace(record, **changes)  # type: ignore[arg-type]


def sighting(*containers: ContainerRecord, **changes: object) -> Sighting:
    made = Sighting(
        STACK, containers, {"webserver": True, "scheduler": True}, {}, {"scheduler": 2}, "run-2", NOW
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def phase_of(found: ContainerRecord, **changes: object) -> Phase:
    return report_services(sighting(container("webserver"), found, **changes))[1].phase


@pytest.mark.parametrize(
    ("state", "phase"),
    [
        ("running", Phase.HEALTHY),
        ("created", Phase.WAITING),
        ("restarting", Phase.BACKOFF),
        ("paused", Phase.UNHEALTHY),
        ("exited", Phase.STOPPED),
        ("dead", Phase.STOPPED),
    ],
)
def test_a_containers_state_is_a_services_phase(state: str, phase: Phase) -> None:
    assert phase_of(container("scheduler", state)) is phase


def test_what_runs_and_does_not_answer_is_starting_until_it_has_once_been_ready() -> None:
    silent = {"webserver": True, "scheduler": False}
    young = container("scheduler", started=NOW - 20)
    assert phase_of(young, answers=silent, ready_run="run-1") is Phase.STARTING
    assert phase_of(young, answers=silent) is Phase.UNHEALTHY
    assert phase_of(container("scheduler"), answers=silent, ready_run="run-1") is Phase.UNHEALTHY


def test_a_container_that_was_removed_by_hand_is_missed() -> None:
    report = report_services(sighting(container("webserver")))[1]
    assert (report.name, report.phase, report.note) == ("scheduler", Phase.STOPPED, "it has no container")


def test_containers_of_an_override_file_are_shown_and_the_migration_is_not() -> None:
    found = (
        container("webserver"),
        container("scheduler"),
        container("redis"),
        container("migrate", "exited"),
    )
    assert [each.name for each in report_services(sighting(*found))] == ["webserver", "scheduler", "redis"]


def test_a_killed_container_says_its_signal_and_that_it_was_for_want_of_memory() -> None:
    killed = container("scheduler", "exited", exit_code=137, out_of_memory=True, finished=NOW - 5)
    report = report_services(sighting(container("webserver"), killed))[1]
    assert (report.last_exit, report.since) == (-9, NOW - 5)
    assert report.note == "killed for want of memory (limit 2 GB)"


def test_processes_that_were_killed_in_a_container_that_goes_on_are_counted(tmp_path: Path) -> None:
    (tmp_path / "scheduler.oom").write_text("3\n")
    (tmp_path / "webserver.oom").write_text("nonsense")
    killed = read_killed(tmp_path)
    report = report_services(sighting(container("scheduler"), killed=killed))[1]
    assert report.note == "3 processes killed for want of memory (limit 2 GB)"
    assert killed == {"scheduler": 3}


def test_only_containers_that_run_are_asked() -> None:
    asked: list[Probe] = []

    def is_healthy(probe: Probe, alive_for: float) -> bool:
        asked.append(probe)
        return alive_for == 300

    found = (container("webserver"), container("scheduler", "restarting"))
    assert ask_services(STACK, found, is_healthy, NOW) == {"webserver": True}
    assert asked == [HttpProbe("http://w")]


@pytest.mark.parametrize(
    ("beat", "started", "healthy"),
    [
        (NOW - 4, NOW - 300, True),
        (NOW - 60, NOW - 300, False),
        (NOW - 4, NOW - 1, False),
        (NOW + 1, NOW - 1, True),
    ],
    ids=["fresh", "stale", "of its predecessor", "of a clock that is ahead"],
)
def test_a_beat_counts_while_it_is_fresh_and_the_containers_own(
    tmp_path: Path, beat: float, started: float, healthy: bool
) -> None:
    file = tmp_path / "worker.beat"
    file.touch()
    os.utime(file, (beat, beat))
    stack = Stack((spec("worker", BeatProbe(str(file))),), None, "run-2")
    answers = ask_services(stack, (container("worker", started=started),), lambda *_: None, NOW)
    assert answers == {"worker": healthy}


@pytest.mark.parametrize(("state", "up"), [("running", True), ("restarting", True), ("exited", False)])
def test_an_environment_is_up_while_one_of_its_containers_is(state: str, up: bool) -> None:
    assert is_up((container("webserver", "exited"), container("scheduler", state))) is up
