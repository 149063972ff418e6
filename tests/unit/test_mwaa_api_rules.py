"""What creations and updates are refused beyond the model, in which words, and that nothing changes then."""

from pathlib import Path
from typing import Any

import pytest

from tests.mwaa_api_site import CREATION, ApiSite

NETWORK: dict[str, Any] = CREATION["NetworkConfiguration"]


@pytest.fixture
def site(tmp_path: Path) -> ApiSite:
    return ApiSite(tmp_path)


def arn(bucket: str) -> str:
    return f"arn:aws:s3:::{bucket}"


REFUSED_CREATIONS: dict[str, tuple[dict[str, Any], str]] = {
    "no such bucket": ({"SourceBucketArn": arn("none")}, "Unable to access the bucket none"),
    "another region": ({"SourceBucketArn": arn("elsewhere")}, "must be in the region us-east-1"),
    "no versions": ({"SourceBucketArn": arn("unversioned")}, "does not have versioning enabled"),
    "public": (
        {"SourceBucketArn": arn("public")},
        "Invalid request provided: Provided bucket does not have BlockPublicAccess set for s3 bucket public",
    ),
    "leading slash": ({"DagS3Path": "/dags"}, "cannot start with a slash"),
    "whole address": ({"DagS3Path": "s3://good/dags"}, "without s3://"),
    "empty path": ({"DagS3Path": ""}, "DagS3Path cannot be empty"),
    "folder as a file": (
        {"PluginsS3Path": "plugins/", "PluginsS3ObjectVersion": "p1"},
        "PluginsS3Path must name a file",
    ),
    "path without version": ({"PluginsS3Path": "plugins.zip"}, "PluginsS3ObjectVersion is required"),
    "version without path": ({"RequirementsS3ObjectVersion": "r1"}, "RequirementsS3Path is required"),
    "no such version": (
        {"StartupScriptS3Path": "startup.sh", "StartupScriptS3ObjectVersion": "s9"},
        "Unable to read version s9 of file startup.sh",
    ),
    "option without section": (
        {"AirflowConfigurationOptions": {"parallelism": "1"}},
        "Some of the provided configurations do not have the expected format: parallelism, e.g: core.log_format.",
    ),
    "class": ({"EnvironmentClass": "mw1.huge"}, "Invalid environment class: mw1.huge"),
    "version": ({"AirflowVersion": "2.3.4"}, "Invalid Apache Airflow version: 2.3.4"),
    "too many workers": ({"MaxWorkers": 26}, "MaxWorkers must be from 1 to 25"),
    "more at least than at most": ({"MinWorkers": 5, "MaxWorkers": 4}, "cannot be more than MaxWorkers"),
    "one scheduler": ({"Schedulers": 1}, "Schedulers must be from 2 to 5"),
    "two schedulers of a micro": (
        {"EnvironmentClass": "mw1.micro", "Schedulers": 2},
        "Schedulers must be 1 for mw1.micro, not 2.",
    ),
    "one web server": ({"MinWebservers": 1}, "MinWebservers must be from 2 to 5"),
    "six web servers": ({"MaxWebservers": 6}, "MaxWebservers must be from 2 to 5"),
    "both accesses": ({"WebserverAccessMode": "PUBLIC_AND_PRIVATE"}, "from Apache Airflow 3.2 on"),
    "reserved tag": ({"Tags": {"aws:name": "x"}}, "reserved for AWS: aws:name"),
    "teams": ({"Teams": {"team": {"SourceBucketArn": arn("good"), "DagS3Path": "t"}}}, "not available"),
    "no subnets": ({"NetworkConfiguration": {"SecurityGroupIds": ["sg-1"]}}, "two subnets are required"),
    "no groups": (
        {"NetworkConfiguration": {"SubnetIds": NETWORK["SubnetIds"]}},
        "security group is required",
    ),
}


