"""What the local S3 keeps: everything that was answered for is there after `kill -9`."""

import io
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.endpoint_process import BUCKET, Endpoint

RULES = {"Rules": [{"ID": "x", "Status": "Enabled", "Filter": {"Prefix": "a/"}, "Expiration": {"Days": 3}}]}


def restart(endpoint: Endpoint) -> None:
    endpoint.end(signal.SIGKILL)
    endpoint.start()


def versions(
    s3: Any, bucket: str
) -> list[tuple[dict[str, Any], bytes, dict[str, str], list[dict[str, str]]]]:
    """Return every version of every object with its content, metadata and tags."""
    found = []
    for version in s3.list_object_versions(Bucket=bucket).get("Versions", []):
        which = {"Bucket": bucket, "Key": version["Key"], "VersionId": version["VersionId"]}
        answer = s3.get_object(**which)
        tags = s3.get_object_tagging(**which)["TagSet"]
        found.append((version, answer["Body"].read(), answer["Metadata"], tags))
    return found


def test_every_version_of_every_object_outlives_a_kill(new_endpoint: Callable[..., Endpoint]) -> None:
    endpoint = new_endpoint()
    s3 = endpoint.client("s3")
    for number in range(3):
        s3.put_object(Bucket=BUCKET, Key="dags/é x.py", Body=f"v{number}".encode(), Metadata={"n": "1"})
    s3.put_object(Bucket=BUCKET, Key="tagged", Body=b"t", Tagging="a=b")
    s3.put_object(Bucket=BUCKET, Key="empty", Body=b"")
    s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": "tagged"})
    s3.upload_fileobj(io.BytesIO(b"x" * 9_000_000), BUCKET, "in parts")
    s3.delete_object(Bucket=BUCKET, Key="dags/é x.py")
    before = versions(s3, BUCKET)
    markers = s3.list_object_versions(Bucket=BUCKET)["DeleteMarkers"]
    restart(endpoint)
    assert len(before) == 7
    assert versions(s3, BUCKET) == before
    assert s3.list_object_versions(Bucket=BUCKET)["DeleteMarkers"] == markers
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=BUCKET, Key="dags/é x.py")


def test_what_was_deleted_stays_deleted_and_takes_no_room(new_endpoint: Callable[..., Endpoint]) -> None:
    endpoint = new_endpoint()
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket="unversioned")
    for key in ("one", "two", "three", "kept"):
        s3.put_object(Bucket="unversioned", Key=key, Body=key.encode())
    s3.put_object(Bucket="unversioned", Key="kept", Body=b"anew")
    s3.delete_object(Bucket="unversioned", Key="one")
    s3.delete_objects(Bucket="unversioned", Delete={"Objects": [{"Key": "two"}, {"Key": "three"}]})
    s3.create_bucket(Bucket="emptied")
    s3.delete_bucket(Bucket="emptied")
    restart(endpoint)
    assert [each["Key"] for each in s3.list_objects_v2(Bucket="unversioned")["Contents"]] == ["kept"]
    assert {each["Name"] for each in s3.list_buckets()["Buckets"]} == {BUCKET, "unversioned"}
    contents = [path.read_bytes() for path in (endpoint.state / "objects").glob("*/*")]
    assert contents == [b"anew"]


