"""Metrics by the minute: what is kept over restarts, kills, full disks and days, and what is not."""

import json
from pathlib import Path

import pytest

from mwaa_local.aws.metrics.store import MetricStore, Points, Series, Statistics, make_series

START = 1_795_228_800.0  # 2026-11-21 00:00:00
HEARTBEAT = make_series("us-east-1", "AmazonMWAA", "SchedulerHeartbeat", {"Function": "Scheduler"}, "Count")
SLOTS = make_series("us-east-1", "AmazonMWAA", "OpenSlots", {"Function": "Executor"}, "Count")


class Time:
    """A clock that a test sets."""

    now = START + 30

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def store(tmp_path: Path, clock: Time) -> MetricStore:
    return MetricStore(tmp_path / "metrics", clock)


def read(store: MetricStore, series: Series = HEARTBEAT, start: float = 0.0, end: float = 9e9) -> Points:
    return dict(store.points(lambda each: each == series, start, end)).get(series, {})


def test_values_of_a_minute_become_one_statistic_set(store: MetricStore) -> None:
    for value in (1.0, 3.0, 2.0):
        store.add(SLOTS, value)
    store.add(SLOTS, 10.0, weight=2.0)
    assert read(store, SLOTS) == {int(START): Statistics(5.0, 26.0, 1.0, 10.0)}
    assert read(store, HEARTBEAT) == {}


def test_another_process_reads_what_was_written(store: MetricStore, clock: Time) -> None:
    store.add(HEARTBEAT, 1.0)
    clock.now += 60
    store.add(HEARTBEAT, 1.5)
    store.write()
    again = MetricStore(store.folder, clock)
    assert read(again) == {
        int(START): Statistics(1.0, 1.0, 1.0, 1.0),
        int(START) + 60: Statistics(1.0, 1.5, 1.5, 1.5),
    }
    assert again.known(START) == {HEARTBEAT}


def test_a_minute_that_was_written_twice_is_one_minute(store: MetricStore) -> None:
    store.add(HEARTBEAT, 1.0)
    store.write()
    store.add(HEARTBEAT, 4.0)
    assert read(store) == {int(START): Statistics(2.0, 5.0, 1.0, 4.0)}
    store.write()
    assert read(store) == {int(START): Statistics(2.0, 5.0, 1.0, 4.0)}


def test_only_the_time_that_is_asked_for_is_returned(store: MetricStore, clock: Time) -> None:
    for _ in range(5):
        store.add(HEARTBEAT, 1.0)
        clock.now += 60
    assert sorted(read(store, start=START + 60, end=START + 180)) == [START + 60, START + 120]


def test_a_line_that_a_kill_cut_off_costs_that_minute_only(store: MetricStore, clock: Time) -> None:
    store.add(HEARTBEAT, 1.0)
    store.write()
    for suffix in ("data", "names"):
        with (store.folder / f"2026-11-21.{suffix}").open("a") as file:
            file.write("1795228860 [[0,1,1" if suffix == "data" else '[7,"us-ea')
    clock.now += 120
    again = MetricStore(store.folder, clock)
    again.add(SLOTS, 2.0)
    again.write()
    assert sorted(read(again)) == [START]
    assert sorted(read(again, SLOTS)) == [START + 120]
    assert again.known(START) == {HEARTBEAT, SLOTS}


@pytest.mark.parametrize(
    "nonsense", ["x", "1 x", "1795228800 {}", "1795228800 [1]", '1795228800 [[9,1,1,1,1],["a"]]']
)
def test_a_damaged_line_is_passed_over(store: MetricStore, nonsense: str) -> None:
    store.add(HEARTBEAT, 1.0)
    store.write()
    with (store.folder / "2026-11-21.data").open("a") as file:
        file.write(nonsense + "\n")
    assert read(store) == {int(START): Statistics(1.0, 1.0, 1.0, 1.0)}


def test_fifteen_days_are_kept_and_two_weeks_known(store: MetricStore, clock: Time) -> None:
    for _ in range(20):
        store.add(HEARTBEAT, 1.0)
        clock.now += 86400
    store.add(SLOTS, 1.0)
    store.write()
    days = sorted(path.stem for path in store.folder.glob("*.data"))
    assert (days[0], days[-1], len(days)) == ("2026-11-26", "2026-12-11", 16)
    assert store.known(clock.now - 14 * 86400) == {HEARTBEAT, SLOTS}
    clock.now += 14 * 86400
    assert store.known(clock.now - 14 * 86400) == {SLOTS}


def test_values_of_the_past_go_where_they_belong(store: MetricStore, clock: Time) -> None:
    store.merge(SLOTS, START - 3600, Statistics(1.0, 7.0, 7.0, 7.0))
    store.add(HEARTBEAT, 1.0)
    store.write()
    assert read(store, SLOTS) == {int(START) - 3600: Statistics(1.0, 7.0, 7.0, 7.0)}
    assert store.known(START - 7200) == {HEARTBEAT, SLOTS}


def test_a_disk_that_cannot_be_written_is_said_once(
    store: MetricStore, clock: Time, caplog: pytest.LogCaptureFixture
) -> None:
    store.folder.write_text("in the way")
    for _ in range(3):
        store.add(HEARTBEAT, 1.0)
        store.write()
        clock.now += 60
    assert [record.message.split(":")[0] for record in caplog.records] == ["metrics cannot be written"]


def test_a_minute_of_an_idle_environment_takes_little_room(store: MetricStore) -> None:
    for number in range(60):
        store.add(
            make_series("us-east-1", "AmazonMWAA", f"Metric{number}", {"Environment": "mine"}, "Count"), 5.0
        )
    store.write()
    line = (store.folder / "2026-11-21.data").read_text()
    assert len(line) < 1200
    assert len(json.loads(line.split(" ", 1)[1])) == 60
