"""Workers in containers as the endpoint counts them: who is wanted, as a file says it."""

import json
from pathlib import Path

import pytest

from mwaa_local.ports import HttpAnswer
from mwaa_local.runtime.container_scaling import ContainerScaling
from mwaa_local.runtime.worker_duties import (
    Duty,
    ScalingOrder,
    load_order,
    load_roster,
    read_duties,
    write_order,
)
from mwaa_local.stack import WorkerScaling
from tests.fakes import FakeClock, FakeHttp

URL = "http://127.0.0.1:4566/_mwaa_local/queue?queue=q"
SCALING = WorkerScaling(1, 3, 5, URL, idle_seconds=10.0, grace=60.0)
ORDER = ScalingOrder("run-1", SCALING, ("worker-1", "worker-2", "worker-3"))


class Site:
    """A folder that all containers share, a queue, and what follows both."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock, self.http = FakeClock(), FakeHttp()
        self.scaling = ContainerScaling(folder, self.http, self.clock)

    def queue(self, running: int, queued: int) -> None:
        body = json.dumps({"running": running, "queued": queued}).encode()
        self.http.answers[URL] = HttpAnswer(200, body)

    def wanted(self) -> tuple[str, ...]:
        """Let time pass until the next look, and return who is wanted then."""
        self.clock.sleep(self.scaling.seconds_to_next())
        self.scaling.step()
        roster = load_roster(self.folder)
        return roster.wanted if roster else ()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_nothing_is_asked_and_nothing_written_where_nothing_is_scaled(site: Site) -> None:
    site.queue(9, 9)
    assert site.wanted() == ()
    assert list(site.folder.iterdir()) == []
    assert site.scaling.seconds_to_next() > 0


def test_the_minimum_is_wanted_before_the_queue_is_known(site: Site) -> None:
    write_order(site.folder, ORDER)
    assert site.wanted() == ("worker-1",)


def test_workers_come_with_the_tasks_and_go_when_there_have_been_none_for_a_while(site: Site) -> None:
    write_order(site.folder, ORDER)
    site.queue(5, 1)
    assert site.wanted() == ("worker-1", "worker-2")
    site.queue(5, 50)
    assert site.wanted() == ("worker-1", "worker-2", "worker-3")
    site.queue(0, 0)
    seen = [site.wanted() for _ in range(6)]
    assert seen[0] == ("worker-1", "worker-2", "worker-3")
    assert seen[-1] == ("worker-1",)
    roster = load_roster(site.folder)
    assert roster is not None
    assert (roster.grace, roster.report.workers, roster.report.running_tasks) == (60.0, 1, 0)


def test_one_that_is_ending_is_chosen_last(site: Site) -> None:
    write_order(site.folder, ORDER)
    site.wanted()
    (site.folder / "worker-2.duty").write_text("leaving")
    site.queue(6, 0)
    assert site.wanted() == ("worker-1", "worker-3")


def test_an_endpoint_that_is_restarted_goes_on_with_the_workers_that_there_are(site: Site) -> None:
    write_order(site.folder, ORDER)
    site.queue(6, 0)
    site.wanted()
    site.queue(0, 0)
    again = Site(site.folder)
    again.http = site.http
    again.scaling = ContainerScaling(site.folder, again.http, again.clock)
    assert again.wanted() == ("worker-1", "worker-2")


def test_the_workers_of_another_run_say_nothing_of_this_one(site: Site) -> None:
    write_order(site.folder, ORDER)
    site.queue(11, 0)
    assert len(site.wanted()) == 3
    write_order(site.folder, ScalingOrder("run-2", SCALING, ORDER.workers))
    site.queue(0, 0)
    assert site.wanted() == ("worker-1",)


def test_other_bounds_are_taken_over_as_they_come(site: Site) -> None:
    write_order(site.folder, ORDER)
    site.queue(3, 0)
    site.wanted()
    write_order(site.folder, ScalingOrder("run-1", WorkerScaling(2, 2, 5, URL), ("worker-2", "worker-4")))
    assert site.wanted() == ("worker-2", "worker-4")
    write_order(site.folder, None)
    assert site.wanted() == ()
    assert load_order(site.folder) is None


@pytest.mark.parametrize("name", ["scaling.json", "roster.json"])
@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"run_id": 1, "scaling": {}, "workers": [], "report": {}}']
)
def test_files_that_say_nothing_are_none(site: Site, name: str, text: str) -> None:
    (site.folder / name).write_text(text)
    assert load_order(site.folder) is None
    assert load_roster(site.folder) is None


def test_duties_are_read_as_far_as_they_can_be(site: Site) -> None:
    (site.folder / "worker-1.duty").write_text("parked")
    (site.folder / "worker-2.duty").write_text("")
    assert {name: known.duty for name, known in read_duties(site.folder).items()} == {"worker-1": Duty.PARKED}
