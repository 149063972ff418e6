"""Whose a datagram is, what the user's lists let through, and how gauges and counters add up."""

from collections.abc import Mapping
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mwaa_local.aws.account import environment_id_of, statsd_prefix
from mwaa_local.aws.metrics.collector import Collector
from mwaa_local.aws.metrics.store import MetricStore, Statistics
from mwaa_local.aws.mwaa_api.records import Environment, Status


def environment(
    name: str, identity: str, version: str = "2.10.3", options: Mapping[str, str] | None = None
) -> Environment:
    settings = {"AirflowVersion": version, "AirflowConfigurationOptions": dict(options or {})}
    return Environment(name, identity, "us-east-1", 0.0, Status.AVAILABLE, settings)


class Site:
    """A collector over environments that a test changes."""

    def __init__(self, folder: Path, *environments: Environment, home: str = "home") -> None:
        self.now = 1_795_228_830.0
        self.environments = list(environments)
        self.store = MetricStore(folder, lambda: self.now)
        self.collector = Collector(self.store, lambda: self.environments, home)

    def send(self, *lines: str) -> None:
        for line in lines:
            self.collector.take(line.encode())

    def found(self) -> dict[str, Statistics]:
        """Return everything so far as `Environment/Metric` -> values."""
        return {
            f"{dict(series.dimensions)['Environment']}/{series.metric}": next(iter(points.values()))
            for series, points in self.store.points(lambda _: True, 0.0, 9e9)
        }


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, environment("home", "11111111"), environment("other", "22222222"))


def test_the_prefix_tells_whose_a_datagram_is(site: Site) -> None:
    other = environment_id_of("airflow-celery-22222222")
    assert (statsd_prefix(), statsd_prefix(other)) == ("airflow", "airflow-22222222")
    site.send("airflow.scheduler_heartbeat:1|c", "airflow-22222222.scheduler_heartbeat:1|c\n")
    site.send(
        "airflow-33333333.scheduler_heartbeat:1|c", "scheduler_heartbeat:1|c", "x.scheduler_heartbeat:1|c"
    )
    assert set(site.found()) == {"home/SchedulerHeartbeat", "other/SchedulerHeartbeat"}


def test_a_new_environment_is_known_a_second_after_it_first_sends(site: Site) -> None:
    site.send("airflow.ti_successes:1|c")
    site.environments.append(environment("third", "33333333"))
    site.send("airflow-33333333.scheduler_heartbeat:1|c")
    site.now += 1.5
    site.send("airflow-33333333.scheduler_heartbeat:1|c")
    assert site.found()["third/SchedulerHeartbeat"].count == 1.0


def test_the_version_tells_what_a_name_is(tmp_path: Path) -> None:
    site = Site(tmp_path, environment("home", "1", "2.2.2"))
    site.send("airflow.triggers.succeeded:1|c", "airflow.scheduler_heartbeat:1|c")
    assert set(site.found()) == {"home/SchedulerHeartbeat"}
    site.environments = [environment("home", "1", "2.7.2")]
    site.now += 61
    site.send("airflow.triggers.succeeded:1|c")
    assert "home/TriggersSucceeded" in site.found()


def test_counters_add_up_and_gauges_follow_their_changes(site: Site) -> None:
    site.send(*["airflow.dag_processing.processes:1|c"] * 3, "airflow.dag_processing.processes:-1|c")
    site.send(
        "airflow.executor.open_slots:5|g",
        "airflow.executor.open_slots:-2|g",
        "airflow.executor.open_slots:+1|g",
    )
    found = site.found()
    assert found["home/Processes"] == Statistics(4.0, 2.0, -1.0, 1.0)
    assert found["home/OpenSlots"] == Statistics(3.0, 12.0, 3.0, 5.0)


LINES = st.builds(
    lambda name, value, kind, rate: f"airflow.{name}:{value}|{kind}{rate}".encode(),
    st.sampled_from(["scheduler_heartbeat", "executor.open_slots", "dag.a.b.duration", "ti.start.\u00e9.b"]),
    st.one_of(st.floats(), st.integers(), st.text(max_size=5)),
    st.sampled_from(["c", "g", "ms", "x"]),
    st.sampled_from(["", "|@0.1", "|@1e-9", "|@-1", "|#a:b"]),
)
NUMBERS = count()
SENT = (
    "airflow.scheduler_heartbeat:1|c",
    "airflow.executor.open_slots:1|g",
    "airflow.dagrun.duration.success.scheduler_dag:1|ms",
)
HEARTBEAT, SLOTS, DURATION = "home/SchedulerHeartbeat", "home/OpenSlots", "home/DAGDurationSuccess"


@pytest.mark.parametrize(
    ("version", "options", "expected"),
    [
        ("2.10.3", {}, {HEARTBEAT, SLOTS, DURATION}),
        ("2.10.3", {"metrics.metrics_allow_list": "Scheduler, executor"}, {HEARTBEAT, SLOTS}),
        ("2.10.3", {"metrics.metrics_block_list": "scheduler,executor"}, {DURATION}),
        (
            "3.3.1",
            {"metrics.metrics_allow_list": "scheduler", "metrics.metrics_block_list": "scheduler"},
            {HEARTBEAT},
        ),
        ("2.10.3", {"metrics.statsd_on": "False"}, set()),
        ("2.10.3", {"metrics.statsd_allow_list": "executor"}, {HEARTBEAT, SLOTS, DURATION}),
        # Before 2.9.2 Airflow itself leaves out what the lists say.
        ("2.2.2", {"metrics.metrics_block_list": "scheduler"}, {HEARTBEAT, SLOTS, DURATION}),
    ],
)
def test_the_lists_of_the_options_let_through_what_the_service_would(
    tmp_path: Path, version: str, options: dict[str, str], expected: set[str]
) -> None:
    site = Site(tmp_path, environment("home", "1", version, options))
    site.send(*SENT)
    assert set(site.found()) == expected


@given(datagrams=st.lists(LINES, max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_sent_can_be_kept_and_read(datagrams: list[bytes], tmp_path: Path) -> None:
    site = Site(tmp_path / str(next(NUMBERS)), environment("home", "11111111"))
    for datagram in datagrams:
        site.collector.take(datagram)
    before = site.found()
    site.store.write()
    assert set(site.found()) == set(before)


def test_names_that_are_made_up_do_not_fill_the_memory(site: Site) -> None:
    for number in range(30_000):
        site.collector.take(b"airflow.made.up.%d:1|c" % number)
    assert len(site.collector._targets) <= 20_000
    assert site.found() == {}
