"""`validate` from the command line: what it prints, writes and ends with."""

import json
from pathlib import Path

import pytest

from tests.cli.environments import Cli

FINE = (
    "from datetime import datetime\n\nfrom airflow import DAG\n\n"
    'dag = DAG("fine", start_date=datetime(2024, 1, 1), catchup=False)\n'
)
QUEUE = (
    "from airflow import DAG\nfrom airflow.operators.bash import BashOperator\n\n"
    'BashOperator(task_id="a", bash_command="ls", queue="big")\n'
)
SHOWN = """\
dags/queue.py:4:52: error: queue='big': MWAA has no such queue, and the task would fail without a log. [custom-queue]
    Leave queue out.
"""


@pytest.fixture
def dags(project: Path) -> Path:
    (project / "mwaa-local.toml").write_text('[environment]\nversion = "2.10.3"\n', encoding="utf-8")
    (project / "dags" / "fine.py").write_text(FINE, encoding="utf-8")
    return project / "dags"


def test_a_project_without_problems_ends_with_0(dags: Path, cli: Cli) -> None:
    done = cli("validate")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "validate: nothing to complain about.\n")


def test_an_error_ends_with_3_and_says_where_and_what_to_do(dags: Path, cli: Cli) -> None:
    (dags / "queue.py").write_text(QUEUE, encoding="utf-8")
    done = cli("validate")
    assert (done.exit_code, done.stdout, done.stderr) == (3, SHOWN, "validate: 1 error.\n")


def test_a_warning_does_not_make_it_fail(dags: Path, cli: Cli) -> None:
    (dags / "heavy.py").write_text("import airflow  # dag\nimport pandas\n", encoding="utf-8")
    done = cli("validate")
    assert done.exit_code == 0
    assert "[heavy-import]" in done.stdout


def test_json_holds_every_finding(dags: Path, cli: Cli) -> None:
    (dags / "queue.py").write_text(QUEUE, encoding="utf-8")
    done = cli("validate", "--json")
    (finding,) = json.loads(done.stdout)["findings"]
    assert done.exit_code == 3
    assert finding["rule"] == "custom-queue"
    assert finding["location"] == {"file": "dags/queue.py", "line": 4, "column": 52}


def test_sarif_and_junit_are_written_beside_the_text(dags: Path, cli: Cli, tmp_path: Path) -> None:
    (dags / "queue.py").write_text(QUEUE, encoding="utf-8")
    sarif, junit = tmp_path / "out.sarif", tmp_path / "out.xml"
    assert cli("validate", "--sarif", str(sarif), "--junit", str(junit)).stdout == SHOWN
    (result,) = json.loads(sarif.read_text(encoding="utf-8"))["runs"][0]["results"]
    assert result["ruleId"] == "custom-queue"
    assert 'failures="1"' in junit.read_text(encoding="utf-8")


def test_a_report_that_cannot_be_written_is_said(dags: Path, cli: Cli, tmp_path: Path) -> None:
    done = cli("validate", "--sarif", str(tmp_path / "no" / "folder"))
    assert done.exit_code == 2
    assert "cannot be written: No such file or directory." in done.stderr


def test_the_list_documents_every_rule(project: Path, cli: Cli) -> None:
    listed = json.loads(cli("validate", "--list", "--json").stdout)["rules"]
    assert {"top-level-variable", "custom-queue", "ignore-file-syntax", "overridden-option"} <= {
        rule["id"] for rule in listed
    }
    assert all(rule["summary"] and rule["source"] for rule in listed)
    text = cli("validate", "--list").stdout
    assert all(f"{rule['id']} ({rule['severity']})" in text for rule in listed)


def test_the_version_can_be_another_one(dags: Path, cli: Cli) -> None:
    (dags / "new.py").write_text(
        'from airflow import DAG\nDAG("x", schedule=None, catchup=False)\n', encoding="utf-8"
    )
    assert cli("validate").exit_code == 0
    assert "[unknown-dag-argument]" in cli("validate", "--version", "2.2.2").stdout


def test_a_check_leaves_nothing_in_the_project(dags: Path, cli: Cli, project: Path) -> None:
    cli("validate")
    assert sorted(path.name for path in project.iterdir()) == ["dags", "mwaa-local.toml"]
