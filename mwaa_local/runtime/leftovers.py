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
SUPERVISOR_VARIABLE = "MWAA_LOCAL_SUPERVISOR"
"""Marks the supervisor alone, with the same run id: it ends its services itself and is not killed with them."""
STOP_PATIENCE = 45.0
KILL_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Watch:
    """What is needed to look after processes; `is_locked` tells whether a living process holds a lock file."""

    processes: Processes
    clock: Clock
    is_locked: Callable[[Path], bool]


def render_run(folder: StateFolder, run_id: str) -> str:
    """Return the record that says which processes belong to this folder: those marked with `run_id`."""
    return json.dumps({"run_id": run_id, "folder": folder_identity(folder)})


def render_supervisor(folder: StateFolder, process: ProcessId, run_id: str) -> str:
    """Return the record by which other commands find the supervisor; it repeats what `render_run` says."""
    document = {"pid": process.pid, "started": process.started, "run_id": run_id}
    return json.dumps({**document, "folder": folder_identity(folder)})


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
        if watch.processes.is_alive(process):
            return process
    except (KeyError, TypeError, ValueError):
        pass
    for run_id in recorded_runs(folder):
        for process in watch.processes.marked(SUPERVISOR_VARIABLE, run_id):
            return process
    return None


def is_running(folder: StateFolder, watch: Watch) -> bool:
    """Tell whether a supervisor holds the environment."""
    return watch.is_locked(folder.supervisor_lock)


def stop_supervisor(folder: StateFolder, watch: Watch) -> None:
    """End the supervisor and with it the environment; kill what does not end in time. Returns when all is gone.

    Raises RuntimeStateError if there is one and nothing tells which process it is.
    """
    if is_running(folder, watch):
        # Just started: its record comes in a moment.
        _wait(lambda: _is_found_or_gone(folder, watch), KILL_PATIENCE, watch.clock)
        supervisor = supervisor_of(folder, watch)
        if supervisor is not None:
            watch.processes.signal(supervisor, signal.SIGTERM)
            if not _wait(lambda: not is_running(folder, watch), STOP_PATIENCE, watch.clock):
                watch.processes.kill_tree(supervisor)
        elif is_running(folder, watch):
            raise RuntimeStateError(
                f"The environment runs, but {folder.supervisor} and {folder.run} are damaged.",
                hint=f"end the process `mwaa_local.cli.supervise {folder.root}` (kill -TERM), then try again",
            )
    remove_leftovers(folder, watch)


def _is_found_or_gone(folder: StateFolder, watch: Watch) -> bool:
    return supervisor_of(folder, watch) is not None or not is_running(folder, watch)


def remove_leftovers(folder: StateFolder, watch: Watch) -> int:
    """Kill what a dead supervisor has left running and return how many processes that were.

    Raises RuntimeStateError if some cannot be killed.
    """
    found = tuple(
        process
        for run_id in recorded_runs(folder)
        for variable in (SUPERVISOR_VARIABLE, RUN_VARIABLE)
        for process in watch.processes.marked(variable, run_id)
    )
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


def recorded_runs(folder: StateFolder) -> tuple[str, ...]:
    """Return the run ids of the last start in this very folder: none if there was no start, or the folder is a copy.

    There are two records, of which one may be damaged.
    """
    found: list[str] = []
    for path in (folder.run, folder.supervisor):
        record = read_json(path) or {}
        run_id = record.get("run_id")
        ours = record.get("folder") == folder_identity(folder)
        if ours and isinstance(run_id, str) and run_id and run_id not in found:
            found.append(run_id)
    return tuple(found)


def _wait(condition: Callable[[], bool], patience: float, clock: Clock) -> bool:
    deadline = clock.monotonic() + patience
    while not condition():
        if clock.monotonic() > deadline:
            return False
        clock.sleep(0.05)
    return True
