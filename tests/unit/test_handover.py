"""How a supervisor is handed another stack, and what is left for those who look."""

import json
from pathlib import Path

import pytest

from mwaa_local.errors import RoleFailedError
from mwaa_local.runtime.handover import (
    HANDOVER_SIGNAL,
    confirm,
    hand_over,
    note_change,
    take_over,
    wait_for_workers,
)
from mwaa_local.runtime.leftovers import Watch, render_supervisor
from mwaa_local.runtime.scaling_record import ScalingReport, load_scaling, save_scaling
from mwaa_local.runtime.state import StateFolder, read_json
from mwaa_local.stack import Stack
from tests.fakes import FakeClock, FakeProcesses

STACK = Stack((), None, "run")


class Site:
    """A state folder whose supervisor answers after a while, or never."""

    def __init__(self, root: Path) -> None:
        self.folder = StateFolder(root / ".mwaa-local")
        self.folder.create()
        self.clock, self.processes = FakeClock(), FakeProcesses()
        self.locked = True
        self.watch = Watch(self.processes, self.clock, lambda _path: self.locked)
        self.supervisor = self.processes.add(7)
        self.folder.supervisor.write_text(render_supervisor(self.folder, self.supervisor, "run"))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


class AnsweringClock(FakeClock):
    """A clock in whose third sleep the supervisor answers."""

    site: "Site"
    sleeps = 0

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.sleeps += 1
        if self.sleeps == 3:
            confirm(self.site.folder, take_over(self.site.folder))


def test_a_stack_is_handed_over_when_the_supervisor_says_so(site: Site) -> None:
    clock = AnsweringClock()
    clock.site = site
    site.processes.stubborn.add(7)
    hand_over(site.folder, STACK, Watch(site.processes, clock, lambda _path: True))

    assert clock.sleeps == 3
    assert site.processes.signals == [(7, HANDOVER_SIGNAL)]


def test_an_answer_about_another_stack_is_none(site: Site) -> None:
    site.processes.stubborn.add(7)
    confirm(site.folder, Stack((), None, "run", None))
    with pytest.raises(RoleFailedError, match="The supervisor does not answer") as caught:
        hand_over(site.folder, STACK, site.watch)
    assert caught.value.hint == "restart the environment: mwaa-local restart"


def test_an_environment_that_has_just_ended_takes_nothing_over(site: Site) -> None:
    site.locked = False
    with pytest.raises(RoleFailedError, match="The environment has just ended"):
        hand_over(site.folder, STACK, site.watch)


def test_nobody_waits_for_workers_of_an_environment_that_has_ended(site: Site) -> None:
    report = {"name": "worker", "role": "worker", "phase": "stopping", "pid": 9, "started": 1.0, "since": 1.0}
    counts = {
        "failures": 0,
        "restarts": 0,
        "was_healthy": True,
        "last_exit": None,
        "leaving": True,
        "note": "",
    }
    site.folder.status.write_text(json.dumps({"services": [{**report, **counts}]}))
    wait_for_workers(site.folder, site.watch, 60.0)
    assert site.clock.monotonic() >= 60.0

    site.locked = False
    before = site.clock.monotonic()
    wait_for_workers(site.folder, site.watch, 60.0)
    assert site.clock.monotonic() == before


def test_what_is_being_changed_is_not_ready_for_now(site: Site) -> None:
    site.folder.ready.write_text(json.dumps({"run_id": "run"}))
    note_change(site.folder)
    assert read_json(site.folder.ready) == {"run_id": "run", "changing": True}


def test_a_report_of_scaling_is_read_back_and_a_damaged_one_is_none(site: Site) -> None:
    report = ScalingReport(2, 1, 3, 4, 5)
    save_scaling(site.folder, report)
    assert load_scaling(site.folder) == report
    (site.folder.root / "run" / "scaling.json").write_text('{"workers": 1}')
    assert load_scaling(site.folder) is None
    save_scaling(site.folder, None)
    save_scaling(site.folder, None)
    assert load_scaling(site.folder) is None
