"""Rules about the arguments of DAGs and operators: dates, queues, limits, and what a version does not know."""

import ast
import re
from collections.abc import Iterator

from mwaa_local.validation.dag_source import CallSite, DagSource
from mwaa_local.validation.finding import Severity
from mwaa_local.validation.rule import Problem, Surroundings, problem_at

_NOW = re.compile(
    r"(datetime\.)?(datetime|date)\.(now|utcnow|today)|pendulum\.(now|today|yesterday|tomorrow)"
    r"|airflow\.utils\.(dates\.days_ago|timezone\.utcnow)|airflow\.sdk\.timezone\.utcnow|time\.time"
)
_NOW_NAMES = frozenset({"now", "utcnow", "today", "yesterday", "tomorrow", "days_ago", "time"})
_LIMIT = 12 * 3600
_DEFAULT_ARGS = re.compile(r"default_args|\w*default_args|default_arguments")
_UNITS = {"weeks": 604800, "days": 86400, "hours": 3600, "minutes": 60, "seconds": 1, "milliseconds": 0.001}
_POSITIONS = ("days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks")

_DAG_ARGUMENTS: dict[str, tuple[tuple[int, ...], tuple[int, ...], str]] = {
    "schedule": ((2, 4), (99,), "schedule_interval="),
    "timetable": ((2, 2), (3,), "schedule="),
    "schedule_interval": ((), (3,), "schedule="),
    "concurrency": ((), (3,), "max_active_tasks="),
    "max_active_tasks": ((2, 2), (99,), "concurrency="),
    "default_view": ((), (3,), "nothing: the UI has one view"),
    "orientation": ((), (3,), "nothing: the UI has its own"),
    "sla_miss_callback": ((), (3,), "an on_failure_callback"),
    "max_consecutive_failed_dag_runs": ((2, 9), (99,), "nothing before 2.9"),
    "dag_display_name": ((2, 9), (99,), "nothing before 2.9"),
    "auto_register": ((2, 5), (99,), "nothing before 2.5"),
    "fail_stop": ((2, 7), (3,), "fail_fast= (from 3.0 on)"),
    "fail_fast": ((3,), (99,), "fail_stop= (2.7 to 2.11)"),
    "tags": ((1, 10, 8), (99,), "nothing"),
}
"""Argument of DAG -> the first version that has it, the first that has not any more, what to use instead."""


_FOR_DAGS_ONLY = frozenset(
    {
        "catchup",
        "concurrency",
        "dag_id",
        "dagrun_timeout",
        "default_view",
        "description",
        "is_paused_upon_creation",
        "max_active_runs",
        "max_active_tasks",
        "orientation",
        "schedule",
        "schedule_interval",
        "tags",
        "template_searchpath",
        "timetable",
    }
)
"""What a DAG takes and no task does."""


def dynamic_date(source: DagSource, _around: Surroundings) -> Iterator[Problem]:
    """Find the present time as an argument of a DAG or a task: another value at each reading."""
    now = {
        id(call.node): call for call in source.calls if call.last in _NOW_NAMES and _NOW.fullmatch(call.name)
    }
    if not now:
        return
    names = {name for name, value, _ in source.assignments if id(value) in now}
    seen: set[int] = set()
    for call in (*source.dags, *source.operators):
        yield from _present(call.node, now, names, seen)
    for name, value, _ in source.assignments:
        if name in ("start_date", "end_date") or _DEFAULT_ARGS.fullmatch(name):
            yield from _present(value, now, names, seen)


def _present(root: ast.expr, now: dict[int, CallSite], names: set[str], seen: set[int]) -> Iterator[Problem]:
    for node in ast.walk(root):
        if id(node) in now and id(node) not in seen:
            seen.add(id(node))
            said = ast.unparse(now[id(node)].node.func)
            yield problem_at(
                now[id(node)].node, f"{said}() gives another value each time Airflow reads this file."
            )
        elif (
            type(node) is ast.keyword
            and node.arg in ("start_date", "end_date")
            and type(node.value) is ast.Name
            and node.value.id in names
            and id(node) not in seen
        ):
            seen.add(id(node))
            message = f"{node.arg} is the time at which Airflow reads this file: always another."
            yield problem_at(node, message)


def custom_queue(source: DagSource, around: Surroundings) -> Iterator[Problem]:
    """Find tasks for a queue: MWAA has one queue, with a name of its own."""
    if "queue" not in source.text:
        return
    for call in source.operators:
        value = call.keyword("queue")
        if value is not None and not _is_tolerated(value, around):
            yield problem_at(
                value,
                f"queue={ast.unparse(value)[:40]}: MWAA has no such queue, and the task would fail without a log.",
            )
    for name, value, _ in source.assignments:
        if type(value) is ast.Dict and _DEFAULT_ARGS.fullmatch(name):
            for key, item in zip(value.keys, value.values, strict=True):
                if type(key) is ast.Constant and key.value == "queue" and not _is_tolerated(item, around):
                    yield problem_at(
                        item, "default_args give every task a queue, and MWAA has no such queue."
                    )


def _is_tolerated(value: ast.expr, around: Surroundings) -> bool:
    if type(value) is not ast.Constant:
        return False
    # 3.x has `default` as another name of its queue (seen in the image of 3.3.1).
    return value.value is None or (value.value == "default" and around.version.number >= (3,))