@pytest.mark.parametrize("case", REFUSED_CREATIONS)
def test_a_creation_that_the_service_would_refuse_is_refused(case: str, site: ApiSite) -> None:
    changes, words = REFUSED_CREATIONS[case]
    reply = site.create(**changes)
    assert (reply.status, reply.error) == (400, "ValidationException")
    assert words in reply.message
    assert site.store.names() == ()


def test_what_the_caller_leaves_out_is_filled_in_as_the_service_does(site: ApiSite) -> None:
    environment = site.made(Tags={"a": "b"}).describe()
    queue = environment.pop("CeleryExecutorQueue")
    assert queue.startswith("arn:aws:sqs:us-east-1:123456789012:airflow-celery-")
    task_group = "arn:aws:logs:us-east-1:123456789012:log-group:airflow-one-Task"
    assert environment.pop("LoggingConfiguration")["TaskLogs"]["CloudWatchLogGroupArn"] == task_group
    assert environment == {
        **CREATION,
        "Name": "one",
        "Arn": "arn:aws:airflow:us-east-1:123456789012:environment/one",
        "Status": "AVAILABLE",
        "CreatedAt": 1795000000.0,
        "WebserverUrl": "localhost:8080",
        "ServiceRoleArn": "arn:aws:iam::123456789012:role/aws-service-role/airflow.amazonaws.com/"
        "AWSServiceRoleForAmazonMWAA",
        "EnvironmentClass": "mw1.small",
        "MinWorkers": 1,
        "MaxWorkers": 10,
        "Schedulers": 2,
        "MinWebservers": 2,
        "MaxWebservers": 2,
        "WebserverAccessMode": "PRIVATE_ONLY",
        "WeeklyMaintenanceWindowStart": "SUN:03:30",
        "EndpointManagement": "SERVICE",
        "LastUpdate": {"Status": "SUCCESS", "CreatedAt": 1795000000.0},
        "Tags": {"a": "b"},
    }


def test_a_micro_environment_has_one_of_everything(site: ApiSite) -> None:
    environment = site.made(EnvironmentClass="mw1.micro").describe()
    numbers = ("MinWorkers", "MaxWorkers", "Schedulers", "MinWebservers", "MaxWebservers")
    assert [environment[name] for name in numbers] == [1, 1, 1, 1, 1]


def test_without_a_version_the_newest_one_is_created(site: ApiSite) -> None:
    assert site.made(AirflowVersion=None).describe()["AirflowVersion"] == "3.3.1"


def test_versions_past_their_support_are_created_unless_the_service_is_to_be_followed(tmp_path: Path) -> None:
    (tmp_path / "strict").mkdir()
    assert ApiSite(tmp_path).create(AirflowVersion="2.2.2").status == 200
    refused = ApiSite(tmp_path / "strict", strict=True).create(AirflowVersion="2.2.2")
    assert "reached its end of support on 2024-06-27" in refused.message


def test_ten_environments_are_the_limit(site: ApiSite) -> None:
    assert {site.create(f"e{number}").status for number in range(10)} == {200}
    assert "limit of 10 environments" in site.create("e10").message
    assert "already exists" in site.create("e9").message


REFUSED_UPDATES: dict[str, tuple[dict[str, Any], str]] = {
    "major version": ({"AirflowVersion": "3.0.6"}, "cannot be moved from Apache Airflow 2.10.3 to 3.0.6"),
    "key": ({"KmsKey": "alias/x"}, "KmsKey cannot be changed after an environment has been created"),
    "tags": ({"Tags": {"a": "b"}}, "Tags cannot be changed"),
    "endpoints": ({"EndpointManagement": "CUSTOMER"}, "EndpointManagement cannot be changed"),
    "version of a file": ({"PluginsS3ObjectVersion": "p9"}, "Unable to read version p9 of file plugins.zip"),
    "another bucket": ({"SourceBucketArn": arn("public")}, "BlockPublicAccess"),
    "workers": ({"MinWorkers": 11}, "MinWorkers (11) cannot be more than MaxWorkers (10)"),
}


