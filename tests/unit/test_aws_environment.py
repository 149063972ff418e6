"""The AWS variables of a role, and the names of the local account."""

from mwaa_local.aws.account import celery_broker_url, celery_queue_name, celery_queue_url
from mwaa_local.aws.environment import aws_environment, celery_environment
from mwaa_local.config import AwsKind, AwsMode

ENDPOINT = "http://127.0.0.1:4566"


def test_local_mode_points_every_boto3_at_the_endpoint() -> None:
    variables = aws_environment(AwsMode(AwsKind.LOCAL), ENDPOINT, "eu-west-1")
    assert variables["AWS_ENDPOINT_URL"] == variables["MWAA_LOCAL_AWS_ENDPOINT"] == ENDPOINT
    assert variables["AWS_DISABLE_HOST_PREFIX_INJECTION"] == "true"
    assert variables["AWS_REGION"] == variables["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert variables["AWS_ACCESS_KEY_ID"] == "mwaa-local"


def test_none_mode_has_no_credentials_and_no_endpoint() -> None:
    assert aws_environment(AwsMode(AwsKind.NONE), ENDPOINT, "us-east-1") == {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def test_profile_mode_names_where_credentials_come_from_and_not_the_profile() -> None:
    variables = aws_environment(AwsMode(AwsKind.PROFILE, "work"), ENDPOINT, "us-east-1", "http://c", "t0ken")
    assert variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == "http://c"
    assert variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] == "t0ken"
    assert "AWS_ENDPOINT_URL" not in variables
    assert "work" not in variables.values()


def test_every_mode_hides_the_users_own_aws_files() -> None:
    for kind in AwsKind:
        variables = aws_environment(AwsMode(kind, "p"), ENDPOINT, "us-east-1", "http://c", "t")
        assert variables["AWS_SHARED_CREDENTIALS_FILE"] == variables["AWS_CONFIG_FILE"] == "/dev/null"


def test_the_queue_is_named_as_mwaa_names_it() -> None:
    queue = celery_queue_name("abc")
    assert queue == "airflow-celery-abc"
    assert celery_queue_url(ENDPOINT, queue) == f"{ENDPOINT}/123456789012/{queue}"
    assert celery_environment(queue, "u") == {"MWAA_LOCAL_SQS_QUEUE": queue, "MWAA_LOCAL_SQS_QUEUE_URL": "u"}


def test_the_broker_url_carries_its_own_credentials() -> None:
    assert celery_broker_url(ENDPOINT) == "sqs://mwaa-local:mwaa-local@127.0.0.1:4566//"
    assert celery_broker_url(ENDPOINT, "worker/1") == "sqs://worker%2F1:mwaa-local@127.0.0.1:4566//"
