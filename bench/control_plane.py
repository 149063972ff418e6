"""The section `api`: the MWAA API's answers, and how long an environment takes to be created, followed and updated."""

import io
import itertools
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import boto3
from botocore.config import Config

from bench.figures import Figure
from bench.project import BenchProject
from bench.session import VERSION, Session, say
from bench.timing import PATIENCE
from bench.web import DAG_FILE, PAUSE, Visitor

BUCKET = "bench-of-the-api"
NAME = "bench"
NETWORK = {"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
CALLS = 50
"""Calls of which one figure is the median's worth."""
BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def measure_control_plane(session: Session) -> Iterator[Figure]:
    """Measure one environment from its creation to its deletion, each round."""
    with session.project() as project:
        say("start")
        project.run("start")
        account = Account(project)
        account.make_bucket()
        own = str(project.read("run", "start.json")["environment"])
        yield session.repeated(
            "GetEnvironment", lambda: each(lambda: account.mwaa.get_environment(Name=own)), 10, "ms"
        )
        yield session.repeated(
            "CreateCliToken", lambda: each(lambda: account.mwaa.create_cli_token(Name=own)), 10, "ms"
        )
        rounds = tuple(account.one_life() for _ in range(session.rounds))
        titles = (
            ("CreateEnvironment to AVAILABLE, wheels cached", 25.0),
            ("object uploaded to visible in the UI", 3.0),
            ("UpdateEnvironment with new plugins to AVAILABLE", 15.0),
            ("DeleteEnvironment to gone", None),
        )
        for number, (title, bar) in enumerate(titles):
            yield Figure(title, "s", tuple(values[number] for values in rounds), bar)


def each(call: Callable[[], object]) -> float:
    """Return how many milliseconds one of many calls takes."""
    call()
    began = time.monotonic()
    for _ in range(CALLS):
        call()
    return (time.monotonic() - began) / CALLS * 1000


class Account:
    """The local AWS of a project."""

    def __init__(self, project: BenchProject) -> None:
        self._project = project
        self._url = f"http://127.0.0.1:{project.read('ports.json')['aws']}"
        self._numbers = itertools.count()
        self.mwaa, self.s3 = self._client("mwaa"), self._client("s3")

    def _client(self, service: Any) -> Any:
        return boto3.client(
            service,
            endpoint_url=self._url,
            region_name="us-east-1",
            aws_access_key_id="bench",
            aws_secret_access_key="bench",  # noqa: S106 - nothing checks it
            config=Config(inject_host_prefix=False),
        )

    def make_bucket(self) -> None:
        """Make a bucket as MWAA wants it."""
        self.s3.create_bucket(Bucket=BUCKET)
        self.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        blocks = dict.fromkeys(BLOCKS, True)
        self.s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=blocks)

    def one_life(self) -> tuple[float, float, float, float]:
        """Return the seconds of a creation, of a new DAG, of an update and of the deletion."""
        say("an environment of the API")
        began = time.monotonic()
        self.mwaa.create_environment(
            Name=NAME,
            AirflowVersion=VERSION,
            ExecutionRoleArn="arn:aws:iam::123456789012:role/bench",
            SourceBucketArn=f"arn:aws:s3:::{BUCKET}",
            DagS3Path="dags",
            NetworkConfiguration=NETWORK,
            **self._plugins(),
        )
        created = self._until("AVAILABLE", began)
        visible = self._seconds_to_visible()
        wanted = self._plugins()
        began = time.monotonic()
        self.mwaa.update_environment(Name=NAME, **wanted)
        updated = self._until("AVAILABLE", began)
        began = time.monotonic()
        self.mwaa.delete_environment(Name=NAME)
        return created, visible, updated, self._until("gone", began)

    def _plugins(self) -> dict[str, str]:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("plugin.py", f"NUMBER = {next(self._numbers)}\n")
        answer = self.s3.put_object(Bucket=BUCKET, Key="plugins.zip", Body=packed.getvalue())
        return {"PluginsS3Path": "plugins.zip", "PluginsS3ObjectVersion": answer["VersionId"]}

    def _seconds_to_visible(self) -> float:
        folder = self._project.folder / ".mwaa-local" / "aws" / "environments" / NAME
        visitor = Visitor(BenchProject(folder, self._project.cache, VERSION))
        visitor.log_in()
        dag_id = f"bench_{next(self._numbers)}"
        began = time.monotonic()
        content = DAG_FILE.format(dag_id=dag_id).encode()
        self.s3.put_object(Bucket=BUCKET, Key=f"dags/{dag_id}.py", Body=content)
        while f"dag_id={dag_id}" not in visitor.get(f"/home?search={dag_id}"):
            if time.monotonic() - began > PATIENCE:
                raise RuntimeError(f"The DAG {dag_id} does not become visible.")
            time.sleep(PAUSE)
        return time.monotonic() - began

    def _until(self, wanted: str, began: float) -> float:
        while (status := self._status()) != wanted:
            if status.endswith("FAILED") or time.monotonic() - began > PATIENCE:
                raise RuntimeError(f"The environment is {status}, not {wanted}.")
            time.sleep(PAUSE)
        return time.monotonic() - began

    def _status(self) -> str:
        try:
            return str(self.mwaa.get_environment(Name=NAME)["Environment"]["Status"])
        except self.mwaa.exceptions.ResourceNotFoundException:
            return "gone"
