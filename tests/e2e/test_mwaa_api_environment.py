"""An environment of the MWAA API for real: created, run, updated, rolled back, stopped, started, killed, deleted."""

import base64
import io
import json
import os
import signal
import ssl
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.e2e.local_environment import LocalEnvironment, eventually, sample_environment
from tests.e2e.metric_reader import AIRFLOW, ALL, SCHEDULER, SERVICE, MetricReader
from tests.mwaa_endpoint import AT_REST, NETWORK, ROLE

pytestmark = pytest.mark.airflow

NAME = "made-by-api"
BUCKET = "bucket-of-the-api"
DAG = """\
from datetime import datetime
from airflow import DAG
from airflow.operators.python import PythonOperator

def write():
    import boto3
    boto3.client("s3").put_object(Bucket="{bucket}", Key="out/{name}", Body=b"done")

with DAG("{name}", start_date=datetime(2022, 1, 1), schedule_interval=None, is_paused_upon_creation=False) as dag:
    PythonOperator(task_id="write", python_callable=write)
"""
PLUGIN = """\
from airflow.plugins_manager import AirflowPlugin
class Plugin(AirflowPlugin):
    name = "{name}"
"""


class Account:
    """The local AWS of a project, as a client sees it."""

    def __init__(self, environment: LocalEnvironment) -> None:
        self.environment = environment
        self.mwaa, self.s3 = self.client("mwaa"), self.client("s3")
        self.folder = environment.project / ".mwaa-local" / "aws" / "environments" / NAME

    def client(self, service: Any) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.environment.summary["aws_endpoint"],
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(inject_host_prefix=False, retries={"total_max_attempts": 1}),
        )

    def upload(self, key: str, content: bytes) -> str:
        version: str = self.s3.put_object(Bucket=BUCKET, Key=key, Body=content)["VersionId"]
        return version

    def upload_plugin(self, name: str) -> dict[str, str]:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("plugin.py", PLUGIN.format(name=name))
        return self.plugins(packed.getvalue())

    def plugins(self, content: bytes) -> dict[str, str]:
        version = self.upload("plugins.zip", content)
        return {"PluginsS3Path": "plugins.zip", "PluginsS3ObjectVersion": version}

    def status(self) -> str:
        """Return the environment's status; "" while nobody answers, DELETED once it is gone."""
        try:
            return str(self.mwaa.get_environment(Name=NAME)["Environment"]["Status"])
        except ClientError:
            return "DELETED"
        except BotoCoreError:
            return ""

    def come_to_rest(self, *, expected: str) -> dict[str, Any]:
        eventually(lambda: self.status() in (*AT_REST, "DELETED"), f"{NAME} comes to rest")
        assert self.status() == expected, self.mwaa.get_environment(Name=NAME)
        environment: dict[str, Any] = self.mwaa.get_environment(Name=NAME)["Environment"]
        return environment

    def run(self, line: str) -> str:
        """Run an Airflow command as a script does: with a token, over HTTPS, trusting the local authority."""
        token = self.mwaa.create_cli_token(Name=NAME)
        request = urllib.request.Request(
            f"https://{token['WebServerHostname']}/aws_mwaa/cli",
            data=line.encode(),
            headers={"Authorization": f"Bearer {token['CliToken']}", "Content-Type": "text/plain"},
        )
        authority = Path(os.environ["MWAA_LOCAL_CACHE"]) / "authority" / "certificate.pem"
        context = ssl.create_default_context(cafile=str(authority))
        with urllib.request.urlopen(request, timeout=60, context=context) as answer:
            return base64.b64decode(json.loads(answer.read())["stdout"]).decode()

    def has_run(self, name: str) -> bool:
        listed = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"out/{name}").get("Contents", [])
        return bool(listed)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    folder = tmp_path_factory.mktemp("api") / "sample"
    with sample_environment(folder, "2.2.2", "--executor", "local") as made:
        made.start()
        yield Account(made)


def test_the_local_executor_of_the_project_needs_no_worker(account: Account) -> None:
    project = account.environment
    assert project.run_dag("hello_pipeline")["state"] == "success"
    services = json.loads(project.succeed("status", "--json"))["services"]
    assert [service["name"] for service in services] == ["postgres", "aws", "scheduler", "webserver"]