def deferrable_operator(source: DagSource, around: Surroundings) -> Iterator[Problem]:
    """Find tasks that wait for a triggerer on versions that run none."""
    if around.version.triggerer:
        return
    where = f"Airflow {around.version.airflow} on MWAA runs"
    for call in source.operators:
        value = call.keyword("deferrable")
        if type(value) is ast.Constant and value.value is True:
            yield problem_at(call.node, f"{call.last} is deferrable, and {where} no triggerer.")
        elif call.last.endswith("Async"):
            yield problem_at(call.node, f"{call.last} needs a triggerer, and {where} none.")
    for call in source.calls:
        if call.name == "self.defer":
            yield problem_at(call.node, f"self.defer() needs a triggerer, and {where} none.")


def catchup_unset(source: DagSource, around: Surroundings) -> Iterator[Problem]:
    """Find scheduled DAGs that leave it to the configuration whether the past is made up for."""
    for call in source.dags:
        if call.keyword("catchup") is not None or any(each.arg is None for each in call.node.keywords):
            continue
        schedule = next(
            (
                call.keyword(name)
                for name in ("schedule", "schedule_interval", "timetable")
                if call.keyword(name)
            ),
            None,
        )
        if type(schedule) is ast.Constant and schedule.value in (None, "@once", "@continuous"):
            continue
        effect = (
            "every interval since start_date" if around.catchup_by_default else "only the latest interval"
        )
        yield problem_at(
            call.node, f"catchup is not set: by this environment's configuration {effect} would run."
        )


def task_over_12_hours(source: DagSource, _around: Surroundings) -> Iterator[Problem]:
    """Find tasks that are allowed to run for longer than MWAA lets them."""
    if "timeout" not in source.text:
        return
    for call in source.operators:
        limit = call.keyword("execution_timeout")
        seconds = _duration(limit) if limit is not None else None
        if limit is not None and seconds is not None and seconds > _LIMIT:
            yield problem_at(
                limit, f"{call.last} may run for {seconds / 3600:g} hours; MWAA gives a task 12."
            )
        mode = call.keyword("mode")
        timeout = call.keyword("timeout")
        if not re.search(r"Sensor$|^sensor$", call.last) or (
            type(mode) is ast.Constant and mode.value == "reschedule"
        ):
            continue
        waits = _duration(timeout) if timeout is not None else None
        if timeout is not None and waits is not None and waits > _LIMIT:
            yield problem_at(
                timeout, f"{call.last} waits up to {waits / 3600:g} hours in one task; MWAA gives a task 12."
            )


def _duration(node: ast.expr) -> float | None:
    """Return the seconds of a literal number (or product) or of a timedelta of literal numbers."""
    try:
        if type(node) is ast.Call:
            name = node.func.attr if type(node.func) is ast.Attribute else getattr(node.func, "id", "")
            if name not in ("timedelta", "duration"):
                return None
            values = dict(zip(_POSITIONS, map(_number, node.args), strict=False))
            values |= {each.arg or "": _number(each.value) for each in node.keywords}
            return sum(value * _UNITS.get(unit, 0) for unit, value in values.items())
        return _number(node)
    except (ValueError, OverflowError):
        return None


def _number(node: ast.expr, depth: int = 0) -> float:
    if type(node) is ast.Constant and isinstance(node.value, int | float):
        return float(node.value)
    if type(node) is ast.BinOp and type(node.op) is ast.Mult and depth < 10:
        return _number(node.left, depth + 1) * _number(node.right, depth + 1)
    raise ValueError("not a number")


def unknown_dag_argument(source: DagSource, around: Surroundings) -> Iterator[Problem]:
    """Find arguments of DAG that this Airflow does not take: the file cannot be read."""
    number = around.version.number
    for call in source.dags:
        for keyword in call.node.keywords:
            since, until, instead = _DAG_ARGUMENTS.get(keyword.arg or "", ((), (99,), ""))
            if number < since or number >= until:
                word = "not yet" if number < since else "no longer"
                message = f"Airflow {around.version.airflow} does {word} take {keyword.arg}= for a DAG."
                yield problem_at(
                    keyword,
                    message.replace("does not yet take", "does not take"),
                    f"Use {instead}." if instead else "",
                )


def default_argument(source: DagSource, _around: Surroundings) -> Iterator[Problem]:
    """Find arguments of DAGs among the default arguments of tasks, where nobody looks for them."""
    for name, value, _ in source.assignments:
        if type(value) is ast.Dict and _DEFAULT_ARGS.fullmatch(name):
            for key in value.keys:
                if type(key) is ast.Constant and key.value in _FOR_DAGS_ONLY:
                    yield problem_at(
                        key, f"{key.value!r} among the default arguments of tasks has no effect."
                    )


def subdag(source: DagSource, around: Surroundings) -> Iterator[Problem]:
    """Find SubDAGs: deprecated since 2.0, removed in 3.0."""
    for call in source.calls:
        if call.last == "SubDagOperator":
            gone = around.version.number >= (3,)
            text = (
                "Airflow 3 has no SubDAGs."
                if gone
                else "SubDAGs are deprecated, block a worker's slot and can deadlock."
            )
            found = problem_at(call.node, text)
            yield Problem(
                found.line, found.column, text, "", found.last_line, Severity.ERROR if gone else None
            )
