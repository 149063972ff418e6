"""Reads log files as lines with times: what each service wrote, merged in the order in which it happened.

Pure but for reading the files it is given; `log_records` knows the forms of times.
"""

import heapq
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mwaa_local.errors import UsageError
from mwaa_local.log_records import time_of

_AGO = re.compile(r"(\d+(?:\.\d+)?)\s*(s|sec|m|min|h|d)")
_SECONDS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
LOCAL_TIME = frozenset({"aws", "supervisor"})
"""Services that run in our own Python, and so in the machine's time zone; Airflow's run in UTC, as on MWAA."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line, who wrote it and when (the time of the line before where it has none of its own)."""

    source: str
    text: str
    time: float


def parse_since(text: str, now: datetime) -> float:
    """Return the moment that `10m`, `2h` or an ISO time stands for, in seconds since the epoch."""
    ago = _AGO.fullmatch(text.strip())
    if ago:
        return (now - timedelta(seconds=float(ago[1]) * _SECONDS[ago[2]])).timestamp()
    try:
        return datetime.fromisoformat(text.strip()).astimezone().timestamp()
    except ValueError:
        raise UsageError(
            f"--since {text}: not a time.", hint="Write 30s, 10m, 2h, 1d or a time such as 2024-01-31T09:00."
        ) from None


def with_times(source: str, lines: Iterable[str]) -> Iterator[LogLine]:
    """Give each line a time that never goes back, so that a traceback stays with the line it belongs to."""
    zone = None if source in LOCAL_TIME else UTC
    latest = 0.0
    for text in lines:
        latest = max(latest, time_of(text, zone) or latest)
        yield LogLine(source, text, latest)


def merge_logs(
    logs: Iterable[tuple[str, Iterable[str]]], since: float | None, limit: int | None
) -> list[LogLine]:
    """Return the lines of several logs in the order of time: those since then, and no more than the last `limit`."""
    merged = heapq.merge(*(with_times(source, lines) for source, lines in logs), key=lambda line: line.time)
    kept = [line for line in merged if since is None or line.time >= since]
    return kept if limit is None else kept[max(0, len(kept) - limit) :]


def readable(line: str) -> list[str]:
    """Return a line as people read it: Airflow 3 writes task logs as JSON objects, with exceptions as data."""
    if not line.startswith("{"):
        return [line]
    try:
        document = json.loads(line)
    except ValueError:
        return [line]
    if not isinstance(document, dict) or "event" not in document:
        return [line]
    first = (
        f"[{document.get('timestamp', '')}] {str(document.get('level', '')).upper()} - {document['event']}"
    )
    return [*first.splitlines(), *_exception_lines(document.get("error_detail"))]


def _exception_lines(details: object) -> list[str]:
    lines = []
    for detail in details if isinstance(details, list) else []:
        for frame in detail.get("frames") or []:
            lines.append(
                f'  File "{frame.get("filename")}", line {frame.get("lineno")}, in {frame.get("name")}'
            )
        lines.append(f"{detail.get('exc_type')}: {detail.get('exc_value')}")
    return lines


@dataclass(frozen=True, slots=True)
class TaskLogRequest:
    """Which task log: `task` is DAG_ID.TASK_ID; the latest run and attempt unless named."""

    task: str
    run_id: str | None = None
    attempt: int | None = None


def find_task_log(folder: Path, request: TaskLogRequest) -> Path:
    """Return the log file of a task's attempt below Airflow's log folder; UsageError if there is none."""
    files = [file for pattern in _patterns(request.task) for file in folder.glob(pattern)]
    if not files:
        raise UsageError(
            f"There is no log of a task '{request.task}'.",
            hint="name it as DAG_ID.TASK_ID; a task has a log once it has run",
        )
    if request.run_id is not None:
        files = [file for file in files if _is_of_run(file.relative_to(folder), request.run_id)]
    if request.attempt is not None:
        files = [file for file in files if attempt_of(file) == request.attempt]
    if not files:
        wanted = [f"run {request.run_id}"] if request.run_id is not None else []
        wanted += [f"attempt {request.attempt}"] if request.attempt is not None else []
        raise UsageError(
            f"The task '{request.task}' has no log of {' and '.join(wanted)}.",
            hint="leave --run and --try out for the latest",
        )
    return max(files, key=_age)


def _patterns(task: str) -> Iterator[str]:
    """Yield globs for every way to split DAG_ID.TASK_ID, as both may hold dots; for Airflow before and since 2.3."""
    from glob import escape

    parts = task.split(".")
    for at in range(1, len(parts)):
        dag_id, task_id = escape(".".join(parts[:at])), escape(".".join(parts[at:]))
        yield f"{dag_id}/{task_id}/*/*.log"
        yield f"dag_id={dag_id}/run_id=*/task_id={task_id}/**/attempt=*.log"


def _is_of_run(file: Path, run_id: str) -> bool:
    """Tell whether a log is of a run; before 2.3 the folder has the run's date, which is part of most run ids."""
    named = [part.removeprefix("run_id=") for part in file.parts if part.startswith("run_id=")]
    return named == [run_id] if named else file.parts[2] == run_id.rpartition("__")[2]


def attempt_of(file: Path) -> int:
    """Return the attempt that a log file is of: `2.log` or `attempt=2.log`."""
    text = file.name.split(".")[0].removeprefix("attempt=")
    return int(text) if text.isdigit() else 0


def _age(file: Path) -> tuple[float, int]:
    return file.stat().st_mtime, attempt_of(file)


def read_until(path: Path, size: int) -> list[str]:
    """Return the lines in the first `size` bytes of a file; none if it cannot be read."""
    try:
        with path.open("rb") as stream:
            return stream.read(size).decode("utf-8", errors="replace").splitlines()
    except OSError:
        return []
