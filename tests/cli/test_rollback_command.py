"""`rollback` and `receipts`: back to an earlier state, and what there was."""

import json

from tests.cli.deploying import DAG, DeployedSite
from tests.mwaa_endpoint import Step

OLD, NEW = "humanize==4.8.0\n", "humanize==4.9.0\n"


def deploy_twice(site: DeployedSite) -> None:
    """Deploy, then change requirements and add a DAG file, and deploy again."""
    site.make_environment()
    site.write("requirements.txt", OLD)
    assert site.deploy().exit_code == 0
    site.write("requirements.txt", NEW)
    site.write("dags/new.py", DAG.format(name="new"))
    assert site.deploy().exit_code == 0


def requirements_of(site: DeployedSite) -> str:
    """Return the content of the version that the environment was told to take."""
    version = site.endpoint.describe(site.bucket)["RequirementsS3ObjectVersion"]
    s3 = site.endpoint.client("s3")
    answer = s3.get_object(Bucket=site.bucket, Key="requirements.txt", VersionId=version)
    return str(answer["Body"].read().decode())


def test_nothing_to_take_back_is_wrong_usage(site: DeployedSite) -> None:
    site.make_environment()
    done = site.run("rollback", "--yes")
    assert done.exit_code == 2
    assert "Error: There is no deploy to take back" in done.stderr


def test_a_receipt_that_does_not_exist_is_wrong_usage(site: DeployedSite) -> None:
    site.make_environment()
    assert site.deploy().exit_code == 0
    done = site.run("rollback", "--yes", "--to", "2020")
    assert done.exit_code == 2
    assert "Error: There is no receipt 2020." in done.stderr


def test_nobody_to_ask_is_wrong_usage_and_changes_nothing(site: DeployedSite) -> None:
    deploy_twice(site)
    done = site.run("rollback")
    assert done.exit_code == 2
    assert done.stderr.endswith("Hint: To go ahead unasked, add --yes.\n")
    assert site.objects()["requirements.txt"] == NEW


def test_what_somebody_has_changed_since_stops_it(site: DeployedSite) -> None:
    deploy_twice(site)
    site.put("requirements.txt", "theirs")
    done = site.run("rollback", "--yes")
    assert done.exit_code == 3
    assert "  upload    changed since our last deploy  requirements.txt\n" in done.stdout
    assert site.objects()["requirements.txt"] == "theirs"


def test_an_update_that_fails_is_told(site: DeployedSite) -> None:
    deploy_twice(site)
    site.script(Step(error=("INCORRECT_CONFIGURATION", "No.")))
    done = site.run("rollback", "--yes")
    assert done.exit_code == 1
    assert (
        "The update of environment BUCKET failed (UPDATE_FAILED): INCORRECT_CONFIGURATION: No.\n"
        in done.stderr
    )


def test_the_state_before_the_last_deploy_comes_back(site: DeployedSite) -> None:
    deploy_twice(site)
    done = site.run("rollback", "--yes")
    assert done.exit_code == 0
    assert done.stdout == (
        "staging: s3://BUCKET in us-east-1\n"
        "\n"
        "  Account      123456789012, user moto\n"
        "  Environment  BUCKET: AVAILABLE, Airflow 2.10.3, mw1.small\n"
        "\n"
        "  STEP     WHY              SIZE  WHAT\n"
        "  restore  earlier version        requirements.txt\n"
        "  delete   was not there          dags/new.py\n"
        "  update   new version            BUCKET (requirements)\n"
        "\n"
        "  In effect    Schedulers and workers copy the DAG folder within about 30 s;\n"
        "               nothing is restarted.\n"
        "               The environment's update takes 10 to 30 minutes; running tasks\n"
        "               may be ended by it.\n"
    )
    assert site.objects() == {"requirements.txt": OLD, "dags/orders.py": DAG.format(name="orders")}
    assert requirements_of(site) == OLD
    assert done.stderr.endswith(
        "rollback: 1 restored version, 1 deletion, an update of the environment; environment BUCKET is AVAILABLE "
        "after T.\n"
    )


def test_a_bucket_that_mwaa_refuses_stops_an_update_unless_the_rule_is_skipped(site: DeployedSite) -> None:
    deploy_twice(site)
    site.endpoint.client("s3").delete_public_access_block(Bucket=site.bucket)
    done = site.run("rollback", "--yes")
    assert done.exit_code == 3
    assert "[bucket-public-access]" in done.stdout
    assert site.run("rollback", "--dry-run", "--skip", "bucket-public-access").exit_code == 0


def test_what_the_environment_cannot_be_without_stays(site: DeployedSite) -> None:
    site.make_environment()
    site.write("requirements.txt", OLD)
    assert site.deploy().exit_code == 0
    done = site.run("rollback", "--yes")
    assert done.exit_code == 0
    assert site.objects() == {"requirements.txt": OLD}
    assert (
        "The environment had no requirements, and MWAA cannot take one back: it keeps\nrequirements.txt.\n"
        in (done.stdout)
    )
    # And so the next update finds the version that it takes.
    assert requirements_of(site) == OLD
    site.write("requirements.txt", NEW)
    assert site.deploy().exit_code == 0
    assert requirements_of(site) == NEW


def test_the_next_deploy_brings_the_project_s_files_again(site: DeployedSite) -> None:
    deploy_twice(site)
    assert site.run("rollback", "--yes").exit_code == 0
    assert site.deploy().exit_code == 0
    assert site.objects()["requirements.txt"] == NEW
    assert requirements_of(site) == NEW


def test_any_earlier_state_comes_back_by_its_receipt(site: DeployedSite) -> None:
    deploy_twice(site)
    site.write("dags/orders.py", DAG.format(name="orders") + "# three\n")
    assert site.deploy().exit_code == 0
    receipts = json.loads(site.cli("receipts", "--json").stdout)["receipts"]
    assert site.run("rollback", "--yes", "--to", receipts[-1]["id"]).exit_code == 0
    assert site.objects() == {"requirements.txt": OLD, "dags/orders.py": DAG.format(name="orders")}


def test_dry_run_only_shows_what_would_come_back(site: DeployedSite) -> None:
    deploy_twice(site)
    done = site.run("rollback", "--dry-run")
    assert done.exit_code == 0
    assert "dags/new.py" in done.stdout
    assert "dags/new.py" in site.objects()


def test_what_was_never_deployed_has_no_receipts(site: DeployedSite) -> None:
    done = site.run("receipts")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "staging has not been deployed yet.\n")


def test_receipts_are_listed_the_newest_first(site: DeployedSite) -> None:
    deploy_twice(site)
    assert site.run("rollback", "--yes").exit_code == 0
    done = site.run("receipts")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["RECEIPT", "WHO", "COMMIT", "WHAT"]
    assert [line.split(maxsplit=3)[3] for line in lines[1:]] == [
        "back to RECEIPT: 1 replaced, 1 deleted, environment",
        "1 added, 1 replaced, environment",
        "2 added, environment",
    ]
    assert done.stderr == "Go back with: mwaa-local rollback staging --to RECEIPT\n"
    assert site.run("rollback", "--list").stdout == done.stdout
