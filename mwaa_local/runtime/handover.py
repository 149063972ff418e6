"""How a running supervisor is handed another stack: a file, a signal, and a file that says it has been taken over."""

import json
import signal
from pathlib import Path

from mwaa_local.errors import RoleFailedError
from mwaa_local.runtime.leftovers import Watch, is_running, supervisor_of
from mwaa_local.runtime.state import StateFolder, load_status, read_json, write_private
from mwaa_local.stack import Stack, parse_stack, render_stack

HANDOVER_SIGNAL = signal.SIGUSR1
"""Not SIGHUP: a terminal that closes sends that, and it means nothing here."""
PATIENCE = 30.0
LOOK_AGAIN = 0.05


def hand_over(folder: StateFolder, stack: Stack, watch: Watch) -> None:
    """Have the supervisor go over to `stack`, and return once it has; RoleFailedError if it does not."""
    taken_over(folder).unlink(missing_ok=True)
    write_private(folder.stack, render_stack(stack))
    supervisor = supervisor_of(folder, watch)
    if supervisor is None or not watch.processes.signal(supervisor, HANDOVER_SIGNAL):
        raise RoleFailedError("The environment has just ended.", hint="start it: mwaa-local start")
    deadline = watch.clock.monotonic() + PATIENCE
    while (read_json(taken_over(folder)) or {}).get("stack") != stack.digest:
        if watch.clock.monotonic() > deadline:
            raise RoleFailedError(
                "The supervisor does not answer.", hint="restart the environment: mwaa-local restart"
            )
        watch.clock.sleep(LOOK_AGAIN)


def take_over(folder: StateFolder) -> Stack:
    """Return the stack that has been handed over."""
    return parse_stack(folder.stack.read_text(encoding="utf-8"))


def confirm(folder: StateFolder, stack: Stack) -> None:
    """Say that a stack has been taken over; what the supervisor reports from now on is about it."""
    write_private(taken_over(folder), json.dumps({"stack": stack.digest}))


def note_change(folder: StateFolder) -> None:
    """Note that what runs, which has been ready once, is being changed: it is not as anybody wants it for now."""
    record = read_json(folder.ready) or {}
    write_private(folder.ready, json.dumps({**record, "changing": True}))


def taken_over(folder: StateFolder) -> Path:
    """Return the file that says which stack has been taken over."""
    return folder.root / "run" / "taken-over.json"


def wait_for_workers(folder: StateFolder, watch: Watch, limit: float) -> None:
    """Wait until no worker lives that is to leave, for `limit` seconds at most."""
    deadline = watch.clock.monotonic() + limit
    while any(report.leaving for report in load_status(folder)) and watch.clock.monotonic() < deadline:
        if not is_running(folder, watch):
            return
        watch.clock.sleep(LOOK_AGAIN)
