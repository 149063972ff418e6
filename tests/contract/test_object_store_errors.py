"""What our adapter makes of S3's refusals and of a line that fails."""

import socket
from collections.abc import Callable, Iterator
from typing import Any

import botocore.session
import pytest

from mwaa_local.adapters.object_store import S3Bucket, open_bucket
from mwaa_local.adapters.object_store_address import find_address
from mwaa_local.adapters.object_store_transport import Patience
from mwaa_local.aws_ports import Condition
from mwaa_local.errors import AwsError
from tests.contract.endpoint_process import BUCKET, Endpoint
from tests.fault_proxy import Fault, Script, fault_proxy

REGION = "us-east-1"


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def set_all(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    set_all(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
    return set_all


@pytest.fixture
def line(endpoint: Endpoint, variables: Callable[..., None]) -> Iterator[Script]:
    with fault_proxy(endpoint.url) as (url, script):
        variables(AWS_ENDPOINT_URL=url)
        yield script


def bucket(attempts: int = 1, pauses: list[float] | None = None) -> S3Bucket:
    pause = pauses.append if pauses is not None else lambda _seconds: None
    patience = Patience(attempts=attempts, timeout=10.0, pause=pause)
    return open_bucket(botocore.session.Session(), REGION, BUCKET, patience=patience)


@pytest.mark.parametrize(
    ("ask", "action"),
    [
        (lambda store: store.write("dags/a.py", b"1"), f"s3:PutObject on arn:aws:s3:::{BUCKET}/dags/a.py"),
        (lambda store: store.delete("dags/a.py"), f"s3:DeleteObject on arn:aws:s3:::{BUCKET}/dags/a.py"),
        (lambda store: store.read("dags/a.py"), f"s3:GetObject on arn:aws:s3:::{BUCKET}/dags/a.py"),
        (lambda store: store.read("a", "v1"), f"s3:GetObjectVersion on arn:aws:s3:::{BUCKET}/a"),
        (lambda store: list(store.list_objects("dags/")), f"s3:ListBucket on arn:aws:s3:::{BUCKET}"),
    ],
)
def test_access_denied_names_the_action_that_is_missing(
    line: Script, ask: Callable[[S3Bucket], Any], action: str
) -> None:
    line.begin(1, Fault.DENIED)
    with pytest.raises(AwsError) as raised:
        ask(bucket())
    assert raised.value.message == f"Access denied: your user or role may not do {action}."
    assert raised.value.hint.startswith(f"Allow {action} in its IAM policy")


def test_what_may_not_be_asked_of_the_bucket_is_unknown(line: Script) -> None:
    line.begin(2, Fault.DENIED)
    facts = bucket().look()
    assert (facts.versioning, facts.public_access_blocked) == (None, True)
    assert facts.unknown == ("s3:GetBucketVersioning",)


def test_throttling_is_overcome_with_growing_pauses(line: Script) -> None:
    pauses: list[float] = []
    line.begin(1, Fault.SLOW_DOWN)
    bucket(3, pauses).write("slow/a.py", b"1")
    assert len(pauses) == 1
    assert 0 <= pauses[0] <= 0.4


def test_a_write_whose_answer_was_lost_is_known_as_our_own(line: Script) -> None:
    line.begin(1, Fault.LOST)
    version = bucket(3).write("lost/a.py", b"1", metadata={"sha256": "x"}, condition=Condition(None))
    facts = bucket().describe("lost/a.py")
    assert facts is not None
    assert facts.version == version


def test_a_line_that_stays_broken_says_where_it_leads(variables: Callable[..., None]) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{sock.getsockname()[1]}"
        variables(AWS_ENDPOINT_URL=address)
        with pytest.raises(AwsError, match="AWS cannot be reached for s3:GetObject") as raised:
            bucket(2).describe("dags/a.py")
    assert address in raised.value.message


def test_without_credentials_nothing_is_asked(
    line: Script, monkeypatch: pytest.MonkeyPatch, variables: Callable[..., None], tmp_path: Any
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    nothing = str(tmp_path / "nothing")
    variables(AWS_EC2_METADATA_DISABLED="true", AWS_SHARED_CREDENTIALS_FILE=nothing, AWS_CONFIG_FILE=nothing)
    with pytest.raises(AwsError, match="There are no AWS credentials"):
        bucket().describe("dags/a.py")
    assert line.seen == []


@pytest.mark.parametrize(
    ("region", "name", "origin", "path"),
    [
        ("eu-west-1", "orders", "https://orders.s3.eu-west-1.amazonaws.com", ""),
        ("eu-west-1", "dotted.orders", "https://s3.eu-west-1.amazonaws.com", "/dotted.orders"),
        ("cn-north-1", "orders", "https://orders.s3.cn-north-1.amazonaws.com.cn", ""),
    ],
)
def test_a_bucket_of_aws_is_reached_in_its_region(
    monkeypatch: pytest.MonkeyPatch, region: str, name: str, origin: str, path: str
) -> None:
    for variable in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(variable, raising=False)
    address = find_address(botocore.session.Session(), region, name)
    assert (address.origin, address.path) == (origin, path)


def test_a_proxy_and_a_certificate_of_the_company_are_used(variables: Callable[..., None]) -> None:
    variables(
        HTTPS_PROXY="http://me:s%40me@proxy.example:3128", AWS_CA_BUNDLE="/etc/company.pem", NO_PROXY=""
    )
    address = find_address(botocore.session.Session(), "eu-west-1", "orders")
    assert address.ca_bundle == "/etc/company.pem"
    assert address.proxy is not None
    assert (address.proxy.host, address.proxy.port) == ("proxy.example", 3128)
    assert address.proxy.authorization == "Basic bWU6c0BtZQ=="
