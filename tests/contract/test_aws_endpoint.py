"""The endpoint process, asked by real clients: its services, its queues, its end."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

QUEUE = "airflow-celery-test"
BUCKET = "mwaa-local-test"
SECRETS = "connections:\n  db: postgres://h/s\nvariables:\n  key: value\n"


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@dataclass
class Endpoint:
    """An endpoint process that can be killed and started again on the same port and state."""

    state: Path
    port: int = field(default_factory=_free_port)
    arguments: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def queue_url(self) -> str:
        return f"{self.url}/123456789012/{QUEUE}"

    def start(self) -> None:
        command = [sys.executable, "-m", "mwaa_local.aws.server", "--port", str(self.port)]
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

    def post(self, path: str) -> str:
        with urllib.request.urlopen(
            urllib.request.Request(self.url + path, method="POST"), timeout=5
        ) as answer:
            return str(answer.read().decode())


@pytest.fixture
def new_endpoint(tmp_path: Path) -> Iterator[Callable[..., Endpoint]]:
    started: list[Endpoint] = []

    def new(*arguments: str, **variables: str) -> Endpoint:
        state = tmp_path / f"state {len(started)}"
        state.mkdir()
        endpoint = Endpoint(state, arguments=arguments, variables=variables)
        started.append(endpoint)
        endpoint.start()
        return endpoint

    yield new
    for endpoint in started:
        endpoint.end(signal.SIGKILL)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An endpoint that the tests of this module share; they use queues and keys of their own."""
    state = tmp_path_factory.mktemp("state")
    (state / "secrets.yaml").write_text(SECRETS)
    shared = Endpoint(state, arguments=("--secrets", str(state / "secrets.yaml"), "--airflow", "2.2.2"))
    shared.start()
    yield shared
    shared.end(signal.SIGKILL)


def _bodies(answer: Any) -> list[str]:
    return [message["Body"] for message in answer.get("Messages", [])]


