"""The project's own bucket, which holds the project's folder, as an S3 client and the MWAA API see it."""

import base64
import io
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import boto3
import pytest
from botocore.config import Config

from mwaa_local.aws.web_doors.settings import KEY_VARIABLE, DoorSettings, door_arguments
from tests.contract.endpoint_process import BUCKET, Endpoint, free_port

PATIENCE = 20.0


class ProjectEndpoint(Endpoint):
    """The endpoint of a project with files, as `mwaa-local start` runs it."""

    module: ClassVar[str] = "mwaa_local.cli.endpoint"

    @property
    def project(self) -> Path:
        return self.state.parent.parent

    def mwaa(self) -> Any:
        return boto3.client(
            "mwaa",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(inject_host_prefix=False),
        )

    def held(self) -> list[str]:
        listed = self.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return [each["Key"] for each in listed]

    def read(self, key: str) -> bytes:
        content: bytes = self.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return content


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[ProjectEndpoint]:
    project = tmp_path / "a project"
    for name, text in (
        ("dags/a.py", "first"),
        ("dags/team/b.py", "b"),
        ("dags/__pycache__/a.pyc", "junk"),
        ("plugins/p.py", "plugin"),
        ("requirements.txt", "humanize\n"),
        ("startup.sh", "export A=1\n"),
    ):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    state = project / ".mwaa-local" / "aws"
    state.mkdir(parents=True)
    doors = DoorSettings(
        "home", "2.10.3", free_port(), 1, tmp_path / "authority", state, tmp_path / "none.sock"
    )
    made = ProjectEndpoint(
        state,
        arguments=(*door_arguments(doors), "--airflow", "2.10.3"),
        variables={
            "MWAA_LOCAL_DAGS": str(project / "dags"),
            KEY_VARIABLE: base64.urlsafe_b64encode(b"k" * 32).decode(),
        },
    )
    made.start()
    yield made
    made.end()


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_holds_what_deploy_would_put_there(endpoint: ProjectEndpoint) -> None:
    assert endpoint.held() == ["dags/a.py", "dags/team/b.py", "plugins.zip", "requirements.txt", "startup.sh"]
    assert endpoint.read("dags/a.py") == b"first"
    with zipfile.ZipFile(io.BytesIO(endpoint.read("plugins.zip"))) as archive:
        assert archive.namelist() == ["p.py"]


def test_what_changes_in_the_folder_changes_in_the_bucket(endpoint: ProjectEndpoint) -> None:
    assert endpoint.read("dags/a.py") == b"first"
    (endpoint.project / "dags" / "a.py").write_text("second, and longer")
    (endpoint.project / "dags" / "team" / "b.py").unlink()
    eventually(lambda: endpoint.read("dags/a.py") == b"second, and longer")
    assert "dags/team/b.py" not in endpoint.held()
    versions = endpoint.client("s3").list_object_versions(Bucket=BUCKET, Prefix="dags/a.py")["Versions"]
    assert [each["IsLatest"] for each in versions] == [True, False]


def test_the_folder_wins_and_is_never_written_and_foreign_keys_stay(endpoint: ProjectEndpoint) -> None:
    s3 = endpoint.client("s3")
    for key in ("dags/a.py", "dags/theirs.py", "out/result.csv"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"uploaded")
    eventually(lambda: endpoint.read("dags/a.py") == b"first")
    assert endpoint.read("dags/theirs.py") == endpoint.read("out/result.csv") == b"uploaded"
    assert sorted(path.name for path in (endpoint.project / "dags").glob("*.py")) == ["a.py"]
    assert (endpoint.state / "log").read_text().count("dags/theirs.py is in the bucket") == 1
    (endpoint.project / "dags" / "a.py").unlink()
    eventually(lambda: "dags/a.py" not in endpoint.held())
    assert {"dags/theirs.py", "out/result.csv"} <= set(endpoint.held())


def test_what_a_deployment_has_put_there_is_no_change(endpoint: ProjectEndpoint) -> None:
    s3 = endpoint.client("s3")
    s3.put_object(Bucket=BUCKET, Key="dags/a.py", Body=b"first")
    count = len(s3.list_object_versions(Bucket=BUCKET, Prefix="dags/a.py")["Versions"])
    time.sleep(1)
    assert len(s3.list_object_versions(Bucket=BUCKET, Prefix="dags/a.py")["Versions"]) == count == 2


def test_the_mwaa_api_names_the_objects_of_the_projects_own_environment(endpoint: ProjectEndpoint) -> None:
    described = endpoint.mwaa().get_environment(Name="home")["Environment"]
    for member, key in (
        ("Plugins", "plugins.zip"),
        ("Requirements", "requirements.txt"),
        ("StartupScript", "startup.sh"),
    ):
        assert described[f"{member}S3Path"] == key
        version = described[f"{member}S3ObjectVersion"]
        assert endpoint.client("s3").head_object(Bucket=BUCKET, Key=key)["VersionId"] == version
    (endpoint.project / "startup.sh").unlink()
    eventually(
        lambda: "StartupScriptS3Path" not in endpoint.mwaa().get_environment(Name="home")["Environment"]
    )


def test_it_is_the_same_after_a_restart_and_a_folder_that_cannot_be_read_leaves_it_as_it_was(
    endpoint: ProjectEndpoint,
) -> None:
    version = endpoint.client("s3").head_object(Bucket=BUCKET, Key="requirements.txt")["VersionId"]
    endpoint.end(9)
    (endpoint.project / "dags" / "loop").symlink_to(endpoint.project / "nowhere")
    endpoint.start()
    assert endpoint.client("s3").head_object(Bucket=BUCKET, Key="requirements.txt")["VersionId"] == version
    assert "dags/a.py" in endpoint.held()
    assert "which is not there" in (endpoint.state / "log").read_text()
    (endpoint.project / "dags" / "loop").unlink()
    (endpoint.project / "dags" / "new.py").write_text("new")
    eventually(lambda: "dags/new.py" in endpoint.held())
    assert endpoint.client("s3").head_object(Bucket=BUCKET, Key="requirements.txt")["VersionId"] == version
