"""The log files of environments, read through the local CloudWatch Logs as clients of AWS do."""

import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mwaa_local.aws.log_groups import parse_request
from tests.mwaa_endpoint import MwaaEndpoint, running_endpoint

INFO = {"Enabled": True, "LogLevel": "INFO"}
LOGGING = {
    "TaskLogs": INFO,
    "SchedulerLogs": {"Enabled": True, "LogLevel": "WARNING"},
    "DagProcessingLogs": INFO,
    "WebserverLogs": {"Enabled": False, "LogLevel": "INFO"},
}
TASK = "daily/load/2026-11-21T02:40:15+00:00/1.log"
TASK_STREAM = "daily/load/2026-11-21T02_40_15+00_00/1.log"
FIRST = "[2026-11-21 02:40:16,250] {taskinstance.py:1035} INFO - hello"
SECOND = "[2026-11-21 02:40:17,000] {taskinstance.py:1482} ERROR - failed\nTraceback:\nKeyError: 1"
SCHEDULER = """\
[2026-11-21 02:40:00,000] {scheduler_job.py:596} INFO - Starting the scheduler
[2026-11-21 02:40:01,500] {scheduler_job.py:601} WARNING - beware
"""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[MwaaEndpoint]:
    with running_endpoint() as running:
        for name in ("orders", "reports"):
            running.create(name, LoggingConfiguration=LOGGING)
        yield running


def log(endpoint: MwaaEndpoint, environment: str, name: str, text: str) -> Path:
    path = endpoint.state / "environments" / environment / ".mwaa-local" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(text)
    return path


def messages(answer: Any) -> list[str]:
    return [event["message"] for event in answer["events"]]


def test_an_environment_has_the_groups_of_the_logs_that_are_enabled(endpoint: MwaaEndpoint) -> None:
    groups = endpoint.client("logs").describe_log_groups(logGroupNamePrefix="airflow-orders-")["logGroups"]
    assert [group["logGroupName"] for group in groups] == [
        "airflow-orders-DAGProcessing",
        "airflow-orders-Scheduler",
        "airflow-orders-Task",
    ]
    arn = endpoint.describe("orders")["LoggingConfiguration"]["TaskLogs"]["CloudWatchLogGroupArn"]
    assert arn in {group["logGroupArn"] for group in groups}
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        endpoint.client("logs").filter_log_events(logGroupName="airflow-orders-WebServer")


def test_a_task_log_is_read_as_airflow_reads_it_and_goes_on_where_it_was(endpoint: MwaaEndpoint) -> None:
    logs = endpoint.client("logs")
    stream = {"logGroupName": "airflow-orders-Task", "logStreamName": TASK_STREAM, "startFromHead": True}
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        logs.get_log_events(**stream)
    log(endpoint, "orders", f"airflow/logs/{TASK}", f"{FIRST}\n{SECOND[:20]}")
    answer = logs.get_log_events(**stream)
    assert [(event["timestamp"], event["message"]) for event in answer["events"]] == [(1795228816250, FIRST)]
    log(endpoint, "orders", f"airflow/logs/{TASK}", f"{SECOND[20:]}\n")
    assert messages(logs.get_log_events(**stream, nextToken=answer["nextForwardToken"])) == [SECOND]
    assert messages(logs.get_log_events(**stream)) == [FIRST, SECOND]


def test_environments_do_not_see_each_others_logs(endpoint: MwaaEndpoint) -> None:
    log(endpoint, "reports", "airflow/logs/weekly/send/2026-11-21T00:00:00+00:00/1.log", f"{FIRST}\n")
    logs = endpoint.client("logs")
    streams = logs.describe_log_streams(logGroupName="airflow-reports-Task")["logStreams"]
    assert [each["logStreamName"] for each in streams] == ["weekly/send/2026-11-21T00_00_00+00_00/1.log"]


def test_less_than_the_level_of_a_group_is_left_out_but_not_of_startup_scripts(
    endpoint: MwaaEndpoint,
) -> None:
    log(endpoint, "orders", "logs/scheduler.log", SCHEDULER)
    log(endpoint, "orders", "logs/startup_script.log", "installed\n")
    events = endpoint.client("logs").filter_log_events(logGroupName="airflow-orders-Scheduler")["events"]
    assert sorted(event["message"] for event in events) == [SCHEDULER.splitlines()[1], "installed"]
    names = {event["logStreamName"].split("_")[0]: event["logStreamName"] for event in events}
    assert names["scheduler"].endswith("_1795228800.0.log")
    assert names["startup"].startswith("startup_script_execution_")


