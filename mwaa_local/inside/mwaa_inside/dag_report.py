"""Reads every DAG file of a folder in parallel, each within MWAA's limits, and reports file by file.

    python -m mwaa_inside.dag_report

The request on standard input: {"dags", "folders" (of the user's code), "workers", "import_timeout",
"processor_timeout", "safe_mode", "allow_network", "watch"}. Events: `listed` (the files), `file` for each one as it is
done, `end`; with `watch`, the same again for what changes. Airflow is imported once; workers are forked from there. A
file that takes too long, or takes its process with it, costs that process only. Runs on Python 3.7 and up.
"""

import contextlib
import gc
import json
import logging
import os
import re
import selectors
import signal
import sys
import time
import traceback

from mwaa_inside.channel import RequestFailed, serve
from mwaa_inside.dag_warm import on_file, watch
from mwaa_inside.light_import import without_web_framework

IMPORT = re.compile(rb"^\s*(?:from|import)\s+(airflow\.[\w.]+)", re.MULTILINE)
"""As Airflow's own pre-import (2.6 on): what many files import is imported before the processes part."""


class Worker:
    """A forked process that reads files; it is sent a path and answers with one line."""

    def __init__(self, parser, others):
        orders, self.orders = os.pipe()
        self.answers, answers = os.pipe()
        self.path, self.since, self.rest = None, 0.0, b""
        self.pid = os.fork()
        if self.pid == 0:
            for other in others:
                os.close(other.orders)
                os.close(other.answers)
            os.close(self.orders)
            os.close(self.answers)
            work(parser, orders, answers)
        os.close(orders)
        os.close(answers)

    def give(self, path):
        """Have a file read."""
        self.path, self.since = path, time.monotonic()
        os.write(self.orders, path.encode("utf-8", "surrogateescape") + b"\n")

    def receive(self):
        """Return what has come: one answer, None if it is not complete yet; EOFError if the process has ended."""
        chunk = os.read(self.answers, 1 << 16)
        if not chunk:
            raise EOFError
        self.rest += chunk
        if not self.rest.endswith(b"\n"):
            return None
        answer, self.rest = self.rest, b""
        return json.loads(answer.decode("utf-8"))

    def close(self):
        """End the process, and return how it had ended."""
        os.close(self.orders)
        os.close(self.answers)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        return os.waitpid(self.pid, 0)[1]


