"""`plan`: what it says of a project, its bucket and its environment, and when it says no."""

import json
from pathlib import Path

import pytest

from tests.cli.deploying import DAG, UNCHECKED, DeployedSite
from tests.cli.environments import Cli
from tests.mwaa_endpoint import Step


def test_a_project_without_deployments_is_wrong_usage(project: Path, cli: Cli) -> None:
    done = cli("plan")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "[deployments.NAME]" in done.stderr or "[deployments." in done.stderr


def test_credentials_that_are_missing_are_a_failure(
    site: DeployedSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    done = site.run("plan", *UNCHECKED)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "Error: There are no AWS credentials.\n  Hint: Sign in with `aws sso login`" in done.stderr


def test_a_bucket_that_does_not_exist_is_a_failure(site: DeployedSite) -> None:
    site.bucket = "nobody-s-bucket"
    site.configure(environment=False)
    done = site.run("plan", *UNCHECKED)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "BUCKET" in done.stderr


def test_an_environment_that_does_not_exist_stops_it(site: DeployedSite) -> None:
    done = site.run("plan", *UNCHECKED)
    assert done.exit_code == 3
    assert done.stdout == (
        "staging: s3://BUCKET in us-east-1\n"
        "\n"
        "  Account      123456789012, user moto\n"
        "  Environment  BUCKET (missing)\n"
        "\n"
        "  STEP    WHY  SIZE       WHAT\n"
        "  upload  new  162 bytes  dags/orders.py\n"
        "\n"
        "error: There is no environment BUCKET in us-east-1. [environment-missing]\n"
        "    Make it first, or leave `environment` out of the deployment to fill the bucket only.\n"
    )
    assert done.stderr == (
        "Looked at AWS (T)\n"
        "Staged the project and listed the bucket (T)\n"
        "Check: validate (T)\n"
        "Stopped by 1 error; nothing was changed.\n"
    )


def test_an_error_in_a_dag_file_stops_it(site: DeployedSite) -> None:
    site.make_environment()
    site.write("dags/broken.py", "from airflow import DAG\ndef dag(\n")
    done = site.run("plan", *UNCHECKED)
    assert done.exit_code == 3
    assert "dags/broken.py:2:" in done.stdout
    assert "[python-syntax]" in done.stdout
    assert site.run("plan", *UNCHECKED, "--skip", "python-syntax").exit_code == 0


def test_a_file_that_is_not_deployed_stops_nothing(site: DeployedSite) -> None:
    site.configure('prefix = "etl"')
    site.make_environment()
    site.write("dags/etl/ours.py", DAG.format(name="ours"))
    site.write("dags/theirs.py", "from airflow import DAG\ndef dag(\n")
    done = site.run("plan", *UNCHECKED)
    assert done.exit_code == 0
    assert "theirs" not in done.stdout


def test_an_object_of_somebody_else_stops_it(site: DeployedSite) -> None:
    site.make_environment()
    site.put("dags/orders.py", "theirs")
    done = site.run("plan", *UNCHECKED)
    assert done.exit_code == 3
    assert (
        "  CONFLICT  WHAT LIES THERE WAS  WHERE\n"
        "  upload    not put there by us  dags/orders.py\n"
        "\n"
        "Look at them (--diff), then say which ones to overwrite: --take-over\n"
        "dags/orders.py\n"
    ) in done.stdout
    assert done.stderr.endswith("Stopped by 1 conflict; nothing was changed.\n")
    assert site.run("plan", *UNCHECKED, "--take-over", "dags/orders.py").exit_code == 0


def test_an_environment_that_is_busy_stops_an_update(site: DeployedSite) -> None:
    site.make_environment()
    site.script(Step(hold=True))
    site.endpoint.client("mwaa").update_environment(Name=site.bucket, MaxWorkers=3)
    site.write("requirements.txt", "humanize==4.9.0\n")
    done = site.run("plan", *UNCHECKED)
    site.endpoint.release(site.bucket)
    assert done.exit_code == 3
    assert (
        "error: Environment BUCKET is UPDATING: MWAA takes an update only when that is over." in done.stdout
    )


def test_a_path_that_is_not_deployed_is_wrong_usage(site: DeployedSite) -> None:
    site.make_environment()
    done = site.run("plan", *UNCHECKED, "--only", "dags/nothing.py")
    assert done.exit_code == 2
    assert "Nothing that is deployed is named dags/nothing.py" in done.stderr


def test_a_rule_that_nothing_breaks_is_mentioned(site: DeployedSite) -> None:
    site.make_environment()
    done = site.run("plan", *UNCHECKED, "--skip", "no-such-rule")
    assert done.exit_code == 0
    assert "Warning: --skip no-such-rule: there was nothing of that name to leave out.\n" in done.stderr


def test_what_a_first_deploy_does_is_shown_in_full(site: DeployedSite) -> None:
    site.make_environment()
    site.write("requirements.txt", "humanize==4.9.0\n")
    done = site.run("plan", *UNCHECKED)
    assert done.exit_code == 0
    assert done.stdout == (
        "staging: s3://BUCKET in us-east-1\n"
        "\n"
        "  Account      123456789012, user moto\n"
        "  Environment  BUCKET: AVAILABLE, Airflow 2.10.3, mw1.small\n"
        "\n"
        "  STEP    WHY          SIZE       WHAT\n"
        "  upload  new          16 bytes   requirements.txt\n"
        "  upload  new          162 bytes  dags/orders.py\n"
        "  update  new version             BUCKET (requirements)\n"
        "\n"
        "The checks have 1 more note (--json has all).\n"
        "\n"
        "  In effect    Schedulers and workers copy the DAG folder within about 30 s;\n"
        "               nothing is restarted.\n"
        "               A new DAG file is found up to 300 s later\n"
        "               (scheduler.dag_dir_list_interval).\n"
        "               The environment's update takes 10 to 30 minutes; running tasks\n"
        "               may be ended by it.\n"
    )
    assert done.stderr.endswith("Planned: 2 uploads, an update of the environment.\n")
    assert site.objects() == {}


def test_the_differences_are_shown_on_demand(site: DeployedSite) -> None:
    site.make_environment()
    site.write("dags/sql/query.sql", "select 1\nfrom orders\n")
    assert site.deploy().exit_code == 0
    site.write("dags/sql/query.sql", "select 2\nfrom orders\n")
    site.write("dags/sql/new.sql", "select 3\n")
    assert site.run("plan", *UNCHECKED, "--diff").stdout.endswith(
        "--- s3/dags/sql/query.sql\n"
        "+++ dags/sql/query.sql\n"
        "@@ -1,2 +1,2 @@\n"
        "-select 1\n"
        "+select 2\n"
        " from orders\n"
        "1 new file not shown.\n"
    )


def test_members_of_archives_are_compared(site: DeployedSite) -> None:
    site.make_environment()
    site.write("plugins/one.py", "ONE = 1\n")
    site.write("plugins/two.py", "TWO = 2\n")
    assert site.deploy().exit_code == 0
    site.write("plugins/one.py", "ONE = 11\n")
    site.write("plugins/three.py", "THREE = 3\n")
    (site.root / "plugins" / "two.py").unlink()
    shown = site.run("plan", *UNCHECKED, "--diff").stdout
    assert shown.endswith("plugins.zip:\n  + three.py\n  - two.py\n  ~ one.py\n")


def test_everything_is_in_the_json(site: DeployedSite) -> None:
    site.make_environment()
    site.write("requirements.txt", "humanize==4.9.0\n")
    site.put("dags/theirs.py", "theirs")
    done = site.run("plan", "--json", *UNCHECKED)
    document = json.loads(done.stdout)
    assert done.exit_code == 0
    assert document["account"] == "123456789012"
    assert document["environment"]["status"] == "AVAILABLE"
    assert [(step["step"], step.get("key")) for step in document["steps"]] == [
        ("upload", "requirements.txt"),
        ("upload", "dags/orders.py"),
        ("update", None),
    ]
    assert document["steps"][2]["sources"]["requirements"] == {
        "path": "requirements.txt",
        "version": None,
        "before": None,
    }
    assert document["remote_only"] == ["dags/theirs.py"]
    assert (document["stopped"], document["conflicts"]) == (False, [])
    assert [finding["rule"] for finding in document["findings"]] == ["requirements-no-constraint"]
    assert document["skipped"] == ["test-dags", "test-requirements"]
