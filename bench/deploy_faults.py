"""Deploys of 200 files over a line that fails at each request in turn, in every way: how many do not converge."""

import os
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import botocore.session

from bench.figures import Figure
from bench.s3_server import s3_server
from bench.session import Session, say
from mwaa_local.adapters.object_store import open_bucket
from mwaa_local.adapters.object_store_transport import Patience
from mwaa_local.errors import AwsError
from tests.deployed_project import DeployedProject, new_deployment
from tests.fakes_aws import ChangingEnvironments
from tests.fault_proxy import Fault, Script, fault_proxy

FILES = 200
WAYS = (Fault.RESET, Fault.LOST, Fault.SLOW_DOWN, Fault.DENIED, Fault.CONFLICT, Fault.HALF)
EVERY = int(os.environ.get("MWAA_BENCH_EVERY", "10"))
"""Of how many requests one is failed: with 1, which takes most of an hour, each of them."""
FRAIL = Patience(attempts=1, timeout=20.0, pause=lambda _seconds: None)
STEADY = Patience(timeout=20.0, pause=lambda _seconds: None)
FOREIGN = ("dags/theirs.py", "dagsx/theirs.py", "theirs.txt")
REGION, BUCKET = "us-east-1", "ours"


def measure_faults(session: Session) -> Iterator[Figure]:
    """Count the deploys that were failed once, and those after which a second run did not end where it should."""
    failed = wrong = 0
    with s3_server(session.folder) as upstream, fault_proxy(upstream) as (url, script), variables(url):
        line = _Line(session.folder / "faults", upstream, script)
        line.write_files()
        for number, way in enumerate(WAYS):
            say(f"deploy: 200 files, each request failed once: {way}")
            at = 1 + number % EVERY
            while line.fails(at, way):
                failed += 1
                wrong += not line.converges()
                at += EVERY
    yield Figure(f"deploys of {FILES} files failed once, in {len(WAYS)} ways", "", (float(failed),))
    yield Figure(
        "of these, not right after a second run, or something foreign touched", "", (float(wrong),), 0.0
    )


@dataclass(slots=True)
class _Line:
    """A project, a bucket that is made anew each time, and the proxy before it."""

    folder: Path
    upstream: str
    script: Script

    def write_files(self) -> None:
        """Write modules, and DAG files that import them."""
        for number in range(FILES):
            text = f"NUMBER = {number}\n" if number % 10 == 0 else f"import module_{number // 10 * 10}\n"
            self._project().put(f"dags/module_{number}.py", text)

    def fails(self, at: int, way: Fault) -> bool:
        """Deploy into a new bucket and fail request number `at`; False if there were not so many."""
        with urllib.request.urlopen(f"{self.upstream}/moto-api/reset", data=b"", timeout=60):  # noqa: S310
            pass
        s3 = self._s3()
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        for key in FOREIGN:
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"theirs")
        self.script.begin(at, way)
        with suppress(AwsError):
            self._project(FRAIL).deploy()
        happened = bool(self.script.spoiled)
        self.script.begin(0, way)
        return happened

    def converges(self) -> bool:
        """Deploy again; tell whether everything is as it should be."""
        try:
            self._project(STEADY).deploy()
        except AwsError as error:
            say(f"deploy: after {self.script.spoiled}: {error.message}")
            return False
        return self._is_right()

    def _is_right(self) -> bool:
        versions = self._s3().get_paginator("list_object_versions").paginate(Bucket=BUCKET)
        counts: dict[str, int] = {}
        for version in (each for page in versions for each in page["Versions"]):
            counts[version["Key"]] = counts.get(version["Key"], 0) + 1
        wanted = {file.key: file.md5 for file in self._project().manifest().files}
        listed = self._s3().get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        etags = {each["Key"]: each["ETag"].strip('"') for page in listed for each in page["Contents"]}
        extra = {key for key in etags if key not in wanted and key not in FOREIGN}
        return (
            wanted.items() <= etags.items()
            and all(counts[key] == 1 for key in FOREIGN)
            and not any(key.endswith(("pending.json", "lock.json")) for key in extra)
            and all(key.startswith(".mwaa-local/") for key in extra)
        )

    def _project(self, patience: Patience = STEADY) -> DeployedProject:
        session = botocore.session.Session()
        project = DeployedProject(
            self.folder / "project",
            open_bucket(session, REGION, BUCKET, patience=patience),
            ChangingEnvironments(),
        )
        project.deployment = new_deployment(project.folder, bucket=BUCKET, lock=True)
        return project

    def _s3(self) -> Any:
        return boto3.client("s3", endpoint_url=self.upstream, region_name=REGION)


@contextmanager
def variables(url: str) -> Iterator[None]:
    """Have botocore reach the proxy in the meantime."""
    ours: Mapping[str, str] = {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
