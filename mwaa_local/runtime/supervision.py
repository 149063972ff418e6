"""Keeps a stack running: does what `convergence` decides, again and again, until it is told to stop.

Starts services when what they need is healthy, restarts what ends, kills what hangs, and cleans up after a role that
died. Written here rather than taken from a process supervisor because none of those looked at (supervisor, circus,
honcho) starts by readiness, can take over roles forked from a common parent, or ties its children's life to its own.
"""

import signal
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, assert_never

from mwaa_local.catalog import Role
from mwaa_local.errors import CommandError
from mwaa_local.ports import Clock, Processes, ProcessId, ProcessOrder
from mwaa_local.runtime.autoscaling import WorkerPlace, choose_workers
from mwaa_local.runtime.convergence import (
    LIVING,
    Action,
    Intent,
    Kill,
    Phase,
    Probe,
    ServiceState,
    Start,
    Stop,
    after_exit,
    after_hurry,
    after_kill,
    after_need,
    after_parking,
    after_probe,
    after_start,
    after_stop_request,
    decide,
    is_over,
)
from mwaa_local.runtime.readiness import Prober
from mwaa_local.runtime.rollover import roll_over, without_gone
from mwaa_local.stack import ServiceSpec, Stack, WorkerScaling

LONGEST_WAIT = 5.0
SHORTEST_WAIT = 0.02
SWEEP_WINDOW = 10.0
"""Seconds after a service's end in which what it leaves is ended; later, what a task has left running is let be."""


class Launcher(Protocol):
    """Forks roles from one process that has imported Airflow."""

    @property
    def process(self) -> ProcessId | None:
        """Return the launcher's process, None when there is none."""
        ...

    def warm(self) -> None:
        """Start the launcher now, so that it has imported Airflow when the first role is due."""
        ...

    def fork(self, service: ServiceSpec) -> None:
        """Order the role of `service`; its PID comes with a later `replies()`."""
        ...

    def replies(self) -> tuple[tuple[str, int], ...]:
        """Return (service name, PID) of roles that have been forked since the last call."""
        ...

    def note_exit(self, pid: int, exit_code: int) -> bool:
        """Take note that a child has ended; True if it was the launcher."""
        ...

    def close(self) -> None:
        """Let the launcher end."""
        ...


Report = Callable[[tuple[ServiceState, ...]], None]