def work(parser, orders, answers):
    """Read files until there are no more; never returns."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        try:
            parser.install()
        except Exception:
            # Not the files' fault: no file at all could be read.
            answer = json.dumps({"fatal": traceback.format_exc()}) + "\n"
            os.write(answers, answer.encode("ascii"))
            return
        silence()
        gc.set_threshold(100000, 20, 20)
        gc.enable()
        with os.fdopen(orders, "r", encoding="utf-8", errors="surrogateescape") as lines:
            for line in lines:
                answer = json.dumps(parser.parse(line[:-1])) + "\n"
                rest = answer.encode("utf-8", "backslashreplace")
                while rest:
                    rest = rest[os.write(answers, rest) :]
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


def silence():
    """Let what DAG files print go nowhere."""
    sys.stdout.flush()
    sys.stderr.flush()
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)


class Pool:
    """Hands files to workers, and replaces a worker that is stuck or gone."""

    def __init__(self, parser, size, limit):
        self._parser, self._size, self._limit = parser, size, limit
        self._workers = []

    def run(self, paths, on_report):
        """Read all files; `on_report` gets each report as it comes."""
        waiting = list(reversed(paths))
        with selectors.DefaultSelector() as selector:
            for _ in range(min(self._size, len(waiting))):
                self._start(selector, waiting)
            while self._workers:
                for key, _ in selector.select(0.1 if waiting or self._workers else 0):
                    self._take(selector, key.data, waiting, on_report)
                for worker in list(self._workers):
                    if worker.path and time.monotonic() - worker.since > self._limit:
                        on_report(self._lost(worker, "timeout", 0))
                        self._replace(selector, worker, waiting)

    def _start(self, selector, waiting):
        worker = Worker(self._parser, self._workers)
        self._workers.append(worker)
        selector.register(worker.answers, selectors.EVENT_READ, worker)
        worker.give(waiting.pop())

    def _take(self, selector, worker, waiting, on_report):
        try:
            report = worker.receive()
        except EOFError:
            path, status = worker.path, self._stop(selector, worker)
            on_report(self._lost_path(path, "crash", status))
            if waiting:
                self._start(selector, waiting)
            return
        if report is None:
            return
        if "fatal" in report:
            raise RequestFailed(
                "This Airflow's DAG files cannot be read here.\n%s" % report["fatal"],
                hint="This is a bug of mwaa-local; please report it with the lines above.",
                kind="internal",
            )
        on_report(report)
        if waiting:
            worker.give(waiting.pop())
        else:
            self._stop(selector, worker)

    def _replace(self, selector, worker, waiting):
        self._stop(selector, worker)
        if waiting:
            self._start(selector, waiting)

    def _stop(self, selector, worker):
        selector.unregister(worker.answers)
        self._workers.remove(worker)
        worker.path = None
        return worker.close()

    def _lost(self, worker, why, status):
        return self._lost_path(worker.path, why, status)

    def _lost_path(self, path, why, status):
        relative = self._parser.relative(path)
        if why == "timeout":
            message = (
                "Reading the file took longer than %g seconds; MWAA ends the process then." % self._limit
            )
        elif os.WIFSIGNALED(status):
            message = "Reading the file killed its process with signal %d." % os.WTERMSIG(status)
        else:
            message = "Reading the file ended its process (os._exit)."
        error = {"type": why, "message": message, "module": None, "missing": False, "file": relative}
        error.update(line=None, text=None, traceback=[])
        seconds = self._limit if why == "timeout" else 0.0
        report = {"path": relative, "seconds": seconds, "alone": seconds, "error": error, "dags": []}
        report.update(accesses=[], imports=[])
        return report


def list_files(request):
    """Return the files that this Airflow, with its `.airflowignore` dialect, would read."""
    try:
        from airflow.utils.file import list_py_file_paths
    except ImportError:
        from airflow.utils.dag_processing import list_py_file_paths  # before 2.0
    try:
        paths = list_py_file_paths(request["dags"], safe_mode=request["safe_mode"])
    except re.error as error:
        raise RequestFailed(
            "Airflow cannot list the DAGs folder: a line of .airflowignore is no regular expression (%s)."
            % error,
            hint="Airflow before 3 reads regular expressions: `.*\\.sql` instead of `*.sql`.",
            kind="ignore-file",
        ) from error
    return sorted(path for path in paths if path.startswith(request["dags"]))


def import_ahead(paths):
    """Import what several files import from Airflow, so that the workers share it."""
    counts = {}
    for path in paths:
        try:
            with open(path, "rb") as stream:
                found = set(IMPORT.findall(stream.read()))
        except OSError:
            continue
        for module in found:
            counts[module] = counts.get(module, 0) + 1
    for module, count in counts.items():
        if count > 1:
            with contextlib.suppress(BaseException):  # the files that need it will say so themselves
                __import__(module.decode())


def check(request, channel):
    """Read all files, and go on with what changes if that is asked for."""
    gc.disable()
    logging.disable(logging.CRITICAL)
    began = time.monotonic()
    with without_web_framework():
        import airflow.models.dagbag

    from mwaa_inside.dag_parse import FileParser, find_dag_bag, find_serializer

    logging.disable(logging.CRITICAL)
    find_dag_bag()
    find_serializer()
    airflow.settings.DAGS_FOLDER = request["dags"]
    if request["dags"] not in sys.path:
        sys.path.append(request["dags"])
    imported = time.monotonic()
    paths = list_files(request)
    channel.send("listed", files=[os.path.relpath(path, request["dags"]) for path in paths])
    import_ahead(paths)
    gc.freeze()
    parser = FileParser(request)
    pool = Pool(parser, request["workers"], request["processor_timeout"])
    imports = {}
    pool.run(paths, on_file(request, channel, imports))
    ended = time.monotonic()
    channel.send("end", importing=round(imported - began, 3), reading=round(ended - imported, 3))
    if request.get("watch"):
        watch(request, channel, pool, list_files, imports)
    return 0


if __name__ == "__main__":
    sys.exit(serve("dag_report", check))
