"""The gate of a deployment with all its checks, in a real Airflow environment."""

import os

import pytest

from tests.cli.deploying import DeployedSite

pytestmark = pytest.mark.airflow
CACHE = os.environ.get("MWAA_LOCAL_CACHE")


@pytest.fixture
def checked(site: DeployedSite, monkeypatch: pytest.MonkeyPatch) -> DeployedSite:
    if CACHE is None and os.environ.get("CI") != "true":
        pytest.skip("MWAA_LOCAL_CACHE names no folder with Airflow environments")
    if CACHE is not None:
        monkeypatch.setenv("MWAA_LOCAL_CACHE", CACHE)
    site.make_environment()
    return site


def test_a_dag_file_that_airflow_cannot_import_stops_a_deploy(checked: DeployedSite) -> None:
    checked.write(
        "dags/broken.py", "from airflow import DAG\nimport nothing_such\n\nprint(DAG, nothing_such)\n"
    )
    done = checked.run("deploy", "--yes")
    assert done.exit_code == 3
    assert "dags/broken.py:2: error: ModuleNotFoundError: No module named 'nothing_such'" in done.stdout
    assert checked.objects() == {}


def test_a_listed_failure_stops_nothing(checked: DeployedSite) -> None:
    checked.write(
        "dags/broken.py", "from airflow import DAG\nimport nothing_such\n\nprint(DAG, nothing_such)\n"
    )
    checked.write("known-dag-failures.txt", "dags/broken.py\n")
    done = checked.run("deploy", "--yes")
    assert done.exit_code == 0, done.stdout
    assert "Check: test-requirements (T)\n" in done.stderr
    assert "Check: test-dags (T)\n" in done.stderr
    assert "dags/broken.py" in checked.objects()
