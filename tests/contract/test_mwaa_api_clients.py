"""Every operation of the MWAA API, called by the real AWS CLI and by boto3 over HTTP, with what each may refuse."""

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from tests.aws_cli import AwsCli, install_aws_cli
from tests.mwaa_endpoint import BUCKET, NETWORK, REGION, ROLE, MwaaEndpoint, Step, running_endpoint

ARN = f"arn:aws:airflow:{REGION}:123456789012:environment/"
METRIC = {"MetricName": "m", "Timestamp": 1_795_000_000, "Value": 1.0}
VERSION = "2.10.3"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[MwaaEndpoint]:
    with running_endpoint() as shared:
        shared.create("one", AirflowVersion=VERSION)
        yield shared


@pytest.fixture(scope="module")
def aws(endpoint: MwaaEndpoint, tmp_path_factory: pytest.TempPathFactory) -> AwsCli:
    try:
        program = install_aws_cli(tmp_path_factory.mktemp("aws") / "cli")
    except RuntimeError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"the AWS CLI cannot be installed: {error}")
    return AwsCli(program, endpoint.url)


def creation(name: str) -> dict[str, Any]:
    return {
        "Name": name,
        "AirflowVersion": VERSION,
        "ExecutionRoleArn": ROLE,
        "SourceBucketArn": f"arn:aws:s3:::{BUCKET}",
        "DagS3Path": "dags",
        "NetworkConfiguration": NETWORK,
    }


def of_cli(operation: str, parameters: dict[str, Any]) -> list[str]:
    """Return the arguments of the AWS CLI for an operation."""
    words = ["mwaa", xform_name(operation, "-")]
    for name, value in parameters.items():
        words += [f"--{xform_name(name, '-')}", value if isinstance(value, str) else json.dumps(value)]
    return words


def operations(prefix: str) -> list[tuple[str, dict[str, Any], Callable[[dict[str, Any]], bool]]]:
    """Return every operation in an order that works, with parameters and what its answer must be like."""
    new = f"{prefix}new"
    return [
        ("CreateEnvironment", creation(new), lambda said: said["Arn"] == ARN + new),
        ("ListEnvironments", {}, lambda said: {"one", new} <= set(said["Environments"])),
        ("GetEnvironment", {"Name": "one"}, lambda said: said["Environment"]["Arn"] == ARN + "one"),
        ("TagResource", {"ResourceArn": ARN + "one", "Tags": {"team": prefix}}, lambda said: True),
        ("ListTagsForResource", {"ResourceArn": ARN + "one"}, lambda said: said["Tags"] == {"team": prefix}),
        ("UntagResource", {"ResourceArn": ARN + "one", "tagKeys": ["team"]}, lambda said: True),
        (
            "CreateCliToken",
            {"Name": "one"},
            lambda said: bool(said["CliToken"] and said["WebServerHostname"]),
        ),
        ("CreateWebLoginToken", {"Name": "one"}, lambda said: bool(said["WebToken"] and said["IamIdentity"])),
        (
            "InvokeRestApi",
            {
                "Name": "one",
                "Path": "/health",
                "Method": "POST",
                "Body": {"a": [1]},
                "QueryParameters": {"b": 2},
            },
            lambda said: said["RestApiStatusCode"] == 200 and said["RestApiResponse"]["method"] == "POST",
        ),
        ("PublishMetrics", {"EnvironmentName": "one", "MetricData": [METRIC]}, lambda said: True),
        ("UpdateEnvironment", {"Name": new, "MaxWorkers": 3}, lambda said: said["Arn"] == ARN + new),
        ("DeleteEnvironment", {"Name": new}, lambda said: True),
    ]


def settle(endpoint: MwaaEndpoint, operation: str, parameters: dict[str, Any]) -> None:
    """Wait until what an operation has begun is done."""
    if operation in ("CreateEnvironment", "UpdateEnvironment"):
        assert endpoint.wait_until_at_rest(parameters["Name"])["Status"] == "AVAILABLE"


def test_the_aws_cli_calls_every_operation(endpoint: MwaaEndpoint, aws: AwsCli) -> None:
    called = operations("cli-")
    assert {name for name, _, _ in called} == set(endpoint.client("mwaa").meta.service_model.operation_names)
    for operation, parameters, is_right in called:
        said = json.loads(aws.run(*of_cli(operation, parameters)) or "{}")
        assert is_right(said), (operation, said)
        settle(endpoint, operation, parameters)


