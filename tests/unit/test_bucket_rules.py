"""The rules about a deployment's bucket and environment, and what git knows."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from mwaa_local.aws_ports import BucketFacts, S3Source
from mwaa_local.deploy.bucket_rule_list import RULES
from mwaa_local.deploy.bucket_rules import Remark, Situation, check_situation
from mwaa_local.deploy.git_facts import GitFacts, is_in_git, parse_status, read_git
from mwaa_local.deployment import Deployment, S3Layout
from mwaa_local.ports import CommandResult
from tests.fakes import FakeCommands
from tests.fakes_environment import DEPLOYMENT, ENVIRONMENT, in_status

BUCKET = BucketFacts("eu-west-1", versioning=True, public_access_blocked=True, encryption="AES256")
GOOD = Situation(
    deployment=DEPLOYMENT,
    bucket=BUCKET,
    environment=ENVIRONMENT,
    needs_update=True,
    end_of_support=None,
    today=date(2026, 11, 21),
    git=GitFacts("a" * 40, "main", 0),
)


def remark(situation: Situation) -> Remark:
    (found,) = check_situation(situation)
    assert found.rule in {rule.id for rule in RULES}
    return found


def with_layout(dags: str, *keys: str | None) -> Deployment:
    return replace(DEPLOYMENT, layout=S3Layout(dags, *keys), environment=None)


def test_nothing_is_said_of_a_bucket_and_an_environment_as_mwaa_wants_them() -> None:
    assert check_situation(GOOD) == ()


BUCKETS = [
    (replace(BUCKET, versioning=False), "bucket-versioning", "keeps no versions"),
    (
        replace(BUCKET, public_access_blocked=False),
        "bucket-public-access",
        "does not block all public access",
    ),
]


@pytest.mark.parametrize(("bucket", "rule", "words"), BUCKETS)
def test_a_bucket_that_mwaa_refuses_stops_an_update(bucket: BucketFacts, rule: str, words: str) -> None:
    found = remark(replace(GOOD, bucket=bucket))
    assert (found.rule, found.level) == (rule, "error")
    assert words in found.message
    assert found.hint.startswith("aws s3api put-")


@pytest.mark.parametrize(("bucket", "rule", "words"), BUCKETS)
def test_dag_files_may_go_where_an_update_may_not(bucket: BucketFacts, rule: str, words: str) -> None:
    assert remark(replace(GOOD, bucket=bucket, needs_update=False)).level == "warning"


def test_a_bucket_in_another_region_is_an_error() -> None:
    found = remark(replace(GOOD, bucket=replace(BUCKET, region="us-east-1")))
    assert (found.rule, found.level) == ("bucket-region", "error")
    assert found.message.startswith("Bucket orders lies in us-east-1, the environment in eu-west-1")


def test_a_bucket_without_encryption_is_a_warning() -> None:
    assert remark(replace(GOOD, bucket=replace(BUCKET, encryption=""))).rule == "bucket-encryption"


def test_what_may_not_be_asked_is_named() -> None:
    bucket = BucketFacts("eu-west-1", None, True, "aws:kms", ("s3:GetBucketVersioning",))
    found = remark(replace(GOOD, bucket=bucket))
    assert (found.rule, found.level) == ("bucket-unchecked", "info")
    assert "s3:GetBucketVersioning is denied" in found.message


def test_an_environment_that_does_not_exist_is_an_error() -> None:
    found = remark(replace(GOOD, environment=None))
    assert (found.rule, found.message) == (
        "environment-missing",
        "There is no environment orders-staging in eu-west-1.",
    )
    assert "Make it first" in found.hint


def test_an_environment_of_nearly_that_name_is_named() -> None:
    found = remark(replace(GOOD, environment=None, others=("orders-stage", "web")))
    assert found.hint == 'Did you mean "orders-stage"? (Valid: "orders-stage", "web".)'


def test_none_can_be_made_of_a_version_past_its_end_of_support() -> None:
    old = replace(DEPLOYMENT, version="2.2.2")
    found = remark(replace(GOOD, deployment=old, environment=None, end_of_support=date(2024, 6, 27)))
    assert found.hint == (
        "None can be made with Airflow 2.2.2: its support ended on 2024-06-27. Name an existing one."
    )


def test_an_environment_past_its_end_of_support_can_be_updated() -> None:
    found = remark(replace(GOOD, end_of_support=date(2024, 6, 27)))
    assert (found.rule, found.level) == ("environment-support", "info")


def test_no_environment_is_missed_where_only_the_bucket_is_filled() -> None:
    only_bucket = replace(DEPLOYMENT, environment=None)
    assert check_situation(replace(GOOD, deployment=only_bucket, environment=None)) == ()


def test_an_environment_of_another_bucket_is_an_error() -> None:
    found = remark(replace(GOOD, environment=replace(ENVIRONMENT, bucket="other")))
    assert (found.rule, found.level) == ("environment-bucket", "error")


def test_an_environment_that_reads_its_dags_elsewhere_is_an_error() -> None:
    found = remark(replace(GOOD, environment=replace(ENVIRONMENT, dags_path="/airflow/dags/")))
    assert (found.rule, found.level) == ("environment-paths", "error")
    assert found.hint == 'Set dag_s3_path = "airflow/dags" in the deployment.'


def test_a_slash_too_many_in_the_environment_is_no_difference() -> None:
    assert check_situation(replace(GOOD, environment=replace(ENVIRONMENT, dags_path="dags/"))) == ()


def test_a_file_that_moves_is_a_warning() -> None:
    environment = replace(ENVIRONMENT, requirements=S3Source("dags/requirements.txt", "v1"))
    found = remark(replace(GOOD, environment=environment))
    assert (found.rule, found.level) == ("environment-paths", "warning")
    assert (
        found.hint == 'To keep the place: requirements_s3_path = "dags/requirements.txt" in the deployment.'
    )


def test_an_environment_of_another_version_is_an_error() -> None:
    found = remark(replace(GOOD, environment=replace(ENVIRONMENT, airflow_version="2.2.2")))
    assert (found.rule, found.level) == ("environment-version", "error")
    assert found.message == (
        "Environment orders-staging runs Airflow 2.2.2; the project was checked for 2.10.3."
    )


@pytest.mark.parametrize(("needs_update", "level"), [(True, "error"), (False, "warning")])
def test_an_environment_that_is_busy_stops_an_update_only(needs_update: bool, level: str) -> None:
    busy = replace(GOOD, environment=in_status("UPDATING"), needs_update=needs_update)
    found = remark(busy)
    assert (found.rule, found.level) == ("environment-status", level)


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        (("/dags", None, None, None), 'dag_s3_path = "/dags" must neither begin nor end with a slash.'),
        (("s3://orders/dags", None, None, None), "must not name the bucket"),
        (("", None, None, None), 'dag_s3_path = "" is empty.'),
        (("dags", "plugins", None, None), 'plugins_s3_path = "plugins" must end with .zip.'),
        (("dags", None, "requirements.in", None), "must end with .txt"),
        (("dags", None, None, "startup.bash"), "must end with .sh"),
    ],
)
def test_a_path_that_mwaa_does_not_understand_is_an_error(
    layout: tuple[str, str | None, str | None, str | None], message: str
) -> None:
    found = remark(replace(GOOD, deployment=with_layout(*layout), environment=None))
    assert (found.rule, found.level) == ("path-shape", "error")
    assert message in found.message


def test_files_that_are_in_no_commit_are_mentioned() -> None:
    found = remark(replace(GOOD, git=GitFacts("0123456789abcdef", "main", 1)))
    assert (found.rule, found.level) == ("git-dirty", "warning")
    assert found.message == (
        "What is deployed is not what commit 0123456789ab holds: 1 changed or unknown file."
    )


def test_a_project_without_git_is_as_good() -> None:
    assert check_situation(replace(GOOD, git=None)) == ()


def test_the_status_that_git_prints_is_read() -> None:
    text = "\0".join(
        [
            "# branch.oid 0123456789abcdef0123456789abcdef01234567",
            "# branch.head main",
            "# branch.ab +0 -0",
            "1 .M N... 100644 100644 100644 1111 1111 dags/one.py",
            "2 R. N... 100644 100644 100644 1111 1111 R100 dags/new.py",
            "1 dags/old.py",
            "? dags/unknown.py",
            "",
        ]
    )
    assert parse_status(text) == GitFacts("0123456789abcdef0123456789abcdef01234567", "main", 3)


def test_a_folder_without_a_commit_or_a_branch_is_read() -> None:
    assert parse_status("# branch.oid (initial)\0# branch.head (detached)\0") == GitFacts("", "", 0)


def test_a_folder_lies_in_git_where_it_or_one_above_has_a_repository(tmp_path: Path) -> None:
    (tmp_path / "repository" / "project").mkdir(parents=True)
    (tmp_path / "repository" / ".git").mkdir()
    assert is_in_git(tmp_path / "repository" / "project")
    assert not is_in_git(tmp_path)


@pytest.mark.parametrize(
    "commands", [FakeCommands(), FakeCommands({("git",): CommandResult(128, "", "not a repository")})]
)
def test_no_git_and_no_repository_are_no_failure(commands: FakeCommands) -> None:
    assert read_git(Path("/project"), commands) is None
