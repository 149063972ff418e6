"""Credentials of a profile, for tasks: real boto3 on real configuration files, no network."""

import json
import sys
from pathlib import Path

import pytest

from mwaa_local.aws.credentials import check_profile, credentials_handler
from mwaa_local.errors import AwsError

CREDENTIAL_PROCESS = """\
import json
print(json.dumps({"Version": 1, "AccessKeyId": "ASIA1", "SecretAccessKey": "s1", "SessionToken": "t1",
                  "Expiration": "2099-01-01T00:00:00Z"}))
"""


@pytest.fixture
def aws_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's AWS files: an assumed-role profile, a temporary one, an expired single sign-on one, an empty one."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    (tmp_path / "process.py").write_text(CREDENTIAL_PROCESS)
    (tmp_path / "config").write_text(
        f"[profile process]\nregion = us-east-1\ncredential_process = {sys.executable} {tmp_path / 'process.py'}\n"
        "[profile empty]\nregion = us-east-1\n"
        "[profile sso]\nregion = us-east-1\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n"
        "[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://example.awsapps.com/start\n"
    )
    (tmp_path / "credentials").write_text(
        "[temporary]\naws_access_key_id = ASIA2\naws_secret_access_key = s2\naws_session_token = t2\n"
    )
    return tmp_path


def _get(profile: str, given: str = "right") -> tuple[str, dict[str, object]]:
    status, body = credentials_handler(profile, "right")({"HTTP_AUTHORIZATION": given})
    value: dict[str, object] = json.loads(json.dumps(body))
    return status, value


def test_credentials_that_expire_are_passed_on_with_their_expiry(aws_files: Path) -> None:
    assert _get("process") == (
        "200 OK",
        {
            "AccessKeyId": "ASIA1",
            "SecretAccessKey": "s1",
            "Token": "t1",
            "Expiration": "2099-01-01T00:00:00Z",
        },
    )


def test_temporary_keys_in_a_file_are_passed_on(aws_files: Path) -> None:
    status, body = _get("temporary")
    assert (status, body["AccessKeyId"], body["Token"]) == ("200 OK", "ASIA2", "t2")


@pytest.mark.parametrize("given", ["", "wrong", "righ", "right "])
def test_a_wrong_token_gets_nothing(aws_files: Path, given: str) -> None:
    status, body = _get("process", given)
    assert status == "403 Forbidden"
    assert "AccessKeyId" not in body


def test_without_a_token_of_its_own_the_handler_serves_nobody(aws_files: Path) -> None:
    assert credentials_handler("process", "")({"HTTP_AUTHORIZATION": ""})[0] == "403 Forbidden"


def test_a_profile_that_works_passes_the_check(aws_files: Path) -> None:
    check_profile("process")


@pytest.mark.parametrize(
    ("profile", "message", "hint"),
    [
        ("nobody", "There is no AWS profile 'nobody'.", "Known profiles: empty, process, sso, temporary."),
        ("empty", "Profile 'empty' has no credentials.", "aws sso login --profile empty"),
        (
            "sso",
            "The single sign-on session of profile 'sso' has expired.",
            "Run `aws sso login --profile sso`.",
        ),
    ],
)
def test_a_profile_without_credentials_says_what_to_run(
    aws_files: Path, profile: str, message: str, hint: str
) -> None:
    with pytest.raises(AwsError) as caught:
        check_profile(profile)
    assert caught.value.message == message
    assert hint in caught.value.hint


def test_a_task_is_told_what_its_user_should_run(aws_files: Path) -> None:
    status, body = _get("sso")
    assert status == "503 Service Unavailable"
    assert "aws sso login --profile sso" in str(body["message"])
