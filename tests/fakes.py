"""Stand-ins for the outside world; the contract suites keep them honest."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mwaa_local.errors import CommandError
from mwaa_local.ports import CommandResult, HttpAnswer, ProcessId, ProcessOrder


@dataclass(frozen=True, slots=True)
class RanCommand:
    """A command that was asked for, and how."""

    command: tuple[str, ...]
    env: Mapping[str, str] | None
    cwd: Path | None
    stdin: str


@dataclass(slots=True)
class FakeCommands:
    """CommandRunner that answers from a table: the longest beginning of the command that the table knows.

    A program that the table does not know at all does not exist. `delays` says how long a program would take.
    """

    answers: dict[tuple[str, ...], CommandResult | Callable[[RanCommand], CommandResult]] = field(
        default_factory=dict
    )
    delays: dict[str, float] = field(default_factory=dict)
    ran: list[RanCommand] = field(default_factory=list)

    def run(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float | None = None,
        stdin: str = "",
    ) -> CommandResult:
        """Answer from the table."""
        asked = RanCommand(tuple(command), env, cwd, stdin)
        if cwd is not None and not cwd.is_dir():
            raise CommandError(f"{cwd}: no such folder to run {command[0]} in.")
        if not any(known[0] == command[0] for known in self.answers):
            raise CommandError(
                f"{command[0]}: no such program.", hint=f"Install {Path(command[0]).name}, or put it on PATH."
            )
        self.ran.append(asked)
        if timeout is not None and self.delays.get(command[0], 0.0) > timeout:
            raise CommandError(f"{Path(command[0]).name} took longer than {timeout:g} seconds and was ended.")
        for length in range(len(command), 0, -1):
            answer = self.answers.get(asked.command[:length])
            if answer is not None:
                return answer if isinstance(answer, CommandResult) else answer(asked)
        return CommandResult(127, "", f"{command[0]}: not in the table")

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
        """Hand over the lines that the table has."""
        result = self.run(command, env=env, cwd=cwd, timeout=timeout)
        for line in (result.stdout + result.stderr).splitlines():
            on_line(line)
        return result.exit_code

    def attach(
        self, command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> int:
        """Return the exit code that the table has."""
        code = self.run(command, env=env, cwd=cwd).exit_code
        return code if code >= 0 else 128 - code


@dataclass(slots=True)
class FakeClock:
    """A clock that moves only when somebody sleeps."""

    time: float = 1_700_000_000.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        """Return seconds since the epoch."""
        return self.time

    def monotonic(self) -> float:
        """Return the same seconds."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.slept.append(seconds)
        self.time += seconds


@dataclass(slots=True)
class FakeProcesses:
    """Processes that live until they are signalled or killed; `stubborn` ones only end when they are killed."""

    living: dict[int, float] = field(default_factory=dict)
    """PID -> when it started."""
    marks: dict[int, tuple[str, str]] = field(default_factory=dict)
    """PID -> the variable, and its value, that it carries."""
    adopted: set[int] = field(default_factory=set)
    stubborn: set[int] = field(default_factory=set)
    unstartable: set[str] = field(default_factory=set)
    ended: list[tuple[int, int]] = field(default_factory=list)
    spawned: list[ProcessOrder] = field(default_factory=list)
    signals: list[tuple[int, int]] = field(default_factory=list)
    killed: list[int] = field(default_factory=list)
    next_pid: int = 1000

    def add(self, pid: int, mark: tuple[str, str] | None = None) -> ProcessId:
        """Have a process live."""
        self.living[pid] = float(pid)
        if mark is not None:
            self.marks[pid] = mark
        return ProcessId(pid, float(pid))

    def end(self, pid: int, exit_code: int) -> None:
        """Have a process end by itself."""
        del self.living[pid]
        self.adopted.discard(pid)
        self.ended.append((pid, exit_code))

    def spawn(self, order: ProcessOrder) -> ProcessId:
        """Start one."""
        if order.command[0] in self.unstartable:
            raise CommandError(f"Cannot start {order.command[0]}: No such file or directory")
        self.spawned.append(order)
        self.next_pid += 1
        return self.add(self.next_pid)

    def identify(self, pid: int) -> ProcessId | None:
        """Look one up."""
        return ProcessId(pid, self.living[pid]) if pid in self.living else None

    def is_alive(self, process: ProcessId) -> bool:
        """Tell whether it lives."""
        return self.living.get(process.pid) == process.started

    def reap(self) -> tuple[tuple[int, int], ...]:
        """Return who has ended since the last call."""
        ended = tuple(self.ended)
        self.ended.clear()
        return ended

    def signal(self, process: ProcessId, number: int) -> bool:
        """End it, unless it is stubborn."""
        if not self.is_alive(process):
            return False
        self.signals.append((process.pid, number))
        if process.pid not in self.stubborn:
            self.end(process.pid, 0)
        return True

    def kill_tree(self, process: ProcessId) -> None:
        """End it."""
        if self.is_alive(process):
            self.killed.append(process.pid)
            self.end(process.pid, -9)

    def children(self) -> tuple[ProcessId, ...]:
        """Return all that were adopted."""
        return tuple(ProcessId(pid, self.living[pid]) for pid in sorted(self.adopted))

    def marked(self, variable: str, value: str) -> tuple[ProcessId, ...]:
        """Return who carries the mark."""
        return tuple(
            ProcessId(pid, started)
            for pid, started in self.living.items()
            if self.marks.get(pid) == (variable, value)
        )

    def adopt_orphans(self) -> bool:
        """Can do that."""
        return True


@dataclass(slots=True)
class FakeHttp:
    """Answers by URL; nobody answers on others."""

    answers: dict[str, HttpAnswer] = field(default_factory=dict)
    posted: list[str] = field(default_factory=list)

    def get(self, url: str, *, timeout: float = 2.0, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """Answer from the table."""
        return self.answers.get(url, HttpAnswer(0, b""))

    def post(self, url: str, *, timeout: float = 2.0) -> HttpAnswer:
        """Note the URL, and answer from the table."""
        self.posted.append(url)
        return self.answers.get(url, HttpAnswer(0, b""))
