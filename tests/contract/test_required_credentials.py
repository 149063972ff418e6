"""An endpoint that requires credentials, asked for every kind of AWS service by clients with good, bad and no keys."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.contract.endpoint_process import BUCKET, Endpoint, bodies

KEYS = """\
# who may use the account
AKIAOWN own/secret+of&ours
AKIAVIEWER viewers-secret Viewer

AKIALAX
"""
OWN, SECRET = "AKIAOWN", "own/secret+of&ours"
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "s3": ("list_objects_v2", {"Bucket": BUCKET, "Prefix": "a b/ü+&='()~*"}),
    "sqs": ("list_queues", {}),
    "secretsmanager": ("list_secrets", {}),
    "logs": ("describe_log_groups", {}),
    "iam": ("list_roles", {"PathPrefix": "/a b/"}),
    "mwaa": (
        "list_tags_for_resource",
        {"ResourceArn": "arn:aws:airflow:us-east-1:123456789012:environment/x"},
    ),
}
FINE = frozenset({"", "ResourceNotFoundException"})
UNKNOWN = {"s3": "InvalidAccessKeyId", "iam": "InvalidClientTokenId"}
FORGED = {"s3": "SignatureDoesNotMatch", "iam": "SignatureDoesNotMatch"}
MISSING = {"s3": "AccessDenied", "iam": "MissingAuthenticationToken"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "keys").write_text(KEYS)
    endpoint = Endpoint(folder, arguments=("--require-credentials", str(folder / "keys")))
    endpoint.start()
    yield endpoint
    endpoint.end()


def client(endpoint: Endpoint, service: Any, key: str = OWN, secret: str = SECRET, **config: Any) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint.url,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}, inject_host_prefix=False, **config),
    )


def outcome(client: Any) -> str:
    """Return the error's code of a call of a service, "" where there is none."""
    method, parameters = CALLS[client.meta.service_model.service_name]
    try:
        getattr(client, method)(**parameters)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


@pytest.mark.parametrize("service", CALLS)
def test_who_is_on_the_list_is_served_and_nobody_else(service: str, guarded: Endpoint) -> None:
    assert outcome(client(guarded, service)) in FINE
    assert outcome(client(guarded, service, f"{OWN}~worker-1")) in FINE
    assert outcome(client(guarded, service, "AKIALAX", "any secret at all")) in FINE
    forged = FORGED.get(service, "InvalidSignatureException")
    assert outcome(client(guarded, service, OWN, "guessed")) == forged
    assert outcome(client(guarded, service, "AKIAVIEWER", SECRET)) == forged
    assert outcome(client(guarded, service, "AKIATHEIRS")) == UNKNOWN.get(
        service, "UnrecognizedClientException"
    )
    unsigned = outcome(client(guarded, service, signature_version=UNSIGNED))
    assert unsigned == MISSING.get(service, "MissingAuthenticationTokenException")


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_a_link_is_as_good_as_the_secret_that_signed_it(version: str, guarded: Endpoint) -> None:
    client(guarded, "s3").put_object(Bucket=BUCKET, Key="an ü.txt", Body=b"content")
    links = {
        secret: client(guarded, "s3", OWN, secret, signature_version=version).generate_presigned_url(
            "get_object", Params={"Bucket": BUCKET, "Key": "an ü.txt"}
        )
        for secret in (SECRET, "guessed")
    }
    with urllib.request.urlopen(links[SECRET], timeout=5) as answer:
        assert answer.read() == b"content"
    for link in (links["guessed"], links[SECRET].replace(".txt", ".csv"), f"{guarded.url}/{BUCKET}/x"):
        with pytest.raises(urllib.error.HTTPError, match="403") as refused:
            urllib.request.urlopen(link, timeout=5)
        refused.value.close()


def test_large_and_streamed_bodies_arrive_whole(guarded: Endpoint) -> None:
    s3 = client(guarded, "s3")
    s3.put_object(Bucket=BUCKET, Key="large", Body=b"x" * 300_000, Metadata={"a": "b  c"})
    assert len(s3.get_object(Bucket=BUCKET, Key="large")["Body"].read()) == 300_000
    secrets = client(guarded, "secretsmanager")
    secrets.create_secret(Name="s", SecretString="ü" * 10_000)
    assert secrets.get_secret_value(SecretId="s")["SecretString"] == "ü" * 10_000


def test_what_a_worker_holds_goes_back_by_its_name(guarded: Endpoint) -> None:
    worker, other = (client(guarded, "sqs", f"{OWN}~{name}") for name in ("worker-1", "worker-2"))
    worker.send_message(QueueUrl=guarded.queue_url, MessageBody="task")
    assert bodies(worker.receive_message(QueueUrl=guarded.queue_url)) == ["task"]
    guarded.post("/_mwaa_local/release?consumer=worker-2")
    assert bodies(other.receive_message(QueueUrl=guarded.queue_url)) == []
    guarded.post("/_mwaa_local/release?consumer=worker-1")
    assert bodies(other.receive_message(QueueUrl=guarded.queue_url)) == ["task"]


def test_an_endpoint_whose_list_cannot_be_read_does_not_start(tmp_path: Path) -> None:
    endpoint = Endpoint(tmp_path, arguments=("--require-credentials", str(tmp_path / "none")))
    with pytest.raises(AssertionError, match="the access keys cannot be read"):
        endpoint.start()
