"""What a plan decides, from real files and a bucket in memory."""

from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.aws_ports import S3Source
from mwaa_local.deploy.manifest import Part
from mwaa_local.deploy.plan_steps import Conflict, Obstacle, Plan, Reason, SourceChange
from mwaa_local.errors import UsageError
from tests.deployed_project import DeployedProject
from tests.fakes_aws import ChangingEnvironments, FakeObjectStore
from tests.fakes_environment import ENVIRONMENT


@pytest.fixture
def project(tmp_path: Path) -> DeployedProject:
    folder = tmp_path / "project"
    folder.mkdir()
    return DeployedProject(folder)


def uploads(plan: Plan) -> list[tuple[str, Reason]]:
    return [(upload.file.key, upload.reason) for upload in plan.uploads]


def test_files_that_the_bucket_does_not_have_are_uploaded(project: DeployedProject) -> None:
    project.write(dags__a_py="1", dags__b_py="2")
    plan = project.plan()
    assert uploads(plan) == [("dags/a.py", Reason.NEW), ("dags/b.py", Reason.NEW)]
    assert (plan.conflicts, plan.deletions, plan.update) == ((), (), None)


def test_after_a_deploy_nothing_is_left_to_do(project: DeployedProject) -> None:
    project.write(dags__a_py="1", requirements_txt="boto3")
    project.deploy()
    plan = project.plan()
    assert (plan.steps, plan.learned) == ((), ())
    assert plan.unchanged == ("dags/a.py", "requirements.txt")


def test_a_changed_file_is_uploaded_again(project: DeployedProject) -> None:
    project.write(dags__a_py="1", dags__b_py="2")
    project.deploy()
    project.write(dags__a_py="changed")
    assert uploads(project.plan()) == [("dags/a.py", Reason.CHANGED)]


def test_the_same_content_put_there_by_others_is_no_conflict_and_may_later_be_replaced(
    project: DeployedProject,
) -> None:
    project.write(dags__a_py="1")
    project.store.write("dags/a.py", b"1")
    plan = project.plan()
    assert (plan.steps, plan.conflicts, [key for key, _ in plan.learned]) == ((), (), ["dags/a.py"])
    assert project.deploy() is None
    project.write(dags__a_py="2")
    assert uploads(project.plan()) == [("dags/a.py", Reason.CHANGED)]
    assert project.plan().conflicts == ()


def test_what_others_put_there_is_a_conflict_until_it_is_taken_over(project: DeployedProject) -> None:
    project.write(dags__a_py="1")
    project.store.write("dags/a.py", b"theirs")
    assert project.plan().conflicts == (Conflict("dags/a.py", Obstacle.FOREIGN),)
    for pattern in ("dags/a.py", "dags", "dags/", "dags/*.py"):
        assert project.plan(take_over=(pattern,)).conflicts == ()
    assert project.plan(take_over=("dags/b.py",)).conflicts != ()


def test_what_others_changed_since_our_deploy_is_a_conflict(project: DeployedProject) -> None:
    project.write(dags__a_py="1")
    project.deploy()
    project.store.write("dags/a.py", b"theirs")
    assert project.plan().conflicts == (Conflict("dags/a.py", Obstacle.CHANGED),)


def test_what_others_deleted_is_uploaded_again(project: DeployedProject) -> None:
    project.write(dags__a_py="1")
    project.deploy()
    project.store.delete("dags/a.py")
    assert uploads(project.plan()) == [("dags/a.py", Reason.GONE)]


def test_only_what_we_put_is_deleted_and_only_on_demand(project: DeployedProject) -> None:
    project.write(dags__a_py="1", dags__b_py="2")
    project.store.write("dags/theirs.py", b"theirs")
    project.store.write("elsewhere/x", b"theirs")
    project.deploy()
    project.remove("dags/b.py")
    plan = project.plan()
    assert (plan.steps, plan.left, plan.remote_only) == ((), ("dags/b.py",), ("dags/theirs.py",))
    plan = project.plan(delete=True)
    assert ([step.key for step in plan.deletions], plan.left) == (["dags/b.py"], ())


def test_what_others_changed_is_not_deleted_unasked(project: DeployedProject) -> None:
    project.write(dags__a_py="1", dags__b_py="2")
    project.deploy()
    project.remove("dags/b.py")
    project.store.write("dags/b.py", b"theirs")
    conflict = Conflict("dags/b.py", Obstacle.CHANGED, deletion=True)
    assert project.plan(delete=True).conflicts == (conflict,)
    assert project.plan(delete=True, take_over=("dags/b.py",)).conflicts == ()


def test_what_lay_there_before_us_is_never_deleted(project: DeployedProject) -> None:
    project.write(dags__a_py="1", dags__b_py="2")
    project.store.write("dags/b.py", b"2")
    project.deploy()
    project.remove("dags/b.py")
    plan = project.plan(delete=True)
    assert (plan.deletions, plan.remote_only) == ((), ("dags/b.py",))


def test_what_the_environment_takes_is_not_deleted(project: DeployedProject) -> None:
    project.write(dags__a_py="1", requirements_txt="boto3")
    project.deploy()
    project.remove("requirements.txt")
    plan = project.plan(delete=True)
    assert plan.steps == ()
    assert "MWAA cannot take one back" in plan.notes[0]