def test_the_aws_cli_reads_metrics(endpoint: MwaaEndpoint, aws: AwsCli) -> None:
    now = datetime.now(UTC)
    metric = {"MetricName": "QueuedTasks", "Timestamp": now, "Value": 7.0, "Unit": "Count"}
    endpoint.client("mwaa").publish_metrics(EnvironmentName="one", MetricData=[metric])
    where = ["--namespace", "AmazonMWAA", "--metric-name", "QueuedTasks", "--output", "json"]
    (listed,) = json.loads(aws.run("cloudwatch", "list-metrics", *where))["Metrics"]
    assert listed["Dimensions"] == [{"Name": "Environment", "Value": "one"}]
    times = ["--start-time", (now - timedelta(hours=1)).isoformat()]
    times += ["--end-time", (now + timedelta(minutes=1)).isoformat()]
    given = ["--dimensions", "Name=Environment,Value=one", "--period", "60", "--statistics", "Maximum"]
    (point,) = json.loads(aws.run("cloudwatch", "get-metric-statistics", *where, *times, *given))[
        "Datapoints"
    ]
    assert (point["Maximum"], point["Unit"]) == (7.0, "Count")
    query = {"Id": "queued", "MetricStat": {"Metric": listed, "Period": 60, "Stat": "Sum"}}
    data = aws.run("cloudwatch", "get-metric-data", "--metric-data-queries", json.dumps([query]), *times)
    assert json.loads(data)["MetricDataResults"][0]["Values"] == [7.0]


def test_boto3_calls_every_operation(endpoint: MwaaEndpoint) -> None:
    client = endpoint.client("mwaa")
    for operation, parameters, is_right in operations("sdk-"):
        said = getattr(client, xform_name(operation))(**parameters)
        assert is_right(said), (operation, said)
        settle(endpoint, operation, parameters)


REFUSED = [
    ("CreateEnvironment", {**creation("x"), "DagS3Path": "/dags"}, "ValidationException", 400),
    ("CreateEnvironment", creation("one"), "ValidationException", 400),
    ("UpdateEnvironment", {"Name": "one", "MinWorkers": 26}, "ValidationException", 400),
    ("UpdateEnvironment", {"Name": "none"}, "ResourceNotFoundException", 404),
    ("GetEnvironment", {"Name": "none"}, "ResourceNotFoundException", 404),
    ("DeleteEnvironment", {"Name": "none"}, "ResourceNotFoundException", 404),
    ("CreateCliToken", {"Name": "none"}, "ResourceNotFoundException", 404),
    ("CreateWebLoginToken", {"Name": "none"}, "ResourceNotFoundException", 404),
    ("ListEnvironments", {"NextToken": "nonsense"}, "ValidationException", 400),
    ("ListTagsForResource", {"ResourceArn": ARN + "none"}, "ResourceNotFoundException", 404),
    ("TagResource", {"ResourceArn": ARN + "one", "Tags": {"aws:x": "y"}}, "ValidationException", 400),
    ("UntagResource", {"ResourceArn": ARN + "none", "tagKeys": ["x"]}, "ResourceNotFoundException", 404),
    ("InvokeRestApi", {"Name": "one", "Path": "/x", "Method": "GET"}, "RestApiClientException", 400),
    ("InvokeRestApi", {"Name": "one", "Path": "/broken", "Method": "GET"}, "RestApiServerException", 400),
    ("InvokeRestApi", {"Name": "one", "Path": "/slow", "Method": "GET"}, "InternalServerException", 500),
    ("PublishMetrics", {"EnvironmentName": "none", "MetricData": []}, "ValidationException", 400),
]


@pytest.mark.parametrize(("operation", "parameters", "code", "status"), REFUSED)
def test_boto3_knows_what_is_refused(
    operation: str, parameters: dict[str, Any], code: str, status: int, endpoint: MwaaEndpoint
) -> None:
    client = endpoint.client("mwaa")
    with pytest.raises(ClientError) as refused:
        getattr(client, xform_name(operation))(**parameters)
    assert isinstance(refused.value, getattr(client.exceptions, code))
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_the_aws_cli_says_why_an_update_is_refused(endpoint: MwaaEndpoint, aws: AwsCli) -> None:
    endpoint.create("busy")
    endpoint.script("busy", Step(hold=True))
    aws.run("mwaa", "update-environment", "--name", "busy", "--max-workers", "4")
    with pytest.raises(RuntimeError, match="Environments with UPDATING status cannot be updated"):
        aws.run("mwaa", "update-environment", "--name", "busy", "--max-workers", "5")
    endpoint.release("busy")
    assert endpoint.wait_until_at_rest("busy")["MaxWorkers"] == 4


def test_the_aws_cli_turns_pages(endpoint: MwaaEndpoint, aws: AwsCli) -> None:
    for name in ("page-1", "page-2"):
        endpoint.create(name, wait=False)
    listed = json.loads(aws.run("mwaa", "list-environments", "--page-size", "1"))
    assert {"one", "page-1", "page-2"} <= set(listed["Environments"])
