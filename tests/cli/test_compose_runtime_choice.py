"""Which runtime commands work with, and what they say where there is no container engine."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from mwaa_local.cli.app import make_app
from mwaa_local.cli.runtimes import chosen_runtime, current_runtime
from mwaa_local.environment_stack import Ports
from mwaa_local.errors import EngineError
from mwaa_local.project import find_project
from mwaa_local.runtime.native import NativeRuntime
from mwaa_local.runtime.start_record import StartRecord
from mwaa_local.runtime.state import StateFolder
from tests.cli.environments import Cli
from tests.fakes_compose import QuietProgress

NOBODY = "unix:///nowhere/docker.sock"
SILENT = f"Error: The container engine at {NOBODY} does not answer: there is no such socket."
HINT = "  Hint: start Docker or Podman, or say where it listens: DOCKER_HOST=unix:///path/to/socket"


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", NOBODY)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "dags").mkdir()
    return tmp_path


def leave_compose_start(project: Path) -> StateFolder:
    """Leave the record of a start in containers."""
    folder = StateFolder(project / ".mwaa-local")
    folder.create()
    record = StartRecord(
        project=str(project),
        environment="orders",
        version="2.2.2",
        amazon_provider="3.4.0",
        python="python3",
        packages="mwaa-local/project:1",
        ports=Ports(webserver=8080, aws=4000, postgres=5432),
        request="",
        executor="celery",
        aws="local",
        runtime="compose",
        compose_project="mwaa-local-orders-1a2b3c",
    )
    folder.start_record.write_text(json.dumps(asdict(record)), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "arguments", [("start", "--runtime", "compose"), ("compose", "export", "--output", "out.yml")]
)
def test_without_an_engine_containers_are_refused(
    cli: Cli, project: Path, arguments: tuple[str, ...]
) -> None:
    outcome = cli(*arguments, "--project", str(project))
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert outcome.stderr.splitlines() == [SILENT, HINT]


@pytest.mark.parametrize("command", ["status", "airflow", "run", "stop", "restart"])
def test_an_environment_in_containers_cannot_be_seen_without_its_engine(
    cli: Cli, project: Path, command: str
) -> None:
    leave_compose_start(project)
    given = {"airflow": ["version"], "run": ["my_dag"]}.get(command, [])
    options = ["--project", str(project)]
    outcome = cli(command, *options, *given)
    assert outcome.exit_code == 1
    assert SILENT in outcome.stderr.splitlines()


def test_logs_are_files_and_need_no_engine(cli: Cli, project: Path) -> None:
    folder = leave_compose_start(project)
    folder.log("scheduler").write_text("a line\n", encoding="utf-8")
    outcome = cli("logs", "scheduler", "--project", str(project))
    assert (outcome.exit_code, outcome.stdout) == (0, "a line\n")


def test_an_export_replaces_nothing_unasked(cli: Cli, project: Path) -> None:
    file = project / "compose.yml"
    file.write_text("mine\n", encoding="utf-8")
    outcome = cli("compose", "export", "--output", str(file), "--project", str(project))
    assert outcome.exit_code == 2
    assert outcome.stderr.splitlines() == [
        f"Error: {file} exists already.",
        "  Hint: choose another name, or add --force",
    ]


def test_an_unknown_runtime_is_refused(cli: Cli, project: Path) -> None:
    outcome = cli("start", "--runtime", "docker", "--project", str(project))
    assert outcome.exit_code == 2
    assert outcome.stderr == (
        'Error: flag --runtime: kind cannot be \'docker\'.\n  Hint: Valid: "native", "compose", "auto".\n'
    )


def test_auto_takes_the_native_runtime_where_no_engine_answers_and_says_so(project: Path) -> None:
    app, progress = make_app(), QuietProgress()
    found = app.project(project)
    chosen = chosen_runtime(app, found, app.load(found, {"runtime": "auto"}), progress)
    assert isinstance(chosen, NativeRuntime)
    assert progress.said == [
        f"Runtime native: The container engine at {NOBODY} does not answer: there is no such socket."
    ]


def test_the_default_is_native_and_asks_no_engine(project: Path) -> None:
    app, progress = make_app(), QuietProgress()
    found = app.project(project)
    assert isinstance(chosen_runtime(app, found, app.load(found), progress), NativeRuntime)
    assert progress.said == []


def test_commands_stay_with_the_runtime_of_the_last_start(project: Path) -> None:
    leave_compose_start(project)
    with pytest.raises(EngineError):
        current_runtime(make_app(), find_project(project, {}))
