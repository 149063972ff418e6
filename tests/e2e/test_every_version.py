"""Every version of the catalogue starts, runs a DAG through its worker and stops; long, so only when asked for.

Set MWAA_LOCAL_EVERY_VERSION=1. `test_main_job` and `test_browser` do more with three of the versions at every run.
"""

import os

import pytest

from mwaa_local.catalog import list_versions
from tests.e2e.conftest import MakeProject

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.skipif(
        os.environ.get("MWAA_LOCAL_EVERY_VERSION") != "1",
        reason="takes ten minutes: set MWAA_LOCAL_EVERY_VERSION=1 to run it",
    ),
]

DAG = """\
from datetime import datetime

from airflow import DAG

try:
    from airflow.operators.bash import BashOperator
except ImportError:
    try:
        from airflow.providers.standard.operators.bash import BashOperator
    except ImportError:
        from airflow.operators.bash_operator import BashOperator

with DAG("hello", start_date=datetime(2024, 1, 1), catchup=False, {schedule}=None) as dag:
    BashOperator(task_id="say", bash_command="echo hello")
"""


@pytest.mark.parametrize("version", list_versions())
def test_a_version_starts_runs_a_dag_and_stops(version: str, make_project: MakeProject) -> None:
    project = make_project(name=f"airflow-{version}", version=version)
    dags = project.folder / "dags"
    (dags / "work.py").unlink()
    schedule = "schedule" if version.startswith("3") else "schedule_interval"
    (dags / "hello.py").write_text(DAG.format(schedule=schedule), encoding="utf-8")
    project.start()

    result = project.run("run", "hello", "--timeout", "120")

    assert result.returncode == 0, result.stderr
    project.stop()
