"""Triggers a DAG and follows the run to its end.

`python -m mwaa_inside.run_dag` with a request such as `{"dag_id": "daily", "conf": {"day": 1}, "timeout": 600}`; each
change of a task's state becomes an event, and so does the log of each task that failed. With `follow` there is a run
already, whose tasks are known as far as they are listed there. It ends with whoever has asked, who keeps stdin open.
The exit code is 0 when the run succeeds, 1 when it fails or takes too long, 2 when it cannot be started. Following only
reads two tables, so that it costs the environment next to nothing. Runs on Python 3.7 and up.
"""

# ruff: noqa: S608 - what is put into SQL is chosen here; values are bound

import datetime
import sys
import time

from mwaa_inside.channel import RequestFailed, end_with_caller, serve
from mwaa_inside.dag_lookup import wait_for_dag
from mwaa_inside.metadata import Database, iso, moment
from mwaa_inside.task_logs import FailedAttempt, explain_failure

_ENDED = ("success", "failed")
_CANNOT_START = 2


class Run:
    """The DAG run that is followed."""

    def __init__(self, dag_id, run_id, logical_date):
        self.dag_id = dag_id
        self.run_id = run_id
        self.logical_date = logical_date


def answer(request, channel):
    """Do what the request asks for and return the exit code."""
    end_with_caller()
    dag_id = request.get("dag_id")
    if not isinstance(dag_id, str) or not dag_id:
        raise _refused("The request names no DAG.")
    deadline = time.monotonic() + float(request.get("timeout") or float("inf"))
    database = Database()
    if request.get("follow"):
        return follow_on(request, channel, database, deadline)
    dag = wait_for_dag(
        database,
        dag_id,
        float(request.get("wait_for_dag", 20)),
        lambda reason: channel.send("waiting", reason=reason),
    )
    if dag.paused:
        _unpause(request, channel, database)
    run = trigger(request)
    channel.send("triggered", dag_id=dag_id, run_id=run.run_id, logical_date=iso(run.logical_date))
    return Follower(request, channel, database, run).follow(deadline)


def follow_on(request, channel, database, deadline):
    """Follow a run that somebody has followed before; return the exit code."""
    before = request["follow"]
    run = Run(request["dag_id"], before["run_id"], moment(before["logical_date"]))
    follower = Follower(request, channel, database, run)
    follower.recall(before["tasks"])
    return follower.follow(deadline)


def _refused(message, hint="", **details):
    return RequestFailed(message, hint, exit_code=_CANNOT_START, **details)


def _unpause(request, channel, database):
    if request.get("keep_paused"):
        raise _refused(
            "The DAG %r is paused, so a run of it would never start." % request["dag_id"],
            "Unpause it in the UI, or let `run` do that.",
            dag_id=request["dag_id"],
        )
    with database.write() as transaction:
        transaction.execute(
            "UPDATE dag SET is_paused = :paused WHERE dag_id = :dag_id",
            paused=False,
            dag_id=request["dag_id"],
        )
    channel.send("unpaused", dag_id=request["dag_id"])


def trigger(request):
    """Make a run of the DAG as Airflow's own trigger command does."""
    from airflow.exceptions import AirflowException

    now = datetime.datetime.now(datetime.timezone.utc)
    try:
        logical = moment(request["logical_date"]) if request.get("logical_date") else now
    except ValueError as error:
        raise _refused(
            "%r is no date: %s." % (request["logical_date"], error), "Write it as 2024-01-31T00:00."
        ) from None
    conf, dag_id = request.get("conf"), request["dag_id"]
    if conf is not None and not isinstance(conf, dict):
        raise _refused("The configuration of a run must be a JSON object.", 'For example {"day": 1}.')
    try:
        made = _trigger_dag(dag_id, run_id=request.get("run_id"), conf=conf, logical=logical, now=now)
    except (AirflowException, ValueError) as error:
        raise _refused("Airflow refuses to run %r: %s" % (dag_id, error)) from error
    if made is None:
        raise _refused("Airflow made no run of %r." % dag_id)
    return Run(dag_id, made.run_id, getattr(made, "logical_date", None) or made.execution_date)