def _in_thread(function: Callable[[], Any]) -> Callable[[], Any]:
    """Start `function` and return what waits for its result."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()

    def result() -> Any:
        thread.join(30)
        return results[0]

    return result


def test_every_service_that_mwaa_users_need_answers(endpoint: Endpoint) -> None:
    assert BUCKET in [bucket["Name"] for bucket in endpoint.client("s3").list_buckets()["Buckets"]]
    assert endpoint.client("sts").get_caller_identity()["Account"] == "123456789012"
    assert endpoint.client("ssm").describe_parameters()["Parameters"] == []
    assert endpoint.client("logs").describe_log_groups()["logGroups"] == []
    assert endpoint.client("kms").list_keys()["Keys"] == []
    assert endpoint.client("iam").list_roles()["Roles"] == []


def test_the_bucket_is_what_mwaa_asks_for(endpoint: Endpoint) -> None:
    s3 = endpoint.client("s3")
    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    blocked = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True}


def test_the_secrets_file_is_served_under_the_prefixes_of_mwaa(endpoint: Endpoint) -> None:
    secrets = endpoint.client("secretsmanager")
    assert secrets.get_secret_value(SecretId="airflow/connections/db")["SecretString"] == "postgres://h/s"
    assert secrets.get_secret_value(SecretId="airflow/variables/key")["SecretString"] == "value"


def test_the_celery_queue_hides_a_message_for_twelve_hours(endpoint: Endpoint) -> None:
    answer = endpoint.sqs().get_queue_attributes(QueueUrl=endpoint.queue_url, AttributeNames=["All"])
    assert answer["Attributes"]["VisibilityTimeout"] == "43200"


def test_it_listens_on_loopback_only(endpoint: Endpoint) -> None:
    assert endpoint.process is not None
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(endpoint.process.pid).net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", ""])
def test_a_web_page_that_got_hold_of_a_loopback_name_is_refused(endpoint: Endpoint, host: str) -> None:
    request = urllib.request.Request(endpoint.url, headers={"Host": host})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=5)
    with refused.value:
        assert refused.value.code == 403


def test_motos_reset_cannot_wipe_the_queues(endpoint: Endpoint) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        endpoint.post("/moto-api/reset")
    with refused.value:
        assert refused.value.code == 404


def test_a_waiting_receiver_gets_a_message_that_is_sent(endpoint: Endpoint) -> None:
    sqs = endpoint.sqs()
    url = sqs.create_queue(QueueName="waiting")["QueueUrl"]
    received = _in_thread(lambda: endpoint.sqs().receive_message(QueueUrl=url, WaitTimeSeconds=20))
    sqs.send_message(QueueUrl=url, MessageBody="hello")
    assert _bodies(received()) == ["hello"]


def test_a_waiting_receiver_gets_a_message_whose_visibility_runs_out(endpoint: Endpoint) -> None:
    sqs = endpoint.sqs()
    url = sqs.create_queue(QueueName="expiring", Attributes={"VisibilityTimeout": "1"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="again")
    assert _bodies(sqs.receive_message(QueueUrl=url)) == ["again"]
    assert _bodies(sqs.receive_message(QueueUrl=url)) == []
    assert _bodies(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)) == ["again"]


def test_a_waiting_receiver_gets_a_delayed_message(endpoint: Endpoint) -> None:
    sqs = endpoint.sqs()
    url = sqs.create_queue(QueueName="delayed")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=1)
    assert _bodies(sqs.receive_message(QueueUrl=url)) == []
    assert _bodies(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)) == ["later"]


def test_a_waiting_receiver_gets_a_message_that_is_handed_back(endpoint: Endpoint) -> None:
    sqs = endpoint.sqs()
    url = sqs.create_queue(QueueName="handed-back")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="back")
    handle = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    received = _in_thread(lambda: endpoint.sqs().receive_message(QueueUrl=url, WaitTimeSeconds=20))
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    assert _bodies(received()) == ["back"]


def test_an_empty_queue_answers_when_the_wait_is_over(endpoint: Endpoint) -> None:
    sqs = endpoint.sqs()
    url = sqs.create_queue(QueueName="empty")["QueueUrl"]
    assert _bodies(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)) == []


def test_idle_receivers_cost_next_to_no_cpu(endpoint: Endpoint) -> None:
    url = endpoint.sqs().create_queue(QueueName="idle")["QueueUrl"]
    assert endpoint.process is not None
    process = psutil.Process(endpoint.process.pid)
    clients = [endpoint.sqs() for _ in range(10)]
    receive = [
        _in_thread(lambda client=client: client.receive_message(QueueUrl=url, WaitTimeSeconds=3))  # type: ignore[misc]
        for client in clients
    ]
    while len(process.threads()) < 11:
        time.sleep(0.01)
    time.sleep(0.5)
    before = sum(process.cpu_times()[:2])
    time.sleep(1.5)
    # A loop of a hundred looks a second in ten threads takes a whole core here.
    assert sum(process.cpu_times()[:2]) - before < 0.5
    assert all(_bodies(result()) == [] for result in receive)


def test_two_receivers_never_get_the_same_message(endpoint: Endpoint) -> None:
    sqs = endpoint.sqs()
    url = sqs.create_queue(QueueName="shared")["QueueUrl"]

    def receive_all() -> list[str]:
        client, bodies = endpoint.sqs(), []
        while found := _bodies(client.receive_message(QueueUrl=url, WaitTimeSeconds=1)):
            bodies += found
        return bodies

    results = [_in_thread(receive_all) for _ in range(4)]
    for number in range(40):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    assert sorted(int(body) for result in results for body in result()) == list(range(40))


def test_a_receiver_that_hung_up_is_given_nothing(endpoint: Endpoint) -> None:
    sqs = endpoint.sqs()
    url = sqs.create_queue(QueueName="hung-up")["QueueUrl"]
    query = "Action=ReceiveMessage&Version=2012-11-05&WaitTimeSeconds=20"
    request = (
        f"POST /123456789012/hung-up HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(query)}\r\n"
        "Authorization: AWS4-HMAC-SHA256 Credential=gone/20260101/us-east-1/sqs/aws4_request\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\n\r\n{query}"
    )
    with socket.create_connection(("127.0.0.1", endpoint.port)) as gone:
        gone.sendall(request.encode())
        time.sleep(0.3)
    sqs.send_message(QueueUrl=url, MessageBody="kept")
    assert _bodies(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)) == ["kept"]


def test_deleting_twice_succeeds_and_an_invented_handle_does_not(endpoint: Endpoint) -> None:
    sqs = endpoint.sqs()
    url = sqs.create_queue(QueueName="deleting")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    handle = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    with pytest.raises(ClientError, match="ReceiptHandleIsInvalid"):
        sqs.delete_message(QueueUrl=url, ReceiptHandle="invented")


def test_what_a_dead_worker_held_can_be_taken_back(endpoint: Endpoint) -> None:
    url = endpoint.sqs().create_queue(QueueName="taken-back")["QueueUrl"]
    for body in ("one", "two"):
        endpoint.sqs().send_message(QueueUrl=url, MessageBody=body)
    assert _bodies(endpoint.sqs("worker-1").receive_message(QueueUrl=url)) == ["one"]
    assert _bodies(endpoint.sqs("worker-2").receive_message(QueueUrl=url)) == ["two"]
    assert endpoint.post("/_mwaa_local/release?consumer=worker-1") == '{"released": 1}'
    assert endpoint.post("/_mwaa_local/release?consumer=worker-1") == '{"released": 0}'
    assert _bodies(endpoint.sqs().receive_message(QueueUrl=url, MaxNumberOfMessages=10)) == ["one"]


def test_a_kill_loses_no_queued_message_and_keeps_in_flight_ones_with_their_receivers(
    new_endpoint: Callable[..., Endpoint],
) -> None:
    endpoint = new_endpoint()
    sqs, url = endpoint.sqs(), endpoint.queue_url
    for body in ("held", "queued", "deleted"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    held = sqs.receive_message(QueueUrl=url)["Messages"][0]
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=2)["Messages"]
    for message in messages:
        if message["Body"] == "deleted":
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        else:
            sqs.change_message_visibility(
                QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )
    endpoint.end(signal.SIGKILL)
    endpoint.start()
    assert _bodies(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)) == ["queued"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=held["ReceiptHandle"])
    hidden = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessagesNotVisible"])
    assert hidden["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "1"


def test_queues_and_their_settings_outlive_the_process(new_endpoint: Callable[..., Endpoint]) -> None:
    endpoint = new_endpoint()
    sqs = endpoint.sqs()
    sqs.create_queue(QueueName="dead", tags={"a": "b"})
    policy = '{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:dead", "maxReceiveCount": 1}'
    alive = sqs.create_queue(
        QueueName="alive", Attributes={"VisibilityTimeout": "0", "RedrivePolicy": policy}
    )
    sqs.create_queue(QueueName="deleted")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName="deleted")["QueueUrl"])
    attributes = {"kind": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}
    sqs.send_message(QueueUrl=alive["QueueUrl"], MessageBody="poison", MessageAttributes=attributes)
    sqs.receive_message(QueueUrl=alive["QueueUrl"])
    sqs.receive_message(QueueUrl=alive["QueueUrl"])
    endpoint.end(signal.SIGKILL)
    endpoint.start()
    urls = sqs.list_queues()["QueueUrls"]
    assert sorted(url.rsplit("/", 1)[1] for url in urls) == [QUEUE, "alive", "dead"]
    dead = f"{endpoint.url}/123456789012/dead"
    assert sqs.list_queue_tags(QueueUrl=dead)["Tags"] == {"a": "b"}
    moved = sqs.receive_message(QueueUrl=dead, MessageAttributeNames=["All"])["Messages"]
    assert moved[0]["MessageAttributes"]["kind"]["BinaryValue"] == b"\x00\xff"
    settings = sqs.get_queue_attributes(QueueUrl=alive["QueueUrl"], AttributeNames=["All"])["Attributes"]
    assert settings["RedrivePolicy"] == policy


def test_a_damaged_journal_does_not_keep_the_endpoint_from_starting(
    new_endpoint: Callable[..., Endpoint],
) -> None:
    endpoint = new_endpoint()
    endpoint.sqs().send_message(QueueUrl=endpoint.queue_url, MessageBody="x")
    endpoint.end(signal.SIGKILL)
    (endpoint.state / "queues.jsonl").write_bytes(b'\x00\x01\x02\n{"op": "message"}\n{"queue": 3, "op": 1}\n')
    endpoint.start()
    assert _bodies(endpoint.sqs().receive_message(QueueUrl=endpoint.queue_url)) == []
    assert len(list(endpoint.state.glob("queues.jsonl.damaged-*"))) == 1


def test_sigterm_ends_it_although_a_receiver_waits(new_endpoint: Callable[..., Endpoint]) -> None:
    endpoint = new_endpoint()
    assert endpoint.process is not None
    with socket.create_connection(("127.0.0.1", endpoint.port)) as waiting:
        query = "Action=ReceiveMessage&Version=2012-11-05&WaitTimeSeconds=20"
        waiting.sendall(
            f"POST /123456789012/{QUEUE} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(query)}\r\n"
            "Authorization: AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/sqs/aws4_request\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\n\r\n{query}".encode()
        )
        time.sleep(0.2)
        assert endpoint.end() == 0


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    port = _free_port()
    script = (
        "import os, subprocess, sys, time, urllib.request\n"
        "child = subprocess.Popen([sys.executable, '-m', 'mwaa_local.aws.server', '--port', sys.argv[1],\n"
        "                          '--state', sys.argv[2], '--parent', str(os.getpid())])\n"
        "while True:\n"
        "    try:\n"
        "        urllib.request.urlopen(f'http://127.0.0.1:{sys.argv[1]}/_mwaa_local/health').close()\n"
        "        break\n"
        "    except OSError:\n"
        "        time.sleep(0.02)\n"
        "print(child.pid, flush=True)\n"
        "os._exit(0)\n"
    )
    command = [sys.executable, "-c", script, str(port), str(tmp_path)]
    parent = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, timeout=60
    )
    try:
        child = psutil.Process(int(parent.stdout))
    except psutil.NoSuchProcess:
        return
    psutil.wait_procs([child], timeout=10)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_mistake_in_the_secrets_file_ends_it_with_the_exit_code_for_configuration(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("connections: 5")
    command = [
        sys.executable,
        "-m",
        "mwaa_local.aws.server",
        "--port",
        str(_free_port()),
        "--state",
        str(tmp_path),
    ]
    result = subprocess.run(
        [*command, "--secrets", str(tmp_path / "s.yaml"), "--airflow", "2.2.2"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 2
    assert "s.yaml:1: connections must be a mapping" in result.stderr


def test_tasks_get_short_lived_credentials_for_the_users_long_lived_keys(
    new_endpoint: Callable[..., Endpoint], tmp_path: Path
) -> None:
    sts = new_endpoint()
    (tmp_path / "credentials").write_text("[work]\naws_access_key_id = AKIALONG\naws_secret_access_key = s\n")
    endpoint = new_endpoint(
        "--profile",
        "work",
        MWAA_LOCAL_CREDENTIALS_TOKEN="t0ken",
        AWS_SHARED_CREDENTIALS_FILE=str(tmp_path / "credentials"),
        AWS_CONFIG_FILE="/dev/null",
        AWS_ENDPOINT_URL=sts.url,
        AWS_DEFAULT_REGION="us-east-1",
    )
    script = (
        "import botocore.session\n"
        "c = botocore.session.get_session().get_credentials()\n"
        "print(c.method, c.access_key, c.token is not None, c._expiry_time is not None)\n"
    )
    task = {
        "PATH": os.environ["PATH"],
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{endpoint.url}/_mwaa_local/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "t0ken",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }
    printed = subprocess.run(
        [sys.executable, "-c", script], env=task, capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()
    assert printed[0] == "container-role"
    assert printed[1] != "AKIALONG"
    assert printed[2:] == ["True", "True"]
    assert "AKIALONG" not in (endpoint.state / "log").read_text()
