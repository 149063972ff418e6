"""The supervisor's process: `python -m mwaa_local.cli.supervise STATE_FOLDER`, started by `mwaa-local start`.

Reads the stack that `start` has left, runs it until SIGTERM or SIGINT, and reports its services in the state folder.
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
from mwaa_local.runtime.convergence import ServiceState
from mwaa_local.runtime.leftovers import render_supervisor
from mwaa_local.runtime.readiness import Prober
from mwaa_local.runtime.state import StateFolder, render_status, write_private
from mwaa_local.runtime.supervision import Supervisor
from mwaa_local.stack import HttpProbe, ServiceSpec, Stack, parse_stack


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
    adopts = processes.adopt_orphans()
    launcher = PipedLauncher(stack.launcher, processes) if adopts and stack.launcher else None
    ourselves = processes.identify(os.getpid())
    assert ourselves is not None
    write_private(folder.supervisor, render_supervisor(folder, ourselves, stack.run_id))
    clock = SystemClock()
    http = LocalHttp()
    supervisor = Supervisor(
        stack,
        processes,
        launcher,
        Prober(http, clock, postgres_accepts),
        clock,
        before_start=message_release(stack, http),
    )
    wake = _wake_on_signals(supervisor)

    def wait(seconds: float) -> None:
        streams = (
            [wake] if launcher is None or launcher.reply_stream is None else [wake, launcher.reply_stream]
        )
        readable, _, _ = select.select(streams, [], [], seconds)
        if wake in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(wake, 4096)

    def report(states: tuple[ServiceState, ...]) -> None:
        # A full disk must not end the environment: the next report may find room again.
        with contextlib.suppress(MwaaLocalError):
            write_private(folder.status, render_status(states, time.time(), clock.monotonic()))

    supervisor.run(wait, report)


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


def _wake_on_signals(supervisor: Supervisor) -> int:
    """Have signals interrupt waiting, and SIGTERM and SIGINT stop the stack; return the descriptor to wait on."""
    wake, trigger = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(trigger, False)
    signal.set_wakeup_fd(trigger, warn_on_full_buffer=False)

    def stop(_number: int, _frame: object) -> None:
        supervisor.stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    return wake


if __name__ == "__main__":
    main()
