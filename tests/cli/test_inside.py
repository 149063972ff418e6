import json

import pytest

from tests.cli.environments import Cli, SeemingEnvironment

SHOW = """\
import json, os, sys
names = ("MWAA_LOCAL_RUN", "AIRFLOW_HOME", "AWS_PROFILE", "MY_OWN", "TERM")
print(json.dumps({"arguments": sys.argv[1:], "variables": {n: os.environ.get(n) for n in names}}))
print(sys.stdin.read().strip(), file=sys.stderr)
sys.exit(5)
"""
HOME = (("AIRFLOW_HOME", "/there"),)


@pytest.fixture
def running(environment: SeemingEnvironment, monkeypatch: pytest.MonkeyPatch) -> SeemingEnvironment:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AIRFLOW_HOME", "/elsewhere")
    monkeypatch.setenv("MY_OWN", "mine")
    monkeypatch.setenv("TERM", "vt100")
    environment.run()
    environment.leave_stack({"airflow": SHOW}, HOME)
    return environment


def test_airflow_runs_with_the_environments_variables_and_keeps_streams_and_exit_code(
    running: SeemingEnvironment, cli_process: Cli
) -> None:
    ended = cli_process("airflow", "dags", "list", "--output", "json", "-v", stdin="typed")
    assert ended.exit_code == 5
    assert ended.stderr == "typed\n"
    said = json.loads(ended.stdout)
    assert said["arguments"] == ["dags", "list", "--output", "json", "-v"]
    assert said["variables"] == {
        "MWAA_LOCAL_RUN": None,
        "AIRFLOW_HOME": "/there",
        "AWS_PROFILE": None,
        "MY_OWN": None,
        "TERM": "vt100",
    }


def test_airflow_needs_a_running_environment(environment: SeemingEnvironment, cli: Cli) -> None:
    failed = cli("airflow", "version")
    assert failed.exit_code == 1
    assert failed.stdout == ""
    assert failed.stderr == "Error: The environment is not running.\n  Hint: start it: mwaa-local start\n"


def test_as_mwaa_refuses_what_the_service_refuses(running: SeemingEnvironment, cli: Cli) -> None:
    refused = cli("airflow", "--as-mwaa", "users", "list")
    assert refused.exit_code == 2
    assert refused.stdout == ""
    assert refused.stderr == (
        "Error: MWAA does not run `airflow users list` for Airflow 2.2.2.\n"
        "  Hint: nearest that it runs: tasks list, roles list, providers list\n"
    )


def test_as_mwaa_runs_what_the_service_runs(running: SeemingEnvironment, cli_process: Cli) -> None:
    ended = cli_process("airflow", "--as-mwaa", "dags", "trigger", "daily")
    assert ended.exit_code == 5
    assert json.loads(ended.stdout)["arguments"] == ["dags", "trigger", "daily"]


def test_python_takes_the_users_own_variables_but_nothing_of_another_airflow_or_aws(
    running: SeemingEnvironment, cli_process: Cli
) -> None:
    ended = cli_process("python", "-c", SHOW, "--flag")
    assert ended.exit_code == 5
    said = json.loads(ended.stdout)
    assert said["arguments"] == ["--flag"]
    assert said["variables"] == {
        "MWAA_LOCAL_RUN": None,
        "AIRFLOW_HOME": "/there",
        "AWS_PROFILE": None,
        "MY_OWN": "mine",
        "TERM": "vt100",
    }


def test_python_works_without_a_running_environment(
    environment: SeemingEnvironment, cli_process: Cli
) -> None:
    environment.leave_stack({})
    ended = cli_process("python", "-", stdin="print(6 * 7)")
    assert (ended.exit_code, ended.stdout, ended.stderr) == (0, "42\n", "")


def test_python_says_when_there_is_no_environment_yet(environment: SeemingEnvironment, cli: Cli) -> None:
    failed = cli("python", "-c", "pass")
    assert failed.exit_code == 1
    assert failed.stderr == (
        "Error: The environment has not been built yet.\n  Hint: start it once: mwaa-local start\n"
    )


def test_shell_runs_the_users_shell_with_the_environment_first_in_path(
    running: SeemingEnvironment, cli_process: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELL", "/bin/sh")
    asked = 'echo "$AIRFLOW_HOME $MY_OWN ${AWS_PROFILE:-none}"; echo "$PATH" | cut -d: -f1; exit 3\n'
    ended = cli_process("shell", stdin=asked)
    assert ended.exit_code == 3
    assert ended.stdout == f"/there mine none\n{running.root}/env/bin\n"
    assert "Airflow 2.2.2 of orders; leave with exit.\n" in ended.stderr
    assert "(mwaa orders) $ " in ended.stderr


def test_shell_says_when_the_shell_is_not_there(
    running: SeemingEnvironment, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELL", "/no/such/shell")
    failed = cli("shell")
    assert failed.exit_code == 2
    assert failed.stderr == (
        "Error: Your shell /no/such/shell is not there.\n  Hint: set SHELL to one that is\n"
    )
