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
    ) -> int:
        """Run `command`, hand each line of its output (both streams, without line end) to `on_line`, return its exit code."""
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
