"""What a failed task left behind: the end of its log file, or, without one, what the executor and the scheduler say.

Reads the local log folder by the version's own file name template. Runs on Python 3.7 and up.
"""

import glob
import json
import os
from types import SimpleNamespace

from mwaa_inside.metadata import moment

_LARGEST_TAIL = 256 * 1024
_ROUTINE_EVENTS = (
    "running",
    "success",
    "failed",
    "cli_task_run",
    "cli_run",
    "trigger",
    "queued",
    "scheduled",
)


class FailedAttempt:
    """One attempt of one task instance that failed."""

    def __init__(self, run, task_id, map_index, try_number, executor_id):
        self.run = run
        self.task_id = task_id
        self.map_index = map_index
        self.try_number = max(try_number or 1, 1)
        self.executor_id = executor_id


def explain_failure(database, attempt, process_logs, limit):
    """Return fields for the event about a failed attempt: `lines`, whether they are all, and where they are from."""
    for path in log_files(database, attempt):
        lines, whole = tail(path, limit)
        if lines:
            texts = [text for line in lines for text in readable(line)]
            return {"source": path, "lines": texts, "whole": whole}
    lines = [*_celery_reason(database, attempt), *_recorded_events(database, attempt)]
    for path in process_logs:
        lines += ["%s: %s" % (os.path.basename(path), line) for line in _mentions(path, attempt)]
    if not lines:
        lines = ["It failed before it could write a log; the logs of the scheduler and the worker say more."]
    return {"source": "", "lines": lines[-limit:], "whole": len(lines) <= limit}


def log_files(database, attempt):
    """Return the log files of an attempt that exist: the task's own, then the triggerer's."""
    path = os.path.join(_setting("base_log_folder"), render_name(_template(database, attempt.run), attempt))
    return sorted(glob.glob(glob.escape(path) + "*"))


def render_name(template, attempt):
    """Return the name of the log file under the log folder."""
    run, logical = attempt.run, moment(attempt.run.logical_date)
    stamp = logical.isoformat() if logical else run.run_id
    if "{{" not in template:
        return template.format(
            dag_id=run.dag_id,
            task_id=attempt.task_id,
            execution_date=stamp,
            run_id=run.run_id,
            try_number=attempt.try_number,
        )
    from jinja2.sandbox import SandboxedEnvironment

    shared = {"dag_id": run.dag_id, "run_id": run.run_id, "execution_date": logical, "logical_date": logical}
    task = SimpleNamespace(
        task_id=attempt.task_id, map_index=attempt.map_index, try_number=attempt.try_number, **shared
    )
    return (
        SandboxedEnvironment()
        .from_string(template)
        .render(
            ti=task,
            task_instance=task,
            dag_run=SimpleNamespace(**shared),
            ts=stamp,
            run_id=run.run_id,
            ds=stamp[:10],
            try_number=attempt.try_number,
        )
    )


def _template(database, run):
    if "log_template_id" in database.columns("dag_run"):
        rows = database.rows(
            "SELECT log_template.filename FROM log_template JOIN dag_run ON dag_run.log_template_id = log_template.id"
            " WHERE dag_run.dag_id = :dag_id AND dag_run.run_id = :run_id",
            dag_id=run.dag_id,
            run_id=run.run_id,
        )
        if rows:
            return rows[0][0]
    return _setting("log_filename_template")


def _setting(key):
    from airflow.configuration import conf

    # Airflow 1.10 has these under [core].
    return conf.get("logging", key) if conf.has_option("logging", key) else conf.get("core", key)


def tail(path, limit):
    """Return the last lines of a file, and whether that is all of it."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - _LARGEST_TAIL, 0))
            lines = file.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return [], True
    if size > _LARGEST_TAIL:
        return lines[1:][-limit:], False
    return lines[-limit:], len(lines) <= limit


def readable(line):
    """Return a log line as lines of text: Airflow 3 writes JSON lines, older ones plain text."""
    if not line.startswith("{"):
        return [line]
    try:
        record = json.loads(line)
    except ValueError:
        return [line]
    if not isinstance(record, dict) or "event" not in record:
        return [line]
    level = str(record.get("level", "")).upper()
    text = " ".join(part for part in (str(record.get("timestamp", "")), level, str(record["event"])) if part)
    return [*text.splitlines(), *_traceback(record.get("error_detail"))]


def _traceback(details):
    """Return Airflow 3's structured exceptions in the form that Python prints."""
    lines = []
    for detail in details if isinstance(details, list) else []:
        if not isinstance(detail, dict):
            continue
        lines += [
            '  File "%s", line %s, in %s' % (frame.get("filename"), frame.get("lineno"), frame.get("name"))
            for frame in detail.get("frames") or []
            if isinstance(frame, dict)
        ]
        lines.append("%s: %s" % (detail.get("exc_type"), detail.get("exc_value")))
    return lines


def _celery_reason(database, attempt):
    """Return what the worker reported to Celery, such as a crash before Airflow could log."""
    if not attempt.executor_id or not database.columns("celery_taskmeta"):
        return []
    rows = database.rows(
        "SELECT status, traceback FROM celery_taskmeta WHERE task_id = :task_id", task_id=attempt.executor_id
    )
    return [
        line
        for status, text in rows
        if status == "FAILURE"
        for line in ["Celery reports that the worker's command failed:", *(text or "").splitlines()]
    ]


def _recorded_events(database, attempt):
    """Return what the scheduler has written into the audit log about this task (from Airflow 2.9 on, reasons)."""
    if "run_id" not in database.columns("log"):
        return []
    rows = database.rows(
        "SELECT event, extra FROM log WHERE dag_id = :dag_id AND run_id = :run_id AND task_id = :task_id"
        " ORDER BY id",
        dag_id=attempt.run.dag_id,
        run_id=attempt.run.run_id,
        task_id=attempt.task_id,
    )
    return ["%s: %s" % (event, extra) for event, extra in rows if extra and event not in _ROUTINE_EVENTS]


def _mentions(path, attempt):
    """Return the last lines of a process's log that name both the DAG and the task."""
    lines, _ = tail(path, 5000)
    return [line for line in lines if attempt.run.dag_id in line and attempt.task_id in line][-20:]
