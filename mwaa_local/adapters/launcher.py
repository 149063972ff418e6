"""The pipe to the process inside the Airflow environment that forks roles (`inside/mwaa_inside/launcher.py`)."""

import contextlib
import json
import os
import subprocess

from mwaa_local.adapters.processes import SystemProcesses, open_log
from mwaa_local.errors import CommandError
from mwaa_local.ports import ProcessId
from mwaa_local.stack import LauncherSpec, ServiceSpec


class PipedLauncher:
    """Starts the launcher when it is first needed, and again after it has died."""

    def __init__(self, spec: LauncherSpec, processes: SystemProcesses) -> None:
        self._spec = spec
        self._processes = processes
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = b""

    @property
    def process(self) -> ProcessId | None:
        """Return the launcher's process, None when there is none."""
        if self._process is None or self._process.returncode is not None:
            return None
        return self._processes.identify(self._process.pid)

    def warm(self) -> None:
        """Start the launcher now, so that it has imported Airflow when the first role is due."""
        if self.process is None:
            self._start()

    @property
    def reply_stream(self) -> int | None:
        """Return the descriptor that becomes readable when a role has been forked."""
        if self._process is None or self._process.stdout is None or self._process.stdout.closed:
            return None
        return self._process.stdout.fileno()

    def fork(self, service: ServiceSpec) -> None:
        """Order the role of `service`; its PID comes with a later `replies()`."""
        order = {
            "name": service.name,
            "role": service.role,
            "environment": dict(service.environment),
            "cwd": service.cwd,
            "log": service.log,
            "parent": os.getpid(),
        }
        self.warm()
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise CommandError(
                f"The Airflow launcher has died: {error}", hint=f"read {self._spec.log}"
            ) from error

    def replies(self) -> tuple[tuple[str, int], ...]:
        """Return (service name, PID) of roles that have been forked since the last call."""
        stream = self.reply_stream
        if stream is None:
            return ()
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(stream, 65536):
                self._buffer += chunk
        *lines, self._buffer = self._buffer.split(b"\n")
        documents = (json.loads(line) for line in lines if line)
        return tuple((document["name"], document["pid"]) for document in documents)

    def note_exit(self, pid: int, exit_code: int) -> bool:
        """Take note that a child has ended; True if it was the launcher."""
        if self._process is None or self._process.pid != pid:
            return False
        self._process.returncode = exit_code
        return True

    def close(self) -> None:
        """Let the launcher end: it does when its orders end."""
        for stream in (self._process.stdin, self._process.stdout) if self._process else ():
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _start(self) -> None:
        self.close()
        self._buffer = b""
        try:
            with open_log(self._spec.log) as log:
                self._process = subprocess.Popen(
                    self._spec.command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=dict(self._spec.environment),
                    cwd=self._spec.cwd,
                    start_new_session=True,
                )
        except OSError as error:
            raise CommandError(
                f"Cannot start {self._spec.command[0]}: {error.strerror or error}",
                hint="the Airflow environment may have been removed: run `mwaa-local start` again",
            ) from error
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
