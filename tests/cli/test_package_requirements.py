"""package-requirements: what is said before anything is fetched (the bundles themselves are a contract test's)."""

from pathlib import Path

import pytest

from tests.cli.environments import Cli


def test_a_project_without_requirements_has_nothing_to_bundle(project: Path, cli: Cli) -> None:
    outcome = cli("package-requirements")
    assert outcome.exit_code == 2
    assert outcome.stderr == (
        f"Error: {project} has no requirements.txt.\n  Hint: Name it with --requirements.\n"
    )


def test_an_unknown_version_is_wrong_usage(project: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "requirements.txt").write_text("boto3\n")
    outcome = cli("package-requirements", "--version", "2.2.3")
    assert outcome.exit_code == 2
    assert "MWAA never offered Airflow '2.2.3'" in outcome.stderr
