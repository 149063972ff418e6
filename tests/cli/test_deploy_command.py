"""`deploy`: what stops it, what fails on the way, what it does, and that a second run has nothing to do."""

import json
import signal
import subprocess
import sys
import time

from tests.cli.deploying import DAG, UNCHECKED, DeployedSite
from tests.mwaa_endpoint import Step

PIN = "humanize==4.9.0\n"
LOG_GROUP = {"SchedulerLogs": {"Enabled": True, "LogLevel": "INFO"}}


def log(site: DeployedSite, *messages: str) -> None:
    """Have the environment's scheduler log the installation of requirements."""
    logs, group = site.endpoint.client("logs"), f"airflow-{site.bucket}-Scheduler"
    stream = "requirements_install_ip-10-0-0-1_1.log"
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    now = int(time.time() * 1000)
    events = [{"timestamp": now + number, "message": text} for number, text in enumerate(messages)]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def process(*arguments: str) -> "subprocess.Popen[str]":
    """Deploy in a process of its own."""
    command = [sys.executable, "-c", "from mwaa_local.cli import main; main()", "deploy", "--yes", *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


def test_nobody_to_ask_is_wrong_usage_and_changes_nothing(site: DeployedSite) -> None:
    site.make_environment()
    done = site.run("deploy", *UNCHECKED)
    assert done.exit_code == 2
    assert done.stderr.endswith(
        "Error: Nothing was changed: there is no terminal to ask on.\n"
        "  Hint: To go ahead unasked, add --yes.\n"
    )
    assert site.objects() == {}


def test_errors_and_conflicts_stop_it(site: DeployedSite) -> None:
    site.put("dags/orders.py", "theirs")
    done = site.deploy()
    assert done.exit_code == 3
    assert done.stderr.endswith("Stopped by 1 conflict and 1 error; nothing was changed.\n")
    assert site.objects() == {"dags/orders.py": "theirs"}


def test_an_update_that_fails_is_told_with_its_error_and_its_log(site: DeployedSite) -> None:
    site.make_environment(LoggingConfiguration=LOG_GROUP)
    site.write("requirements.txt", "nothing-such==1\n")
    site.script(Step(error=("INCORRECT_CONFIGURATION", "Requirements cannot be installed.")))
    log(site, "Collecting nothing-such==1", "ERROR: No matching distribution found for nothing-such==1")
    done = site.deploy()
    assert done.exit_code == 1
    said = done.stderr.partition("Environment BUCKET (T)\n")[2]
    assert said == (
        "airflow-BUCKET-Scheduler/requirements_install_ip-10-0-0-1_1.log:\n"
        "  Collecting nothing-such==1\n"
        "  ERROR: No matching distribution found for nothing-such==1\n"
        "Receipt: s3://BUCKET/.mwaa-local/staging/receipts/RECEIPT.json\n"
        "         .mwaa-local/deploy/staging/receipts/RECEIPT.json\n"
        "Error: The update of environment BUCKET failed (UPDATE_FAILED): INCORRECT_CONFIGURATION: "
        "Requirements cannot be installed.\n"
        "  Hint: The environment runs as before. Correct it and deploy again, or go back with: "
        "mwaa-local rollback staging\n"
    )


def test_requirements_that_were_not_installed_are_a_failure_although_the_environment_is_available(
    site: DeployedSite,
) -> None:
    site.make_environment(LoggingConfiguration=LOG_GROUP)
    site.write("requirements.txt", "nothing-such==1\n")
    log(site, "ERROR: No matching distribution found for nothing-such==1")
    done = site.deploy("--json")
    assert done.exit_code == 1
    assert "Environment BUCKET is AVAILABLE, but its log says that an installation failed." in done.stderr
    update = json.loads(done.stdout)["update"]
    assert (update["status"], update["requirements_failed"]) == ("AVAILABLE", True)
    assert update["log"][0]["message"] == "ERROR: No matching distribution found for nothing-such==1"


def test_a_refused_update_says_what_is_done_and_how_to_go_on(site: DeployedSite) -> None:
    site.make_environment()
    site.write("requirements.txt", PIN)
    site.endpoint.client("s3").delete_public_access_block(Bucket=site.bucket)
    done = site.deploy("--skip", "bucket-public-access")
    assert done.exit_code == 1
    assert (
        "Provided bucket does not have BlockPublicAccess set for s3 bucket BUCKET (ValidationException)"
        in (done.stderr)
    )
    assert "2 of 3 steps are done and stay; run it again: mwaa-local deploy staging\n" in done.stderr
    site.endpoint.client("s3").put_public_access_block(
        Bucket=site.bucket,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    again = site.deploy()
    assert again.exit_code == 0
    assert again.stderr.endswith(
        "deploy: an update of the environment; environment BUCKET is AVAILABLE after T.\n"
    )


def test_waiting_too_long_is_a_failure_that_says_how_to_wait_again(site: DeployedSite) -> None:
    site.make_environment()
    site.write("requirements.txt", PIN)
    site.script(Step(hold=True))
    done = site.deploy("--timeout", "0.01")
    assert done.exit_code == 1
    assert "Error: Environment BUCKET is still UPDATING after " in done.stderr
    assert "Hint: It goes on at AWS. To wait again: mwaa-local deploy staging\n" in done.stderr
    site.endpoint.release(site.bucket)
    again = site.deploy()
    assert again.exit_code == 0
    assert "Nothing to do" in again.stdout


def test_a_first_deploy_does_everything_and_a_second_nothing(site: DeployedSite) -> None:
    site.make_environment()
    site.write("requirements.txt", PIN)
    site.write("plugins/ours.py", "OURS = 1\n")
    done = site.deploy()
    assert done.exit_code == 0
    assert done.stderr.startswith(
        "Looked at AWS (T)\nStaged the project and listed the bucket (T)\nCheck: validate (T)\nDeployed: 1 of 4: "
    )
    assert (
        done.stderr.partition("Deployed: 3 of 4: ")[2]
        == (
            "dags/orders.py\n"
            "Deployed: 4 of 4: update of environment BUCKET begun\n"
            "Deployed (T)\n"
            "Environment BUCKET: AVAILABLE\n"
            "Environment BUCKET (T)\n"
            "Receipt: s3://BUCKET/.mwaa-local/staging/receipts/RECEIPT.json\n"
            "         .mwaa-local/deploy/staging/receipts/RECEIPT.json\n"
            "deploy: 3 uploads, an update of the environment; environment BUCKET is AVAILABLE after T.\n"
        )
        or "UPDATING" in done.stderr
    )
    assert site.objects().keys() == {"requirements.txt", "plugins.zip", "dags/orders.py"}
    again = site.deploy()
    assert again.exit_code == 0
    assert (
        "Nothing to do: bucket and environment have what the project has.\nUnchanged: 3 files.\n"
        in again.stdout
    )
    assert again.stderr.endswith("Check: validate (T)\ndeploy: nothing to do.\n")


def test_a_dag_file_needs_no_update(site: DeployedSite) -> None:
    site.make_environment()
    assert site.deploy().exit_code == 0
    assert site.endpoint.describe(site.bucket)["LastUpdate"]["Status"] == "SUCCESS"
    site.write("dags/orders.py", DAG.format(name="orders") + "# changed\n")
    done = site.deploy()
    assert done.exit_code == 0
    assert done.stderr.endswith("deploy: 1 upload.\n")


def test_an_update_that_is_not_waited_for_is_waited_for_by_the_next_run(site: DeployedSite) -> None:
    site.make_environment()
    site.write("requirements.txt", PIN)
    site.script(Step(hold=True))
    done = site.deploy("--no-wait")
    assert done.exit_code == 0
    assert done.stderr.endswith(
        "deploy: 2 uploads, an update of the environment; the update goes on "
        "(follow it: mwaa-local deploy staging).\n"
    )
    site.endpoint.release(site.bucket)
    again = site.deploy()
    assert (again.exit_code, "Nothing to do" in again.stdout) == (0, True)


def test_somebody_else_s_update_is_waited_for_first(site: DeployedSite) -> None:
    site.make_environment()
    site.script(Step(hold=True))
    site.endpoint.client("mwaa").update_environment(Name=site.bucket, MaxWorkers=3)
    site.write("requirements.txt", PIN)
    with process(*UNCHECKED) as deploying:
        assert deploying.stderr is not None
        for line in deploying.stderr:
            if line.endswith("MWAA takes an update only when that is over. Waiting for it.\n"):
                site.endpoint.release(site.bucket)
        assert deploying.wait(20) == 0
    assert site.endpoint.describe(site.bucket)["RequirementsS3Path"] == "requirements.txt"


def test_what_is_skipped_is_in_the_receipt(site: DeployedSite) -> None:
    site.make_environment()
    site.write("dags/broken.py", "from airflow import DAG\ndef dag(\n")
    assert site.deploy("--skip", "python-syntax").exit_code == 0
    (receipt,) = json.loads(site.run("receipts", "--json").stdout)["receipts"]
    assert receipt["skipped"] == ["python-syntax", "test-dags", "test-requirements"]
    assert receipt["caller"] == "arn:aws:sts::123456789012:user/moto"


def test_dry_run_is_the_plan(site: DeployedSite) -> None:
    site.make_environment()
    assert site.run("deploy", "--dry-run", *UNCHECKED).stdout == site.run("plan", *UNCHECKED).stdout
    assert site.objects() == {}


def test_deleted_files_go_with_delete_only(site: DeployedSite) -> None:
    site.make_environment()
    site.write("dags/old.py", DAG.format(name="old"))
    site.put("dags/theirs.py", "theirs")
    assert site.deploy().exit_code == 0
    (site.root / "dags" / "old.py").unlink()
    kept = site.deploy()
    assert (
        "Left in the bucket by an earlier deploy (1; --delete removes them):\n  dags/old.py\n" in kept.stdout
    )
    assert "Not put there by us, left alone (1):\n  dags/theirs.py\n" in kept.stdout
    assert site.deploy("--delete").stderr.endswith("deploy: 1 deletion.\n")
    assert site.objects().keys() == {"dags/orders.py", "dags/theirs.py"}


def test_only_one_file_is_deployed(site: DeployedSite) -> None:
    site.make_environment()
    site.write("dags/other.py", DAG.format(name="other"))
    assert site.deploy("--only", "dags/other.py").exit_code == 0
    assert site.objects().keys() == {"dags/other.py"}


def test_the_document_says_what_was_done(site: DeployedSite) -> None:
    site.make_environment()
    document = json.loads(site.deploy("--json").stdout)
    assert document["deployed"] is True
    assert document["receipt"]["bucket"] == "s3://BUCKET/.mwaa-local/staging/receipts/RECEIPT.json"
    assert document["update"] is None


def test_ctrl_c_while_waiting_says_how_to_go_on(site: DeployedSite) -> None:
    site.make_environment()
    site.write("requirements.txt", PIN)
    site.script(Step(hold=True))
    said = []
    with process(*UNCHECKED) as deploying:
        assert deploying.stderr is not None
        for line in deploying.stderr:
            said.append(line)
            if "UPDATING" in line:
                deploying.send_signal(signal.SIGINT)
        assert deploying.wait(20) == 130
    assert "The update goes on at AWS. To wait for it again: mwaa-local deploy staging\n" in said