class Supervisor:
    """Runs one stack; `step` does what is due and `run` repeats it until everything has stopped."""

    def __init__(
        self,
        stack: Stack,
        processes: Processes,
        launcher: Launcher | None,
        prober: Prober,
        clock: Clock,
        *,
        before_start: Callable[[ServiceSpec], None],
        after_end: Callable[[ServiceSpec], None] = lambda _: None,
    ) -> None:
        """Take what is done before a service starts, and after one has ended that does not start again for now."""
        self.states = tuple(ServiceState(spec) for spec in stack.services)
        self.stopping = False
        self._processes = processes
        self._launcher = launcher
        self._prober = prober
        self._clock = clock
        self._before_start = before_start
        self._after_end = after_end
        self._hurries = False
        self._unclaimed: dict[int, int] = {}
        self._sweep_due = False
        self._sweep_until = 0.0

    def run(self, wait: Callable[[float], None], report: Report) -> None:
        """Work until `stopping` is set and all services have ended; `wait` sleeps up to so many seconds."""
        reported: tuple[ServiceState, ...] = ()
        if self._launcher is not None:
            self._launcher.warm()
        while True:
            self.step()
            shown = tuple(replace(state, next_at=0.0, failed_probes=0) for state in self.states)
            if shown != reported:
                report(self.states)
                reported = shown
            if self.stopping and is_over(self.states):
                break
            wait(self._time_to_next())
        if self._launcher is not None:
            self._launcher.close()
        self._sweep_orphans()
        # Those that waited, too: whoever reads this must see that we ended as we should.
        self.states = tuple(replace(state, phase=Phase.STOPPED) for state in self.states)
        report(self.states)

    def replace_stack(self, stack: Stack, launcher: Launcher | None) -> None:
        """Go over to another stack while what has not changed goes on; `launcher` forks its roles from now on."""
        if self._launcher is not None and self._launcher is not launcher:
            # Its roles are our children by now, not the launcher's; an orderly end would end the whole run.
            if self._launcher.process is not None:
                self._processes.kill_tree(self._launcher.process)
            self._launcher.close()
            self._forget_orders()
        self._launcher = launcher
        if launcher is not None:
            launcher.warm()
        self.states = roll_over(self.states, stack)

    def set_workers(self, count: int, scaling: WorkerScaling) -> None:
        """See that so many workers run, and the others are parked."""
        workers = [state for state in self.states if is_scaled(state)]
        places = [
            WorkerPlace(state.spec.name, state.intent is not Intent.PARK, state.phase is Phase.STOPPING)
            for state in workers
        ]
        chosen = choose_workers(places, count)
        for state in workers:
            is_parked = state.intent is Intent.PARK
            if state.spec.name in chosen and is_parked:
                self._put(after_need(state))
            elif state.spec.name not in chosen and not is_parked:
                self._put(after_parking(state, scaling.grace))

    def step(self) -> None:
        """Take in what has happened, then do what is due."""
        if self.stopping and not self._hurries:
            self._hurries = True
            self.states = tuple(after_hurry(state, self._clock.monotonic()) for state in self.states)
        self._take_replies()
        for pid, code in self._processes.reap():
            self._note_exit(pid, code)
        if self._sweep_due:
            self._sweep_orphans()
        for action in decide(self.states, self._clock.monotonic(), stopping=self.stopping):
            self._do(action)

    def _time_to_next(self) -> float:
        now = self._clock.monotonic()
        if decide(self.states, now, stopping=self.stopping):
            return SHORTEST_WAIT  # what has just happened has made something else due
        due = [
            state.next_at - now
            for state in self.states
            if state.phase not in (Phase.WAITING, Phase.STOPPED) or state.next_at > now
        ]
        return min(max(min(due, default=LONGEST_WAIT), SHORTEST_WAIT), LONGEST_WAIT)

    def _do(self, action: Action) -> None:
        state = self._state(action.name)
        now = self._clock.monotonic()
        match action:
            case Start():
                self._start(state, now)
            case Probe():
                alive_for = now - state.since
                healthy = self._prober.is_healthy(state.spec.probe, alive_for) if state.process else False
                self._put(after_probe(state, self._clock.monotonic(), healthy=healthy))
            case Stop():
                self._request_stop(state)
                self._put(after_stop_request(state, now))
            case Kill():
                if state.process is not None:
                    self._processes.kill_tree(state.process)
                self._put(after_kill(state, now))
            case _:
                assert_never(action)

    def _start(self, state: ServiceState, now: float) -> None:
        spec = state.spec
        self._before_start(spec)
        try:
            if self._launcher is not None and spec.forked:
                self._launcher.fork(spec)
                self._put(replace(after_start(state, ProcessId(0, 0.0), now), process=None))
                return
            order = ProcessOrder(spec.command, spec.environment, spec.cwd, spec.log, signal.SIGKILL)
            self._put(after_start(state, self._processes.spawn(order), now))
        except CommandError:
            self._put(after_exit(state, 127, now, stopping=self.stopping))

    def _request_stop(self, state: ServiceState) -> None:
        if state.process is not None:
            self._processes.signal(state.process, state.spec.stop_signal)
        elif self._launcher is not None and self._launcher.process is not None:
            self._processes.kill_tree(
                self._launcher.process
            )  # the role has been ordered and not been forked yet

    def _take_replies(self) -> None:
        for name, pid in self._launcher.replies() if self._launcher else ():
            state = self._state(name)
            if pid in self._unclaimed:
                self._put(
                    after_exit(
                        state, self._unclaimed.pop(pid), self._clock.monotonic(), stopping=self.stopping
                    )
                )
            else:
                self._put(replace(state, process=self._processes.identify(pid) or ProcessId(pid, -1.0)))

    def _note_exit(self, pid: int, code: int) -> None:
        now = self._clock.monotonic()
        if self._launcher is not None and self._launcher.note_exit(pid, code):
            for state in self.states:
                if state.phase in LIVING and state.process is None and state.spec.forked:
                    self._put(after_exit(state, code, now, stopping=self.stopping))
            return
        for state in self.states:
            if state.process is not None and state.process.pid == pid:
                self._processes.kill_tree(state.process)
                self._put(after_exit(state, code, now, stopping=self.stopping))
                if state.intent in (Intent.PARK, Intent.LEAVE):
                    self._after_end(state.spec)
                    self.states = without_gone(self.states)
                self._sweep_due = True
                self._sweep_until = now + SWEEP_WINDOW
                return
        self._unclaimed[pid] = code
        # A child adopted from a service that has just ended: when it ends too, its own children come to us.
        self._sweep_due = self._sweep_due or now < self._sweep_until

    def _forget_orders(self) -> None:
        """Have roles ordered again that were ordered from a launcher that is gone."""
        for state in self.states:
            if state.phase in LIVING and state.process is None and state.spec.forked:
                self._put(replace(state, phase=Phase.WAITING, next_at=0.0))

    def _sweep_orphans(self) -> None:
        """Kill children that are not ours by plan: what a dead role has left behind."""
        if any(state.phase in LIVING and state.process is None for state in self.states):
            return  # a role has been ordered and may be among the children already
        known = {state.process for state in self.states}
        if self._launcher is not None:
            known.add(self._launcher.process)
        for child in self._processes.children():
            if child not in known:
                self._processes.kill_tree(child)
        self._unclaimed.clear()
        self._sweep_due = False

    def _state(self, name: str) -> ServiceState:
        return next(state for state in self.states if state.spec.name == name)

    def _put(self, changed: ServiceState) -> None:
        self.states = tuple(
            changed if state.spec.name == changed.spec.name else state for state in self.states
        )


def is_scaled(state: ServiceState) -> bool:
    """Tell whether a service is one of the workers whose number follows the tasks."""
    return state.spec.role == Role.WORKER and state.intent is not Intent.LEAVE
