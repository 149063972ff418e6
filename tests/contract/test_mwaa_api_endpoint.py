"""The MWAA API of a running endpoint, as boto3 sees it: beside S3 on one port, through failures and kills."""

import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mwaa_local.mwaa_tokens import Purpose, read_token
from tests.mwaa_endpoint import BUCKET, MwaaEndpoint, Step, running_endpoint

ALL_BLOCKED = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[MwaaEndpoint]:
    """An endpoint that the tests share; each has environments of its own names."""
    with running_endpoint() as shared:
        yield shared


@pytest.fixture
def own_endpoint() -> Iterator[MwaaEndpoint]:
    with running_endpoint() as ours:
        yield ours


def test_an_environment_lives_from_its_creation_to_its_deletion(endpoint: MwaaEndpoint) -> None:
    mwaa = endpoint.client("mwaa")
    version = endpoint.upload("requirements.txt", b"humanize\n")
    source: dict[str, Any] = {
        "RequirementsS3Path": "requirements.txt",
        "RequirementsS3ObjectVersion": version,
    }
    arn = endpoint.create("life", **source, Tags={"team": "data"})
    assert "life" in mwaa.list_environments()["Environments"]
    assert mwaa.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"team": "data"}
    mwaa.update_environment(Name="life", MaxWorkers=3, WorkerReplacementStrategy="GRACEFUL")
    updated = endpoint.wait_until_at_rest("life")
    assert (updated["Status"], updated["MaxWorkers"]) == ("AVAILABLE", 3)
    assert updated["LastUpdate"]["WorkerReplacementStrategy"] == "GRACEFUL"
    token = mwaa.create_web_login_token(Name="life")
    assert token["AirflowIdentity"] == token["IamIdentity"] == "assumed-role/Admin/test"
    mwaa.delete_environment(Name="life")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        endpoint.wait_until_at_rest("life")
    asked = [each for each in endpoint.asked() if each["name"] == "life"]
    assert [each.get("settings", {}).get("MaxWorkers", each.get("removed")) for each in asked] == [
        10,
        3,
        True,
    ]


def test_a_failed_update_shows_its_error_and_leaves_what_worked(endpoint: MwaaEndpoint) -> None:
    endpoint.create("failing")
    endpoint.script("failing", Step(error=("INCORRECT_CONFIGURATION", "no such package")), Step(hold=True))
    endpoint.client("mwaa").update_environment(Name="failing", MinWorkers=2)
    while (during := endpoint.describe("failing"))["Status"] == "UPDATING":
        pass
    assert during["Status"] == "ROLLING_BACK"
    endpoint.release("failing")
    after = endpoint.wait_until_at_rest("failing")
    assert (after["Status"], after["MinWorkers"]) == ("UPDATE_FAILED", 1)
    assert after["LastUpdate"]["Error"] == {
        "ErrorCode": "INCORRECT_CONFIGURATION",
        "ErrorMessage": "no such package",
    }
    assert [each["settings"]["MinWorkers"] for each in endpoint.asked() if each["name"] == "failing"] == [
        1,
        2,
        1,
    ]


