"""A DAG run as a JUnit report, the form in which CI servers show test results: each task instance is a test case."""

import re
from xml.etree import ElementTree

from mwaa_local.runtime.dag_runs import DagRunResult, TaskResult

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PASSED = ("success",)
_SKIPPED = ("skipped", "upstream_failed", "removed")


def render_junit(result: DagRunResult) -> str:
    """Return the report; a failure that no task explains becomes a test case for the run itself."""
    cases = [_task_case(result.dag_id, task) for task in result.tasks]
    if result.state != "success" and not any(case.find("failure") is not None for case in cases):
        cases.append(_run_case(result))
    suite = ElementTree.Element(
        "testsuite",
        name=_text(result.dag_id),
        tests=str(len(cases)),
        failures=str(_count(cases, "failure")),
        errors=str(_count(cases, "error")),
        skipped=str(_count(cases, "skipped")),
        time=_seconds(result.finished.duration if result.finished else None),
    )
    if result.finished and result.finished.start:
        suite.set("timestamp", result.finished.start)
    suite.extend(cases)
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _task_case(dag_id: str, task: TaskResult) -> ElementTree.Element:
    change = task.change
    case = ElementTree.Element(
        "testcase", classname=_text(dag_id), name=_text(change.name), time=_seconds(change.duration)
    )
    if change.state == "failed":
        failure = ElementTree.SubElement(case, "failure", message=f"failed in attempt {change.try_number}")
        failure.text = _text("\n".join(task.log.lines)) if task.log else ""
    elif change.state in _SKIPPED:
        ElementTree.SubElement(case, "skipped", message=change.state)
    elif change.state not in _PASSED:
        ElementTree.SubElement(case, "error", message=f"was {change.state} when the run was left")
    return case


def _run_case(result: DagRunResult) -> ElementTree.Element:
    case = ElementTree.Element(
        "testcase", classname=_text(result.dag_id), name="the run itself", time="0.000"
    )
    if result.refused:
        error = ElementTree.SubElement(case, "error", message=_text(result.refused.message))
        error.text = _text(result.refused.import_error or result.refused.hint)
    else:
        ElementTree.SubElement(case, "failure", message=f"the run ended as {result.state}")
    return case


def _count(cases: list[ElementTree.Element], outcome: str) -> int:
    return sum(case.find(outcome) is not None for case in cases)


def _seconds(duration: float | None) -> str:
    return f"{duration or 0:.3f}"


def _text(value: str) -> str:
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", value)
