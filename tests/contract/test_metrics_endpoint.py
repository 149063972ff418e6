"""Metrics of environments, sent as Airflow sends them and read through the local CloudWatch as clients of AWS do."""

import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mwaa_local.aws.account import statsd_prefix
from tests.mwaa_endpoint import MwaaEndpoint, running_endpoint

PATIENCE = 10.0
ALL = {"DAG": "All", "Task": "All"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[MwaaEndpoint]:
    with running_endpoint() as running:
        for name in ("orders", "reports"):
            running.create(name, wait=name == "reports")
        running.wait_until_at_rest("orders")
        yield running


def prefix(endpoint: MwaaEndpoint, environment: str) -> str:
    queue = endpoint.describe(environment)["CeleryExecutorQueue"].rpartition("-")[2]
    return statsd_prefix(queue)


def send(endpoint: MwaaEndpoint, environment: str, *lines: str) -> None:
    begin = prefix(endpoint, environment)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for line in lines:
            sender.sendto(f"{begin}.{line}".encode(), ("127.0.0.1", endpoint.port))


def dimensions(environment: str, **others: str) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in {"Environment": environment, **others}.items()]


def span(minutes: float = 10) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {"StartTime": now - timedelta(minutes=minutes), "EndTime": now + timedelta(minutes=1)}


def statistics(
    endpoint: MwaaEndpoint, environment: str, metric: str, others: dict[str, str], period: int = 3600
) -> dict[str, Any]:
    """Return the one datapoint of a metric of Airflow, as soon as there is one."""
    deadline = time.monotonic() + PATIENCE
    while True:
        points = endpoint.client("cloudwatch").get_metric_statistics(
            Namespace="AmazonMWAA",
            MetricName=metric,
            Dimensions=dimensions(environment, **others),
            Period=period,
            Statistics=["SampleCount", "Sum", "Average", "Minimum", "Maximum"],
            **span(),
        )["Datapoints"]
        if points:
            return dict(points[0])
        assert time.monotonic() < deadline, f"{metric} does not arrive"
        time.sleep(0.1)


def test_what_airflow_sends_is_read_with_statistics_and_units(endpoint: MwaaEndpoint) -> None:
    send(endpoint, "orders", *["ti_successes:1|c"] * 3, "ti_successes:2|c")
    send(endpoint, "orders", "dag.daily.load.duration:1500.5|ms", "dag.daily.load.duration:500|ms")
    found = statistics(endpoint, "orders", "TaskInstanceSuccesses", ALL)
    assert {name: found[name] for name in ("SampleCount", "Sum", "Minimum", "Maximum", "Unit")} == {
        "SampleCount": 4.0,
        "Sum": 5.0,
        "Minimum": 1.0,
        "Maximum": 2.0,
        "Unit": "Count",
    }
    duration = statistics(endpoint, "orders", "TaskInstanceDuration", {"DAG": "daily", "Task": "load"})
    assert (duration["Average"], duration["Unit"]) == (1000.25, "Milliseconds")
    assert duration["Timestamp"].minute == 0


def test_environments_have_metrics_of_their_own(endpoint: MwaaEndpoint) -> None:
    send(endpoint, "reports", "dagbag_size:7|g")
    send(endpoint, "orders", "dagbag_size:2|g")
    processing = {"Function": "DAG Processing"}
    assert statistics(endpoint, "reports", "DagBagSize", processing)["Maximum"] == 7.0
    assert statistics(endpoint, "orders", "DagBagSize", processing)["Maximum"] == 2.0


def test_dimensions_are_compared_whole(endpoint: MwaaEndpoint) -> None:
    send(endpoint, "orders", "executor.open_slots:5|g")
    assert statistics(endpoint, "orders", "OpenSlots", {"Function": "Executor"})["Average"] == 5.0
    cloudwatch = endpoint.client("cloudwatch")
    ask = {
        "Namespace": "AmazonMWAA",
        "MetricName": "OpenSlots",
        "Period": 60,
        "Statistics": ["Sum"],
        **span(),
    }
    for given in ([], dimensions("orders"), dimensions("orders", Function="Scheduler")):
        assert cloudwatch.get_metric_statistics(Dimensions=given, **ask)["Datapoints"] == []


def test_several_metrics_are_read_at_once(endpoint: MwaaEndpoint) -> None:
    send(endpoint, "orders", "executor.queued_tasks:4|g", "executor.running_tasks:1|g")
    statistics(endpoint, "orders", "RunningTasks", {"Function": "Executor"})

    def query(identity: str, metric: str, stat: str) -> dict[str, Any]:
        where = dimensions("orders", Function="Executor")
        asked = {"Namespace": "AmazonMWAA", "MetricName": metric, "Dimensions": where}
        return {"Id": identity, "MetricStat": {"Metric": asked, "Period": 300, "Stat": stat}}

    queries = [
        query("queued", "QueuedTasks", "Maximum"),
        query("running", "RunningTasks", "p90"),
        {**query("hidden", "OpenSlots", "Sum"), "ReturnData": False},
        query("nothing", "NoSuchMetric", "Sum"),
    ]
    results = endpoint.client("cloudwatch").get_metric_data(MetricDataQueries=queries, **span())
    assert {each["Id"]: each["Values"] for each in results["MetricDataResults"]} == {
        "queued": [4.0],
        "running": [1.0],
        "nothing": [],
    }
    (queued, *_) = results["MetricDataResults"]
    assert (queued["Label"], queued["StatusCode"]) == ("QueuedTasks Maximum", "Complete")


