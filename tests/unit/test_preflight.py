"""The gate of a deployment: which projects are checked, what is left out, what stops it."""

from dataclasses import replace
from pathlib import Path

from mwaa_local.aws_ports import CallerIdentity
from mwaa_local.cli.deploy_view import describe_caller, describe_git
from mwaa_local.cli.deploy_wait import describe_look
from mwaa_local.cli.preflight import apply_skips, can_be_read, checked_projects
from mwaa_local.config import Project
from mwaa_local.deploy.bucket_rules import Remark
from mwaa_local.deploy.git_facts import GitFacts
from mwaa_local.deployment import DeployedTree
from mwaa_local.validation.finding import Finding, Severity
from tests.fakes_environment import DEPLOYMENT

ERROR = Finding("python-syntax", Severity.ERROR, "No.", "", None, "test")
NOTE = Finding("no-retries", Severity.INFO, "Well.", "", None, "test")
REMARK = Remark("bucket-versioning", "error", "No versions.")


def project(root: Path) -> Project:
    (root / "dags" / "etl").mkdir(parents=True)
    (root / "other").mkdir()
    return Project(root, root / "dags", None, root / "requirements.txt", None, None)


def test_an_error_shuts_the_gate() -> None:
    assert apply_skips((ERROR, NOTE), (), ()).is_shut
    assert apply_skips((), (REMARK,), ()).is_shut


def test_notes_and_what_is_skipped_do_not() -> None:
    gate = apply_skips((ERROR, NOTE), (REMARK,), ("python-syntax", "bucket-versioning"))
    assert not gate.is_shut
    assert gate.findings == (NOTE,)
    assert gate.skipped == ("bucket-versioning", "python-syntax")


def test_what_is_skipped_for_nothing_is_told_and_not_recorded() -> None:
    gate = apply_skips((NOTE,), (), ("test-dags", "no-such-rule"))
    assert gate.skipped == ("test-dags",)
    assert gate.unused == ("no-such-rule",)


def test_dag_files_are_not_read_without_the_packages_that_they_import() -> None:
    conflict = replace(ERROR, rule_id="requirements-constraint-conflict")
    assert can_be_read((ERROR, NOTE, replace(conflict, severity=Severity.WARNING)))
    assert not can_be_read((NOTE, conflict))


def test_trees_below_the_dag_folder_are_checked_as_one_project(tmp_path: Path) -> None:
    own = project(tmp_path)
    trees = (DeployedTree(tmp_path / "dags" / "etl", "dags/etl"), DeployedTree(own.dags, "dags/all"))
    (seen,) = checked_projects(own, replace(DEPLOYMENT, dags=trees))
    assert seen.dags == own.dags
    assert seen.requirements is None


def test_a_tree_elsewhere_is_checked_by_itself(tmp_path: Path) -> None:
    own = project(tmp_path)
    elsewhere = DeployedTree(tmp_path / "other", "dags/other")
    below = DeployedTree(tmp_path / "dags" / "etl", "dags/etl")
    assert [each.dags for each in checked_projects(own, replace(DEPLOYMENT, dags=(elsewhere,)))] == [
        tmp_path / "other"
    ]
    both = checked_projects(own, replace(DEPLOYMENT, dags=(below, elsewhere)))
    assert [each.dags for each in both] == [own.dags, tmp_path / "other"]


def test_a_long_wait_says_now_and_then_that_it_waits() -> None:
    assert describe_look("UPDATING", 299.0) == "UPDATING"
    assert describe_look("UPDATING", 301.0) == "UPDATING for 5 min"
    assert describe_look("UPDATING", 700.0) == "UPDATING for 10 min"


def test_the_caller_is_named_as_people_know_it() -> None:
    def described(arn: str) -> str:
        return describe_caller(CallerIdentity("123456789012", arn, "us-east-1"))

    assert described("arn:aws:sts::123456789012:assumed-role/deploy/ci") == "role deploy (session ci)"
    assert described("arn:aws:iam::123456789012:user/team/alice") == "user alice"
    assert described("arn:aws:iam::123456789012:root") == "root user"
    federated = "arn:aws:sts::123456789012:federated-user/bob"
    assert described(federated) == federated


def test_the_state_of_the_working_tree_is_put_into_words() -> None:
    assert describe_git(GitFacts("0123456789abcdef", "main", 0)) == "commit 0123456789ab on main"
    assert (
        describe_git(GitFacts("0123456789abcdef", "", 1)) == "commit 0123456789ab, 1 changed or unknown file"
    )
    assert describe_git(GitFacts("", "main", 2)) == "no commit yet on main, 2 changed or unknown files"
