"""The endpoint as a container of an environment has it: other containers reach it by its name, web pages do not."""

import http.client
import json
import signal
from collections.abc import Iterator

import pytest

from tests.contract.endpoint_process import BUCKET, Endpoint

NETWORK = ("--listen", "127.0.0.2", "--served-as", "aws", "--web-host", "webserver")
CREATION = {
    "ExecutionRoleArn": "arn:aws:iam::123456789012:role/any",
    "SourceBucketArn": f"arn:aws:s3:::{BUCKET}",
    "DagS3Path": "dags",
    "NetworkConfiguration": {"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]},
}


class NetworkEndpoint(Endpoint):
    """An endpoint at another address than 127.0.0.1."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.2:{self.port}"

    def is_healthy(self) -> bool:
        return self.ask("aws", "GET", "/_mwaa_local/health")[0] == 200

    def ask(self, host: str, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Return status and body of an answer; (0, b"") where there is none."""
        connection = http.client.HTTPConnection("127.0.0.2", self.port, timeout=5)
        try:
            connection.request(method, path, body, {"Host": host, "Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except OSError:
            return 0, b""
        finally:
            connection.close()


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NetworkEndpoint]:
    started = NetworkEndpoint(tmp_path_factory.mktemp("state"), arguments=NETWORK)
    started.start()
    yield started
    started.end(signal.SIGKILL)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("aws", 200),
        ("aws:4566", 200),
        ("api.aws:4566", 200),
        ("localhost:1", 200),
        ("evil.example", 403),
        ("aws.evil.example", 403),
        ("laws", 403),
    ],
)
def test_it_is_served_by_its_name_and_by_no_other(endpoint: NetworkEndpoint, host: str, status: int) -> None:
    assert endpoint.ask(host, "GET", "/_mwaa_local/health")[0] == status


def test_it_creates_no_environments(endpoint: NetworkEndpoint) -> None:
    status, body = endpoint.ask("aws", "PUT", "/environments/another", json.dumps(CREATION).encode())
    assert status == 400
    assert b"runs in a container and cannot start environments" in body
    assert b"--runtime native" in body
