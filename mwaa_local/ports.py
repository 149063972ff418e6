"""The outside world as the rest of the package sees it: Protocols, and the small records that they exchange.

`adapters/` holds the real ones, `tests/fakes.py` the fakes; `tests/contract/` keeps both honest.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a program ended: its exit code (negative: the signal that ended it) and what it printed."""

    exit_code: int
    stdout: str
    stderr: str


class CommandRunner(Protocol):
    """Runs programs to their end."""

    def run(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float | None = None,
        stdin: str = "",
    ) -> CommandResult:
        """Run `command` (no shell) and return what it printed; `env` replaces the environment, None keeps ours.

        Raises CommandError if it cannot be started or takes longer than `timeout` seconds (it is then killed
        with everything it started). A non-zero exit is a result, not an error.
        """
        ...

    def stream(
        self,
        command: Sequence[str],
        on_line: Callable[[str], None],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float | None = None,
        leash: bool = False,
    ) -> int:
        """Run `command`, hand each line of its output (both streams) to `on_line`, return its exit code.

        With `leash` its stdin stays open, and empty, as long as we live: what it starts elsewhere can end with us.
        """
        ...

    def attach(
        self, command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> int:
        """Run `command` on our own terminal and streams and return its exit code (128 + N if signal N ended it)."""
        ...


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process that cannot be mistaken for another: its PID and when it started (clock-independent ticks)."""

    pid: int
    started: float


@dataclass(frozen=True, slots=True)
class TreeUsage:
    """What a process and its descendants have used of the processors, what they hold of the memory, their titles."""

    cpu_seconds: float
    memory: int
    titles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProcessOrder:
    """What to start: `death_signal` is sent to it when we die (where the system can do that; 0 for none)."""

    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    cwd: str
    log: str
    death_signal: int


class Processes(Protocol):
    """Starts and watches long-lived processes, each in a session of its own."""

    def spawn(self, order: ProcessOrder) -> ProcessId:
        """Start a process with its output appended to `order.log`; CommandError if it cannot be started."""
        ...

    def identify(self, pid: int) -> ProcessId | None:
        """Return the identity of the process that has this PID now."""
        ...

    def is_alive(self, process: ProcessId) -> bool:
        """Tell whether exactly this process still runs (a zombie does not)."""
        ...

    def reap(self) -> tuple[tuple[int, int], ...]:
        """Collect our ended children: (pid, exit code; negative for a signal)."""
        ...

    def signal(self, process: ProcessId, number: int) -> bool:
        """Send a signal to exactly this process; False if it is gone."""
        ...

    def kill_tree(self, process: ProcessId) -> None:
        """Kill the process, its session's group and all its descendants."""
        ...

    def children(self) -> tuple[ProcessId, ...]:
        """Return our direct children, adopted ones too."""
        ...

    def marked(self, variable: str, value: str) -> tuple[ProcessId, ...]:
        """Return the processes of this user, other than ourselves, whose environment has `variable` set to `value`."""
        ...

    def adopt_orphans(self) -> bool:
        """Become the parent of descendants whose parent ends; False where the system has no such thing."""
        ...


class Clock(Protocol):
    """Time, so that tests need not wait for it."""

    def now(self) -> float:
        """Return seconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A status code and a body; status 0 means nobody answered."""

    status: int
    body: bytes


class HttpClient(Protocol):
    """Plain HTTP to addresses on this machine."""

    def get(self, url: str, *, timeout: float = 2.0, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """Fetch `url`; an address that nobody answers on gives status 0, never an exception."""
        ...

    def post(self, url: str, *, timeout: float = 2.0) -> HttpAnswer:
        """Send an empty POST; an address that nobody answers on gives status 0, never an exception."""
        ...
