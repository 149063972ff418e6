"""Deploys to a real S3 server and the local MWAA API through a line that fails at each request in turn."""

import itertools
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from mwaa_local.adapters.aws_access import open_access
from mwaa_local.adapters.object_store import S3Bucket
from mwaa_local.adapters.object_store_address import find_address
from mwaa_local.adapters.object_store_transport import Patience, Transport
from mwaa_local.errors import AwsError
from tests.deployed_project import DeployedProject, new_deployment
from tests.fakes_environment import ENVIRONMENT
from tests.fault_proxy import Fault, Script, fault_proxy
from tests.mwaa_endpoint import BUCKET, REGION, MwaaEndpoint, running_endpoint

DAGS = {f"dags/etl/dag_{number}.py": f"import common.tables\nNUMBER = {number}\n" for number in range(3)}
OTHERS = {
    "dags/common/tables.py": "",
    "dags/.airflowignore": "common",
    "plugins.zip": "p",
    "requirements.txt": "",
}
FILES = {**DAGS, **OTHERS}
FOREIGN = ("dags/theirs.py", "dagsx/theirs.py", "theirs.txt")
PART = 5 * 1024 * 1024
FRAIL = Patience(attempts=1, timeout=10.0, pause=lambda _seconds: None)
HASTY = Patience(attempts=1, timeout=0.3, pause=lambda _seconds: None)
STEADY = Patience(attempts=4, timeout=10.0, pause=lambda _seconds: None)


@dataclass
class Line:
    """An endpoint and the proxy before it."""

    endpoint: MwaaEndpoint
    url: str
    script: Script
    scenes: int = 0
    s3: Any = field(init=False)

    def __post_init__(self) -> None:
        self.s3 = self.endpoint.client("s3")

    def bucket(self, patience: Patience) -> S3Bucket:
        session = botocore.session.Session()
        address = find_address(session, REGION, BUCKET)
        transport = Transport(address, BUCKET, session.get_credentials(), profile=None, patience=patience)
        return S3Bucket(transport, part_size=PART)

    def scene(self, folder: Path) -> "Scene":
        self.scenes += 1
        return Scene(self, folder / f"project {self.scenes}", f"scene-{self.scenes}/")


@dataclass
class Scene:
    """A project that is to be deployed to a part of the bucket that others use too."""

    line: Line
    folder: Path
    prefix: str
    project: DeployedProject = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.project = DeployedProject(self.folder / "project")
        self.project.deployment = new_deployment(
            self.project.folder, bucket=BUCKET, lock=True, prefix=self.prefix
        )
        self.project.environments = open_access(None, REGION).environments
        for key, text in FILES.items():
            self.project.put(key, text)
        for key in FOREIGN:
            self.line.s3.put_object(Bucket=BUCKET, Key=self.prefix + key, Body=b"theirs")

    def deploy(self, patience: Patience) -> None:
        self.project.store = self.line.bucket(patience)
        self.project.deploy()

    def check(self) -> None:
        """Look with boto3, past the proxy, whether all is as it should be and nothing else was touched."""
        versions = self.line.s3.list_object_versions(Bucket=BUCKET, Prefix=self.prefix)
        ours = self.prefix + ".mwaa-local/"
        found: dict[str, int] = {}
        for version in versions["Versions"]:
            key = version["Key"].removeprefix(self.prefix)
            if not version["Key"].startswith(ours):
                found[key] = found.get(key, 0) + 1
            elif version["IsLatest"]:
                assert key.endswith(".json")
        assert found.keys() == {*FILES, *FOREIGN}
        assert {key: found[key] for key in FOREIGN} == dict.fromkeys(FOREIGN, 1)
        listed = self.line.s3.list_objects_v2(Bucket=BUCKET, Prefix=self.prefix)["Contents"]
        state = [each["Key"] for each in listed if each["Key"].startswith(ours)]
        assert not [key for key in state if key.endswith(("pending.json", "lock.json"))]
        for key, text in FILES.items():
            body = self.line.s3.get_object(Bucket=BUCKET, Key=self.prefix + key)["Body"].read()
            assert body == text.encode()
        environment = self.line.endpoint.wait_until_at_rest(ENVIRONMENT.name)
        head = self.line.s3.head_object(Bucket=BUCKET, Key=self.prefix + "plugins.zip")
        assert environment["PluginsS3Path"] == self.prefix + "plugins.zip"
        assert environment["PluginsS3ObjectVersion"] == head["VersionId"]
        assert "Uploads" not in self.line.s3.list_multipart_uploads(Bucket=BUCKET)


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    with running_endpoint() as endpoint, fault_proxy(endpoint.url) as (url, script):
        endpoint.create(ENVIRONMENT.name)
        yield Line(endpoint, url, script)


@pytest.fixture(autouse=True)
def variables(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", line.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.mark.parametrize(
    "faults", [(Fault.LOST,), tuple(fault for fault in Fault if fault is not Fault.LOST)]
)
def test_a_deploy_that_fails_at_any_request_is_finished_by_the_next(
    line: Line, tmp_path: Path, faults: tuple[Fault, ...]
) -> None:
    """`python -m bench.deploy` tries every fault at every request."""
    for at in itertools.count(1):
        scene = line.scene(tmp_path)
        fault = faults[at % len(faults)]
        line.script.begin(at, fault)
        with suppress(AwsError):
            scene.deploy(HASTY if fault is Fault.SILENCE else FRAIL)
        spoiled = line.script.spoiled
        line.script.begin(0, fault)
        line.endpoint.wait_until_at_rest(ENVIRONMENT.name)
        scene.deploy(STEADY)
        scene.check()
        if not spoiled:
            break
    assert at > len(FILES) + 10


def test_what_passes_is_overcome_without_another_run(line: Line, tmp_path: Path) -> None:
    passing = (Fault.LOST, Fault.RESET, Fault.SLOW_DOWN, Fault.HALF)
    for at in itertools.count(1, 2):
        scene = line.scene(tmp_path)
        line.script.begin(at, passing[at // 2 % len(passing)])
        try:
            scene.deploy(STEADY)
        except AwsError:
            # Repeated, an update that was accepted is refused: the environment is being updated.
            assert "PATCH" in line.script.spoiled
            continue
        scene.check()
        if not line.script.spoiled:
            break
    assert at > len(FILES) + 10


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.HALF])
def test_a_large_file_that_fails_at_any_request_leaves_no_parts_behind(
    line: Line, tmp_path: Path, fault: Fault
) -> None:
    file = tmp_path / "plugins.zip"
    file.write_bytes(b"x" * (PART + 1))
    at = 0
    while True:
        at += 1
        key = f"{fault.name}-{at}/plugins.zip"
        line.script.begin(at, fault)
        with suppress(AwsError):
            line.bucket(HASTY if fault is Fault.SILENCE else FRAIL).write(key, file, metadata={"sha256": "x"})
        spoiled = line.script.spoiled
        line.script.begin(0, fault)
        line.bucket(STEADY).write(key, file, metadata={"sha256": "x"})
        assert "Uploads" not in line.s3.list_multipart_uploads(Bucket=BUCKET)
        assert line.s3.head_object(Bucket=BUCKET, Key=key)["ContentLength"] == PART + 1
        if not spoiled:
            break
    assert at > 5
