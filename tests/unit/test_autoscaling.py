"""How many workers MWAA's rule wants, and which ones run."""

import pytest

from mwaa_local.runtime.autoscaling import (
    LOOK_EVERY,
    QueueFigures,
    Scale,
    WorkerPlace,
    choose_workers,
    first_scale,
    next_scale,
    parse_figures,
    required_workers,
)
from mwaa_local.runtime.scaling_watch import ScalingWatch
from mwaa_local.stack import WorkerScaling
from tests.fakes import FakeClock

SCALING = WorkerScaling(minimum=1, maximum=4, tasks_per_worker=5, figures_url="http://endpoint/queue")
IDLE = QueueFigures(0, 0)


def test_the_times_are_those_of_mwaa() -> None:
    assert (SCALING.idle_seconds, SCALING.grace) == (120.0, 120.0)


@pytest.mark.parametrize(
    ("running", "queued", "required"), [(0, 0, 0), (0, 1, 1), (5, 0, 1), (5, 1, 2), (3, 8, 3), (100, 0, 20)]
)
def test_running_and_queued_tasks_by_tasks_per_worker_are_the_workers_required(
    running: int, queued: int, required: int
) -> None:
    assert required_workers(QueueFigures(running, queued), SCALING) == required


def test_workers_are_added_at_once_and_up_to_the_maximum() -> None:
    scale = next_scale(first_scale(SCALING), QueueFigures(5, 6), SCALING, 0.0)
    assert scale.workers == 3
    assert next_scale(scale, QueueFigures(5, 600), SCALING, 0.1).workers == 4


def test_no_worker_goes_while_there_is_a_task() -> None:
    scale = Scale(4)
    for now in range(0, 1000, 50):
        scale = next_scale(scale, QueueFigures(1, 0), SCALING, float(now))
    assert scale.workers == 4


def test_all_but_the_minimum_go_after_two_minutes_without_a_task() -> None:
    scale = next_scale(Scale(4), IDLE, SCALING, 1000.0)
    assert next_scale(scale, IDLE, SCALING, 1119.9).workers == 4
    assert next_scale(scale, IDLE, SCALING, 1120.0).workers == 1


def test_a_task_in_between_begins_the_two_minutes_anew() -> None:
    scale = next_scale(Scale(4), IDLE, SCALING, 0.0)
    scale = next_scale(scale, QueueFigures(0, 1), SCALING, 110.0)
    scale = next_scale(scale, IDLE, SCALING, 119.0)
    assert next_scale(scale, IDLE, SCALING, 238.0).workers == 4
    assert next_scale(scale, IDLE, SCALING, 239.0).workers == 1


def test_an_endpoint_that_does_not_answer_takes_no_worker_away() -> None:
    scale = next_scale(Scale(4), IDLE, SCALING, 0.0)
    scale = next_scale(scale, None, SCALING, 119.0)
    assert next_scale(scale, IDLE, SCALING, 130.0).workers == 4


def test_what_runs_is_kept_within_new_bounds() -> None:
    assert first_scale(SCALING, 9).workers == 4
    assert first_scale(SCALING, 0).workers == 1
    assert next_scale(Scale(9), None, SCALING, 0.0).workers == 4


def test_workers_that_run_are_kept_and_idle_places_come_before_ending_ones() -> None:
    places = [
        WorkerPlace("worker-1", is_wanted=False, is_ending=True),
        WorkerPlace("worker-2", is_wanted=True, is_ending=False),
        WorkerPlace("worker-3", is_wanted=False, is_ending=False),
        WorkerPlace("worker-4", is_wanted=True, is_ending=False),
    ]
    assert choose_workers(places, 1) == {"worker-2"}
    assert choose_workers(places, 3) == {"worker-2", "worker-4", "worker-3"}
    assert len(choose_workers(places, 4)) == 4


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"running": "x", "queued": 1}', b"\xff"])
def test_an_answer_that_is_none_says_nothing(body: bytes) -> None:
    assert parse_figures(body) is None


def test_the_queue_is_looked_at_every_two_seconds_and_what_was_seen_is_told() -> None:
    clock, looks = FakeClock(), [IDLE, QueueFigures(2, 9), None]
    watch = ScalingWatch(SCALING, lambda: looks.pop(0), clock)
    assert (watch.workers, watch.report().running_tasks) == (1, None)

    watch.step()
    watch.step()
    assert len(looks) == 2
    assert watch.seconds_to_next() == LOOK_EVERY

    clock.sleep(LOOK_EVERY)
    watch.step()
    assert (watch.workers, watch.report().running_tasks, watch.report().queued_tasks) == (3, 2, 9)
    clock.sleep(LOOK_EVERY)
    watch.step()
    assert (watch.workers, watch.report().queued_tasks) == (3, None)
