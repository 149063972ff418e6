"""Doing what a plan says: the order, the receipt, and what stops it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.aws_ports import S3Source
from mwaa_local.deploy.apply import apply_plan
from mwaa_local.deploy.plan_steps import Delete, UpdateEnvironment, Upload
from mwaa_local.deploy.receipt import Receipt
from mwaa_local.deploy.receipt_store import read_receipt
from mwaa_local.deploy.receipt_text import parse_receipt
from mwaa_local.errors import AwsError, ConflictError, ProjectError
from tests.deployed_project import DeployedProject
from tests.fakes_aws import ChangingEnvironments, FakeObjectStore
from tests.fakes_environment import ENVIRONMENT


@pytest.fixture
def project(tmp_path: Path) -> DeployedProject:
    return new_project(tmp_path)


def new_project(folder: Path) -> DeployedProject:
    (folder / "project").mkdir(parents=True)
    return DeployedProject(folder / "project")


def done(receipt: Receipt | None) -> Receipt:
    assert receipt is not None
    return receipt


def test_a_deploy_leaves_the_files_a_receipt_and_the_environment_on_the_new_versions(
    project: DeployedProject,
) -> None:
    project.write(dags__a_py="1", requirements_txt="boto3")
    receipt = done(project.deploy())
    assert project.in_bucket() == {"dags/a.py": "1", "requirements.txt": "boto3"}
    environment = project.environment()
    assert environment is not None
    facts = project.store.describe("requirements.txt")
    assert facts is not None
    assert environment.requirements == S3Source("requirements.txt", facts.version.version_id)
    stored = read_receipt(project.store, project.target.state, receipt.id)
    assert stored == receipt
    assert (stored.outcome, stored.author.commit, stored.previous) == ("done", "c0ffee", None)
    copy = project.folder.parent / "receipts" / f"{receipt.id}.json"
    assert parse_receipt(copy.read_bytes()) == receipt
    assert json.loads(copy.read_text())["summary"] == {"added": 2, "replaced": 0, "deleted": 0}


def test_uploads_come_before_deletions_and_the_environment_last(project: DeployedProject) -> None:
    project.write(dags__a_py="import b", dags__b_py="", dags__c_py="")
    project.deploy()
    project.write(dags__a_py="import b\n", dags__b_py="#", requirements_txt="boto3")
    project.remove("dags/c.py")
    project.steps.clear()
    project.deploy(delete=True)
    kinds = [step.file.key if isinstance(step, Upload) else type(step) for step in project.steps]
    assert kinds == ["requirements.txt", "dags/b.py", "dags/a.py", Delete, UpdateEnvironment]


def test_a_second_deploy_changes_nothing(project: DeployedProject) -> None:
    project.write(dags__a_py="1", requirements_txt="boto3")
    project.deploy()
    assert isinstance(project.store, FakeObjectStore)
    before = project.store.calls.get("write")
    assert project.deploy() is None
    assert project.store.calls.get("write") == before


def test_conflicts_stop_everything(project: DeployedProject) -> None:
    project.write(dags__a_py="1", dags__b_py="2")
    project.store.write("dags/b.py", b"theirs")
    with pytest.raises(ConflictError, match=r"dags/b\.py in the bucket: not put there by us") as raised:
        project.deploy()
    assert raised.value.hint == "If it may be overwritten: --take-over dags/b.py"
    assert project.in_bucket() == {"dags/b.py": "theirs"}


def test_a_refused_update_stops_everything(project: DeployedProject) -> None:
    busy = replace(ENVIRONMENT, status="UPDATING")
    project.environments = ChangingEnvironments({ENVIRONMENT.name: busy})
    project.write(dags__a_py="1", requirements_txt="boto3")
    with pytest.raises(AwsError, match="orders-staging is UPDATING"):
        project.deploy()
    assert project.in_bucket() == {}


def test_a_file_that_changes_after_the_plan_is_not_deployed_as_something_else(
    project: DeployedProject,
) -> None:
    project.write(dags__a_py="1", requirements_txt="boto3")
    project.on_step = lambda *_: project.write(dags__a_py="changed")
    with pytest.raises(ProjectError, match=r"a\.py was changed while it was being deployed"):
        project.deploy()
    project.on_step = None
    project.deploy()
    assert project.in_bucket()["dags/a.py"] == "changed"


def test_an_object_that_somebody_changes_meanwhile_is_left_alone(project: DeployedProject) -> None:
    project.write(dags__a_py="1", requirements_txt="boto3")
    project.deploy()
    project.write(dags__a_py="2", requirements_txt="boto3==1")
    project.on_step = lambda *_: interfere(project)
    with pytest.raises(ConflictError, match=r"dags/a\.py was changed in the bucket by somebody else"):
        project.deploy()
    assert project.in_bucket()["dags/a.py"] == "theirs"


def interfere(project: DeployedProject) -> None:
    project.on_step = None
    project.store.write("dags/a.py", b"theirs")


def test_two_deploys_after_the_same_look_do_not_overwrite_each_other(tmp_path: Path) -> None:
    one, other = new_project(tmp_path / "one"), new_project(tmp_path / "other")
    other.store = one.store
    one.write(dags__a_py="1")
    other.write(dags__b_py="2")
    remote, plan = other.look(), other.plan()
    one.deploy()
    with pytest.raises(ConflictError, match="Somebody else has deployed since we looked"):
        apply_plan(plan, remote, other.new_run(), other.world())
    assert one.in_bucket() == {"dags/a.py": "1"}