def test_the_rules_of_a_bucket_outlive_a_kill(new_endpoint: Callable[..., Endpoint]) -> None:
    endpoint = new_endpoint()
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket="ruled")
    s3.put_bucket_versioning(Bucket="ruled", VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_policy(Bucket="ruled", Policy='{"Version":"2012-10-17","Statement":[]}')
    s3.put_bucket_tagging(Bucket="ruled", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.put_bucket_lifecycle_configuration(Bucket="ruled", LifecycleConfiguration=RULES)
    block = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": False}
    s3.put_public_access_block(Bucket="ruled", PublicAccessBlockConfiguration=block)

    def rules() -> list[Any]:
        answers = [
            s3.get_bucket_versioning(Bucket="ruled")["Status"],
            s3.get_bucket_policy(Bucket="ruled")["Policy"],
            s3.get_bucket_tagging(Bucket="ruled")["TagSet"],
            s3.get_bucket_lifecycle_configuration(Bucket="ruled")["Rules"],
            s3.get_public_access_block(Bucket="ruled")["PublicAccessBlockConfiguration"],
        ]
        return answers + [each for each in s3.list_buckets()["Buckets"] if each["Name"] == "ruled"]

    before = rules()
    restart(endpoint)
    assert rules() == before


def test_secrets_and_parameters_outlive_a_kill_but_the_secrets_file_is_right(
    new_endpoint: Callable[..., Endpoint], tmp_path: Path
) -> None:
    file = tmp_path / "secrets.yaml"
    file.write_text("variables:\n  key: first\n")
    endpoint = new_endpoint("--secrets", str(file), "--airflow", "2.2.2")
    secrets, parameters = endpoint.client("secretsmanager"), endpoint.client("ssm")
    made = secrets.create_secret(Name="made", SecretString="one", Tags=[{"Key": "a", "Value": "b"}])
    secrets.put_secret_value(SecretId="made", SecretString="two")
    secrets.create_secret(Name="gone", SecretString="x")
    secrets.delete_secret(SecretId="gone", ForceDeleteWithoutRecovery=True)
    parameters.put_parameter(Name="/p", Value="v1", Type="SecureString", Tags=[{"Key": "a", "Value": "b"}])
    parameters.put_parameter(Name="/p", Value="v2", Overwrite=True)
    file.write_text("variables:\n  key: second\n")
    restart(endpoint)
    found = secrets.get_secret_value(SecretId=made["ARN"])
    assert found["SecretString"] == "two"
    assert secrets.get_secret_value(SecretId="made", VersionStage="AWSPREVIOUS")["SecretString"] == "one"
    assert secrets.describe_secret(SecretId="made")["Tags"] == [{"Key": "a", "Value": "b"}]
    names = {each["Name"] for each in secrets.list_secrets()["SecretList"]}
    assert names == {"made", "airflow/variables/key"}
    assert secrets.get_secret_value(SecretId="airflow/variables/key")["SecretString"] == "second"
    parameter = parameters.get_parameter(Name="/p", WithDecryption=True)["Parameter"]
    assert (parameter["Value"], parameter["Version"], parameter["Type"]) == ("v2", 2, "SecureString")
    tags = parameters.list_tags_for_resource(ResourceType="Parameter", ResourceId="/p")["TagList"]
    assert tags == [{"Key": "a", "Value": "b"}]


def test_a_damaged_line_of_the_journal_costs_one_object(new_endpoint: Callable[..., Endpoint]) -> None:
    endpoint = new_endpoint()
    s3 = endpoint.client("s3")
    for key in ("first", "second", "third"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
    endpoint.end(signal.SIGKILL)
    journal = endpoint.state / "objects.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    damaged = ["{broken\n" if '"second"' in line else line for line in lines]
    journal.write_text("".join(damaged) + '{"op":"key","buck')
    endpoint.start()
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == ["first", "third"]
    assert "damaged" in (endpoint.state / "log").read_text()


def test_rules_that_another_moto_wrote_are_lost_alone(new_endpoint: Callable[..., Endpoint]) -> None:
    endpoint = new_endpoint()
    s3 = endpoint.client("s3")
    s3.put_object(Bucket=BUCKET, Key="kept", Body=b"kept")
    endpoint.end(signal.SIGKILL)
    journal = endpoint.state / "objects.jsonl"
    records = [json.loads(line) for line in journal.read_text().splitlines()]
    for record in records:
        if record["op"] == "bucket":
            record["rest"] = {"$bytes": "Z2FyYmFnZQ=="}
    journal.write_text("".join(json.dumps(record) + "\n" for record in records))
    endpoint.start()
    assert s3.get_object(Bucket=BUCKET, Key="kept")["Body"].read() == b"kept"
    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"


def test_a_lost_content_is_an_error_of_that_object_alone(new_endpoint: Callable[..., Endpoint]) -> None:
    endpoint = new_endpoint()
    s3 = endpoint.client("s3")
    s3.put_object(Bucket=BUCKET, Key="lost", Body=b"lost")
    s3.put_object(Bucket=BUCKET, Key="other", Body=b"other")
    endpoint.end(signal.SIGKILL)
    for path in (endpoint.state / "objects").glob("*/*"):
        if path.read_bytes() == b"lost":
            path.unlink()
    endpoint.start()
    with pytest.raises(ClientError):
        s3.get_object(Bucket=BUCKET, Key="lost")
    assert s3.get_object(Bucket=BUCKET, Key="other")["Body"].read() == b"other"


def test_the_endpoint_brings_nothing_heavy_that_nobody_uses() -> None:
    """moto's EC2, which its Parameter Store imports, would be a hundred megabytes."""
    program = (
        "import sys, mwaa_local.aws.persistence, mwaa_local.aws.persistence_services\n"
        "import mwaa_local.aws.application, mwaa_local.aws.mwaa_api.assembly, mwaa_local.aws.environments.backend\n"
        "print([name for name in ('moto.ec2', 'moto.ssm.models', 'airflow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_an_unfinished_upload_goes_on_after_a_kill(new_endpoint: Callable[..., Endpoint]) -> None:
    endpoint = new_endpoint()
    s3 = endpoint.client("s3")
    which = {"Bucket": BUCKET, "Key": "large"}
    begun = s3.create_multipart_upload(**which, Metadata={"n": "1"}, ContentType="text/x")["UploadId"]
    aborted = s3.create_multipart_upload(Bucket=BUCKET, Key="aborted")["UploadId"]
    part = {**which, "UploadId": begun}
    for number, content in ((2, b"b" * 10), (1, b"wrong" * 10), (1, b"a" * 5 * 1024 * 1024)):
        s3.upload_part(**part, PartNumber=number, Body=content)
    s3.abort_multipart_upload(Bucket=BUCKET, Key="aborted", UploadId=aborted)
    restart(endpoint)
    assert [each["UploadId"] for each in s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]] == [begun]
    parts = [{name: each[name] for name in ("PartNumber", "ETag")} for each in s3.list_parts(**part)["Parts"]]
    s3.complete_multipart_upload(**part, MultipartUpload={"Parts": parts})
    restart(endpoint)
    answer = s3.get_object(**which)
    assert answer["Body"].read() == b"a" * 5 * 1024 * 1024 + b"b" * 10
    assert (answer["Metadata"], answer["ContentType"]) == ({"n": "1"}, "text/x")
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)
    assert len(list((endpoint.state / "objects").glob("??/*"))) == 1


def test_an_upload_that_is_not_there_is_said_to_be_missing(new_endpoint: Callable[..., Endpoint]) -> None:
    s3 = new_endpoint().client("s3")
    s3.put_object(Bucket=BUCKET, Key="source", Body=b"x")
    gone: dict[str, Any] = {"Bucket": BUCKET, "Key": "large", "UploadId": "gone"}
    calls: tuple[Callable[[], object], ...] = (
        lambda: s3.upload_part(**gone, PartNumber=1, Body=b"x"),
        lambda: s3.upload_part_copy(**gone, PartNumber=1, CopySource={"Bucket": BUCKET, "Key": "source"}),
        lambda: s3.complete_multipart_upload(
            **gone, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": "e"}]}
        ),
        lambda: s3.list_parts(**gone),
        lambda: s3.abort_multipart_upload(**gone),
    )
    for call in calls:
        with pytest.raises(ClientError, match="NoSuchUpload"):
            call()


def test_a_bucket_that_is_deleted_takes_its_uploads_with_it(new_endpoint: Callable[..., Endpoint]) -> None:
    endpoint = new_endpoint()
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket="leaving")
    upload = s3.create_multipart_upload(Bucket="leaving", Key="x")["UploadId"]
    s3.upload_part(Bucket="leaving", Key="x", UploadId=upload, PartNumber=1, Body=b"x" * 1000)
    s3.delete_bucket(Bucket="leaving")
    s3.create_bucket(Bucket="leaving")
    restart(endpoint)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="leaving")
    assert list((endpoint.state / "objects").glob("??/*")) == []
