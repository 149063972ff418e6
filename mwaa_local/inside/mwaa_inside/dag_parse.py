"""Reads one DAG file as the scheduler would, and tells what came of it. Runs on Python 3.7 and up."""

import importlib.machinery
import inspect
import os
import re
import time
import traceback

from mwaa_inside.dag_watcher import Watcher

DEEPEST = 30
"""Lines of a traceback that are passed on."""


def find_dag_bag():
    """Return Airflow's own DagBag, wherever this version has it."""
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:
        from airflow.models.dagbag import DagBag
    return DagBag


def make_empty_bag():
    """Return a DagBag that has not looked at any file yet; its arguments differ between versions."""
    dag_bag = find_dag_bag()
    known = inspect.signature(dag_bag.__init__).parameters
    wanted = {"dag_folder": os.devnull, "include_examples": False, "collect_dags": False}
    return dag_bag(**{name: value for name, value in wanted.items() if name in known})


def find_serializer():
    """Return what the scheduler stores DAGs with."""
    from airflow.serialization import serialized_objects

    return getattr(serialized_objects, "DagSerialization", None) or serialized_objects.SerializedDAG


class FileParser:
    """Reads files one after the other in this process."""

    def __init__(self, request):
        self._dags = request["dags"]
        self._safe_mode = request["safe_mode"]
        self.watcher = Watcher(request["folders"], request["allow_network"])
        self._folders = tuple(os.path.realpath(folder) + os.sep for folder in request["folders"])
        self._bag = None
        self._current = ""
        self._failure = None

    def install(self):
        """Get ready; afterwards this process is good for nothing else."""
        self.watcher.install()
        self._bag = make_empty_bag()
        self._serializer = find_serializer()
        execute = importlib.machinery.SourceFileLoader.exec_module
        parser = self

        def exec_module(loader, module):
            try:
                return execute(loader, module)
            except BaseException as error:
                if loader.path == parser._current and parser._failure is None:
                    parser._failure = parser.describe(error)
                raise

        importlib.machinery.SourceFileLoader.exec_module = exec_module

    def parse(self, path):
        """Read one file and return everything that is to be said about it."""
        self._bag.dags = {}
        self._bag.import_errors = {}
        self._current, self._failure = path, None
        error = None
        self.watcher.begin()
        began = time.perf_counter()
        try:
            self._bag.process_file(path, only_if_updated=False, safe_mode=self._safe_mode)
        except BaseException as failure:
            error = self.describe(failure)
        seconds = time.perf_counter() - began
        shared, imports = self.watcher.end()
        if error is None and self._bag.import_errors:
            error = self._failure or self._from_bag(next(iter(self._bag.import_errors.values())))
        dags = [self._facts(dag) for dag in self._bag.dags.values() if not getattr(dag, "is_subdag", False)]
        for facts in dags:
            if error is None and facts.get("error"):
                error = facts.pop("error")
        return {
            "path": os.path.relpath(path, self._dags),
            "seconds": round(seconds, 4),
            "alone": round(seconds + shared, 4),
            "error": error,
            "dags": dags,
            "accesses": [self._relative(access) for access in self.watcher.accesses],
            "imports": imports,
        }

    def _relative(self, access):
        access["file"] = self.relative(access["file"])
        return access

    def relative(self, path):
        """Return a path from the DAGs folder where it lies there."""
        real, root = os.path.realpath(path), os.path.realpath(self._dags)
        return os.path.relpath(real, root) if real.startswith(root + os.sep) else path

    def describe(self, error):
        """Return an exception as a report has it: where in the user's own code, and what stands there."""
        place = self._place(error)
        message = str(error).strip() or type(error).__name__
        if isinstance(error, SystemExit):
            message = "The file ends the process that reads it: sys.exit(%s)." % (error.code,)
        return {
            "type": type(error).__name__,
            "message": message,
            "module": getattr(error, "name", None) if isinstance(error, ImportError) else None,
            "missing": isinstance(error, ModuleNotFoundError),
            "file": self.relative(place[0]) if place else None,
            "line": place[1] if place else None,
            "text": place[2] if place else None,
            "traceback": "".join(
                traceback.format_exception(type(error), error, error.__traceback__)
            ).splitlines()[-DEEPEST:],
        }

    def _place(self, error):
        if isinstance(error, SyntaxError) and error.filename:
            return error.filename, error.lineno or 1, (error.text or "").rstrip("\n")
        frames = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if os.path.realpath(frame.filename).startswith(self._folders)
        ]
        return (frames[-1].filename, frames[-1].lineno, frames[-1].line) if frames else None

    def _from_bag(self, text):
        """Return an error that Airflow found in a DAG after the file was read: cycles, schedules, policies."""
        lines = [line for line in str(text).splitlines() if line.strip()]
        last = lines[-1] if lines else "unknown"
        match = re.match(r"(?:[\w.]*\.)?(\w*(?:Error|Exception|Invalid|Timeout|Cycle\w*)): (.*)", last)
        return {
            "type": match.group(1) if match else "AirflowException",
            "message": match.group(2) if match else last,
            "module": None,
            "missing": False,
            "file": self.relative(self._current),
            "line": None,
            "text": None,
            "traceback": lines[-DEEPEST:],
        }

    def _facts(self, dag):
        tasks = list(dag.tasks)
        facts = {
            "dag_id": dag.dag_id,
            "file": self.relative(dag.fileloc),
            "schedule": describe_schedule(dag),
            "catchup": bool(dag.catchup),
            "start_date": dag.start_date.isoformat() if dag.start_date else None,
            "owners": sorted({str(task.owner) for task in tasks}),
            "tasks": len(tasks),
            "tasks_without_start": [
                task.task_id for task in tasks if not (getattr(task, "start_date", None) or dag.start_date)
            ],
            "queues": sorted({str(task.queue) for task in tasks if getattr(task, "queue", None)}),
            "retries": sorted({int(task.retries or 0) for task in tasks}),
            "tags": sorted(str(tag) for tag in dag.tags or ()),
            "deferrable": [task.task_id for task in tasks if getattr(task, "deferrable", False) is True],
        }
        try:
            self._serializer.to_dict(dag)
        except Exception as error:
            described = self.describe(error)
            described["message"] = "The DAG %r cannot be stored: %s" % (dag.dag_id, described["message"])
            facts["error"] = dict(described, file=facts["file"], line=None, text=None)
        return facts


def describe_schedule(dag):
    """Return a DAG's schedule in words; None for one that only runs when it is told to."""
    for name in ("schedule_interval", "schedule"):
        value = getattr(dag, name, None)
        if isinstance(value, str):
            return value
        if (
            value is not None
            and not callable(value)
            and type(value).__name__ in ("timedelta", "relativedelta")
        ):
            return str(value)
    timetable = getattr(dag, "timetable", None)
    summary = getattr(timetable, "summary", None)
    return None if summary in (None, "None") else str(summary)
