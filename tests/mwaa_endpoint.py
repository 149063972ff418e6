"""Our endpoint with the MWAA API in a process of its own, and environments that do what a test has written down.

A test scripts what each creation, update, roll-back and deletion of an environment does; without a script they succeed
at once. `python -m tests.mwaa_endpoint` is the process.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from mwaa_local.aws import server
from mwaa_local.aws.mwaa_api.backend import BackendError, RestAnswer, RestCall, Wish
from mwaa_local.aws.persistence import S3Store
from tests.contract.endpoint_process import Endpoint

BUCKET = "mwaa-local-test"
REGION = "us-east-1"
ROLE = "arn:aws:iam::123456789012:role/execution"
NETWORK = {"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
AT_REST = ("AVAILABLE", "UPDATE_FAILED", "CREATE_FAILED", "UNAVAILABLE")


@dataclass(frozen=True, slots=True)
class Step:
    """What one piece of work does: `error` is the code and the message of its failure."""

    error: tuple[str, str] | None = None
    hold: bool = False
    """Wait until the test lets it go on with `release`."""
    seconds: float = 0.0


class ScriptedBackend:
    """EnvironmentBackend that follows `script.json` of its folder, and writes down what it was asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def apply(self, wish: Wish) -> str:
        self._note(wish.name, {"settings": wish.settings, "strategy": wish.strategy})
        self._follow(wish.name)
        return "localhost:8080"

    def remove(self, name: str) -> None:
        self._note(name, {"removed": True})
        self._follow(name)

    def end(self) -> None:
        (self._folder / "ended").touch()

    def token_key(self, name: str) -> bytes:
        return f"key of {name}".encode()

    def answers(self, name: str) -> bool:
        return not (self._folder / f"silent-{name}").exists()

    def call_rest_api(self, wish: Wish, call: RestCall) -> RestAnswer:
        if call.path == "/health":
            return RestAnswer(200, {"status": "healthy", "role": call.role, "method": call.method})
        if call.path == "/slow":
            raise BackendError("INTERNAL_ERROR", "the web server did not answer within 10 s")
        return RestAnswer(500 if call.path == "/broken" else 404, {"title": call.path, "query": call.query})

    def _follow(self, name: str) -> None:
        steps = _read(self._folder / "script.json", {})
        if not steps.get(name):
            return
        step = steps[name].pop(0)
        time.sleep(step["seconds"])
        while step["hold"] and not (self._folder / f"release-{name}").exists():
            time.sleep(0.01)
        (self._folder / f"release-{name}").unlink(missing_ok=True)
        _write(self._folder / "script.json", {**_read(self._folder / "script.json", {}), name: steps[name]})
        if step["error"]:
            raise BackendError(*step["error"])

    def _note(self, name: str, what: dict[str, Any]) -> None:
        with (self._folder / "asked.jsonl").open("a") as file:
            file.write(json.dumps({"name": name, **what}) + "\n")


@dataclass
class MwaaEndpoint(Endpoint):
    """The process as a test holds it: `start`, `end`, `client`, as every endpoint; its bucket is BUCKET."""

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.mwaa_endpoint", "--port", str(self.port)]
        command += ["--state", str(self.state), "--bucket", BUCKET, "--region", REGION, *self.arguments]
        with (self.state / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stderr=log, env={**os.environ, **self.variables}, cwd=Path(__file__).parents[1]
            )
        deadline = time.monotonic() + 30
        while not self.is_healthy():
            assert self.process.poll() is None, (self.state / "log").read_text()
            assert time.monotonic() < deadline, "the endpoint does not become healthy"
            time.sleep(0.02)

    def client(self, service: Any, access_key: str = "test") -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=access_key,
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, inject_host_prefix=False),
        )

    def script(self, name: str, *steps: Step) -> None:
        """Say what the next pieces of work on an environment do."""
        script = self.state / "script.json"
        _write(script, {**_read(script, {}), name: [asdict(step) for step in steps]})

    def release(self, name: str) -> None:
        """Let the work go on that holds."""
        (self.state / f"release-{name}").touch()

    def asked(self) -> list[dict[str, Any]]:
        """Return what the backend was asked so far."""
        lines = (self.state / "asked.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def create(self, name: str, *, wait: bool = True, **settings: Any) -> str:
        """Create an environment (Airflow 2.2.2 unless told otherwise) and return its ARN."""
        base = {"ExecutionRoleArn": ROLE, "SourceBucketArn": f"arn:aws:s3:::{BUCKET}", "DagS3Path": "dags"}
        given = {"AirflowVersion": "2.2.2", "NetworkConfiguration": NETWORK, **base, **settings}
        arn: str = self.client("mwaa").create_environment(Name=name, **given)["Arn"]
        if wait:
            self.wait_until_at_rest(name)
        return arn

    def upload(self, key: str, content: bytes = b"") -> str:
        """Put an object into the bucket and return its version."""
        version: str = self.client("s3").put_object(Bucket=BUCKET, Key=key, Body=content)["VersionId"]
        return version

    def describe(self, name: str) -> dict[str, Any]:
        """Return GetEnvironment's Environment."""
        environment: dict[str, Any] = self.client("mwaa").get_environment(Name=name)["Environment"]
        return environment

    def wait_until_at_rest(self, name: str) -> dict[str, Any]:
        """Wait until nothing is being done with an environment, and return it."""
        deadline = time.monotonic() + 20
        while (environment := self.describe(name))["Status"] not in AT_REST:
            assert time.monotonic() < deadline, f"{name} stays {environment['Status']}"
            time.sleep(0.01)
        return environment


@contextmanager
def running_endpoint(*arguments: str) -> Iterator[MwaaEndpoint]:
    """Run an endpoint in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="mwaa-local-test-") as folder:
        endpoint = MwaaEndpoint(Path(folder), arguments=arguments)
        endpoint.start()
        try:
            yield endpoint
        finally:
            endpoint.end(signal.SIGKILL)


def _read(path: Path, otherwise: Any) -> Any:
    return json.loads(path.read_text()) if path.exists() else otherwise


def _write(path: Path, value: Any) -> None:
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps(value))
    draft.replace(path)


def _make_backend(options: Namespace, _objects: S3Store) -> ScriptedBackend:
    return ScriptedBackend(options.state)


if __name__ == "__main__":
    raise SystemExit(server.main(None, _make_backend))
