"""Figures of queues, containers and databases: from what supervisors report, processes use and queues hold."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from moto.sqs.models import sqs_backends

from mwaa_local.aws.account import ACCOUNT_ID
from mwaa_local.aws.metrics.figures import (
    Container,
    Figures,
    Machine,
    Service,
    containers_of,
    load_services,
    queue_figures,
)
from mwaa_local.aws.metrics.store import MetricStore, Statistics
from mwaa_local.aws.mwaa_api.records import Environment, Status
from mwaa_local.catalog import Role
from mwaa_local.ports import ProcessId, TreeUsage

GIB = 1 << 30
ROLES = (
    ("postgres", ""),
    ("aws", ""),
    ("scheduler", "scheduler"),
    ("worker-1", "worker"),
    ("worker-2", "worker"),
    ("webserver", "webserver"),
    ("triggerer", "triggerer"),
    ("dag-processor", "dag-processor"),
)
"""Their PIDs are 100, 101, ..."""


def status(*waiting: str) -> str:
    return json.dumps(
        {
            "services": [
                {
                    "name": name,
                    "role": role,
                    "phase": "waiting" if name in waiting else "healthy",
                    "pid": None if name in waiting else 100 + number,
                    "started": None if name in waiting else 7.0,
                }
                for number, (name, role) in enumerate(ROLES)
            ]
        }
    )


class Site:
    """An environment whose processes use what a test says."""

    def __init__(self, folder: Path, environment_class: str = "mw1.small", name: str = "home") -> None:
        self.now = 1_795_228_800.0
        self.usage: dict[int, TreeUsage] = {}
        settings = {"AirflowVersion": "2.10.3", "EnvironmentClass": environment_class}
        self.environment = Environment(name, "1a2b3c4d", "us-east-1", 0.0, Status.AVAILABLE, settings)
        self.state = folder / ".mwaa-local" / "aws"
        self.store = MetricStore(folder / "metrics", lambda: self.now)
        machine = Machine(self._measure, lambda: 3 * GIB)
        self.figures = Figures(self.store, lambda: [self.environment], "home", self.state, machine)

    def report(self, text: str, run: Path | None = None) -> None:
        run = run or self.state.parent / "run"
        run.mkdir(parents=True, exist_ok=True)
        (run / "status.json").write_text(text)

    def take(self) -> dict[str, list[float]]:
        """Take the figures of a minute; return their values as `Metric where` -> [how many, sum]."""
        self.figures.take()
        minute = int(self.now // 60) * 60
        found = {}
        for series, points in self.store.points(lambda _: True, minute, minute + 60):
            where = [value for name, value in series.dimensions if name != "Environment"]
            assert dict(series.dimensions)["Environment"] == self.environment.name
            statistics: Statistics = points[minute]
            found[" ".join((series.metric, *where))] = [statistics.count, round(statistics.total, 3)]
        self.now += 60
        return found

    def _measure(self, roots: Iterable[ProcessId]) -> Mapping[ProcessId, TreeUsage]:
        return {root: self.usage[root.pid] for root in roots if root.pid in self.usage}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    found = Site(tmp_path)
    found.report(status())
    return found


def test_what_the_class_gives_a_container_is_a_hundred_percent(site: Site) -> None:
    site.usage = {102: TreeUsage(100.0, GIB, ()), 103: TreeUsage(5.0, GIB // 2, ())}
    first = site.take()
    assert first["MemoryUtilization Scheduler"] == [1.0, 50.0]
    assert first["MemoryUtilization BaseWorker"] == [1.0, 25.0]
    assert "CPUUtilization Scheduler" not in first
    site.usage = {102: TreeUsage(106.0, GIB, ()), 103: TreeUsage(65.0, GIB // 2, ())}
    second = site.take()
    assert second["CPUUtilization Scheduler"] == [1.0, 10.0]
    assert second["CPUUtilization BaseWorker"] == [1.0, 100.0]


def test_a_larger_class_has_more_of_everything(tmp_path: Path) -> None:
    site = Site(tmp_path, "mw1.large")
    site.report(status())
    for seconds in (0.0, 60.0):
        site.usage = {number: TreeUsage(seconds, GIB, ()) for number in range(100, 108)}
        found = site.take()
    assert found["CPUUtilization BaseWorker"] == [1.0, 25.0]
    assert found["MemoryUtilization WebServer"] == [1.0, 25.0]
    # Triggerer and DAG processor are in the scheduler's container.
    assert found["CPUUtilization Scheduler"] == [1.0, 75.0]


def test_the_number_of_containers_is_the_sample_count(site: Site) -> None:
    site.usage = {number: TreeUsage(0.0, GIB, ()) for number in range(100, 108)}
    found = site.take()
    counts = {name: found[f"MemoryUtilization {name}"][0] for name in ("BaseWorker", "AdditionalWorker")}
    assert counts == {"BaseWorker": 1.0, "AdditionalWorker": 1.0}
    assert found["CeleryWorkerHeartbeat Celery"] == [2.0, 2.0]


def test_connections_are_counted_by_the_titles_of_postgresqls_processes(site: Site) -> None:
    titles = (
        "postgres: airflow airflow 127.0.0.1(40522) idle",
        "postgres: airflow airflow [local] SELECT",
        "postgres: walwriter ",
        "postgres: logical replication launcher ",
        "/usr/lib/postgresql/15/bin/postgres",
    )
    site.usage = {100: TreeUsage(1.0, GIB, titles)}
    site.take()
    site.usage = {100: TreeUsage(7.0, GIB, titles)}
    found = site.take()
    assert found["DatabaseConnections WRITER"] == [1.0, 2.0]
    assert found["FreeableMemory WRITER"] == [1.0, 3.0 * GIB]
    assert found["CPUUtilization WRITER"] == [1.0, 5.0]


def test_a_process_that_is_new_has_no_processor_time_yet(site: Site) -> None:
    site.usage = {103: TreeUsage(50.0, GIB, ())}
    site.take()
    site.usage = {}
    site.take()
    site.usage = {103: TreeUsage(1.0, GIB, ())}
    assert "CPUUtilization BaseWorker" not in site.take()


def test_an_environment_of_the_mwaa_api_reports_in_a_folder_of_its_own(tmp_path: Path) -> None:
    site = Site(tmp_path, name="other")
    site.report(status())
    site.usage = {number: TreeUsage(0.0, GIB, ()) for number in range(100, 108)}
    assert site.take() == {}
    site.report(status(), site.state / "environments" / "other" / ".mwaa-local" / "run")
    assert "MemoryUtilization Scheduler" in site.take()


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"services": 1}', '{"services": [{}]}', '{"services": [{"pid": "x"}]}']
)
def test_a_damaged_report_is_no_report(site: Site, text: str) -> None:
    site.report(text)
    assert site.take() == {}


def test_services_that_wait_are_no_containers(site: Site) -> None:
    site.report(status("worker-1", "worker-2"))
    services = load_services(site.state.parent / "run")
    assert [service.name for service in services if service.role == "worker"] == []
    assert [container.cluster for container in containers_of(services)] == ["Scheduler", "WebServer"]


def test_only_the_first_scheduler_has_company() -> None:
    services = [
        Service(name, role, ProcessId(number, 1.0), healthy=True)
        for number, (name, role) in enumerate(
            [("scheduler-1", "scheduler"), ("scheduler-2", "scheduler"), ("triggerer", "triggerer")]
        )
    ]
    first, second, third = (service.process for service in services)
    assert containers_of(services) == (
        Container("Scheduler", Role.SCHEDULER, (first, third)),
        Container("Scheduler", Role.SCHEDULER, (second,)),
    )


def test_a_queue_tells_what_waits_what_runs_and_for_how_long(tmp_path: Path) -> None:
    queue = sqs_backends[ACCOUNT_ID]["eu-west-3"].create_queue("airflow-celery-1a2b3c4d")
    backend = sqs_backends[ACCOUNT_ID]["eu-west-3"]
    for number in range(3):
        backend.send_message(queue.name, str(number))
    backend.receive_message(queue.name, 1, 0, 43200)
    settings = {"CeleryExecutorQueue": f"arn:aws:sqs:eu-west-3:{ACCOUNT_ID}:{queue.name}"}
    environment = Environment("one", "1a2b3c4d", "eu-west-3", 0.0, Status.AVAILABLE, settings)
    sent = (queue.messages[0].sent_timestamp or 0.0) / 1000
    found = {metric: value for _, metric, _, _, value in queue_figures(environment, sent + 90)}
    assert (found["QueuedTasks"], found["RunningTasks"]) == (2, 1)
    assert 89.0 < found["ApproximateAgeOfOldestTask"] < 91.0
    assert found["ApproximateNumberOfMessagesVisible"] == found["QueuedTasks"]
    assert list(queue_figures(replace(environment, settings={}), sent)) == []
