"""`test-dags` and `pytest` from the command line, in a real Airflow environment."""

import json
import os
import shutil
from pathlib import Path

import pytest

from mwaa_local.catalog import data_folder
from tests.cli.environments import Cli

pytestmark = pytest.mark.airflow
PROJECTS = Path(__file__).parents[1] / "projects"
CACHE = os.environ.get("MWAA_LOCAL_CACHE")

FINE = (
    "from datetime import datetime\n\nfrom airflow import DAG\nfrom airflow.operators.bash import BashOperator\n\n"
    'ARGS = {"owner": "team", "retries": 1}\n'
    'with DAG("fine", start_date=datetime(2024, 1, 1), catchup=False, default_args=ARGS) as dag:\n'
    '    BashOperator(task_id="a", bash_command="ls")\n'
)
BROKEN = "from airflow import DAG\nimport sklearn\n\nprint(DAG, sklearn)\n"


@pytest.fixture
def dags(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if CACHE is None and os.environ.get("CI") != "true":
        pytest.skip("MWAA_LOCAL_CACHE names no folder with Airflow environments")
    if CACHE is not None:
        monkeypatch.setenv("MWAA_LOCAL_CACHE", CACHE)
    (project / "dags" / "fine.py").write_text(FINE, encoding="utf-8")
    return project / "dags"


def test_a_project_without_problems_ends_with_0(dags: Path, cli_process: Cli) -> None:
    done = cli_process("test-dags", "--amazon-provider", "stock")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "1 files, 1 DAGs" in done.stderr


def test_a_missing_module_is_named_with_its_requirement_and_its_line(dags: Path, cli_process: Cli) -> None:
    (dags / "broken.py").write_text(BROKEN, encoding="utf-8")
    done = cli_process("test-dags")
    assert done.exit_code == 3
    assert (
        "dags/broken.py:2: error: ModuleNotFoundError: No module named 'sklearn'\n"
        "    import sklearn [missing-module]\n"
        "    Add a line to requirements.txt: scikit-learn\n"
    ) in done.stdout


def test_a_known_failure_is_a_note_and_a_stale_one_a_warning(dags: Path, cli_process: Cli) -> None:
    (dags / "broken.py").write_text(BROKEN, encoding="utf-8")
    (dags.parent / "known-dag-failures.txt").write_text(
        "dags/broken.py  # JIRA-1\ndags/fine.py\n", encoding="utf-8"
    )
    done = cli_process("test-dags")
    assert done.exit_code == 0
    assert "dags/broken.py:2: info: Known failure: ModuleNotFoundError" in done.stdout
    assert (
        "known-dag-failures.txt:2: warning: Nothing that 'dags/fine.py' names fails. [stale-known-failure]"
        in done.stdout
    )


def test_json_tells_of_each_file_and_dag(dags: Path, cli_process: Cli) -> None:
    document = json.loads(cli_process("test-dags", "--json", "--no-rules").stdout)
    (file,) = document["files"]
    assert (file["file"], file["ok"]) == ("fine.py", True)
    assert file["dags"] == [
        {
            "dag_id": "fine",
            "schedule": "1 day, 0:00:00",
            "catchup": False,
            "start_date": "2024-01-01T00:00:00+00:00",
            "owners": ["team"],
            "tasks": 1,
            "tags": [],
        }
    ]


def test_tests_run_in_the_environment_with_our_fixtures(dags: Path, cli_process: Cli) -> None:
    (dags.parent / "test_fine.py").write_text(
        "def test_dag(dag, each_dag):\n    assert dag('fine') is each_dag\n\n\n"
        "def test_absent(dag):\n    dag('absent')\n",
        encoding="utf-8",
    )
    done = cli_process("pytest", "-q", "test_fine.py")
    assert done.exit_code == 1
    assert "There is no DAG 'absent'. DAGs: fine." in done.stdout
    assert "1 failed, 1 passed" in done.stdout


@pytest.mark.parametrize("version", ["2.2.2", "3.0.6"])
def test_a_deferrable_task_is_resumed_by_its_trigger(
    dags: Path, cli_process: Cli, tmp_path: Path, version: str
) -> None:
    root = tmp_path / "deferred"
    shutil.copytree(PROJECTS / "deferred-tasks", root, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "mwaa-local.toml").write_text(f'[environment]\nversion = "{version}"\n', encoding="utf-8")
    done = cli_process("pytest", "--project", str(root), "-q", str(root / "tests"))
    assert done.exit_code == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def test_the_sample_project_s_own_tests_pass(dags: Path, cli_process: Cli, tmp_path: Path) -> None:
    sample = tmp_path / "sample"
    shutil.copytree(
        data_folder("sample_dags"), sample, ignore=shutil.ignore_patterns(".mwaa-local", "__pycache__")
    )
    done = cli_process("pytest", "--project", str(sample), "-q", str(sample / "tests"))
    assert done.exit_code == 0, done.stdout + done.stderr
    assert "failed" not in done.stdout
