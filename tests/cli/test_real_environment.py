"""The commands on an environment that really runs; one serves all tests of this file."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

pytestmark = pytest.mark.airflow

ENVIRON = dict(os.environ)
"""As it was before the tests of this folder put another cache in place."""
CANNOT_RUN = ("there is none on this machine", "the package index cannot be reached")
DAGS = """\
from datetime import datetime

from airflow import DAG
from airflow.models import Variable
from airflow.operators.python import PythonOperator

with DAG("orders", start_date=datetime(2024, 1, 1), schedule_interval=None) as orders:
    PythonOperator(task_id="size", python_callable=lambda: print("the size is", Variable.get("size")))

with DAG("broken", start_date=datetime(2024, 1, 1), schedule_interval=None) as broken:
    PythonOperator(task_id="divide", python_callable=lambda: 1 / 0)
"""
TEST = """\
def test_orders(dag):
    assert dag("orders").task_ids == ["size"]
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Runs `mwaa-local` in a project whose environment has been started."""
    project = tmp_path_factory.mktemp("real project")
    (project / "src").mkdir()
    (project / "src" / "orders.py").write_text(DAGS, encoding="utf-8")
    (project / "tests").mkdir()
    (project / "tests" / "test_orders.py").write_text(TEST, encoding="utf-8")

    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        call = [sys.executable, "-c", "from mwaa_local.cli import main; main()", *arguments]
        return subprocess.run(
            call,
            cwd=project,
            env=ENVIRON,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )

    started = run("start", "--dags", "src", "--airflow-option", "core.parallelism=9")
    if (
        started.returncode
        and ENVIRON.get("CI") != "true"
        and any(each in started.stderr for each in CANNOT_RUN)
    ):
        pytest.skip(f"Airflow cannot be run here: {started.stderr}")
    assert started.returncode == 0, started.stderr
    yield run
    assert run("destroy", "--yes").returncode == 0


def test_status_is_healthy(command: Run) -> None:
    shown = command("status", "--json")
    assert shown.returncode == 0
    services = json.loads(shown.stdout)["services"]
    assert [service["name"] for service in services] == [
        "postgres",
        "aws",
        "scheduler",
        "worker",
        "webserver",
    ]


def test_airflows_exit_code_and_streams_are_its_own(command: Run) -> None:
    version = command("airflow", "version")
    assert (version.returncode, version.stdout.splitlines()[-1]) == (0, "2.2.2")
    assert command("airflow", "dags", "lst").returncode == 2
    read = command("python", "-", stdin="import airflow, sys; sys.exit(airflow.__version__ != '2.2.2')")
    assert read.returncode == 0, read.stderr


def test_a_variable_that_is_imported_is_what_a_task_reads(command: Run) -> None:
    assert command("variables", "import", "-", stdin='{"size": "forty two"}').stdout == "Created: size\n"
    ran = command("run", "orders", "--timeout", "120")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "  success         size" in ran.stdout
    assert "the size is forty two" in command("logs", "--task", "orders.size").stdout


def test_what_is_exported_comes_back_unchanged(command: Run) -> None:
    for kind in ("connections", "variables", "pools"):
        exported = command(kind, "export")
        assert exported.returncode == 0, exported.stderr
        assert command(kind, "import", "-", stdin=exported.stdout).returncode == 0
        assert command(kind, "export").stdout == exported.stdout


def test_a_failing_task_fails_the_run_and_shows_its_log(command: Run) -> None:
    ran = command("run", "broken", "--timeout", "120")
    assert ran.returncode == 1
    assert "ZeroDivisionError: division by zero" in ran.stdout


def test_settings_are_those_that_run_and_hide_secrets(command: Run) -> None:
    shown = command("settings", "--json")
    settings = {setting["name"]: setting for setting in json.loads(shown.stdout)}
    assert shown.stderr == ""
    assert settings["AIRFLOW__CORE__EXECUTOR"]["value"] == "CeleryExecutor"
    assert settings["AIRFLOW__CORE__FERNET_KEY"]["value"] == "********"


def test_the_projects_own_tests_run_in_what_was_started(command: Run) -> None:
    tested = command("pytest", "-q", "tests")
    assert tested.returncode == 0, tested.stdout
    assert "1 passed" in tested.stdout
    assert "As the last start: --dags " in tested.stderr


def test_a_restart_keeps_the_flags_of_the_start(command: Run) -> None:
    again = command("restart", "--airflow-option", "core.max_active_runs_per_dag=7")
    assert again.returncode == 0, again.stderr
    said = next(line for line in again.stderr.splitlines() if line.startswith("As the last start: --dags "))
    assert said.endswith("src --airflow-option core.parallelism=...")
    settings = {
        setting["name"]: setting["value"] for setting in json.loads(command("settings", "--json").stdout)
    }
    names = ("AIRFLOW__CORE__PARALLELISM", "AIRFLOW__CORE__MAX_ACTIVE_RUNS_PER_DAG")
    assert [settings[name] for name in names] == ["9", "7"]
    assert "orders" in command("airflow", "dags", "list").stdout


def test_the_shell_survives_a_stop_from_inside(command: Run) -> None:
    stop = f'"{sys.executable}" -c "from mwaa_local.cli import main; main()" stop; echo still here; exit 4\n'
    ended = command("shell", stdin=stop)
    assert ended.returncode == 4
    assert ended.stdout.endswith("still here\n")
    assert command("status").returncode == 1