def test_folders_that_the_console_makes_are_not_looked_at(project: DeployedProject) -> None:
    project.write(dags__a_py="1")
    project.store.write("dags/etl/", b"")
    assert project.plan().remote_only == ()


def test_one_path_alone_is_planned_on_demand(project: DeployedProject) -> None:
    project.write(dags__a_py="1", dags__b_py="2", requirements_txt="boto3")
    for only in ("dags/b.py", str(project.folder / "dags" / "b.py"), "*/b.py"):
        assert uploads(project.plan(only=(only,))) == [("dags/b.py", Reason.NEW)]
    with pytest.raises(UsageError, match=r"Nothing that is deployed is named dags/c\.py"):
        project.plan(only=("dags/c.py",))


def test_new_plugins_need_an_update_to_the_version_that_the_upload_makes(project: DeployedProject) -> None:
    project.put("plugins.zip", "zip")
    update = project.plan().update
    assert update is not None
    assert update.sources == (SourceChange(Part.PLUGINS, "plugins.zip", None, None),)


def test_an_environment_that_does_not_take_what_is_in_the_bucket_is_updated(project: DeployedProject) -> None:
    project.put("plugins.zip", "zip")
    project.deploy()
    facts = project.store.describe("plugins.zip")
    assert facts is not None
    stale = S3Source("plugins.zip", "an old version")
    project.environments = ChangingEnvironments({ENVIRONMENT.name: replace(ENVIRONMENT, plugins=stale)})
    plan = project.plan()
    assert plan.uploads == ()
    assert plan.update is not None
    assert plan.update.sources == (
        SourceChange(Part.PLUGINS, "plugins.zip", facts.version.version_id, stale),
    )


def test_another_version_of_the_same_content_needs_no_update(project: DeployedProject) -> None:
    project.put("plugins.zip", "zip")
    project.deploy()
    first = project.environment()
    project.put("plugins.zip", "other")
    project.deploy()
    project.put("plugins.zip", "zip")
    project.deploy()
    assert first is not None
    project.environments = ChangingEnvironments({ENVIRONMENT.name: first})
    assert project.plan().update is None


def test_an_update_that_is_under_way_is_not_begun_again(project: DeployedProject) -> None:
    project.put("plugins.zip", "zip")
    project.environments = ChangingEnvironments({ENVIRONMENT.name: ENVIRONMENT}, stays="UPDATING")
    project.deploy()
    plan = project.plan()
    assert plan.steps == ()
    assert plan.notes == ("Environment orders-staging is being updated to these versions already.",)


def test_an_environment_that_is_busy_refuses_an_update_but_not_dags(project: DeployedProject) -> None:
    busy = replace(ENVIRONMENT, status="UPDATING")
    project.environments = ChangingEnvironments({ENVIRONMENT.name: busy})
    project.write(dags__a_py="1")
    assert project.plan().refusal is None
    project.put("plugins.zip", "zip")
    refusal = project.plan().refusal
    assert refusal is not None
    assert refusal.passes


def test_without_an_environment_the_plan_says_that_nothing_takes_the_plugins(
    project: DeployedProject,
) -> None:
    project.environments = ChangingEnvironments()
    project.deployment = replace(project.target, environment=None)
    project.put("plugins.zip", "zip")
    plan = project.plan()
    assert plan.update is None
    assert plan.notes == ("No environment is named, so nothing makes MWAA take the new plugins.",)


def test_the_plan_says_how_long_mwaa_takes(project: DeployedProject) -> None:
    options = (("scheduler.dag_dir_list_interval", "60"),)
    project.environments = ChangingEnvironments(
        {ENVIRONMENT.name: replace(ENVIRONMENT, airflow_options=options)}
    )
    project.write(dags__a_py="1")
    assert project.plan().timing == (
        "Schedulers and workers copy the DAG folder within about 30 s; nothing is restarted.",
        "A new DAG file is found up to 60 s later (scheduler.dag_dir_list_interval).",
    )
    project.put("plugins.zip", "zip")
    assert project.plan().timing[-1].startswith("The environment's update takes 10 to 30 minutes")


def test_an_object_in_parts_is_known_by_our_own_metadata(project: DeployedProject) -> None:
    project.put("dags/big.bin", "big")
    digest = project.manifest().files[0].sha256
    project.store = FakeObjectStore(etags="parts")
    project.store.write("dags/big.bin", b"big", metadata={"sha256": digest})
    assert project.plan().unchanged == ("dags/big.bin",)
    project.put("dags/big.bin", "BIG")
    assert project.plan().conflicts == (Conflict("dags/big.bin", Obstacle.FOREIGN),)


def test_what_cannot_be_proven_to_be_the_same_counts_as_changed(project: DeployedProject) -> None:
    project.write(dags__a_py="1")
    project.store = FakeObjectStore(etags="kms")
    project.store.write("dags/a.py", b"1")
    assert project.plan().conflicts == (Conflict("dags/a.py", Obstacle.FOREIGN),)


def test_with_encryption_by_kms_the_ledger_proves_what_is_unchanged(project: DeployedProject) -> None:
    project.write(dags__a_py="1", dags__b_py="2")
    project.store = FakeObjectStore(etags="kms")
    project.deploy()
    assert project.plan().steps == ()
    project.write(dags__b_py="3")
    assert uploads(project.plan()) == [("dags/b.py", Reason.CHANGED)]