def test_of_two_updates_at_once_one_is_refused(endpoint: MwaaEndpoint) -> None:
    endpoint.create("contended")
    endpoint.script("contended", Step(hold=True))
    outcomes: list[str] = []

    def update(workers: int) -> None:
        try:
            endpoint.client("mwaa").update_environment(Name="contended", MaxWorkers=workers)
            outcomes.append("accepted")
        except ClientError as error:
            outcomes.append(str(error.response["Error"]["Message"]))

    threads = [threading.Thread(target=update, args=(workers,)) for workers in (5, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    endpoint.release("contended")
    assert sorted(outcomes) == ["Environments with UPDATING status cannot be updated.", "accepted"]
    assert endpoint.wait_until_at_rest("contended")["MaxWorkers"] in (5, 6)


@pytest.mark.parametrize(
    "ending", [Step(), Step(error=("INCORRECT_CONFIGURATION", "no"))], ids=["good", "bad"]
)
def test_an_update_that_a_kill_interrupts_ends_at_the_old_or_the_new_settings(
    ending: Step, own_endpoint: MwaaEndpoint
) -> None:
    own_endpoint.create("killed")
    own_endpoint.script("killed", Step(hold=True))
    own_endpoint.client("mwaa").update_environment(Name="killed", MaxWorkers=7)
    own_endpoint.end(signal.SIGKILL)
    own_endpoint.script("killed", ending)
    own_endpoint.start()
    after = own_endpoint.wait_until_at_rest("killed")
    failed = ending.error is not None
    assert (after["Status"], after["MaxWorkers"]) == (("UPDATE_FAILED", 10) if failed else ("AVAILABLE", 7))


def test_a_creation_and_a_deletion_go_on_after_a_kill_and_environments_are_started_again(
    own_endpoint: MwaaEndpoint,
) -> None:
    for name in ("kept", "leaving"):
        own_endpoint.create(name)
    for name in ("coming", "leaving"):
        own_endpoint.script(name, Step(hold=True))
    own_endpoint.create("coming", wait=False)
    own_endpoint.client("mwaa").delete_environment(Name="leaving")
    own_endpoint.end(signal.SIGKILL)
    (own_endpoint.state / "script.json").unlink()
    (own_endpoint.state / "asked.jsonl").unlink()
    own_endpoint.start()
    assert own_endpoint.wait_until_at_rest("coming")["Status"] == "AVAILABLE"
    with pytest.raises(ClientError):
        own_endpoint.wait_until_at_rest("leaving")
    assert own_endpoint.wait_until_at_rest("kept")["Status"] == "AVAILABLE"
    assert sorted(each["name"] for each in own_endpoint.asked()) == ["coming", "kept", "leaving"]


def test_an_orderly_end_stops_the_environments(own_endpoint: MwaaEndpoint) -> None:
    own_endpoint.create("stopped")
    assert own_endpoint.end() == 0
    assert (own_endpoint.state / "ended").exists()


def test_damaged_records_are_set_aside(own_endpoint: MwaaEndpoint) -> None:
    own_endpoint.create("lost")
    own_endpoint.end(signal.SIGKILL)
    (own_endpoint.state / "environments.json").write_text('[{"name": "lost"')
    own_endpoint.start()
    assert own_endpoint.client("mwaa").list_environments()["Environments"] == []
    assert len(list(own_endpoint.state.glob("environments.json.damaged-*"))) == 1


def test_realistic_times_keep_an_environment_at_work(tmp_path: Path) -> None:
    with running_endpoint("--realistic-times", "0.0005") as slow:
        slow.create("slow", wait=False)
        assert slow.describe("slow")["Status"] == "CREATING"
        assert slow.wait_until_at_rest("slow")["Status"] == "AVAILABLE"


def test_only_listed_keys_are_taken_where_credentials_are_required(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("# ours\nAKIAOURS\n")
    with running_endpoint("--require-credentials", str(keys)) as guarded:
        assert guarded.client("mwaa", "AKIAOURS").list_environments()["Environments"] == []
        with pytest.raises(ClientError, match="UnrecognizedClientException"):
            guarded.client("mwaa", "AKIATHEIRS").list_environments()
        with pytest.raises(urllib.error.HTTPError, match="403") as refused:
            urllib.request.urlopen(f"{guarded.url}/environments", timeout=5)
        refused.value.close()


def test_the_role_that_an_access_key_asks_for_is_in_the_token(endpoint: MwaaEndpoint) -> None:
    endpoint.create("roles")
    for access_key, role in (("me-Viewer", "Viewer"), ("me", "Admin"), ("me-op", "Op")):
        token = endpoint.client("mwaa", access_key).create_web_login_token(Name="roles")["WebToken"]
        claims = read_token(b"key of roles", token, "roles", Purpose.WEB, now=time.time())
        assert (claims.role, claims.user) == (role, f"assumed-role/Admin/{access_key}")


def test_a_bucket_made_as_mwaa_wants_it_is_taken(endpoint: MwaaEndpoint) -> None:
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket="made-by-hand")
    bucket: dict[str, Any] = {"SourceBucketArn": "arn:aws:s3:::made-by-hand"}
    for step, refused in (
        (lambda: None, "versioning"),
        (
            lambda: s3.put_bucket_versioning(
                Bucket="made-by-hand", VersioningConfiguration={"Status": "Enabled"}
            ),
            "BlockPublicAccess",
        ),
    ):
        step()
        with pytest.raises(ClientError, match=refused):
            endpoint.create("by-hand", **bucket)
    s3.put_public_access_block(Bucket="made-by-hand", PublicAccessBlockConfiguration=ALL_BLOCKED)
    assert endpoint.create("by-hand", **bucket).endswith("environment/by-hand")


def test_a_bucket_named_as_a_path_of_the_api_is_s3_s(endpoint: MwaaEndpoint) -> None:
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket="environments")
    s3.put_object(Bucket="environments", Key="one", Body=b"an object")
    assert s3.get_object(Bucket="environments", Key="one")["Body"].read() == b"an object"
    link = s3.generate_presigned_url("get_object", Params={"Bucket": "environments", "Key": "one"})
    with urllib.request.urlopen(link, timeout=5) as answer:
        assert answer.read() == b"an object"
    s3.delete_object(Bucket="environments", Key="one")
    s3.delete_bucket(Bucket="environments")


@pytest.mark.parametrize("host", ["api.localhost", "api.127.0.0.1", "127.0.0.1"])
def test_clients_that_put_a_prefix_before_the_host_or_do_not_sign_are_understood(
    host: str, endpoint: MwaaEndpoint
) -> None:
    request = urllib.request.Request(
        f"{endpoint.url}/environments/none", headers={"Host": f"{host}:{endpoint.port}"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=5)
    refused.value.close()
    assert refused.value.code == 404
    assert refused.value.headers["x-amzn-errortype"] == "ResourceNotFoundException"


def test_what_the_bucket_does_not_have_is_not_taken(endpoint: MwaaEndpoint) -> None:
    endpoint.upload("plugins.zip", b"first")
    version = endpoint.upload("plugins.zip", b"second")
    wanted: dict[str, Any] = {"PluginsS3Path": "plugins.zip", "PluginsS3ObjectVersion": version}
    endpoint.create("sourced", **wanted)
    endpoint.client("s3").delete_object(Bucket=BUCKET, Key="plugins.zip", VersionId=version)
    with pytest.raises(ClientError, match=f"Unable to read version {version} of file plugins.zip"):
        endpoint.client("mwaa").update_environment(Name="sourced", **wanted)
