"""ObjectStore: the fake and our adapter on a real S3 server (moto's), whose bucket is also read with boto3."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from mwaa_local.adapters.object_store import S3Bucket, open_bucket
from mwaa_local.adapters.object_store_address import find_address
from mwaa_local.adapters.object_store_transport import Patience, Transport
from mwaa_local.aws_ports import Condition, ObjectStore
from mwaa_local.errors import AwsError, ConflictError
from tests.contract.endpoint_process import BUCKET, Endpoint
from tests.fakes_aws import FakeObjectStore

REGION = "us-east-1"
PATIENCE = Patience(attempts=3, timeout=10.0, pause=lambda _seconds: None)
PART = 5 * 1024 * 1024
"""The smallest part that S3 takes."""


@dataclass(frozen=True)
class Bucket:
    """A bucket under test, and the part of it that is this test's own."""

    store: ObjectStore
    prefix: str

    def key(self, name: str) -> str:
        return self.prefix + name


@pytest.fixture
def s3_bucket(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> S3Bucket:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    session = botocore.session.Session()
    address = find_address(session, REGION, BUCKET)
    transport = Transport(address, BUCKET, session.get_credentials(), profile=None, patience=PATIENCE)
    return S3Bucket(transport, part_size=PART, page=5)


@pytest.fixture(params=["fake", "s3"])
def bucket(request: pytest.FixtureRequest) -> Bucket:
    store = FakeObjectStore() if request.param == "fake" else request.getfixturevalue("s3_bucket")
    return Bucket(store, f"{secrets.token_hex(4)}/")


def text_of(bucket: Bucket, name: str) -> bytes | None:
    return bucket.store.read(bucket.key(name))


def test_what_is_written_is_read_back_with_its_metadata(bucket: Bucket) -> None:
    version = bucket.store.write(bucket.key("a.py"), b"one", metadata={"Sha256": "abc"})
    facts = bucket.store.describe(bucket.key("a.py"))
    assert facts is not None
    assert facts.version == version
    assert (facts.size, facts.metadata) == (3, (("sha256", "abc"),))
    assert version.etag == md5(b"one", usedforsecurity=False).hexdigest()
    assert text_of(bucket, "a.py") == b"one"


def test_what_is_not_there_is_none(bucket: Bucket) -> None:
    assert bucket.store.describe(bucket.key("absent")) is None
    assert text_of(bucket, "absent") is None
    bucket.store.delete(bucket.key("absent"))


def test_a_listing_has_the_keys_of_a_prefix_in_order_whatever_they_are_called(bucket: Bucket) -> None:
    names = ["a b+c.py", "a&<b>.py", "b/ü 100%.py", "b/~x.py", "z=1?.py"]
    for name in reversed(names):
        bucket.store.write(bucket.key(name), name.encode())
    records = list(bucket.store.list_objects(bucket.prefix))
    assert [record.key for record in records] == sorted(bucket.key(name) for name in names)
    assert {record.key: record.size for record in records}[bucket.key(names[0])] == len(names[0])
    assert (
        records[0].etag == md5(records[0].key.rpartition("/")[2].encode(), usedforsecurity=False).hexdigest()
    )
    assert records[0].modified > 1_600_000_000
    assert text_of(bucket, names[2]) == names[2].encode()


def test_an_earlier_version_is_read_and_put_back(bucket: Bucket) -> None:
    key = bucket.key("plugins.zip")
    first = bucket.store.write(key, b"one", metadata={"sha256": "1"})
    bucket.store.write(key, b"two", metadata={"sha256": "2"})
    assert bucket.store.read(key, first.version_id) == b"one"
    assert bucket.store.read(key, "unknown") is None
    restored = bucket.store.restore(key, str(first.version_id))
    facts = bucket.store.describe(key)
    assert facts is not None
    assert facts.version == restored
    assert restored.version_id != first.version_id
    assert (facts.metadata, text_of(bucket, "plugins.zip")) == ((("sha256", "1"),), b"one")


def test_a_deleted_object_is_put_back_from_its_version(bucket: Bucket) -> None:
    key = bucket.key("a.py")
    version = bucket.store.write(key, b"one")
    bucket.store.delete(key)
    assert bucket.store.read(key) is None
    bucket.store.restore(key, str(version.version_id))
    assert bucket.store.read(key) == b"one"


def test_a_version_that_is_gone_cannot_be_put_back(bucket: Bucket) -> None:
    bucket.store.write(bucket.key("a.py"), b"one")
    with pytest.raises(AwsError, match=r"Version unknown of \S+/a\.py cannot be put back"):
        bucket.store.restore(bucket.key("a.py"), "unknown")


def test_a_write_on_condition_that_nothing_is_there_fails_where_something_is(bucket: Bucket) -> None:
    bucket.store.write(bucket.key("lock"), b"one", condition=Condition(None))
    with pytest.raises(ConflictError, match="lock was changed in the bucket by somebody else"):
        bucket.store.write(bucket.key("lock"), b"two", condition=Condition(None))
    assert text_of(bucket, "lock") == b"one"


def test_a_write_on_condition_of_an_etag_fails_where_there_is_another(bucket: Bucket) -> None:
    first = bucket.store.write(bucket.key("a.py"), b"one")
    second = bucket.store.write(bucket.key("a.py"), b"two", condition=Condition(first.etag))
    for stale in (Condition(first.etag), Condition(None)):
        with pytest.raises(ConflictError):
            bucket.store.write(bucket.key("a.py"), b"three", condition=stale)
    with pytest.raises(ConflictError):
        bucket.store.write(bucket.key("absent"), b"three", condition=Condition(second.etag))
    assert (text_of(bucket, "a.py"), text_of(bucket, "absent")) == (b"two", None)


def test_a_bucket_as_mwaa_wants_it_is_described(bucket: Bucket) -> None:
    facts = bucket.store.look()
    assert (facts.region, facts.versioning, facts.public_access_blocked) == (REGION, True, True)
    assert facts.unknown == ()


def test_a_large_file_goes_in_parts_and_leaves_none_behind(
    s3_bucket: S3Bucket, endpoint: Endpoint, tmp_path: Path
) -> None:
    file = tmp_path / "plugins.zip"
    file.write_bytes(bytes(range(256)) * (2 * PART // 256) + b"the end")
    client = endpoint.client("s3")
    begun = client.create_multipart_upload(Bucket=BUCKET, Key="large/plugins.zip")
    other = client.create_multipart_upload(Bucket=BUCKET, Key="large/plugins.zip.other")
    version = s3_bucket.write(
        "large/plugins.zip", file, metadata={"sha256": "abc"}, condition=Condition(None)
    )
    assert version.etag.endswith("-3")
    facts = s3_bucket.describe("large/plugins.zip")
    assert facts is not None
    assert (facts.version, facts.metadata) == (version, (("sha256", "abc"),))
    assert s3_bucket.read("large/plugins.zip") == file.read_bytes()
    left = [upload["UploadId"] for upload in client.list_multipart_uploads(Bucket=BUCKET)["Uploads"]]
    assert begun["UploadId"] not in left
    assert left == [other["UploadId"]]
    client.abort_multipart_upload(Bucket=BUCKET, Key="large/plugins.zip.other", UploadId=left[0])


def test_a_large_file_whose_condition_fails_leaves_no_parts(
    s3_bucket: S3Bucket, endpoint: Endpoint, tmp_path: Path
) -> None:
    file = tmp_path / "plugins.zip"
    file.write_bytes(b"x" * (PART + 1))
    s3_bucket.write("taken/plugins.zip", b"one")
    with pytest.raises(ConflictError):
        s3_bucket.write("taken/plugins.zip", file, condition=Condition(None))
    assert s3_bucket.read("taken/plugins.zip") == b"one"
    assert "Uploads" not in endpoint.client("s3").list_multipart_uploads(Bucket=BUCKET)


def test_more_objects_than_a_page_of_a_listing_has_are_all_listed(s3_bucket: S3Bucket) -> None:
    for number in range(12):
        s3_bucket.write(f"many/{number:02}", b"")
    assert [record.key for record in s3_bucket.list_objects("many/")] == [f"many/{n:02}" for n in range(12)]


def test_a_bucket_that_is_not_there_is_named(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    absent = open_bucket(botocore.session.Session(), REGION, "no-such-bucket", patience=PATIENCE)
    tries: tuple[Callable[[], Any], ...] = (
        lambda: list(absent.list_objects("dags/")),
        lambda: absent.read("dags/a.py"),
        lambda: absent.write("dags/a.py", b"", condition=Condition(None)),
        lambda: absent.delete("dags/a.py"),
        absent.look,
    )
    for attempt in tries:
        with pytest.raises(AwsError, match="There is no bucket 'no-such-bucket'"):
            attempt()
