"""The supervisor's process: `python -m mwaa_local.cli.supervise STATE_FOLDER`, started by `mwaa-local start`.

Reads the stack that `start` has left, runs it until SIGTERM or SIGINT, and reports its services in the state folder. At
another signal (`runtime.handover`) it goes over to a stack that has been left meanwhile.
"""

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from mwaa_local.adapters.clock import SystemClock
from mwaa_local.adapters.http import LocalHttp
from mwaa_local.adapters.launcher import PipedLauncher
from mwaa_local.adapters.locks import take_lock
from mwaa_local.adapters.postgres_probe import postgres_accepts
from mwaa_local.adapters.processes import SystemProcesses
from mwaa_local.aws.account import HEALTH_PATH, RELEASE_PATH
from mwaa_local.catalog import Role
from mwaa_local.errors import MwaaLocalError
from mwaa_local.ports import HttpClient
from mwaa_local.runtime.convergence import LIVING, Intent, ServiceState
from mwaa_local.runtime.handover import HANDOVER_SIGNAL, confirm, take_over
from mwaa_local.runtime.leftovers import render_supervisor
from mwaa_local.runtime.readiness import Prober
from mwaa_local.runtime.scaling_record import ScalingReport, save_scaling
from mwaa_local.runtime.scaling_watch import ScalingWatch, queue_look
from mwaa_local.runtime.state import StateFolder, render_status, write_private
from mwaa_local.runtime.supervision import Supervisor, is_scaled
from mwaa_local.stack import BeatProbe, HttpProbe, ServiceSpec, Stack, parse_stack


def main() -> None:
    """Run the supervisor; exit code 75 if there is one already."""
    folder = StateFolder(Path(sys.argv[1]))
    lock = take_lock(folder.supervisor_lock, patience=2.0)
    if lock is None:
        sys.exit(75)
    try:
        stack = parse_stack(folder.stack.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return  # the start that wanted us has been interrupted
    processes = SystemProcesses()
    supervision = Supervision(folder, stack, processes, forks=processes.adopt_orphans())
    ourselves = processes.identify(os.getpid())
    assert ourselves is not None
    supervision.listen_to_signals()
    write_private(folder.supervisor, render_supervisor(folder, ourselves, stack.run_id))
    supervision.run()


class Supervision:
    """A supervisor with all that it needs of this machine."""

    def __init__(self, folder: StateFolder, stack: Stack, processes: SystemProcesses, *, forks: bool) -> None:
        self._folder = folder
        self._stack = stack
        self._processes = processes
        self._forks = forks
        self._clock = SystemClock()
        self._http = LocalHttp()
        self._launcher = self._new_launcher(stack)
        self._supervisor = Supervisor(
            stack,
            processes,
            self._launcher,
            Prober(self._http, self._clock, postgres_accepts),
            self._clock,
            before_start=self._before_start,
            after_end=self._release,
        )
        self._handed_over = False
        self._scaling: ScalingWatch | None = None
        self._told: ScalingReport | None = None
        self._scale()

    def listen_to_signals(self) -> None:
        """Have signals interrupt waiting; SIGTERM and SIGINT stop the stack."""
        self._wake, trigger = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(trigger, False)
        signal.set_wakeup_fd(trigger, warn_on_full_buffer=False)

        def stop(_number: int, _frame: object) -> None:
            self._supervisor.stopping = True

        def replace(_number: int, _frame: object) -> None:
            self._handed_over = True

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        signal.signal(HANDOVER_SIGNAL, replace)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def run(self) -> None:
        """Run the stack until it has stopped."""
        self._supervisor.run(self._wait, self._report)

    def _wait(self, seconds: float) -> None:
        if self._scaling is not None:
            seconds = min(seconds, self._scaling.seconds_to_next())
        streams = [self._wake]
        if self._launcher is not None and self._launcher.reply_stream is not None:
            streams.append(self._launcher.reply_stream)
        readable, _, _ = select.select(streams, [], [], seconds)
        if self._wake in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake, 4096)
        if self._supervisor.stopping:
            return
        if self._handed_over:
            self._handed_over = False
            self._take_over()
        if self._scaling is not None:
            self._scaling.step()
            self._supervisor.set_workers(self._scaling.workers, self._scaling.scaling)
            self._tell()

    def _report(self, states: tuple[ServiceState, ...]) -> None:
        # A full disk must not end the environment: the next report may find room again.
        with contextlib.suppress(MwaaLocalError):
            write_private(self._folder.status, render_status(states, time.time(), self._clock.monotonic()))

    def _take_over(self) -> None:
        try:
            stack = take_over(self._folder)
        except (MwaaLocalError, OSError):
            return  # whoever has sent the signal gives up by himself
        launcher = self._launcher
        if stack.launcher != self._stack.launcher:
            launcher = self._new_launcher(stack)
        self._stack, self._launcher = stack, launcher
        self._supervisor.replace_stack(stack, launcher)
        self._scale()
        # So that what starts again is not reported as healthy any more.
        self._supervisor.step()
        self._report(self._supervisor.states)
        with contextlib.suppress(MwaaLocalError):
            confirm(self._folder, stack)

    def _scale(self) -> None:
        """Begin to follow the tasks, with the workers that there are, or end that."""
        scaling = self._stack.scaling
        if scaling is None:
            self._scaling = None
        else:
            running = sum(
                is_scaled(state) and state.intent is not Intent.PARK and state.phase in LIVING
                for state in self._supervisor.states
            )
            look = queue_look(self._http, scaling.figures_url)
            self._scaling = ScalingWatch(scaling, look, self._clock, running or None)
            self._supervisor.set_workers(self._scaling.workers, scaling)
        self._tell()

    def _tell(self) -> None:
        report = self._scaling.report() if self._scaling is not None else None
        if report != self._told or report is None:
            self._told = report
            with contextlib.suppress(MwaaLocalError):
                save_scaling(self._folder, report)

    def _new_launcher(self, stack: Stack) -> PipedLauncher | None:
        return PipedLauncher(stack.launcher, self._processes) if self._forks and stack.launcher else None

    def _before_start(self, service: ServiceSpec) -> None:
        if isinstance(service.probe, BeatProbe):
            # The last beat of a predecessor says nothing of this one.
            Path(service.probe.path).unlink(missing_ok=True)
        self._release(service)

    def _release(self, service: ServiceSpec) -> None:
        message_release(self._stack, self._http)(service)


def message_release(stack: Stack, http: HttpClient) -> Callable[[ServiceSpec], None]:
    """Return what is done before a service starts: a worker's predecessor may have died with messages in its hands.

    They would stay hidden for the twelve hours of MWAA's visibility timeout, and their tasks queued.
    """
    aws = next((service.probe for service in stack.services if service.name == "aws"), None)

    def release(service: ServiceSpec) -> None:
        if isinstance(aws, HttpProbe) and service.role == Role.WORKER:
            endpoint = aws.url.removesuffix(HEALTH_PATH)
            http.post(f"{endpoint}{RELEASE_PATH}?consumer={quote(service.name)}")

    return release


if __name__ == "__main__":
    main()