def _trigger_dag(dag_id, run_id, conf, logical, now):
    from airflow.utils import timezone

    logical = timezone.convert_to_utc(logical)
    try:
        from airflow.utils.types import DagRunTriggeredByType
    except ImportError:
        try:
            from airflow.api.common.trigger_dag import trigger_dag
        except ImportError:
            from airflow.api.common.experimental.trigger_dag import trigger_dag
        # Two runs in one second must not have the same date.
        return trigger_dag(
            dag_id, run_id=run_id, conf=conf, execution_date=logical, replace_microseconds=False
        )
    from airflow.api.common.trigger_dag import trigger_dag

    # Airflow 3 waits for `run_after`, and takes the data interval from it too.
    return trigger_dag(
        dag_id,
        triggered_by=DagRunTriggeredByType.CLI,
        run_id=run_id,
        conf=conf,
        logical_date=logical,
        run_after=timezone.convert_to_utc(min(logical, now)),
        replace_microseconds=False,
    )


class Follower:
    """Reads the run and its tasks again and again and reports what has changed."""

    def __init__(self, request, channel, database, run):
        self._channel = channel
        self._database = database
        self._run = run
        self._interval = float(request.get("interval", 0.3))
        self._log_lines = int(request.get("log_lines", 200))
        self._process_logs = request.get("process_logs") or []
        self._seen = {}
        self._unexplained = []
        self._task_query = self._build_task_query()

    def recall(self, tasks):
        """Take tasks for reported as they are: (task, map index, state, attempt)."""
        self._seen.update({(task, index): (state, attempt) for task, index, state, attempt in tasks})

    def follow(self, deadline):
        """Report until the run ends or the deadline passes; return the exit code."""
        while True:
            state, start, end = self._read_run()
            self._explain()
            self._report_tasks()
            if state is None or state in _ENDED:
                return self._finish(state or "deleted", start, end)
            if time.monotonic() >= deadline:
                return self._finish("timeout", start, end)
            time.sleep(self._interval)

    def _read_run(self):
        rows = self._database.rows(
            "SELECT state, start_date, end_date FROM dag_run WHERE dag_id = :dag_id AND run_id = :run_id",
            dag_id=self._run.dag_id,
            run_id=self._run.run_id,
        )
        return rows[0] if rows else (None, None, None)

    def _build_task_query(self):
        columns = self._database.columns("task_instance")
        wanted = [
            "task_id",
            "map_index",
            "state",
            "try_number",
            "start_date",
            "end_date",
            "duration",
            "external_executor_id",
        ]
        # Before 2.2 a task instance belonged to a date, before 2.3 it had no map index.
        of_run = "run_id = :run" if "run_id" in columns else "execution_date = :run"
        present = [name if name in columns else "NULL" for name in wanted]
        return "SELECT %s FROM task_instance WHERE dag_id = :dag_id AND %s" % (", ".join(present), of_run)

    def _report_tasks(self):
        by_run = "run_id = :run" in self._task_query
        rows = self._database.rows(
            self._task_query,
            dag_id=self._run.dag_id,
            run=self._run.run_id if by_run else self._run.logical_date,
        )
        changed = []
        for task_id, map_index, state, try_number, start, end, duration, executor_id in rows:
            index = -1 if map_index is None else map_index
            key, now = (task_id, index), (state, try_number)
            if state is None or self._seen.get(key) == now:
                continue
            self._seen[key] = now
            changed.append(
                (
                    iso(end) or iso(start) or "~",
                    task_id,
                    index,
                    {
                        "state": state,
                        "try_number": try_number,
                        "start": iso(start),
                        "end": iso(end),
                        "duration": duration,
                    },
                )
            )
            if state == "failed":
                self._unexplained.append(FailedAttempt(self._run, task_id, index, try_number, executor_id))
        for _, task_id, index, fields in sorted(changed, key=lambda change: change[:3]):
            self._channel.send("task", task_id=task_id, map_index=index, **fields)

    def _explain(self):
        """Report why tasks failed, one round after they did: the end of a log arrives after the state."""
        for attempt in self._unexplained:
            why = explain_failure(self._database, attempt, self._process_logs, self._log_lines)
            self._channel.send(
                "log",
                task_id=attempt.task_id,
                map_index=attempt.map_index,
                try_number=attempt.try_number,
                **why,
            )
        self._unexplained = []

    def _finish(self, state, start, end):
        if self._unexplained:
            time.sleep(self._interval)
            self._explain()
        duration = (moment(end) - moment(start)).total_seconds() if start and end else None
        self._channel.send("finished", state=state, start=iso(start), end=iso(end), duration=duration)
        return 0 if state == "success" else 1


if __name__ == "__main__":
    sys.exit(serve("run", answer))
