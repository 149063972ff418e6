"""reset-db empties the database that the last start used, and nothing without being asked to."""

import json
from pathlib import Path

import pytest

from tests.cli.environments import Cli, SeemingEnvironment


@pytest.fixture
def newer(environment: SeemingEnvironment, project: Path) -> SeemingEnvironment:
    """An environment of 2.2.2, in a project whose file asks for another version."""
    environment.leave_start()
    (project / "mwaa-local.toml").write_text('[environment]\nversion = "2.10.3"\n', encoding="utf-8")
    return environment


def test_without_an_answer_nothing_is_removed(newer: SeemingEnvironment, cli: Cli) -> None:
    ended = cli("reset-db")
    assert ended.exit_code == 2
    assert "--yes" in ended.stderr
    assert not (newer.folder.root / "database.json").exists()


def test_it_is_about_the_version_of_the_last_start(newer: SeemingEnvironment, cli: Cli) -> None:
    ended = cli("reset-db", "--yes")
    assert ended.exit_code == 0, ended.stderr
    assert "of Airflow 2.2.2 is empty" in ended.stderr
    noted = json.loads((newer.folder.root / "database.json").read_text(encoding="utf-8"))
    assert noted["version"] == "2.2.2"