@pytest.mark.parametrize("case", REFUSED_UPDATES)
def test_an_update_that_the_service_would_refuse_is_refused(case: str, site: ApiSite) -> None:
    changes, words = REFUSED_UPDATES[case]
    before = site.made(PluginsS3Path="plugins.zip", PluginsS3ObjectVersion="p1").describe()
    reply = site.update(**changes)
    assert (reply.status, reply.error) == (400, "ValidationException")
    assert words in reply.message
    assert site.describe() == before


def test_an_update_changes_what_it_names_and_only_once_it_has_succeeded(site: ApiSite) -> None:
    site.made(PluginsS3Path="plugins.zip", PluginsS3ObjectVersion="p1")
    groups = {"SecurityGroupIds": ["sg-2"]}
    logging = {"WorkerLogs": {"Enabled": True, "LogLevel": "DEBUG"}}
    assert (
        site.update(
            PluginsS3ObjectVersion="p2", NetworkConfiguration=groups, LoggingConfiguration=logging
        ).status
        == 200
    )
    during = site.describe()
    assert (during["Status"], during["PluginsS3ObjectVersion"]) == ("UPDATING", "p1")
    site.finish()
    after = site.describe()
    assert (after["Status"], after["PluginsS3ObjectVersion"]) == ("AVAILABLE", "p2")
    assert after["NetworkConfiguration"] == {**NETWORK, **groups}
    assert after["LoggingConfiguration"]["WorkerLogs"]["LogLevel"] == "DEBUG"
    assert after["LoggingConfiguration"]["TaskLogs"]["Enabled"] is True
    assert after["LastUpdate"]["WorkerReplacementStrategy"] == "FORCED"


def test_a_failed_update_is_rolled_back_and_can_be_followed_by_another(site: ApiSite) -> None:
    site.made().update(MaxWorkers=5)
    site.finish(error="INCORRECT_CONFIGURATION")
    assert site.describe()["Status"] == "ROLLING_BACK"
    site.finish()
    after = site.describe()
    assert (after["Status"], after["MaxWorkers"]) == ("UPDATE_FAILED", 10)
    assert after["LastUpdate"]["Error"]["ErrorCode"] == "INCORRECT_CONFIGURATION"
    assert site.update(MaxWorkers=6).status == 200


def test_an_environment_that_cannot_be_rolled_back_is_unavailable(site: ApiSite) -> None:
    site.made().update(MaxWorkers=5)
    site.finish(error="A")
    site.finish(error="B")
    assert site.describe()["Status"] == "UNAVAILABLE"
    assert "UNAVAILABLE status cannot be updated" in site.update(MaxWorkers=6).message
    assert site.send("DELETE", "/environments/one").status == 200


def test_an_environment_whose_creation_failed_can_only_be_deleted(site: ApiSite) -> None:
    site.create()
    assert "CREATING status cannot be updated" in site.update(MaxWorkers=5).message
    assert "CREATING status cannot be deleted" in site.send("DELETE", "/environments/one").message
    site.finish(error="INCORRECT_CONFIGURATION")
    assert site.describe()["Status"] == "CREATE_FAILED"
    assert site.update(MaxWorkers=5).message == "Environments with CREATE_FAILED status cannot be updated."
    assert site.send("DELETE", "/environments/one").status == 200
    site.finish()
    assert site.send("GET", "/environments/one").error == "ResourceNotFoundException"


def test_fifty_tags_are_the_limit_and_tags_can_be_taken_away(site: ApiSite) -> None:
    path = "/tags/" + site.made(Tags={f"t{number}": "x" for number in range(50)}).describe()["Arn"]
    assert "at most 50 tags" in site.send("POST", path, {"Tags": {"one more": "x"}}).message
    assert site.send("POST", path, {"Tags": {"t0": "changed"}}).status == 200
    assert site.send("DELETE", path + "?tagKeys=t1&tagKeys=t2").status == 200
    tags = site.send("GET", path.replace("/environment/", "/environment%2F")).body["Tags"]
    assert (len(tags), tags["t0"]) == (48, "changed")
    assert site.send("GET", path + "x").error == "ResourceNotFoundException"
