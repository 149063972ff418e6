"""What a deploy has put, read back with the real AWS CLI."""

import json
import os
from pathlib import Path

import botocore.session
import pytest

from mwaa_local.adapters.object_store import open_bucket
from tests.aws_cli import AwsCli, install_aws_cli
from tests.contract.endpoint_process import BUCKET, Endpoint
from tests.deployed_project import DeployedProject, new_deployment

NAMES = ("dags/a.py", "dags/etl/b c+d&e.sql", "dags/größe 100%.py", "plugins.zip", "requirements.txt")


@pytest.fixture(scope="module")
def cli(endpoint: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> AwsCli:
    try:
        program = install_aws_cli(tmp_path_factory.mktemp("aws") / "cli")
    except RuntimeError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no AWS CLI: {error}")
    return AwsCli(program, endpoint.url)


@pytest.fixture
def project(endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DeployedProject:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    project = DeployedProject(
        tmp_path / "project", open_bucket(botocore.session.Session(), "us-east-1", BUCKET)
    )
    project.deployment = new_deployment(project.folder, bucket=BUCKET, lock=True, prefix="team/")
    for name in NAMES:
        project.put(name, f"content of {name}\n")
    return project


def test_the_cli_sees_every_file_and_a_rollback_brings_back_what_was(
    project: DeployedProject, cli: AwsCli, tmp_path: Path
) -> None:
    project.deploy()
    assert read_back(cli, tmp_path / "first") == {name: f"content of {name}\n" for name in NAMES}

    project.put("dags/a.py", "changed\n")
    project.put("dags/new.py", "new\n")
    project.remove("plugins.zip")
    project.deploy(delete=True)
    second = read_back(cli, tmp_path / "second")
    assert (second["dags/a.py"], second["dags/new.py"]) == ("changed\n", "new\n")
    answer = cli.run("s3api", "list-object-versions", "--bucket", BUCKET, "--prefix", "team/dags/a.py")
    assert [version["IsLatest"] for version in json.loads(answer)["Versions"]] == [True, False]

    project.roll_back()
    assert read_back(cli, tmp_path / "third") == {name: f"content of {name}\n" for name in NAMES}


def test_what_the_cli_has_synchronised_is_unchanged_to_us(project: DeployedProject, cli: AwsCli) -> None:
    cli.run("s3", "sync", str(project.folder), f"s3://{BUCKET}/team/")
    plan = project.plan()
    assert plan.conflicts == ()
    assert {key.removeprefix("team/") for key in plan.unchanged} >= {*NAMES}


def read_back(cli: AwsCli, folder: Path) -> dict[str, str]:
    cli.run("s3", "sync", f"s3://{BUCKET}/team/", str(folder), "--exclude", ".mwaa-local/*")
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in paths}
