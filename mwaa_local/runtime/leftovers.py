"""Finds out whether an environment's supervisor lives, ends it, and removes what a dead one has left running.

Processes are recognised by the random run id that each of them carries in its environment, never by name or bare PID;
the supervisor by a lock that the kernel lets go of when it dies.
"""

import json
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.errors import RuntimeStateError
from mwaa_local.ports import Clock, Processes, ProcessId
from mwaa_local.runtime.state import StateFolder, read_json

RUN_VARIABLE = "MWAA_LOCAL_RUN"
STOP_PATIENCE = 45.0
KILL_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Watch:
    """What is needed to look after processes; `is_locked` tells whether a living process holds a lock file."""

    processes: Processes
    clock: Clock
    is_locked: Callable[[Path], bool]


def render_supervisor(folder: StateFolder, process: ProcessId) -> str:
    """Return the record by which other commands find the supervisor."""
    return json.dumps({"pid": process.pid, "started": process.started, "folder": folder_identity(folder)})


def folder_identity(folder: StateFolder) -> list[int]:
    """Return what tells a moved state folder (the same) from a copied one (another)."""
    try:
        found = folder.root.stat()
    except OSError:
        return []
    return [found.st_dev, found.st_ino]


def supervisor_of(folder: StateFolder, watch: Watch) -> ProcessId | None:
    """Return the living supervisor of this folder, None if there is none."""
    if not watch.is_locked(folder.supervisor_lock):
        return None
    record = read_json(folder.supervisor) or {}
    try:
        process = ProcessId(int(record["pid"]), float(record["started"]))
    except (KeyError, TypeError, ValueError):
        return None
    return process if watch.processes.is_alive(process) else None


def is_running(folder: StateFolder, watch: Watch) -> bool:
    """Tell whether a supervisor holds the environment."""
    return watch.is_locked(folder.supervisor_lock)


def stop_supervisor(folder: StateFolder, watch: Watch) -> None:
    """End the supervisor and with it the environment; kill what does not end in time. Returns when all is gone."""
    supervisor = supervisor_of(folder, watch)
    if supervisor is not None:
        watch.processes.signal(supervisor, signal.SIGTERM)
        if not _wait(lambda: not is_running(folder, watch), STOP_PATIENCE, watch.clock):
            watch.processes.kill_tree(supervisor)
    elif is_running(folder, watch):
        # Just started: its record comes in a moment.
        _wait(lambda: supervisor_of(folder, watch) is not None, KILL_PATIENCE, watch.clock)
        if supervisor_of(folder, watch) is not None:
            stop_supervisor(folder, watch)
            return
    remove_leftovers(folder, watch)


def remove_leftovers(folder: StateFolder, watch: Watch) -> int:
    """Kill what a dead supervisor has left running and return how many processes that were.

    Raises RuntimeStateError if some cannot be killed.
    """
    run_id = recorded_run(folder)
    if not run_id:
        return 0
    found = watch.processes.marked(RUN_VARIABLE, run_id)
    for process in found:
        watch.processes.kill_tree(process)
    gone = _wait(
        lambda: not any(watch.processes.is_alive(process) for process in found), KILL_PATIENCE, watch.clock
    )
    if not gone:
        numbers = ", ".join(str(process.pid) for process in found if watch.processes.is_alive(process))
        raise RuntimeStateError(
            f"Processes of an earlier start cannot be ended: {numbers}",
            hint="they may belong to another user; end them, then start again",
        )
    return len(found)


def recorded_run(folder: StateFolder) -> str:
    """Return the run id of the last start in this very folder; empty if there is none or the folder is a copy."""
    stack = read_json(folder.stack) or {}
    supervisor = read_json(folder.supervisor) or {}
    if supervisor.get("folder") not in (None, folder_identity(folder)):
        return ""
    return str(stack.get("run_id", ""))


def _wait(condition: Callable[[], bool], patience: float, clock: Clock) -> bool:
    deadline = clock.monotonic() + patience
    while not condition():
        if clock.monotonic() > deadline:
            return False
        clock.sleep(0.05)
    return True
