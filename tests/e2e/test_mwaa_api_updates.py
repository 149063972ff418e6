"""Updates of an environment of the MWAA API for real: graceful ones, other numbers of workers, a newer version."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.local_environment import eventually, sample_environment
from tests.e2e.test_mwaa_api_environment import BUCKET, NAME, Account
from tests.mwaa_endpoint import NETWORK, ROLE

pytestmark = pytest.mark.airflow

DAGS = """\
from datetime import datetime
import boto3, time
from airflow import DAG
from airflow.operators.python import PythonOperator

def write(key):
    boto3.client("s3").put_object(Bucket="{bucket}", Key=key, Body=b"done")

def wait():
    write("out/began")
    s3 = boto3.client("s3")
    while not s3.list_objects_v2(Bucket="{bucket}", Prefix="go").get("Contents"):
        time.sleep(0.2)

for name, function, arguments in (("waiting", wait, []), ("quick", write, ["out/quick"])):
    with DAG(name, start_date=datetime(2022, 1, 1), schedule_interval=None, is_paused_upon_creation=False) as dag:
        PythonOperator(task_id="work", python_callable=function, op_args=arguments)
    globals()[name] = dag
"""


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    folder = tmp_path_factory.mktemp("updates") / "sample"
    with sample_environment(folder, "2.2.2", "--executor", "local") as made:
        made.start()
        account = Account(made)
        s3 = account.s3
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=dict.fromkeys(names, True))
        account.upload("dags/work.py", DAGS.format(bucket=BUCKET).encode())
        account.mwaa.create_environment(
            Name=NAME,
            AirflowVersion="2.2.2",
            ExecutionRoleArn=ROLE,
            SourceBucketArn=f"arn:aws:s3:::{BUCKET}",
            DagS3Path="dags",
            NetworkConfiguration=NETWORK,
            MaxWorkers=2,
        )
        account.come_to_rest(expected="AVAILABLE")
        eventually(lambda: "waiting" in account.run("dags list"), "the DAGs are read")
        yield account


def services(account: Account) -> dict[str, Any]:
    document = json.loads((account.folder / ".mwaa-local" / "run" / "status.json").read_text())
    return {service["name"]: service for service in document["services"]}


def test_a_graceful_update_lasts_until_running_tasks_have_ended(account: Account) -> None:
    account.run("dags trigger waiting")
    eventually(lambda: account.has_run("began"), "the task runs")
    old = services(account)["worker-1"]["pid"]

    account.mwaa.update_environment(
        Name=NAME, WorkerReplacementStrategy="GRACEFUL", **account.upload_plugin("new")
    )
    eventually(lambda: services(account)["worker-1"]["leaving"], "the old worker takes nothing more")
    eventually(lambda: services(account).get("worker-2", {}).get("phase") == "healthy", "another one does")
    account.run("dags trigger quick")
    eventually(lambda: account.has_run("quick"), "a new task runs")
    assert account.status() == "UPDATING"
    assert services(account)["worker-1"]["pid"] == old

    account.upload("go", b"")
    updated = account.come_to_rest(expected="AVAILABLE")
    assert updated["LastUpdate"]["WorkerReplacementStrategy"] == "GRACEFUL"
    assert "worker-1" not in services(account)
    eventually(lambda: "success" in account.run("dags list-runs -d waiting"), "the run succeeds")


def test_other_bounds_of_workers_replace_nothing(account: Account) -> None:
    before = {name: service["pid"] for name, service in services(account).items()}

    account.mwaa.update_environment(Name=NAME, MinWorkers=2, MaxWorkers=3)
    environment = account.come_to_rest(expected="AVAILABLE")

    assert (environment["MinWorkers"], environment["MaxWorkers"]) == (2, 3)
    scaling = json.loads((account.folder / ".mwaa-local" / "run" / "scaling.json").read_text())
    assert (scaling["minimum"], scaling["maximum"]) == (2, 3)
    after = {name: service["pid"] for name, service in services(account).items()}
    assert after.items() >= before.items()
    assert len([name for name in after if name.startswith("worker")]) == 2


def test_a_newer_version_has_the_runs_of_before(account: Account) -> None:
    account.mwaa.update_environment(Name=NAME, AirflowVersion="2.4.3")
    account.come_to_rest(expected="AVAILABLE")

    assert account.run("version").strip() == "2.4.3"
    assert "success" in account.run("dags list-runs -d waiting")
