"""Projects whose environment seems to run: the files that a start leaves, and the lock that a supervisor holds."""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from mwaa_local.adapters.locks import take_lock
from mwaa_local.environment_stack import Ports
from mwaa_local.runtime.convergence import Phase
from mwaa_local.runtime.start_record import StartRecord
from mwaa_local.runtime.state import ServiceReport, StateFolder
from mwaa_local.stack import AliveProbe, ServiceSpec, Stack, render_stack


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended and what it printed."""

    exit_code: int
    stdout: str
    stderr: str


Cli = Callable[..., Outcome]


TWO_DAYS = 2 * 86400 + 3 * 3600 + 1800.0
"""Long enough that a test's own seconds do not show."""


def report(name: str, phase: Phase = Phase.HEALTHY, **changes: object) -> ServiceReport:
    """Return the report of a service that has been healthy for more than two days."""
    role = "" if name in ("postgres", "aws") else name
    healthy = ServiceReport(
        name=name,
        role=role,
        phase=phase,
        pid=100,
        started=1.0,
        since=time.time() - TWO_DAYS,
        failures=0,
        restarts=0,
        was_healthy=True,
        last_exit=None,
    )
    return replace(healthy, **changes)  # type: ignore[arg-type]


@dataclass(slots=True)
class SeemingEnvironment:
    """A project folder and what a start would have left in it."""

    root: Path
    locks: list[int] = field(default_factory=list)

    @property
    def folder(self) -> StateFolder:
        """Return its state folder."""
        return StateFolder(self.root / ".mwaa-local")

    def leave_start(self, *services: ServiceReport) -> None:
        """Leave the files of a start."""
        self.folder.create()
        record = StartRecord(
            project=str(self.root),
            environment="orders",
            version="2.2.2",
            amazon_provider="3.4.0",
            python=str(self.root / "env" / "bin" / "python"),
            packages=str(self.root / "env"),
            ports=Ports(webserver=8080, aws=4000, postgres=5432),
            request="",
            executor="celery",
            aws="local",
        )
        self.folder.start_record.write_text(json.dumps(asdict(record)), encoding="utf-8")
        self.folder.secrets.write_text(json.dumps({"admin_password": "pa55"}), encoding="utf-8")
        self.folder.status.write_text(
            json.dumps({"services": [asdict(service) for service in services]}), encoding="utf-8"
        )

    def run(self, *services: ServiceReport) -> None:
        """Let it seem to run: with the files of a start, and a living process that holds the supervisor's lock."""
        self.leave_start(*(services or (report("postgres"), report("scheduler"))))
        lock = take_lock(self.folder.supervisor_lock)
        assert lock is not None
        self.locks.append(lock)

    def stop(self) -> None:
        """Let go of the lock, as the kernel does when a process ends."""
        while self.locks:
            os.close(self.locks.pop())

    def leave_stack(self, programs: dict[str, str], variables: Sequence[tuple[str, str]] = ()) -> None:
        """Leave a stack whose environment has these programs: `airflow`, or modules by their path."""
        programs_folder = self.root / "env" / "bin"
        programs_folder.mkdir(parents=True, exist_ok=True)
        python = programs_folder / "python"
        python.unlink(missing_ok=True)
        python.symlink_to(sys.executable)
        for name, text in programs.items():
            path = programs_folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        scheduler = ServiceSpec(
            name="scheduler",
            role="scheduler",
            command=(str(python), "-m", "mwaa_inside.roles", "scheduler"),
            forked=False,
            environment=(
                ("PATH", os.environ["PATH"]),
                ("PYTHONPATH", str(programs_folder)),
                ("MWAA_LOCAL_RUN", "abc"),
                ("MWAA_LOCAL_SERVICE", "scheduler"),
                *variables,
            ),
            cwd="/",
            log=str(self.folder.log("scheduler")),
            probe=AliveProbe(1.0),
            needs=(),
            stop_signal=15,
            stop_grace=1.0,
        )
        self.folder.create()
        self.folder.stack.write_text(render_stack(Stack((scheduler,), None, "abc")), encoding="utf-8")
