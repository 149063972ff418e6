"""test-startup-script: what it shows of a run, and whose exit code it has."""

import json
from pathlib import Path

import pytest

from tests.cli.environments import Cli


@pytest.fixture(autouse=True)
def without_shellcheck(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide shellcheck, which not every machine has."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "shellcheck").write_text("#!/bin/sh\nexit 2\n")
    (tools / "shellcheck").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")


def write(project: Path, text: str) -> None:
    (project / "startup.sh").write_text(text)


def test_what_the_script_did_is_shown(project: Path, cli: Cli) -> None:
    write(
        project,
        "export ENVIRONMENT=dev API_TOKEN=abc\nLOST=1\nsudo yum install -y libaio\nexport AIRFLOW__CORE__EXECUTOR=x\n"
        "echo $HOME $MWAA_AIRFLOW_COMPONENT\n",
    )
    outcome = cli("test-startup-script", "--component", "worker")
    lines = outcome.stdout.splitlines()
    assert lines[0].startswith("worker: ended with exit code 0 after ")
    assert lines[1:7] == [
        "  exported      AIRFLOW__CORE__EXECUTOR=x  <- overwritten by MWAA",
        "  exported      API_TOKEN=***",
        "  exported      ENVIRONMENT=dev",
        "  not exported  LOST=1",
        "  not run       sudo yum install -y libaio",
        "",
    ]
    assert "startup.sh:1: warning: Set but not exported: LOST (worker). [startup-not-exported]" in lines
    assert "startup.sh:4: warning: MWAA overwrites AIRFLOW__CORE__EXECUTOR. [startup-reserved]" in lines
    assert outcome.exit_code == 0
    said = outcome.stderr.splitlines()
    assert said[0] == "startup.sh for the worker:"
    assert said[1].endswith("worker")
    assert str(Path.home()) not in said[1].split()


@pytest.mark.parametrize(("text", "code"), [("exit 7\n", 7), ("set -e\nfalse\n", 1), ("exec true\n", 1)])
def test_the_exit_code_is_the_scripts(project: Path, cli: Cli, text: str, code: int) -> None:
    write(project, text)
    assert cli("test-startup-script").exit_code == code


def test_a_script_that_takes_too_long_ends_with_124(project: Path, cli: Cli) -> None:
    write(project, "sleep 600\n")
    outcome = cli("test-startup-script", "--limit", "0.5")
    assert outcome.exit_code == 124
    assert "scheduler: did not end after" in outcome.stdout


def test_an_error_in_a_script_that_ended_well_is_a_finding(project: Path, cli: Cli) -> None:
    write(project, "sudo apt-get install -y libaio1\n")
    outcome = cli("test-startup-script", "--json")
    document = json.loads(outcome.stdout)
    assert outcome.exit_code == 3
    assert document["runs"][0]["not_run"] == ["sudo apt-get install -y libaio1"]
    assert document["findings"][0]["rule"] == "startup-package-manager"


def test_a_script_that_looks_at_its_component_runs_for_each(project: Path, cli: Cli) -> None:
    write(project, 'if [ "$MWAA_AIRFLOW_COMPONENT" = webserver ]; then export WEB=1; fi\n')
    document = json.loads(cli("test-startup-script", "--json").stdout)
    assert [(run["component"], run["exported"]) for run in document["runs"]] == [
        ("scheduler", {}),
        ("worker", {}),
        ("webserver", {"WEB": "1"}),
    ]


def test_the_script_cannot_touch_the_projects_files(project: Path, cli: Cli) -> None:
    (project / "dags" / "mine.py").write_text("x = 1\n")
    write(project, "cat $AIRFLOW_HOME/dags/mine.py\nrm -rf $AIRFLOW_HOME/dags ~/*\n")
    assert "x = 1" in cli("test-startup-script").stderr
    assert (project / "dags" / "mine.py").exists()


def test_a_variable_that_mwaa_overwrites_is_reported_once(project: Path, cli: Cli) -> None:
    write(project, "export AIRFLOW__CORE__EXECUTOR=x\neval export AIRFLOW_HOME=/x\n")
    lines = cli("test-startup-script").stdout.splitlines()
    told = [line for line in lines if "MWAA overwrites" in line]
    assert told == [
        "startup.sh:1: warning: MWAA overwrites AIRFLOW_HOME (scheduler). [startup-overwritten]",
        "startup.sh:1: warning: MWAA overwrites AIRFLOW__CORE__EXECUTOR. [startup-reserved]",
    ]


def test_full_paths_outside_of_home_are_not_written(project: Path, cli: Cli) -> None:
    document = json.loads(cli_of(project, cli, "true\n"))
    if not document["runs"][0]["sandboxed"]:
        pytest.skip("this system gives no sandbox")
    marker = Path("/var/tmp/mwaa-local-startup-test")
    text = f"echo x > {marker}\necho y > $AIRFLOW_HOME/kept && echo z > /dev/null && export KEPT=1\n"
    (run,) = json.loads(cli_of(project, cli, text))["runs"]
    assert not marker.exists()
    assert run["exported"] == {"KEPT": "1"}
    assert [line.rpartition(": ")[0].endswith(str(marker)) for line in run["not_written"]] == [True]


def cli_of(project: Path, cli: Cli, text: str) -> str:
    write(project, text)
    return cli("test-startup-script", "--json").stdout


def test_a_project_without_a_script_has_nothing_to_test(project: Path, cli: Cli) -> None:
    outcome = cli("test-startup-script")
    assert outcome.exit_code == 2
    assert outcome.stderr == (
        f"Error: {project} has no startup.sh.\n  Hint: Name it with --startup-script.\n"
    )


def test_system_commands_are_run_in_containers_only(project: Path, cli: Cli) -> None:
    if any(Path(sign).exists() for sign in ("/.dockerenv", "/run/.containerenv")):
        pytest.skip("this is a container")
    write(project, "true\n")
    outcome = cli("test-startup-script", "--run-system-commands")
    assert outcome.exit_code == 2
    assert "This is no container" in outcome.stderr


def test_shellchecks_comments_are_findings(project: Path, cli: Cli, tmp_path: Path) -> None:
    comment = {"line": 1, "column": 6, "code": 2086, "level": "info", "message": "Double quote it."}
    (tmp_path / "tools" / "shellcheck").write_text(f"#!/bin/sh\necho '{json.dumps([comment])}'\nexit 1\n")
    write(project, "echo $HOME\n")
    lines = cli("test-startup-script").stdout.splitlines()
    assert "startup.sh:1:6: info: Double quote it. [shellcheck-SC2086]" in lines