def test_a_prefix_of_streams_and_an_arn_are_understood(endpoint: MwaaEndpoint) -> None:
    for name in ("one", "two"):
        line = f"[2026-11-21 02:40:16,250] {{processor.py:163}} INFO - {name}\n"
        log(endpoint, "orders", f"airflow/logs/scheduler/2026-11-21/{name}.py.log", line)
    logs = endpoint.client("logs")
    group = "airflow-orders-DAGProcessing"
    found = logs.filter_log_events(logGroupName=group, logStreamNamePrefix="scheduler_tw")
    assert [event["logStreamName"] for event in found["events"]] == ["scheduler_two.py.log"]
    assert logs.filter_log_events(logGroupName=group, logStreamNamePrefix="no")["events"] == []
    arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{group}"
    assert len(logs.filter_log_events(logGroupIdentifier=arn)["events"]) == 2
    assert len(logs.describe_log_streams(logGroupIdentifier=arn)["logStreams"]) == 2


class Tail:
    """What `aws logs tail --follow` of version 2 does: it asks again from the newest event on, without doubles."""

    def __init__(self, logs: Any, **given: Any) -> None:
        self.logs = logs
        self.given: dict[str, Any] = {"interleaved": True, **given}
        self.seen: set[str] = set()

    def poll(self) -> list[str]:
        """Return the messages that are new."""
        new = []
        while True:
            answer = self.logs.filter_log_events(**self.given)
            new += [event for event in answer["events"] if event["eventId"] not in self.seen]
            self.seen |= {event["eventId"] for event in new}
            if "nextToken" not in answer:
                break
            self.given["nextToken"] = answer["nextToken"]
        self.given.pop("nextToken", None)
        if new:
            self.given["startTime"] = max(event["timestamp"] for event in new)
        return [str(event["message"]) for event in new]


def test_following_a_group_as_the_aws_cli_does_shows_every_line_once(endpoint: MwaaEndpoint) -> None:
    file = "airflow/logs/daily/follow/2026-11-21T03:00:00+00:00/1.log"
    line = "[2026-11-21 03:00:01,250] {{x.py:1}} INFO - line {}\n"
    log(endpoint, "orders", file, line.format(1) + line.format(2))
    given = {"logStreamNamePrefix": "daily/follow/", "startTime": 1795229990000, "limit": 2}
    tail = Tail(endpoint.client("logs"), logGroupName="airflow-orders-Task", **given)
    shown = tail.poll()
    # The next line has the time of the one before: it is not left out as a double.
    log(endpoint, "orders", file, line.format(3))
    shown += tail.poll()
    log(endpoint, "orders", file, "[2026-11-21 03:00:02,000] {x.py:1} INFO - line 4\n")
    assert [each[-6:] for each in shown + tail.poll()] == ["line 1", "line 2", "line 3", "line 4"]
    assert tail.poll() == []


def test_a_file_that_was_begun_anew_is_read_from_its_start(endpoint: MwaaEndpoint) -> None:
    path = log(endpoint, "reports", "airflow/logs/d/t/2026-11-21T00:00:00+00:00/1.log", f"{FIRST}\n{FIRST}\n")
    read = {"logGroupName": "airflow-reports-Task", "logStreamName": "d/t/2026-11-21T00_00_00+00_00/1.log"}
    logs = endpoint.client("logs")
    assert messages(logs.get_log_events(**read)) == [FIRST, FIRST]
    path.write_text(f"{SECOND}\n", encoding="utf-8")
    assert messages(logs.get_log_events(**read)) == [FIRST, FIRST, SECOND]


@pytest.mark.parametrize("body", ["", "[]", "x{", '{"logGroupName": 5}', '{"logGroupName": "a", "limit": 0}'])
def test_a_request_that_is_none_is_refused_and_does_no_harm(endpoint: MwaaEndpoint, body: str) -> None:
    headers = {"X-Amz-Target": "Logs_20140328.FilterLogEvents", "Content-Type": "application/x-amz-json-1.1"}
    headers["Authorization"] = "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/logs/aws4_request, x"
    request = urllib.request.Request(endpoint.url, data=body.encode(), headers=headers)
    with pytest.raises(urllib.error.HTTPError, match="HTTP Error 400"):
        urllib.request.urlopen(request, timeout=10)


def test_groups_of_the_user_are_left_alone(endpoint: MwaaEndpoint) -> None:
    logs = endpoint.client("logs")
    logs.create_log_group(logGroupName="own")
    logs.create_log_stream(logGroupName="own", logStreamName="s")
    event = {"timestamp": int(time.time() * 1000), "message": "mine"}
    logs.put_log_events(logGroupName="own", logStreamName="s", logEvents=[event])
    assert messages(logs.filter_log_events(logGroupName="own")) == ["mine"]


def test_what_a_request_is_about_is_read_from_all_members_that_name_it() -> None:
    arn = "arn:aws:logs:us-east-1:123456789012:log-group:airflow-prod-Task:*"
    asked = parse_request("StartQuery", {"logGroupNames": ["a", 7], "logGroupIdentifiers": [arn]})
    assert asked.groups == {"a", "airflow-prod-Task"}
    assert asked.streams == set()
    read = parse_request("GetLogEvents", {"logGroupIdentifier": arn, "logStreamName": "s"})
    assert [*read.groups, *read.streams] == ["airflow-prod-Task", "s"]
    assert parse_request("FilterLogEvents", {"logStreamNames": 7}).streams == set()
