import json
import sys

import pytest

from mwaa_local.runtime.convergence import Phase
from mwaa_local.runtime.scaling_record import ScalingReport, save_scaling
from tests.cli.environments import Cli, SeemingEnvironment, report

FACTS = """\
  Version     Airflow 2.2.2, amazon provider 3.4.0
  Differs     amazon provider 3.4.0 instead of the 2.4.0 that MWAA preinstalls.
  Differs     Added for it: mypy-boto3-rds 1.21.23, mypy-boto3-redshift-data
              1.21.23, xmltodict 0.12.0.
  Executor    celery
"""


def test_a_healthy_environment_is_shown_with_its_addresses_and_services(
    environment: SeemingEnvironment, cli: Cli
) -> None:
    environment.run(report("postgres", pid=11), report("worker", pid=12, restarts=1, last_exit=-9))
    shown = cli("status")
    assert shown.exit_code == 0
    assert shown.stderr == ""
    assert shown.stdout == (
        "orders is running and healthy.\n\n"
        "  Airflow UI  http://127.0.0.1:8080\n"
        "  User        admin (see: mwaa-local status --show-password)\n"
        + FACTS
        + "  AWS         http://127.0.0.1:4000\n"
        "              aws --endpoint-url http://127.0.0.1:4000 s3 ls\n"
        "              (any credentials will do; `mwaa-local shell` has all of it set)\n\n"
        "  SERVICE   STATE    FOR      PID  RESTARTS  LAST EXIT\n"
        "  postgres  healthy  2 d 3 h  11   0         -\n"
        "  worker    healthy  2 d 3 h  12   1         SIGKILL\n"
    )


def test_autoscaling_is_shown_with_its_bounds_and_the_tasks(
    environment: SeemingEnvironment, cli: Cli
) -> None:
    leaving = report("worker-2", Phase.STOPPING, role="worker", leaving=True)
    environment.run(report("postgres"), report("worker-1", role="worker"), leaving)
    save_scaling(environment.folder, ScalingReport(1, 1, 4, 2, 9))
    shown = cli("status")
    assert shown.exit_code == 0
    assert "  Executor    celery\n  Workers     1 of 1 to 4 (2 running and 9 queued tasks)\n" in shown.stdout
    assert "  worker-2  leaving  2 d 3 h  100  0         -\n" in shown.stdout

    save_scaling(environment.folder, ScalingReport(3, 1, 4, None, None))
    assert "  Workers     3 of 1 to 4 (the queue is not known yet)\n" in cli("status").stdout
    document = json.loads(cli("status", "--json").stdout)
    assert document["workers"] == {
        "workers": 3,
        "minimum": 1,
        "maximum": 4,
        "running_tasks": None,
        "queued_tasks": None,
    }
    assert [service.get("leaving", False) for service in document["services"]] == [False, False, True]


def test_a_stopped_environment_fails_and_says_how_to_start_it(
    environment: SeemingEnvironment, cli: Cli
) -> None:
    shown = cli("status")
    assert shown.exit_code == 1
    assert shown.stdout == (
        "orders is not running.\n\n" + FACTS + "  AWS         local\n\nStart it: mwaa-local start\n"
    )


def test_a_service_that_keeps_ending_makes_status_fail(environment: SeemingEnvironment, cli: Cli) -> None:
    environment.run(
        report("postgres"), report("scheduler", Phase.BACKOFF, pid=None, failures=2, restarts=2, last_exit=1)
    )
    shown = cli("status")
    assert shown.exit_code == 1
    assert shown.stdout.startswith("orders is running, but not healthy.\n")
    assert "  scheduler  backoff  2 d 3 h  -    2         1\n" in shown.stdout
    assert shown.stdout.endswith("\nSee why: mwaa-local logs SERVICE\n")


def test_a_dead_supervisor_is_told_from_a_stop(environment: SeemingEnvironment, cli: Cli) -> None:
    environment.run()
    environment.stop()
    died = cli("status")
    assert died.exit_code == 1
    assert died.stdout.startswith("orders is not running: it died.\n")
    assert died.stdout.endswith(
        "Its supervisor ended unexpectedly. Start it again: mwaa-local start (everything is kept)\n"
    )
    environment.leave_start(report("postgres", Phase.STOPPED, pid=None))
    assert cli("status").stdout.startswith("orders is not running.\n")


def test_an_environment_is_starting_while_no_service_has_failed(
    environment: SeemingEnvironment, cli: Cli
) -> None:
    environment.run(report("postgres"), report("scheduler", Phase.STARTING, was_healthy=False))
    shown = cli("status")
    assert shown.exit_code == 1
    assert shown.stdout.startswith("orders is starting.\n")


def test_the_password_is_only_shown_when_it_is_asked_for(environment: SeemingEnvironment, cli: Cli) -> None:
    environment.run()
    assert "pa55" not in cli("status").stdout + cli("status", "--json").stdout
    assert "  User        admin, password pa55\n" in cli("status", "--show-password").stdout
    assert json.loads(cli("status", "--json", "--show-password").stdout)["password"] == "pa55"


def test_json_holds_every_service(environment: SeemingEnvironment, cli: Cli) -> None:
    environment.run(report("postgres", pid=11))
    shown = cli("status", "--json")
    assert shown.exit_code == 0
    document = json.loads(shown.stdout)
    assert document["health"] == "healthy"
    assert document["url"] == "http://127.0.0.1:8080"
    assert document["aws_endpoint"] == "http://127.0.0.1:4000"
    (service,) = document["services"]
    assert service.pop("seconds_in_phase") > 180000
    assert service == {
        "name": "postgres",
        "role": None,
        "phase": "healthy",
        "pid": 11,
        "restarts": 0,
        "last_exit": None,
        "note": None,
    }


@pytest.mark.skipif(sys.platform == "darwin", reason="there it would open a browser")
def test_open_prints_the_address_where_there_is_no_display(
    environment: SeemingEnvironment, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BROWSER", "")
    environment.run()
    assert cli("open").stdout == "http://127.0.0.1:8080\n"


def test_open_needs_a_running_environment(environment: SeemingEnvironment, cli: Cli) -> None:
    failed = cli("open")
    assert failed.exit_code == 1
    assert failed.stderr == ("Error: The environment is not running.\n  Hint: start it: mwaa-local start\n")


def test_a_folder_without_a_project_is_wrong_usage(cli: Cli, tmp_path: object) -> None:
    failed = cli("status", "--project", str(tmp_path))
    assert failed.exit_code == 2
    assert failed.stdout == ""
    assert "has no dags folder" in failed.stderr
