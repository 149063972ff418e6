"""The endpoint process, asked by real clients: its services, its queues, its end."""

import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from tests.contract.endpoint_process import BUCKET, Endpoint, bodies


def in_thread(function: Callable[[], Any]) -> Callable[[], Any]:
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
    received = in_thread(lambda: endpoint.sqs().receive_message(QueueUrl=url, WaitTimeSeconds=20))
    sqs.send_message(QueueUrl=url, MessageBody="hello")
    assert bodies(received()) == ["hello"]


def test_a_waiting_receiver_gets_a_message_whose_visibility_runs_out(endpoint: Endpoint) -> None:
    sqs = endpoint.sqs()
    url = sqs.create_queue(QueueName="expiring", Attributes={"VisibilityTimeout": "1"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="again")
    assert bodies(sqs.receive_message(QueueUrl=url)) == ["again"]
    assert bodies(sqs.receive_message(QueueUrl=url)) == []
    assert bodies(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)) == ["again"]


def test_a_waiting_receiver_gets_a_delayed_message(endpoint: Endpoint) -> None:
    sqs = endpoint.sqs()
    url = sqs.create_queue(QueueName="delayed")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=1)
    assert bodies(sqs.receive_message(QueueUrl=url)) == []
    assert bodies(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)) == ["later"]


def test_a_waiting_receiver_gets_a_message_that_is_handed_back(endpoint: Endpoint) -> None:
    sqs = endpoint.sqs()
    url = sqs.create_queue(QueueName="handed-back")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="back")
    handle = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    received = in_thread(lambda: endpoint.sqs().receive_message(QueueUrl=url, WaitTimeSeconds=20))
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    assert bodies(received()) == ["back"]


def test_an_empty_queue_answers_when_the_wait_is_over(endpoint: Endpoint) -> None:
    sqs = endpoint.sqs()
    url = sqs.create_queue(QueueName="empty")["QueueUrl"]
    assert bodies(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)) == []


def test_idle_receivers_cost_next_to_no_cpu(endpoint: Endpoint) -> None:
    url = endpoint.sqs().create_queue(QueueName="idle")["QueueUrl"]
    assert endpoint.process is not None
    process = psutil.Process(endpoint.process.pid)
    clients = [endpoint.sqs() for _ in range(10)]
    receive = [
        in_thread(lambda client=client: client.receive_message(QueueUrl=url, WaitTimeSeconds=3))  # type: ignore[misc]
        for client in clients
    ]
    while len(process.threads()) < 11:
        time.sleep(0.01)
    time.sleep(0.5)
    before = sum(process.cpu_times()[:2])
    time.sleep(1.5)
    # A loop of a hundred looks a second in ten threads takes a whole core here.
    assert sum(process.cpu_times()[:2]) - before < 0.5
    assert all(bodies(result()) == [] for result in receive)


def test_two_receivers_never_get_the_same_message(endpoint: Endpoint) -> None:
    sqs = endpoint.sqs()
    url = sqs.create_queue(QueueName="shared")["QueueUrl"]

    def receive_all() -> list[str]:
        client = endpoint.sqs()
        received: list[str] = []
        while found := bodies(client.receive_message(QueueUrl=url, WaitTimeSeconds=1)):
            received += found
        return received

    results = [in_thread(receive_all) for _ in range(4)]
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
    assert bodies(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)) == ["kept"]


def test_deleting_twice_succeeds_and_an_invented_handle_does_not(endpoint: Endpoint) -> None:
    sqs = endpoint.sqs()
    url = sqs.create_queue(QueueName="deleting")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    handle = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    with pytest.raises(ClientError, match="ReceiptHandleIsInvalid"):
        sqs.delete_message(QueueUrl=url, ReceiptHandle="invented")


def test_the_figures_of_a_queue_are_its_messages_in_flight_and_those_that_wait(endpoint: Endpoint) -> None:
    sqs = endpoint.sqs("worker-1")
    url = sqs.create_queue(QueueName="figures")["QueueUrl"]
    for body in ("one", "two", "three"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    (received,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert endpoint.get("/_mwaa_local/queue?queue=figures") == '{"running": 1, "queued": 2}'
    sqs.delete_message(QueueUrl=url, ReceiptHandle=received["ReceiptHandle"])
    assert endpoint.get("/_mwaa_local/queue?queue=figures") == '{"running": 0, "queued": 2}'
    assert endpoint.get("/_mwaa_local/queue?queue=none") == '{"running": 0, "queued": 0}'


def test_what_a_dead_worker_held_can_be_taken_back(endpoint: Endpoint) -> None:
    url = endpoint.sqs().create_queue(QueueName="taken-back")["QueueUrl"]
    for body in ("one", "two"):
        endpoint.sqs().send_message(QueueUrl=url, MessageBody=body)
    assert bodies(endpoint.sqs("worker-1").receive_message(QueueUrl=url)) == ["one"]
    assert bodies(endpoint.sqs("worker-2").receive_message(QueueUrl=url)) == ["two"]
    assert endpoint.post("/_mwaa_local/release?consumer=worker-1") == '{"released": 1}'
    assert endpoint.post("/_mwaa_local/release?consumer=worker-1") == '{"released": 0}'
    assert bodies(endpoint.sqs().receive_message(QueueUrl=url, MaxNumberOfMessages=10)) == ["one"]
