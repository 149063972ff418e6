"""The endpoint process under test, and how its queues are read."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import boto3
from botocore.config import Config

QUEUE = "airflow-celery-test"
BUCKET = "mwaa-local-test"
SECRETS = "connections:\n  db: postgres://h/s\nvariables:\n  key: value\n"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@dataclass
class Endpoint:
    """An endpoint process that can be killed and started again on the same port and state."""

    state: Path
    port: int = field(default_factory=free_port)
    arguments: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    module: ClassVar[str] = "mwaa_local.aws.server"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def queue_url(self) -> str:
        return f"{self.url}/123456789012/{QUEUE}"

    def start(self) -> None:
        command = [sys.executable, "-m", self.module, "--port", str(self.port)]
        command += ["--state", str(self.state), "--queue", QUEUE, "--bucket", BUCKET, *self.arguments]
        with (self.state / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log, env={**os.environ, **self.variables})
        deadline = time.monotonic() + 30
        while not self.is_healthy():
            assert self.process.poll() is None, (self.state / "log").read_text()
            assert time.monotonic() < deadline, "the endpoint does not become healthy"
            time.sleep(0.02)

    def is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/_mwaa_local/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def end(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(10)

    def client(self, service: Any, access_key: str = "test") -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=access_key,
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def sqs(self, access_key: str = "test") -> Any:
        return self.client("sqs", access_key)

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:
            return str(answer.read().decode())

    def post(self, path: str) -> str:
        with urllib.request.urlopen(
            urllib.request.Request(self.url + path, method="POST"), timeout=5
        ) as answer:
            return str(answer.read().decode())


def bodies(answer: Any) -> list[str]:
    return [message["Body"] for message in answer.get("Messages", [])]
