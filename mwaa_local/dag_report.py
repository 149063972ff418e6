"""What reading every DAG file in the version's own Airflow has shown: values, and how they are read from its report."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_MARK = "mwaa_local"
_PROGRAM = "dag_report"


@dataclass(frozen=True, slots=True)
class ReadError:
    """Why Airflow could not read a file or use a DAG in it."""

    type: str
    """The exception's name; `timeout` and `crash` where the process was lost."""
    message: str
    missing: str | None
    """The module that there is not."""
    file: str | None
    """Where in the user's code, from the DAGs folder where it lies there."""
    line: int | None
    text: str | None
    """The line itself."""
    traceback: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Access:
    """Something outside that a file asked for while it was read."""

    kind: str
    """`variable`, `connection`, `database` or `network`."""
    name: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class DagFacts:
    """A DAG as Airflow holds it."""

    dag_id: str
    file: str
    schedule: str | None
    catchup: bool
    start_date: str | None
    owners: tuple[str, ...]
    tasks: int
    tasks_without_start: tuple[str, ...]
    queues: tuple[str, ...]
    retries: tuple[int, ...]
    tags: tuple[str, ...]
    deferrable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileResult:
    """What came of one file."""

    path: str
    """From the DAGs folder."""
    seconds: float
    alone: float
    """What it would take in a process of its own: with the imports that other files had done already."""
    error: ReadError | None
    dags: tuple[DagFacts, ...]
    accesses: tuple[Access, ...]


@dataclass(frozen=True, slots=True)
class DagReport:
    """What came of all files."""

    files: tuple[FileResult, ...]
    importing: float
    """Seconds for importing Airflow."""
    reading: float
    """Seconds for reading the files."""
    failure: str = ""
    """Why there is no more than this; empty where it is complete."""
    hint: str = ""


def parse_event(line: str) -> dict[str, Any] | None:
    """Return one of our events; None for whatever else Airflow and DAG files print."""
    if not line.startswith("{"):
        return None
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and event.get(_MARK) == _PROGRAM else None


def build_report(events: Iterable[Mapping[str, Any]]) -> DagReport:
    """Put the events of one run together."""
    files: dict[str, FileResult] = {}
    importing = reading = 0.0
    failure, hint = "The report ended early.", ""
    for event in events:
        match event["event"]:
            case "file":
                result = parse_result(event)
                files[result.path] = result
            case "error":
                failure, hint = str(event["message"]), str(event.get("hint", ""))
            case "end":
                importing, reading = float(event["importing"]), float(event["reading"])
                failure = ""
            case _:
                pass
    return DagReport(tuple(files[path] for path in sorted(files)), importing, reading, failure, hint)


def parse_result(event: Mapping[str, Any]) -> FileResult:
    """Return what a `file` event says."""
    error = event["error"]
    return FileResult(
        path=str(event["path"]),
        seconds=float(event["seconds"]),
        alone=float(event["alone"]),
        error=_error(error) if error else None,
        dags=tuple(_facts(each) for each in event["dags"]),
        accesses=tuple(
            Access(str(each["kind"]), str(each["name"]), str(each["file"]), int(each["line"]))
            for each in event["accesses"]
        ),
    )


def _error(values: Mapping[str, Any]) -> ReadError:
    return ReadError(
        type=str(values["type"]),
        message=str(values["message"]),
        missing=values["module"] if values["missing"] else None,
        file=values["file"],
        line=values["line"],
        text=values["text"],
        traceback=tuple(values["traceback"]),
    )


def _facts(values: Mapping[str, Any]) -> DagFacts:
    return DagFacts(
        dag_id=str(values["dag_id"]),
        file=str(values["file"]),
        schedule=values["schedule"],
        catchup=bool(values["catchup"]),
        start_date=values["start_date"],
        owners=tuple(values["owners"]),
        tasks=int(values["tasks"]),
        tasks_without_start=tuple(values["tasks_without_start"]),
        queues=tuple(values["queues"]),
        retries=tuple(values["retries"]),
        tags=tuple(values["tags"]),
        deferrable=tuple(values["deferrable"]),
    )
