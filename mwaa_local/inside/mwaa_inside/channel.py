"""How a program inside the Airflow environment talks with mwaa-local: one JSON request in, JSON lines out.

Airflow and DAG files print and log as they like; all of that goes to stderr. Each of our lines starts with the same
mark, because the caller may read both streams as one and Airflow 3 logs JSON lines of its own. Runs on Python 3.7 and
up.
"""

import json
import os
import sys
import threading

MARK = "mwaa_local"
REQUEST_VARIABLE = "MWAA_LOCAL_REQUEST"
_INTERRUPTED = 130


class RequestFailed(Exception):
    """What the caller asked for cannot be done; `details` become fields of the error event."""

    def __init__(self, message, hint="", **details):
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details


class Channel:
    """Our own line to the caller, for which stdout is taken away from everybody else in this process."""

    def __init__(self, program):
        self._program = program
        sys.stdout.flush()
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def send(self, event, **fields):
        """Send one event."""
        line = {MARK: self._program, "event": event}
        line.update(fields)
        self._out.write(json.dumps(line, ensure_ascii=True) + "\n")
        self._out.flush()


def serve(program, answer):
    """Read the request, let `answer(request, channel)` work on it, and return its exit code."""
    channel = Channel(program)
    try:
        return answer(read_request(), channel)
    except RequestFailed as failure:
        exit_code = failure.details.pop("exit_code", 1)
        channel.send("error", message=failure.message, hint=failure.hint, **failure.details)
        return exit_code


def end_with_caller():
    """End this process when the caller has gone: it keeps our stdin open, which tells that from inside a container."""

    def watch():
        # Not sys.stdin, whose lock would be held when this process ends.
        while os.read(0, 1024):
            pass
        os._exit(_INTERRUPTED)

    threading.Thread(target=watch, daemon=True).start()


def read_request():
    """Return the request: from a variable where the caller cannot write to our stdin, else from stdin."""
    text = os.environ.pop(REQUEST_VARIABLE, None)
    if not text:
        text = sys.stdin.buffer.read().decode("utf-8")
    try:
        request = json.loads(text)
    except ValueError as error:
        raise RequestFailed("The request is not JSON: %s." % error) from error
    if not isinstance(request, dict):
        raise RequestFailed("The request is not a JSON object.")
    return request
