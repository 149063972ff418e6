"""The main job on real input: start the sample project, run its DAGs through SQS and a worker, stop, start again.

One environment per version serves the tests in this order; each leaves it running. MWAA_LOCAL_SCREENSHOTS names a
folder for pictures of what a real browser shows.
"""

import base64
import json
import os
import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from playwright.sync_api import expect

from mwaa_local.cloudwatch_names import LogType
from tests.e2e.browser import open_screen, ui_of
from tests.e2e.local_environment import VERSIONS, LocalEnvironment, eventually, sample_environment
from tests.e2e.metric_reader import AIRFLOW, ALL, SCHEDULER, MetricReader

pytestmark = pytest.mark.airflow

BROKEN_DAG = "from airflow import DAG\n\nimport a_package_that_nobody_has\n"
NEW_DAG = """\
from datetime import datetime

from airflow import DAG
from shared.versions import PythonOperator, schedule

# By MWAA's own path, in the processes that read DAG files as in those that run tasks.
WORDS = open("/usr/local/airflow/dags/words.csv").read()

with DAG("saved_later", start_date=datetime(2024, 1, 1), catchup=False, **schedule(None)) as dag:
    PythonOperator(task_id="speak", python_callable=lambda: print(WORDS))
"""
SAMPLE_DAGS = {"aws_services", "choices_and_failures", "hello_pipeline", "report_orders", "report_returns"}
CLICKED = "hello_again"
"""A copy of a sample DAG that runs in the UI only."""
READER = """\
from airflow.providers.amazon.aws.hooks.logs import AwsLogsHook
for event in AwsLogsHook(region_name="us-east-1").get_log_events({group!r}, {stream!r}):
    print(event["message"])
"""
RECEIVED = re.compile(r"Task \S+\[([0-9a-f-]{36})\] received")
SUCCEEDED = re.compile(r"Task \S+\[([0-9a-f-]{36})\] succeeded")


@pytest.fixture(scope="module", params=VERSIONS)
def environment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalEnvironment]:
    folder = tmp_path_factory.mktemp("main job") / "sample"
    with sample_environment(folder, request.param) as made:
        dags = folder / "dags"
        (dags / "broken.py").write_text(BROKEN_DAG)
        sample = (dags / "hello_pipeline.py").read_text()
        (dags / "clicked.py").write_text(sample.replace('"hello_pipeline"', f'"{CLICKED}"'))
        made.start()
        yield made


def test_the_start_summary_names_the_dags_and_the_file_that_cannot_be_imported(
    environment: LocalEnvironment,
) -> None:
    assert set(environment.summary["dags"]) == {*SAMPLE_DAGS, CLICKED}
    (failure,) = environment.summary["import_errors"]
    assert failure["file"].endswith("dags/broken.py")
    assert failure["cause"] == "ModuleNotFoundError: No module named 'a_package_that_nobody_has'"


def test_a_run_succeeds_through_the_queue_and_a_worker(environment: LocalEnvironment) -> None:
    result = environment.run_dag("hello_pipeline")

    assert result["state"] == "success", result
    assert {task["task_id"]: task["state"] for task in result["tasks"]} == dict.fromkeys(
        ("greet", "measure", "report"), "success"
    )
    worker = environment.read_state("logs", "worker.log")
    received = set(RECEIVED.findall(worker))
    assert len(received) == 3
    assert received == sent_through_sqs(environment)
    eventually(
        lambda: set(SUCCEEDED.findall(environment.read_state("logs", "worker.log"))) == received,
        "the worker ends every task with success",
    )
    # What the startup script and the requirements bring was there.
    assert "'Hello from startup.sh' has 21 letters" in task_log(environment, "hello_pipeline", "report")


def test_hooks_and_boto3_reach_the_local_aws(environment: LocalEnvironment) -> None:
    result = environment.run_dag("aws_services")

    assert result["state"] == "success", result


