"""Run a DAG in the environment and know how it went: what the program inside reports, as values.

`inside/mwaa_inside/run_dag.py` triggers and follows; `dag_run_following` starts it, this module reads its lines. How a
run is shown is the CLI's; what a CI server gets is `junit`'s.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, assert_never


@dataclass(frozen=True, slots=True)
class Followed:
    """A run that exists already, to be followed on; what has been reported of it is not reported again."""

    run_id: str
    logical_date: str | None
    tasks: tuple[tuple[str, int, str, int], ...]
    """Of each task instance: task, map index, state, attempt."""


@dataclass(frozen=True, slots=True)
class DagRunRequest:
    """What to run and how long to follow it (seconds; None: until it ends)."""

    dag_id: str
    conf: Mapping[str, Any] | None = None
    run_id: str | None = None
    logical_date: str | None = None
    timeout: float | None = None
    keep_paused: bool = False
    """Refuse to run a paused DAG instead of unpausing it."""
    wait_for_dag: float = 20.0
    """Seconds to wait for the scheduler to read a file that was just saved."""
    log_lines: int = 200
    """How many lines of a failed task's log are reported."""
    process_logs: tuple[Path, ...] = ()
    """Logs of schedulers and workers, searched for a task that failed without a log of its own."""
    follow: Followed | None = None
    """Trigger nothing, follow this run."""

    def to_json(self) -> str:
        """Return the request as the program inside reads it."""
        values = asdict(self)
        return json.dumps(values | {"process_logs": [str(path) for path in self.process_logs]})


@dataclass(frozen=True, slots=True)
class Waiting:
    """The scheduler has not read the DAG's file yet."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unpaused:
    """The DAG was paused, and is not any more."""

    dag_id: str


@dataclass(frozen=True, slots=True)
class Triggered:
    """The run exists."""

    dag_id: str
    run_id: str
    logical_date: str | None


@dataclass(frozen=True, slots=True)
class TaskChanged:
    """A task instance has another state or another attempt than before; times are ISO texts in UTC."""

    task_id: str
    map_index: int
    """-1 for a task that is not mapped."""
    state: str
    try_number: int
    start: str | None
    end: str | None
    duration: float | None

    @property
    def name(self) -> str:
        """Return the task's name, with its map index if it has one."""
        return self.task_id if self.map_index < 0 else f"{self.task_id}[{self.map_index}]"


@dataclass(frozen=True, slots=True)
class TaskLog:
    """The end of a failed attempt's log, or what else is known about the failure (then `source` is empty)."""

    task_id: str
    map_index: int
    try_number: int
    source: str
    lines: tuple[str, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class Finished:
    """The run ended (`success`, `failed`), was deleted (`deleted`), or goes on unwatched (`timeout`)."""

    state: str
    start: str | None
    end: str | None
    duration: float | None


@dataclass(frozen=True, slots=True)
class Refused:
    """The DAG cannot be run; `import_error` is the traceback of its file, if that is why."""

    message: str
    hint: str
    nearest: tuple[str, ...] = ()
    import_error: str = ""


DagRunEvent = Waiting | Unpaused | Triggered | TaskChanged | TaskLog | Finished | Refused


@dataclass(frozen=True, slots=True)
class TaskResult:
    """How a task instance stands, and its log if it failed."""

    change: TaskChanged
    log: TaskLog | None = None


@dataclass(frozen=True, slots=True)
class DagRunResult:
    """Everything known about a run; tasks in the order in which they first did something."""

    dag_id: str
    run_id: str = ""
    logical_date: str | None = None
    unpaused: bool = False
    tasks: tuple[TaskResult, ...] = ()
    finished: Finished | None = None
    refused: Refused | None = None

    @property
    def state(self) -> str:
        """Return `success`, `failed`, `deleted`, `timeout` or `refused`; `running` while none of them is known."""
        if self.refused:
            return "refused"
        return self.finished.state if self.finished else "running"

    @property
    def exit_code(self) -> int:
        """Return what a CI job gets: 0 success, 1 failed or too slow, 2 the DAG could not be run."""
        if self.refused:
            return 2
        return 0 if self.state == "success" else 1


def parse_event(line: str) -> DagRunEvent | None:
    """Read one line of the program inside; None for anything that is not an event of it (Airflow's own output)."""
    # Both streams arrive as one: an unfinished line of Airflow's may stand before ours.
    at = line.find('{"mwaa_local": "run"')
    if at < 0:
        return None
    fields = json.loads(line[at:])
    match fields["event"]:
        case "waiting":
            return Waiting(fields["reason"])
        case "unpaused":
            return Unpaused(fields["dag_id"])
        case "triggered":
            return Triggered(fields["dag_id"], fields["run_id"], fields["logical_date"])
        case "task":
            return TaskChanged(**_only(fields, TaskChanged))
        case "log":
            return TaskLog(**_only(fields, TaskLog) | {"lines": tuple(fields["lines"])})
        case "finished":
            return Finished(**_only(fields, Finished))
        case "error":
            nearest = tuple(fields.get("nearest", ()))
            return Refused(fields["message"], fields["hint"], nearest, fields.get("import_error", ""))
    return None


def _only(fields: Mapping[str, Any], kind: type[Any]) -> dict[str, Any]:
    return {name: fields[name] for name in kind.__slots__}


def add_event(result: DagRunResult, event: DagRunEvent) -> DagRunResult:
    """Return the result with what an event adds to it."""
    match event:
        case Waiting():
            return result
        case Unpaused():
            return replace(result, unpaused=True)
        case Triggered():
            return replace(result, run_id=event.run_id, logical_date=event.logical_date)
        case TaskChanged():
            known = {(task.change.task_id, task.change.map_index): task for task in result.tasks}
            known[event.task_id, event.map_index] = TaskResult(event)
            return replace(result, tasks=tuple(known.values()))
        case TaskLog():
            return replace(result, tasks=tuple(_with_log(task, event) for task in result.tasks))
        case Finished():
            return replace(result, finished=event)
        case Refused():
            return replace(result, refused=event)
    assert_never(event)


def _with_log(task: TaskResult, log: TaskLog) -> TaskResult:
    same = (task.change.task_id, task.change.map_index) == (log.task_id, log.map_index)
    return replace(task, log=log) if same else task


def to_json(result: DagRunResult) -> str:
    """Return the result as one JSON object, logs included."""
    tasks = [asdict(task.change) | {"log": asdict(task.log) if task.log else None} for task in result.tasks]
    times = result.finished or Finished(result.state, None, None, None)
    values = {
        "dag_id": result.dag_id,
        "run_id": result.run_id,
        "state": result.state,
        "logical_date": result.logical_date,
        "start": times.start,
        "end": times.end,
        "duration": times.duration,
        "unpaused": result.unpaused,
        "tasks": tasks,
        "error": asdict(result.refused) if result.refused else None,
    }
    return json.dumps(values, indent=2, ensure_ascii=False)
