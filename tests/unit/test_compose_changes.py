"""What changes while an environment runs in containers: the number of workers, graceful updates."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mwaa_local.config_loading import FlagValue
from mwaa_local.errors import RoleFailedError
from mwaa_local.runtime.backend import NO_WISHES, StartWishes
from mwaa_local.runtime.worker_duties import load_order
from tests.compose_site import Site
from tests.fakes import FakeClock

GRACEFUL = StartWishes(graceful=True)


@dataclass(slots=True)
class BeatingClock(FakeClock):
    """A clock by which every worker has a beat as soon as somebody waits."""

    beats: Path = Path()

    def sleep(self, seconds: float) -> None:
        FakeClock.sleep(self, seconds)
        self.beats.mkdir(parents=True, exist_ok=True)
        for name in ("worker", *(f"worker-{number}" for number in range(1, 9))):
            (self.beats / f"{name}.beat").touch()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    root = tmp_path / "orders"
    made = Site(root, clock=BeatingClock(beats=root / ".mwaa-local" / "run" / "beats"))
    made.answer()
    return made


def start(site: Site, wishes: StartWishes = NO_WISHES, **flags: FlagValue) -> bool:
    return site.start(wishes, **{"executor": "celery", **flags})


def ids(site: Site) -> dict[str, str]:
    return {each.service: each.id for each in site.containers.list(site.name)}


def workers(site: Site) -> set[str]:
    return {name for name in ids(site) if name.startswith("worker")}


def end(site: Site, *services: str) -> None:
    """Have containers end that have been asked to."""
    assert set(services) <= set(site.containers.let_go_of)
    for name in services:
        site.containers.end(site.name, name)


def test_another_number_of_workers_touches_nothing_else(site: Site) -> None:
    start(site, workers="2")
    before = ids(site)
    assert start(site, workers="3")
    assert ids(site).items() > before.items()
    assert workers(site) == {"worker-1", "worker-2", "worker-3"}
    assert start(site, workers="1")
    assert site.containers.let_go_of == ["worker-2", "worker-3"]
    assert {name: each for name, each in ids(site).items() if name in before} == before
    assert site.containers.removals == []
    assert not start(site, workers="1")


def test_other_bounds_reach_the_endpoint_and_touch_nothing(site: Site) -> None:
    start(site, autoscale=True, max_workers="3")
    before = ids(site)
    assert workers(site) == {"worker-1", "worker-2", "worker-3"}
    start(site, autoscale=True, max_workers="4")
    order = load_order(site.runtime.kept.beats)
    assert order is not None
    assert (order.scaling.maximum, len(order.workers)) == (4, 4)
    assert ids(site).items() > before.items()
    assert site.compose.services["worker-4"]["environment"]["MWAA_LOCAL_SCALED"] == "1"


def test_workers_that_sleep_when_they_are_not_wanted_take_the_place_of_those_that_cannot(site: Site) -> None:
    start(site, workers="1")
    start(site, autoscale=True, max_workers="2")
    assert site.containers.let_go_of == ["worker"]
    assert set(site.compose.services) > {"worker-1", "worker-2"}
    assert "worker" not in site.compose.services


def test_a_change_of_anything_else_stops_all_unless_it_is_to_be_graceful(site: Site) -> None:
    start(site)
    start(site, environment_class="mw1.medium")
    assert site.containers.let_go_of == []
    assert len(site.containers.removals) == 1


def test_in_a_graceful_update_new_workers_come_and_old_ones_end_what_they_run(site: Site) -> None:
    start(site, workers="2")
    before = ids(site)
    start(site, GRACEFUL, workers="2", environment_class="mw1.medium")
    assert site.containers.let_go_of == ["worker-1", "worker-2"]
    after = ids(site)
    assert {name for name in before if after[name] == before[name]} == {
        "aws",
        "migrate",
        "postgres",
        "worker-1",
        "worker-2",
    }
    assert workers(site) == {"worker-1", "worker-2", "worker-3", "worker-4"}
    leaving = {each.name for each in site.runtime.services() if each.leaving}
    assert leaving == {"worker-1", "worker-2"}
    assert site.runtime.is_healthy()


def test_workers_that_have_ended_are_removed_and_what_they_held_is_given_back(site: Site) -> None:
    start(site)
    start(site, GRACEFUL, environment_class="mw1.medium")
    end(site, "worker")
    assert "worker" not in {each.name for each in site.runtime.services()}
    site.runtime.wait_for_replaced_workers()
    assert workers(site) == {"worker-1"}
    assert [url for url in site.http.posted if url.endswith("/_mwaa_local/release?consumer=worker")]


def test_a_worker_that_the_engine_starts_again_has_ended(site: Site) -> None:
    """Podman 4.3 cannot be told not to; what it starts finds that it has left, and sleeps."""
    site.containers.starts_again = True
    start(site)
    start(site, GRACEFUL, environment_class="mw1.medium")
    leave = site.runtime.kept.beats / "worker.leave"
    assert leave.read_text() == "43200"
    now = site.clock.now()
    os.utime(leave, (now, now))
    assert "worker" in {each.name for each in site.runtime.services()}
    end(site, "worker")
    assert "worker" not in {each.name for each in site.runtime.services()}
    site.runtime.wait_for_replaced_workers()
    assert site.clock.now() == now
    assert "worker" not in workers(site)
    assert not leave.exists()


def test_a_worker_is_told_once_to_leave_and_not_in_place_of_another(site: Site) -> None:
    start(site)
    leave, of_another = (site.runtime.kept.beats / f"{name}.leave" for name in ("worker", "worker-1"))
    of_another.write_text("1")
    start(site, GRACEFUL, environment_class="mw1.medium")
    assert "worker-1" in workers(site)
    assert not of_another.exists()
    os.utime(leave, (2_000_000_000, 2_000_000_000))
    start(site, GRACEFUL, environment_class="mw1.large")
    assert leave.stat().st_mtime == 2_000_000_000


def test_nobody_waits_for_workers_that_have_been_replaced_longer_than_twelve_hours(site: Site) -> None:
    start(site)
    start(site, GRACEFUL, environment_class="mw1.medium")
    began = site.clock.now()
    site.runtime.wait_for_replaced_workers()
    assert 43200 <= site.clock.now() - began < 43300


def test_nobody_waits_for_a_worker_that_autoscaling_parks(site: Site) -> None:
    start(site, autoscale=True, max_workers="2")
    (site.runtime.kept.beats / "worker-2.duty").write_text("leaving")
    began = site.clock.now()
    site.runtime.wait_for_replaced_workers()
    assert site.clock.now() == began


def test_what_neither_file_nor_override_has_is_removed_in_a_graceful_update(site: Site) -> None:
    start(site, schedulers="2")
    found = site.containers.found[site.name]
    found.append(replace(found[0], id="redis", service="redis", role="", run_id=""))
    start(site, GRACEFUL, schedulers="1")
    assert {"scheduler", "redis"} < set(ids(site))
    assert "scheduler-2" not in ids(site)


def test_where_networks_change_all_is_stopped(site: Site) -> None:
    start(site)
    start(site, GRACEFUL, network_mode="private")
    assert len(site.containers.removals) == 1
    assert "gateway" in ids(site)


def test_a_replacement_that_fails_leaves_running_tasks_alone(site: Site) -> None:
    start(site)
    site.http.answers.clear()
    with pytest.raises(RoleFailedError) as raised:
        start(site, GRACEFUL, environment_class="mw1.medium", wait="5")
    assert "running tasks go on: start it again with --graceful" in raised.value.hint
    assert "worker" in workers(site)
    assert site.containers.removals == []


def test_a_replacement_that_was_interrupted_is_not_taken_for_done(site: Site) -> None:
    start(site)
    site.compose.fails = "interrupted"
    with pytest.raises(Exception, match="interrupted"):
        start(site, GRACEFUL, environment_class="mw1.medium")
    site.compose.fails = ""
    assert start(site, environment_class="mw1.medium")
    assert site.runtime.is_healthy()


def test_another_version_begins_gracefully_when_the_tasks_have_ended(site: Site) -> None:
    start(site)
    site.containers.idle = True
    start(site, GRACEFUL, version="2.4.3")

    assert site.containers.let_go_of == ["worker"]
    assert "Waiting for running tasks to end" in site.progress.said
    assert site.progress.said.index("Waiting for running tasks to end") < site.progress.said.index(
        "Stopping what runs, to start it with what has changed"
    )
