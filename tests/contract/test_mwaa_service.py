"""MWAA, CloudWatch Logs and STS through our adapters: on the local endpoint, which follows botocore's service model,
and on a server that answers what AWS answers when it refuses."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.adapters.aws_access import open_access
from mwaa_local.aws_ports import AwsAccess, EnvironmentChange, LastUpdate, S3Source
from mwaa_local.errors import AwsError
from tests.aws_credentials import use_fake_credentials
from tests.mwaa_endpoint import BUCKET, REGION, MwaaEndpoint, Step, running_endpoint
from tests.refusing_server import Refusing, refusing_server

NO_UPDATE = EnvironmentChange()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[MwaaEndpoint]:
    with running_endpoint() as running:
        yield running


@pytest.fixture
def refusing() -> Iterator[Refusing]:
    with refusing_server() as script:
        yield script


@pytest.fixture(autouse=True)
def fake_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_fake_credentials(monkeypatch, tmp_path)


@pytest.fixture
def access(endpoint: MwaaEndpoint, monkeypatch: pytest.MonkeyPatch) -> AwsAccess:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint.url)
    return open_access(None, REGION)


@pytest.fixture
def refused(refusing: Refusing, monkeypatch: pytest.MonkeyPatch) -> AwsAccess:
    monkeypatch.setenv("AWS_ENDPOINT_URL", refusing.url)
    return open_access(None, REGION)


def error_of(call: Any, *arguments: Any) -> AwsError:
    with pytest.raises(AwsError) as caught:
        call(*arguments)
    return caught.value


def test_an_action_that_is_denied_is_named_with_its_resource(refused: AwsAccess, refusing: Refusing) -> None:
    said = (
        "User: arn:aws:sts::123456789012:assumed-role/ci/run is not authorized to perform: airflow:GetEnvironment on "
        "resource: arn:aws:airflow:us-east-1:123456789012:environment/orders because no identity-based policy allows it"
    )
    refusing.answers = [(403, "AccessDeniedException", {"Message": said})]
    error = error_of(refused.environments.get, "orders")
    arn = "arn:aws:airflow:us-east-1:123456789012:environment/orders"
    assert error.message == (
        "Access denied: arn:aws:sts::123456789012:assumed-role/ci/run may not do airflow:GetEnvironment on "
        f"{arn}."
    )
    assert error.hint == f"Allow airflow:GetEnvironment on {arn} in its IAM policy, or use another profile."


def test_a_denial_without_words_names_what_was_asked(refused: AwsAccess, refusing: Refusing) -> None:
    refusing.answers = [(403, "AccessDeniedException", {})]
    error = error_of(refused.environments.update, "orders", NO_UPDATE)
    assert error.message == (
        "Access denied: your user or role may not do airflow:UpdateEnvironment on "
        "arn:aws:airflow:us-east-1:*:environment/orders."
    )


def test_an_explicit_deny_is_told_apart(refused: AwsAccess, refusing: Refusing) -> None:
    said = (
        "User: arn:u is not authorized to perform: airflow:ListEnvironments with an explicit deny in a policy"
    )
    refusing.answers = [(403, "AccessDeniedException", {"Message": said})]
    assert "It is denied explicitly by a policy." in error_of(refused.environments.names).message


@pytest.mark.parametrize("code", ["ExpiredTokenException", "ExpiredToken"])
def test_credentials_that_have_expired_are_told(code: str, refused: AwsAccess, refusing: Refusing) -> None:
    refusing.answers = [(403, code, {"message": "The security token included in the request is expired"})]
    error = error_of(refused.environments.names)
    assert error.message == "The AWS credentials have expired."
    assert error.hint.startswith("Sign in again: aws sso login")


def test_credentials_that_are_not_valid_are_told(refused: AwsAccess, refusing: Refusing) -> None:
    refusing.answers = [(403, "UnrecognizedClientException", {"message": "The security token is invalid."})]
    error = error_of(refused.environments.names)
    assert error.message == "AWS does not accept the credentials (UnrecognizedClientException)."
    assert error.hint == "Try: aws sts get-caller-identity"


def test_a_clock_that_is_wrong_is_told(refused: AwsAccess, refusing: Refusing) -> None:
    refusing.answers = [(403, "RequestTimeTooSkewed", {"message": "Signature not yet current"})]
    assert error_of(refused.environments.names).hint.startswith("Set this machine's clock")


def test_throttling_and_server_errors_are_tried_again(refused: AwsAccess, refusing: Refusing) -> None:
    refusing.answers = [
        (429, "ThrottlingException", {"message": "Rate exceeded"}),
        (503, "ServiceUnavailableException", {"message": "later"}),
        (200, "", {"Environments": ["orders"]}),
    ]
    assert refused.environments.names() == ("orders",)
    assert len(refusing.asked) == 3


def test_nobody_to_answer_is_told_with_the_action() -> None:
    error = error_of(open_access(None, REGION).identity)
    assert error.message.startswith("AWS cannot be reached for sts:GetCallerIdentity")


def test_the_host_of_an_emulator_gets_no_prefix(refused: AwsAccess, refusing: Refusing) -> None:
    refusing.answers = [(200, "", {"Environments": []})]
    refused.environments.names()
    assert refusing.hosts == [refusing.url.removeprefix("http://")]


def test_missing_credentials_say_how_to_get_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    error = error_of(open_access(None, REGION).identity)
    assert error.message == "There are no AWS credentials."
    assert error.hint == (
        "Sign in with `aws sso login`, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
    )


def test_a_profile_that_does_not_exist_is_named() -> None:
    access = open_access("work", REGION)
    for call in (access.identity, access.environments.names, lambda: access.bucket("orders")):
        assert error_of(call).message == "There is no AWS profile 'work'."


def test_a_sign_in_that_has_expired_says_how_to_renew_it(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(
        "[profile work]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = deploy\n"
        "[sso-session corp]\nsso_start_url = https://corp.example\nsso_region = eu-west-1\n"
    )
    error = error_of(open_access("work", REGION).identity)
    assert error.message == "The AWS sign-in of profile 'work' has expired."
    assert error.hint.startswith("Sign in again: aws sso login --profile work")


def test_an_environment_that_does_not_exist_is_none(access: AwsAccess) -> None:
    assert access.environments.get("nobody-s") is None


def test_a_name_that_cannot_be_is_refused_in_the_words_of_the_model(access: AwsAccess) -> None:
    error = error_of(access.environments.get, "-")
    assert error.message.startswith("AWS refuses airflow:GetEnvironment on")
    assert error.message.endswith("(ValidationException)")


def test_a_validation_error_keeps_its_text(access: AwsAccess, endpoint: MwaaEndpoint) -> None:
    endpoint.create("wrong-version")
    change = EnvironmentChange(requirements=S3Source("requirements.txt", "nothing"))
    error = error_of(access.environments.update, "wrong-version", change)
    assert error.message == (
        "AWS refuses airflow:UpdateEnvironment on arn:aws:airflow:us-east-1:*:environment/wrong-version: "
        "Unable to read version nothing of file requirements.txt (ValidationException)"
    )


def test_an_environment_that_is_busy_refuses_an_update(access: AwsAccess, endpoint: MwaaEndpoint) -> None:
    endpoint.create("busy")
    endpoint.script("busy", Step(hold=True))
    access.environments.update("busy", NO_UPDATE)
    assert (
        "UPDATING status cannot be updated" in error_of(access.environments.update, "busy", NO_UPDATE).message
    )
    endpoint.release("busy")
    endpoint.wait_until_at_rest("busy")


def test_an_environment_is_read_in_full(access: AwsAccess, endpoint: MwaaEndpoint) -> None:
    version = endpoint.upload("requirements.txt", b"one")
    endpoint.create(
        "orders",
        RequirementsS3Path="requirements.txt",
        RequirementsS3ObjectVersion=version,
        AirflowConfigurationOptions={"core.parallelism": "8"},
        EnvironmentClass="mw1.medium",
        MaxWorkers=7,
        LoggingConfiguration={"SchedulerLogs": {"Enabled": True, "LogLevel": "INFO"}},
    )
    found = access.environments.get("orders")
    assert found is not None
    assert (found.name, found.status, found.airflow_version) == ("orders", "AVAILABLE", "2.2.2")
    assert (found.bucket, found.dags_path, found.plugins) == (BUCKET, "dags", None)
    assert found.requirements == S3Source("requirements.txt", version)
    assert found.airflow_options == (("core.parallelism", "8"),)
    assert (found.environment_class, found.max_workers, found.min_workers) == ("mw1.medium", 7, 1)
    assert found.last_update is not None
    assert found.last_update.status == "SUCCESS"
    assert abs((found.last_update.began or 0.0) - time.time()) < 600.0
    assert dict(found.log_groups)["SchedulerLogs"] == "airflow-orders-Scheduler"


def test_an_update_changes_only_what_is_named(access: AwsAccess, endpoint: MwaaEndpoint) -> None:
    first, plugins = endpoint.upload("requirements.txt", b"one"), endpoint.upload("plugins.zip", b"p")
    endpoint.create("parts", RequirementsS3Path="requirements.txt", RequirementsS3ObjectVersion=first)
    access.environments.update("parts", EnvironmentChange(plugins=S3Source("plugins.zip", plugins)))
    endpoint.wait_until_at_rest("parts")
    found = access.environments.get("parts")
    assert found is not None
    assert (found.plugins, found.requirements) == (
        S3Source("plugins.zip", plugins),
        S3Source("requirements.txt", first),
    )


def test_the_error_of_an_update_is_read(access: AwsAccess, endpoint: MwaaEndpoint) -> None:
    endpoint.create("failing")
    endpoint.script("failing", Step(error=("INCORRECT_CONFIGURATION", "Requirements cannot be installed.")))
    access.environments.update("failing", NO_UPDATE)
    endpoint.wait_until_at_rest("failing")
    found = access.environments.get("failing")
    assert found is not None
    assert found.status == "UPDATE_FAILED"
    assert found.last_update is not None
    assert replace(found.last_update, began=None) == LastUpdate(
        "FAILED", "INCORRECT_CONFIGURATION", "Requirements cannot be installed."
    )


def test_names_come_from_every_page(refused: AwsAccess, refusing: Refusing) -> None:
    refusing.answers = [
        (200, "", {"Environments": ["b"], "NextToken": "more"}),
        (200, "", {"Environments": ["a"]}),
    ]
    assert refused.environments.names() == ("a", "b")
    assert refusing.asked[1] == "GET /environments?NextToken=more"


def test_who_we_are_is_asked(access: AwsAccess) -> None:
    identity = access.identity()
    assert (identity.account, identity.region) == ("123456789012", REGION)
    assert identity.arn.startswith("arn:aws:sts::123456789012:")


def test_logs_are_read_from_streams_that_begin_so(access: AwsAccess, endpoint: MwaaEndpoint) -> None:
    client, group = endpoint.client("logs"), "airflow-elsewhere-Scheduler"
    client.create_log_group(logGroupName=group)
    now = 1_000 * int(time.time())
    for stream in ("requirements_install_a_1.log", "requirements_install_b_1.log", "scheduler_a_1.log"):
        client.create_log_stream(logGroupName=group, logStreamName=stream)
        client.put_log_events(
            logGroupName=group,
            logStreamName=stream,
            logEvents=[
                {"timestamp": now - 5000 + 10 * number, "message": f"{number}"} for number in range(3)
            ],
        )
    lines = access.logs.read(group, "requirements_install_", now / 1000 - 60)
    assert [line.message for line in lines] == ["0", "0", "1", "1", "2", "2"]
    assert {line.stream for line in lines} == {"requirements_install_a_1.log", "requirements_install_b_1.log"}
    assert access.logs.read(group, "requirements_install_", now / 1000) == ()


def test_a_log_group_that_does_not_exist_has_no_lines(access: AwsAccess) -> None:
    assert access.logs.read("airflow-nobody-s-Scheduler", "requirements_install_", 0.0) == ()