def test_an_environment_of_the_api_is_a_real_one(account: Account) -> None:
    mwaa, s3 = account.mwaa, account.s3
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=dict.fromkeys(names, True))
    account.upload("dags/first.py", DAG.format(name="first", bucket=BUCKET).encode())
    mwaa.create_environment(
        Name=NAME,
        AirflowVersion="2.2.2",
        ExecutionRoleArn=ROLE,
        SourceBucketArn=f"arn:aws:s3:::{BUCKET}",
        DagS3Path="dags",
        NetworkConfiguration=NETWORK,
        **account.upload_plugin("one"),
    )
    account.come_to_rest(expected="AVAILABLE")
    assert account.environment.summary["name"] in mwaa.list_environments()["Environments"]
    eventually(lambda: "first" in account.run("dags list"), "the DAG is read")
    account.run("dags trigger first")
    eventually(lambda: account.has_run("first"), "the task runs, and its boto3 reaches the same bucket")


def test_dags_follow_the_bucket_at_once_and_plugins_only_an_update(account: Account) -> None:
    account.upload("dags/team/second.py", DAG.format(name="second", bucket=BUCKET).encode())
    wanted = account.upload_plugin("two")
    eventually(lambda: "second" in account.run("dags list"), "the new DAG is there")
    plugin = account.folder / "plugins" / "plugin.py"
    assert '"one"' in plugin.read_text()
    account.mwaa.update_environment(Name=NAME, **wanted)
    account.come_to_rest(expected="AVAILABLE")
    assert '"two"' in plugin.read_text()
    account.s3.delete_object(Bucket=BUCKET, Key="dags/first.py")
    eventually(lambda: not (account.folder / "dags" / "first.py").exists(), "the deleted DAG goes")


def test_a_failed_update_leaves_what_worked(account: Account) -> None:
    account.mwaa.update_environment(Name=NAME, **account.plugins(b"no archive"))
    failed = account.come_to_rest(expected="UPDATE_FAILED")
    assert failed["LastUpdate"]["Error"]["ErrorCode"] == "INCORRECT_CONFIGURATION"
    assert '"two"' in (account.folder / "plugins" / "plugin.py").read_text()
    assert account.run("version").strip() == "2.2.2"


def test_its_metrics_are_its_own(account: Account) -> None:
    made, own = (
        MetricReader(account.client("cloudwatch"), name)
        for name in (NAME, account.environment.summary["name"])
    )
    eventually(lambda: made.total(AIRFLOW, "TaskInstanceSuccesses", ALL) > 0, "the run is counted")
    assert made.count(AIRFLOW, "DAGDurationSuccess", {"DAG": "first"}) == 1
    assert own.count(AIRFLOW, "DAGDurationSuccess", {"DAG": "first"}) == 0
    # A scheduler's first heartbeat comes after five seconds, and none of this environment's need have lived so long.
    eventually(lambda: made.total(AIRFLOW, "SchedulerHeartbeat", SCHEDULER) > 0, "its scheduler is alive")
    worker, database = {"Cluster": "BaseWorker"}, {"DatabaseRole": "WRITER"}
    eventually(lambda: made.count(SERVICE, "CPUUtilization", worker) > 0, "its worker is measured")
    eventually(lambda: made.total(SERVICE, "DatabaseConnections", database) > 0, "its database is measured")
    eventually(lambda: "RunningTasks" in made.names(SERVICE), "its queue is measured")


def test_a_kill_in_the_middle_of_an_update_is_survived(account: Account) -> None:
    account.mwaa.update_environment(Name=NAME, **account.upload_plugin("three"))
    time.sleep(1)
    services = json.loads(account.environment.read_state("run", "status.json"))["services"]
    os.kill(next(service["pid"] for service in services if service["name"] == "aws"), signal.SIGKILL)
    account.come_to_rest(expected="AVAILABLE")
    assert '"three"' in (account.folder / "plugins" / "plugin.py").read_text()
    assert account.run("version").strip() == "2.2.2"


def test_it_stops_and_starts_with_the_project_and_is_deleted_for_good(account: Account) -> None:
    account.environment.succeed("stop")
    assert account.environment.processes() == []
    account.environment.start()
    assert account.has_run("first")
    eventually(lambda: (account.folder / ".mwaa-local" / "run" / "ready.json").exists(), "it starts again")
    account.mwaa.delete_environment(Name=NAME)
    eventually(lambda: account.status() == "DELETED", "the environment is gone")
    assert not account.folder.exists()
    queues = account.client("sqs").list_queues().get("QueueUrls", [])
    assert len(queues) == 1
