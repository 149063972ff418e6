"""`/aws_mwaa/cli`: runs an Airflow command that comes as text, if its version has it on MWAA (MWAA-FACTS 9.3, 9.6).

The command runs next to the web server, in `mwaa_inside.command_server`, which is reached at a socket.
"""

import json
import shlex
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from mwaa_local.aws.web_doors.exchange import Answer, Request, json_answer, refusal
from mwaa_local.catalog import load_version
from mwaa_local.cli_rules import check_allowed
from mwaa_local.errors import UsageError

AT_ONCE = 4
"""Commands that MWAA runs at a time; to the next it answers 503."""
LIMIT = 900.0
"""Seconds after which a command is ended, so that four that hang do not close the door for good."""

AWAY = "the web server takes no commands now; see: mwaa-local status, or: mwaa-local restart webserver"

RunCommand = Callable[[Sequence[str]], dict[str, Any]]
"""Runs a command and returns the command server's answer; OSError where there is none."""


class CommandDoor:
    """Runs the commands of callers who have been let in."""

    def __init__(self, version: str, run: RunCommand) -> None:
        self._version = version
        self._run = run
        self._places = threading.BoundedSemaphore(AT_ONCE)

    def answer(self, request: Request) -> Answer:
        """Run the command of a request."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "text/plain":
            return refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send the command as Content-Type: text/plain")
        try:
            arguments = shlex.split(request.body.decode("utf-8"))
        except ValueError as error:
            return refusal(HTTPStatus.BAD_REQUEST, f"the command cannot be read: {error}")
        try:
            check_allowed(arguments, load_version(self._version))
        except UsageError as error:
            return refusal(HTTPStatus.INTERNAL_SERVER_ERROR, f"{error.message} ({error.hint})")
        if not self._places.acquire(blocking=False):
            return refusal(HTTPStatus.SERVICE_UNAVAILABLE, f"{AT_ONCE} commands are running; try again")
        try:
            return _answer(self._run(arguments))
        except (OSError, ValueError):
            return refusal(HTTPStatus.BAD_GATEWAY, AWAY)
        finally:
            self._places.release()


def _answer(done: dict[str, Any]) -> Answer:
    if done["exit_code"] is None:
        return refusal(HTTPStatus.GATEWAY_TIMEOUT, f"the command was ended: it took more than {LIMIT:.0f} s")
    return json_answer(HTTPStatus.OK, {"stdout": done["stdout"], "stderr": done["stderr"]})


@dataclass(frozen=True, slots=True)
class CommandServer:
    """The command server's socket."""

    path: Path

    def __call__(self, arguments: Sequence[str]) -> dict[str, Any]:
        """Have a command run and return what became of it."""
        request = json.dumps({"arguments": list(arguments), "limit": LIMIT}).encode() + b"\n"
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(LIMIT + 60)
            connection.connect(str(self.path))
            connection.sendall(request)
            with connection.makefile("rb") as stream:
                done: dict[str, Any] = json.loads(stream.readline())
        return done