def test_metrics_are_listed_in_pages_and_by_what_is_asked(endpoint: MwaaEndpoint) -> None:
    send(endpoint, "reports", *[f"dagrun.schedule_delay.dag_{number}:1|ms" for number in range(600)])
    statistics(endpoint, "reports", "DAGScheduleDelay", {"DAG": "dag_599"})
    pages = endpoint.client("cloudwatch").get_paginator("list_metrics")
    listed = list(pages.paginate(Namespace="AmazonMWAA", MetricName="DAGScheduleDelay"))
    found = [metric for page in listed for metric in page["Metrics"]]
    assert (len(listed), len(found)) == (2, 600)
    assert len({str(metric["Dimensions"]) for metric in found}) == 600
    one = pages.paginate(Namespace="AmazonMWAA", Dimensions=[{"Name": "DAG", "Value": "dag_7"}])
    assert [page["Metrics"] for page in one] == [
        [
            {
                "Namespace": "AmazonMWAA",
                "MetricName": "DAGScheduleDelay",
                "Dimensions": [
                    {"Name": "DAG", "Value": "dag_7"},
                    {"Name": "Environment", "Value": "reports"},
                ],
            }
        ]
    ]


def test_metrics_of_others_are_read_beside_those_of_environments(endpoint: MwaaEndpoint) -> None:
    cloudwatch = endpoint.client("cloudwatch")
    begin = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=5)
    data = [
        {
            "MetricName": "Rows",
            "Value": value,
            "Unit": "Count",
            "Timestamp": begin + timedelta(seconds=30 * each),
        }
        for each, value in enumerate((1.0, 2.0, 4.0))
    ]
    cloudwatch.put_metric_data(Namespace="Mine", MetricData=data)
    answer = cloudwatch.get_metric_statistics(
        Namespace="Mine", MetricName="Rows", Period=60, Statistics=["Sum"], Dimensions=[], **span()
    )
    points = sorted((point["Timestamp"], point["Sum"]) for point in answer["Datapoints"])
    assert points == [(begin, 3.0), (begin + timedelta(minutes=1), 4.0)]
    assert [each["MetricName"] for each in cloudwatch.list_metrics(Namespace="Mine")["Metrics"]] == ["Rows"]
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        cloudwatch.get_metric_statistics(
            Namespace="Mine",
            MetricName="Rows",
            Period=60,
            Statistics=["Sum"],
            StartTime=begin,
            EndTime=begin,
        )


def test_what_publish_metrics_brings_is_there(endpoint: MwaaEndpoint) -> None:
    when = datetime.now(UTC) - timedelta(minutes=2)
    published = [
        {"MetricName": "Health", "Timestamp": when, "Value": 3.0, "Unit": "Count"},
        {
            "MetricName": "Health",
            "Timestamp": when,
            "Unit": "Count",
            "StatisticValues": {"SampleCount": 2, "Sum": 9.0, "Minimum": 4.0, "Maximum": 5.0},
        },
    ]
    mwaa = endpoint.client("mwaa")
    mwaa.publish_metrics(EnvironmentName="orders", MetricData=published)
    for wrong in ({"Timestamp": datetime(9000, 1, 1, tzinfo=UTC)}, {"Timestamp": 0}, {"Value": 1e308}):
        mwaa.publish_metrics(EnvironmentName="orders", MetricData=[{**published[0], **wrong}])
    found = statistics(endpoint, "orders", "Health", {})
    assert (found["SampleCount"], found["Sum"], found["Maximum"]) == (3.0, 12.0, 5.0)
    with pytest.raises(ClientError, match="ValidationException"):
        mwaa.publish_metrics(EnvironmentName="nobody", MetricData=published)


def test_nonsense_on_the_port_harms_nobody(endpoint: MwaaEndpoint) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for datagram in (b"", b"\xff" * 1000, b"airflow:|", b"x" * 60_000, b"\n" * 1000):
            sender.sendto(datagram, ("127.0.0.1", endpoint.port))
    send(endpoint, "orders", "zombies_killed:1|c")
    assert statistics(endpoint, "orders", "ZombiesKilled", ALL)["Sum"] == 1.0


def test_metrics_survive_a_stop_and_a_kill_costs_a_minute_at_most() -> None:
    with running_endpoint() as endpoint:
        endpoint.create("orders")
        send(endpoint, "orders", "ti_failures:1|c")
        statistics(endpoint, "orders", "TaskInstanceFailures", ALL)
        endpoint.end()
        endpoint.start()
        assert statistics(endpoint, "orders", "TaskInstanceFailures", ALL)["Sum"] == 1.0
        endpoint.end(9)
        endpoint.start()
        send(endpoint, "orders", "ti_failures:1|c")
        deadline = time.monotonic() + PATIENCE
        while statistics(endpoint, "orders", "TaskInstanceFailures", ALL)["Sum"] < 2.0:
            assert time.monotonic() < deadline
            time.sleep(0.1)
