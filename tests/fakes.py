"""Stand-ins for the outside world; the contract suites keep them honest."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mwaa_local.errors import CommandError
from mwaa_local.ports import CommandResult


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
