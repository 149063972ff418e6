"""`stage` from the command line: what it prints, writes and ends with."""

import json
from pathlib import Path

import pytest

from tests.cli.environments import Cli

CONFIG = """\
[environment]
version = "2.10.3"
[deployments.staging]
bucket = "orders-${ENV}"
dag_s3_path = "airflow/dags"
"""
SHOWN = """\
staging: 3 files, 127 bytes, for s3://orders-dev

  WHAT          KEY               FILES  SIZE
  DAG folder    airflow/dags/     1      3 bytes
  plugins       plugins.zip       1      109 bytes
  requirements  requirements.txt  1      15 bytes

Folder:    stage/staging
Manifest:  stage/staging.manifest.json
Try it:    mwaa-local start --from-stage stage/staging
"""


@pytest.fixture
def staged(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ENV", "dev")
    for name, text in (
        ("mwaa-local.toml", CONFIG),
        ("dags/a.py", "a\n\n"),
        ("plugins/p.py", "p\n\n"),
        ("requirements.txt", "requests==2.31\n"),
    ):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text, encoding="utf-8")
    return project


def test_a_missing_variable_ends_with_2_and_writes_nothing(
    staged: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ENV")
    done = cli("stage")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "mwaa-local.toml line 4: bucket needs the environment variable ENV" in done.stderr
    assert not (staged / "stage").exists()


def test_a_project_without_deployments_ends_with_2_and_shows_one(project: Path, cli: Cli) -> None:
    done = cli("stage", "prod")
    assert done.exit_code == 2
    assert "[deployments.prod]\n    bucket = " in done.stderr


def test_the_folder_of_something_else_ends_with_2(staged: Path, cli: Cli) -> None:
    done = cli("stage", "--output", "plugins")
    assert done.exit_code == 2
    assert "plugins lies in" in done.stderr
    assert cli("stage", "--output", ".").exit_code == 2


def test_it_says_what_lies_where(staged: Path, cli: Cli) -> None:
    done = cli("stage")
    assert (done.exit_code, done.stdout, done.stderr) == (0, SHOWN, "")
    assert (staged / "stage" / "staging" / "airflow" / "dags" / "a.py").read_text(encoding="utf-8") == "a\n\n"
    assert (staged / "stage" / ".gitignore").read_text(encoding="utf-8") == "*\n"


def test_a_folder_of_the_users_is_not_hidden_from_git(staged: Path, cli: Cli) -> None:
    (staged / "stage").mkdir()
    assert cli("stage").exit_code == 0
    assert not (staged / "stage" / ".gitignore").exists()


def test_json_has_the_manifest_and_where_it_is(staged: Path, cli: Cli, tmp_path: Path) -> None:
    done = cli("stage", "staging", "--json", "--output", str(tmp_path / "out"))
    document = json.loads(done.stdout)
    assert (document.pop("folder"), document.pop("manifest")) == (
        str(tmp_path / "out"),
        str(tmp_path / "out.manifest.json"),
    )
    assert document == json.loads((tmp_path / "out.manifest.json").read_text(encoding="utf-8"))
    assert not (tmp_path / ".gitignore").exists()


def test_a_changed_stage_is_not_started(staged: Path, cli: Cli) -> None:
    cli("stage")
    (staged / "stage" / "staging" / "requirements.txt").write_text("other\n", encoding="utf-8")
    done = cli("start", "--from-stage", "stage/staging")
    assert done.exit_code == 2
    assert "is not as it was staged: requirements.txt differs." in done.stderr
    assert not (staged / ".mwaa-local" / "run").exists()


def test_a_stage_has_its_own_files(staged: Path, cli: Cli) -> None:
    cli("stage")
    done = cli("start", "--from-stage", "stage/staging", "--dags", "dags")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--dags and --from-stage exclude one another." in done.stderr
