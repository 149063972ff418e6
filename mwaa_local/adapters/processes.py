"""Long-lived processes: started in sessions of their own, recognised beyond their PID, killed with all they started."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

import psutil

from mwaa_local.errors import CommandError
from mwaa_local.ports import ProcessId, ProcessOrder

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LINUX = sys.platform == "linux"


class SystemProcesses:
    """The processes of this machine."""

    def __init__(self) -> None:
        # Popen objects are kept, and never polled, so that `reap` alone collects exit codes.
        self._started: dict[int, subprocess.Popen[bytes]] = {}

    def spawn(self, order: ProcessOrder) -> ProcessId:
        """Start a process with its output appended to `order.log`; CommandError if it cannot be started."""
        try:
            with open_log(order.log) as log:
                started = subprocess.Popen(
                    order.command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=dict(order.environment),
                    cwd=order.cwd,
                    start_new_session=True,
                    preexec_fn=_death_signal_setter(order.death_signal),
                )
        except OSError as error:
            raise CommandError(
                f"Cannot start {order.command[0]}: {error.strerror or error}",
                hint="run `mwaa-local doctor` to see what is missing",
            ) from error
        self._started[started.pid] = started
        return self.identify(started.pid) or ProcessId(started.pid, -1.0)

    def identify(self, pid: int) -> ProcessId | None:
        """Return the identity of the process that has this PID now."""
        started = start_of(pid)
        return None if started is None else ProcessId(pid, started)

    def is_alive(self, process: ProcessId) -> bool:
        """Tell whether exactly this process still runs (a zombie does not)."""
        if start_of(process.pid) != process.started:
            return False
        try:
            return psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def reap(self) -> tuple[tuple[int, int], ...]:
        """Collect our ended children: (pid, exit code; negative for a signal)."""
        ended = []
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                code = os.waitstatus_to_exitcode(status)
                kept = self._started.pop(pid, None)
                if kept is not None:
                    kept.returncode = code
                ended.append((pid, code))
        return tuple(ended)

    def signal(self, process: ProcessId, number: int) -> bool:
        """Send a signal to exactly this process; False if it is gone."""
        if start_of(process.pid) != process.started:
            return False
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            return False
        return True

    def kill_tree(self, process: ProcessId) -> None:
        """Kill the process, its session's group and all its descendants."""
        descendants: list[psutil.Process] = []
        started = start_of(process.pid)
        if started not in (None, process.started):
            return  # the number is somebody else's by now, so the group has no members left
        if started is not None:
            with contextlib.suppress(psutil.Error):
                descendants = psutil.Process(process.pid).children(recursive=True)
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        # The leader of the group may be gone already: as long as members live, its number is not given to others.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if process.pid != os.getpgrp():
                os.killpg(process.pid, signal.SIGKILL)
        for descendant in descendants:
            with contextlib.suppress(psutil.Error):
                descendant.kill()

    def children(self) -> tuple[ProcessId, ...]:
        """Return our direct children, adopted ones too."""
        found = (self.identify(child.pid) for child in psutil.Process().children())
        return tuple(child for child in found if child is not None)

    def marked(self, variable: str, value: str) -> tuple[ProcessId, ...]:
        """Return the processes of this user, other than ourselves, whose environment has `variable` set to `value`."""
        ours = os.getpid()
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.pid != ours and process.environ().get(variable) == value:
                    identity = self.identify(process.pid)
                    if identity is not None and self.is_alive(identity):
                        found.append(identity)
        return tuple(found)

    def adopt_orphans(self) -> bool:
        """Become the parent of descendants whose parent ends; False where the system has no such thing."""
        if not LINUX:
            return False
        return bool(ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1) == 0)


def describe_processes() -> tuple[str, ...]:
    """Return the command line and the variables of every process that we may look at, without ourselves."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid():
                found.append("\n".join((*process.cmdline(), *process.environ().values())))
    return tuple(found)


def open_log(path: str) -> IO[bytes]:
    """Open a log file for appending, private to the user."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab", buffering=0)


def start_of(pid: int) -> float | None:
    """Return when a process started, in ticks since boot on Linux (whatever clocks do); None if there is none."""
    if LINUX:
        try:
            fields = Path(f"/proc/{pid}/stat").read_bytes().rsplit(b")", 1)[1].split()
        except (OSError, IndexError):
            return None
        return float(fields[19])
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None


def _death_signal_setter(number: int) -> Callable[[], None] | None:
    if not LINUX or not number:
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork

    def set_death_signal() -> None:
        prctl(PR_SET_PDEATHSIG, number)

    return set_death_signal
