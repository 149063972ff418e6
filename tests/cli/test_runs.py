import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mwaa_local.cli.airflow_program import PATIENCE, STOPPED, wait_for_program
from mwaa_local.errors import RuntimeStateError
from mwaa_local.runtime.convergence import Phase
from tests.cli.environments import Cli, SeemingEnvironment, report
from tests.fakes import FakeClock

PROGRAM = """\
import json, os, sys
request = json.loads(os.environ["MWAA_LOCAL_REQUEST"])
def send(event, **fields):
    print(json.dumps({"mwaa_local": "run", "event": event, **fields}), flush=True)
print("Airflow says something of its own")
"""
TASK = 'send("task", task_id="load", map_index=-1, state="%s", try_number=1, start=None, end=None, duration=%s)\n'
STARTED = """\
send("unpaused", dag_id=request["dag_id"])
send("triggered", dag_id=request["dag_id"], run_id="manual__1", logical_date=None)
"""
SUCCESS = (
    PROGRAM
    + STARTED
    + TASK % ("running", None)
    + TASK % ("success", 1.5)
    + """\
send("finished", state="success", start=None, end=None, duration=2.0)
"""
)
FAILURE = (
    PROGRAM
    + STARTED
    + TASK % ("failed", 0.5)
    + """\
send("log", task_id="load", map_index=-1, try_number=1, source="1.log", whole=True,
     lines=["Traceback", "KeyError: 'day'"])
send("finished", state="failed", start=None, end=None, duration=65.0)
"""
)
UNKNOWN = (
    PROGRAM
    + """\
send("error", message="There is no DAG 'dayly'.", hint="Did you mean daily?", nearest=["daily"])
sys.exit(2)
"""
)
BROKEN_OFF = (
    PROGRAM
    + """\
if request["follow"]:
    assert request["follow"] == {"run_id": "manual__1", "logical_date": None, "tasks": [["load", -1, "running", 1]]}
    send("finished", state="success", start=None, end=None, duration=2.0)
    sys.exit(0)
"""
    + STARTED
    + TASK % ("running", None)
    + "sys.exit(137)"
)


def with_program(environment: SeemingEnvironment, program: str) -> None:
    environment.run(report("scheduler"))
    environment.leave_stack({"mwaa_inside/__init__.py": "", "mwaa_inside/run_dag.py": program})


def test_each_task_is_shown_as_it_goes(environment: SeemingEnvironment, cli: Cli) -> None:
    with_program(environment, SUCCESS)
    ended = cli("run", "daily")
    assert ended.exit_code == 0
    assert ended.stderr == ""
    assert ended.stdout == (
        "Unpaused daily.\n"
        "Run manual__1\n"
        "  running         load\n"
        "  success         load  (1.5 s)\n"
        "daily succeeded after 2 s (1 task).\n"
    )


def test_a_failed_run_shows_the_log_of_the_task_and_fails(environment: SeemingEnvironment, cli: Cli) -> None:
    with_program(environment, FAILURE)
    ended = cli("run", "daily", "--junit", "report.xml")
    assert ended.exit_code == 1
    assert ended.stdout == (
        "Unpaused daily.\n"
        "Run manual__1\n"
        "  failed          load  (0.5 s)\n"
        "Log of load, attempt 1:\n"
        "    Traceback\n"
        "    KeyError: 'day'\n"
        "daily failed after 1 min 5 s (1 task).\n"
    )
    failure = ElementTree.parse(environment.root / "report.xml").find("testsuite/testcase/failure")
    assert failure is not None
    assert failure.text == "Traceback\nKeyError: 'day'"


def test_a_dag_that_is_not_there_is_wrong_usage(environment: SeemingEnvironment, cli: Cli) -> None:
    with_program(environment, UNKNOWN)
    ended = cli("run", "dayly")
    assert ended.exit_code == 2
    assert ended.stdout == ""
    assert ended.stderr == "Error: There is no DAG 'dayly'.\n  Hint: Did you mean daily?\n"


def test_json_is_all_that_stdout_has(environment: SeemingEnvironment, cli: Cli) -> None:
    with_program(environment, FAILURE)
    ended = cli("run", "daily", "--json")
    assert ended.exit_code == 1
    document = json.loads(ended.stdout)
    assert document["state"] == "failed"
    assert document["tasks"][0]["log"]["lines"] == ["Traceback", "KeyError: 'day'"]


def test_the_request_reaches_airflow_with_its_configuration(
    environment: SeemingEnvironment, cli: Cli, project: Path
) -> None:
    dump = PROGRAM + 'open("request.json", "w").write(json.dumps(request))\n' + UNKNOWN
    with_program(environment, dump)
    cli("run", "daily", "--conf", '{"day": 1}', "--timeout", "60", "--date", "2024-01-31", "--keep-paused")
    request = json.loads((project / "request.json").read_text(encoding="utf-8"))
    assert request["conf"] == {"day": 1}
    assert request["timeout"] == 60
    assert request["logical_date"] == "2024-01-31"
    assert request["keep_paused"] is True
    assert request["process_logs"] == [str(environment.folder.log("scheduler"))]


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        ("[1]", "Error: --conf: not a JSON object.\n"),
        ("{day: 1}", "Error: --conf: not JSON: "),
        ("@nowhere.json", "Error: --conf @nowhere.json: No such file or directory.\n"),
    ],
)
def test_a_configuration_that_is_none_is_wrong_usage(
    environment: SeemingEnvironment, cli: Cli, conf: str, message: str
) -> None:
    ended = cli("run", "daily", "--conf", conf)
    assert ended.exit_code == 2
    assert ended.stderr.startswith(message)


def test_a_report_that_cannot_be_written_is_said_before_the_run(
    environment: SeemingEnvironment, cli: Cli
) -> None:
    ended = cli("run", "daily", "--junit", "no/such/folder/report.xml")
    assert ended.exit_code == 2
    assert ended.stderr == (
        "Error: no/such/folder/report.xml: there is no such folder.\n  Hint: make it first\n"
    )


def test_a_run_needs_a_running_environment(environment: SeemingEnvironment, cli: Cli) -> None:
    ended = cli("run", "daily")
    assert ended.exit_code == 1
    assert ended.stderr == "Error: The environment is not running.\n  Hint: start it: mwaa-local start\n"


def test_a_run_is_followed_through_a_restart(environment: SeemingEnvironment, cli: Cli) -> None:
    with_program(environment, BROKEN_OFF)
    ended = cli("run", "daily")
    assert ended.exit_code == 0
    assert ended.stdout == (
        "Unpaused daily.\n"
        "Run manual__1\n"
        "  running         load\n"
        "Waiting: the environment is away; the run goes on where it was.\n"
        "daily succeeded after 2 s (1 task).\n"
    )


def test_an_environment_that_stays_away_is_not_waited_for(environment: SeemingEnvironment) -> None:
    environment.leave_start(report("scheduler"))
    clock = FakeClock()
    with pytest.raises(RuntimeStateError, match="stopped") as stopped:
        wait_for_program(environment.root, clock)
    assert stopped.value.hint == "what was running goes on with the next mwaa-local start"
    assert STOPPED < sum(clock.slept) < STOPPED + 2


def test_an_environment_that_stays_ill_is_given_up(environment: SeemingEnvironment) -> None:
    environment.run(replace(report("scheduler"), phase=Phase.UNHEALTHY))
    clock = FakeClock()
    with pytest.raises(RuntimeStateError, match="not become healthy"):
        wait_for_program(environment.root, clock)
    assert sum(clock.slept) >= PATIENCE
