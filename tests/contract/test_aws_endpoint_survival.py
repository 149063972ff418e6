"""The endpoint process in trouble: killed, damaged, told to end, wrongly configured; and its credentials."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.contract.endpoint_process import QUEUE, Endpoint, bodies, free_port


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
    assert bodies(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)) == ["queued"]
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
    assert bodies(endpoint.sqs().receive_message(QueueUrl=endpoint.queue_url)) == []
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
    port = free_port()
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
        str(free_port()),
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
