"""A DAG run as the lines of the program inside tell it: values, JSON, JUnit and exit codes."""

import json
from xml.etree import ElementTree

import pytest

from mwaa_local.runtime.dag_runs import (
    DagRunResult,
    Finished,
    Refused,
    TaskChanged,
    TaskLog,
    Triggered,
    Unpaused,
    Waiting,
    add_event,
    parse_event,
    to_json,
)
from mwaa_local.runtime.junit import render_junit

TIMES = {"start": "2024-01-01T00:00:00+00:00", "end": "2024-01-01T00:00:02+00:00", "duration": 2.0}


def test_every_event_is_read() -> None:
    lines = [
        line("waiting", reason="new file"),
        line("unpaused", dag_id="d"),
        line("triggered", dag_id="d", run_id="r", logical_date="2024-01-01"),
        task_line("a", "success"),
        line("log", task_id="a", map_index=-1, try_number=1, source="f", lines=["x"], whole=True),
        line("finished", state="success", **TIMES),
        line("error", message="No.", hint="Do.", nearest=["e"], import_error="Traceback", dag_id="d"),
    ]
    assert [parse_event(each) for each in lines] == [
        Waiting("new file"),
        Unpaused("d"),
        Triggered("d", "r", "2024-01-01"),
        TaskChanged("a", -1, "success", 1, "2024-01-01T00:00:00+00:00", "2024-01-01T00:00:02+00:00", 2.0),
        TaskLog("a", -1, 1, "f", ("x",), True),
        Finished("success", "2024-01-01T00:00:00+00:00", "2024-01-01T00:00:02+00:00", 2.0),
        Refused("No.", "Do.", ("e",), "Traceback"),
    ]


@pytest.mark.parametrize("other", ["", "[2024] INFO - hello", '{"event": "triggered", "level": "info"}', "{"])
def test_what_airflow_itself_prints_is_no_event(other: str) -> None:
    assert parse_event(other) is None


def test_an_event_is_found_behind_an_unfinished_line() -> None:
    assert parse_event("loading..." + line("unpaused", dag_id="d")) == Unpaused("d")


def test_a_task_keeps_its_place_and_its_last_state() -> None:
    result = collect(task_line("a", "running"), task_line("b", "queued"), task_line("a", "success"))
    assert [(task.change.name, task.change.state) for task in result.tasks] == [
        ("a", "success"),
        ("b", "queued"),
    ]


def test_mapped_tasks_are_told_apart() -> None:
    result = collect(task_line("a", "success", map_index=0), task_line("a", "failed", map_index=1))
    assert [task.change.name for task in result.tasks] == ["a[0]", "a[1]"]


@pytest.mark.parametrize(
    ("last", "state", "exit_code"),
    [
        (("finished", {"state": "success", **TIMES}), "success", 0),
        (("finished", {"state": "failed", **TIMES}), "failed", 1),
        (("finished", {"state": "timeout", "start": None, "end": None, "duration": None}), "timeout", 1),
        (("error", {"message": "No.", "hint": ""}), "refused", 2),
    ],
)
def test_the_exit_code_says_how_it_went(
    last: tuple[str, dict[str, object]], state: str, exit_code: int
) -> None:
    result = collect(line(last[0], **last[1]))
    assert (result.state, result.exit_code) == (state, exit_code)


def test_the_json_form_has_everything() -> None:
    result = collect(*FAILED_RUN)
    values = json.loads(to_json(result))
    assert (values["dag_id"], values["run_id"], values["state"], values["duration"]) == (
        "d",
        "r",
        "failed",
        2.0,
    )
    assert [(task["task_id"], task["state"]) for task in values["tasks"]] == [
        ("a", "success"),
        ("b", "failed"),
        ("c", "upstream_failed"),
    ]
    assert values["tasks"][1]["log"]["lines"] == ["ValueError: <bad>\x00", "the end"]
    assert values["error"] is None


def test_the_junit_report_has_a_case_for_each_task() -> None:
    suite = ElementTree.fromstring(render_junit(collect(*FAILED_RUN)))[0]
    counts = {name: suite.get(name) for name in ("name", "tests", "failures", "errors", "skipped", "time")}
    assert counts == {
        "name": "d",
        "tests": "3",
        "failures": "1",
        "errors": "0",
        "skipped": "1",
        "time": "2.000",
    }
    assert [case.get("name") for case in suite] == ["a", "b", "c"]
    failure = suite[1].find("failure")
    assert failure is not None
    # A character that XML cannot hold does not break the report.
    assert failure.text == "ValueError: <bad>\N{REPLACEMENT CHARACTER}\nthe end"


def test_a_run_that_no_task_explains_is_a_case_of_its_own() -> None:
    late = collect(
        task_line("a", "running"), line("finished", state="timeout", start=None, end=None, duration=None)
    )
    suite = ElementTree.fromstring(render_junit(late))[0]
    assert [(case.get("name"), case[0].tag, case[0].get("message")) for case in suite] == [
        ("a", "error", "was running when the run was left"),
        ("the run itself", "failure", "the run ended as timeout"),
    ]
    unknown = ElementTree.fromstring(render_junit(collect(line("error", message="No DAG.", hint="See."))))[0]
    assert [(case.get("name"), case[0].tag, case[0].text) for case in unknown] == [
        ("the run itself", "error", "See.")
    ]


def line(event: str, **fields: object) -> str:
    """A line of the program inside."""
    return json.dumps({"mwaa_local": "run", "event": event} | fields)


def task_line(task_id: str, state: str, map_index: int = -1) -> str:
    """A line about a task."""
    return line("task", task_id=task_id, map_index=map_index, state=state, try_number=1, **TIMES)


def collect(*lines: str) -> DagRunResult:
    """The result of a run that printed these lines."""
    result = DagRunResult("d")
    for each in lines:
        event = parse_event(each)
        assert event is not None
        result = add_event(result, event)
    return result


FAILED_RUN = (
    line("triggered", dag_id="d", run_id="r", logical_date=None),
    task_line("a", "success"),
    task_line("b", "failed"),
    line(
        "log",
        task_id="b",
        map_index=-1,
        try_number=1,
        source="f",
        lines=["ValueError: <bad>\x00", "the end"],
        whole=True,
    ),
    task_line("c", "upstream_failed"),
    line("finished", state="failed", **TIMES),
)