def test_its_logs_are_in_cloudwatch_and_airflow_reads_them_there(environment: LocalEnvironment) -> None:
    name = environment.summary["name"]
    logs = boto3.client(
        "logs",
        endpoint_url=environment.summary["aws_endpoint"],
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    assert groups == [f"airflow-{name}-{log_type}" for log_type in LogType]
    streams = [stream for group in groups for stream in streams_of(logs, group)]
    for beginning in (
        "scheduler_hello_pipeline.py.log",
        f"scheduler_{os.uname().nodename}_",
        "worker_",
        "webserver_",
        "requirements_install_",
    ):
        assert any(stream.startswith(beginning) for stream in streams), streams
    (task,) = [each for each in streams if "hello_pipeline" in each and "report" in each]
    program = READER.format(group=f"airflow-{name}-Task", stream=task)
    assert "'Hello from startup.sh' has 21 letters" in environment.succeed("python", "-c", program)


def test_its_metrics_are_in_cloudwatch(environment: LocalEnvironment) -> None:
    cloudwatch = boto3.client(
        "cloudwatch",
        endpoint_url=environment.summary["aws_endpoint"],
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    metrics = MetricReader(cloudwatch, environment.summary["name"])
    hello = {"DAG": "hello_pipeline"}
    eventually(lambda: metrics.count(AIRFLOW, "DAGDurationSuccess", hello) == 1, "the run is counted")
    eventually(lambda: metrics.total(AIRFLOW, "SchedulerHeartbeat", SCHEDULER) > 0, "the scheduler is alive")
    regular = {"DagBagSize", "ImportErrors", "OpenSlots", "PoolOpenSlots"}
    eventually(lambda: regular <= metrics.names(AIRFLOW), "what is sent from time to time has been sent")
    if environment.version.startswith("3.0."):
        return  # tasks of Airflow 3.0 send nothing
    eventually(lambda: metrics.total(AIRFLOW, "TaskInstanceSuccesses", ALL) > 3, "the tasks are counted")
    for task in ("greet", "measure", "report"):
        where = {**hello, "Task": task}
        assert metrics.count(AIRFLOW, "TaskInstanceDuration", where) == 1
        assert metrics.total(AIRFLOW, "TaskInstanceFinished", {**where, "State": "success"}) == 1


@pytest.mark.browser
def test_a_dag_is_triggered_in_the_ui_and_its_log_is_read(environment: LocalEnvironment) -> None:
    with open_screen(environment.url) as screen:
        ui = ui_of(environment.version, screen)

        ui.log_in(environment.password)
        ui.see_dag(CLICKED)
        screen.picture(f"{environment.version}-1-dags")

        ui.unpause_and_trigger(CLICKED)
        screen.picture(f"{environment.version}-2-triggered")

        ui.see_success(CLICKED, "report")
        screen.picture(f"{environment.version}-3-success")

        ui.open_log("report")
        expect(screen.page.get_by_text("'Hello from startup.sh' has 21 letters").first).to_be_visible()
        screen.picture(f"{environment.version}-4-log")


def test_a_run_that_fails_says_why(environment: LocalEnvironment) -> None:
    done = environment.mwaa_local(
        "run", "choices_and_failures", "--conf", '{"fail": true}', "--timeout", "120"
    )

    assert done.returncode == 1
    assert "RuntimeError: The run was asked to fail." in done.stdout + done.stderr


def test_a_saved_dag_becomes_visible_and_runs(environment: LocalEnvironment) -> None:
    (environment.project / "dags" / "words.csv").write_text("a word to look for")
    (environment.project / "dags" / "saved_later.py").write_text(NEW_DAG)

    eventually(lambda: "saved_later" in environment.start()["dags"], "the new DAG is listed")

    assert environment.run_dag("saved_later")["state"] == "success"
    assert "a word to look for" in task_log(environment, "saved_later", "speak")


def test_a_stop_leaves_no_process_and_a_start_finds_everything_again(environment: LocalEnvironment) -> None:
    environment.succeed("airflow", "variables", "set", "colour", "blue with spaces")
    runs = environment.run_dag("saved_later")["run_id"]
    assert len(environment.processes()) > 5

    environment.succeed("stop")
    assert environment.processes() == []

    assert environment.start()["started"] is True
    assert environment.succeed("airflow", "variables", "get", "colour").splitlines()[-1] == "blue with spaces"
    listed = environment.succeed("airflow", *list_runs(environment.version, "saved_later"))
    assert runs in listed


def test_a_start_of_what_runs_already_changes_nothing(environment: LocalEnvironment) -> None:
    before = environment.read_state("run", "stack.json")

    assert environment.start()["started"] is False, environment.said
    assert environment.read_state("run", "stack.json") == before


def sent_through_sqs(environment: LocalEnvironment) -> set[str]:
    """Return the Celery ids of the messages that the local SQS was sent, as it noted them down itself."""
    records = map(json.loads, environment.read_state("aws", "queues.jsonl").splitlines())
    bodies = [record["content"]["body"] for record in records if record["op"] == "message"]
    return {str(json.loads(base64.b64decode(body))["headers"]["id"]) for body in bodies}


def streams_of(logs: Any, group: str) -> list[str]:
    """Return the names of a log group's streams."""
    return [each["logStreamName"] for each in logs.describe_log_streams(logGroupName=group)["logStreams"]]


def task_log(environment: LocalEnvironment, dag_id: str, task_id: str) -> str:
    """Return all that the attempts of a task have logged."""
    logs = environment.project / ".mwaa-local" / "airflow" / "logs"
    files = [path for path in logs.rglob("*.log") if dag_id in str(path) and task_id in str(path)]
    return "".join(path.read_text(encoding="utf-8") for path in files)


def list_runs(version: str, dag_id: str) -> tuple[str, ...]:
    """Return Airflow's command that lists the runs of a DAG."""
    dag = (dag_id,) if version.startswith("3.") else ("-d", dag_id)
    return ("dags", "list-runs", *dag, "-o", "json")
