"""Runs programs: to their end, line by line, or on our own terminal. Whoever calls decides what a failure means."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from mwaa_local.errors import CommandError
from mwaa_local.ports import CommandResult

_TICK = 0.2
"""How often a program whose output stays open is asked whether it has ended."""

_PATIENCE = 2.0
"""Seconds between asking a program to end and ending it."""


class SystemCommands:
    """CommandRunner of this machine; each program gets a session of its own, to be ended with its children."""

    def run(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float | None = None,
        stdin: str = "",
    ) -> CommandResult:
        """Run `command` to its end and return what it printed."""
        with _started(
            command, env, cwd, stdin=subprocess.PIPE if stdin else subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            stdout, stderr = _communicate(process, stdin.encode(), _deadline(timeout), command, timeout)
            return CommandResult(process.wait(), _text(stdout), _text(stderr))

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
        """Run `command` and hand over each line as it comes."""
        stdin = subprocess.PIPE if leash else subprocess.DEVNULL
        with _started(command, env, cwd, stdin=stdin, stderr=subprocess.STDOUT) as process:
            assert process.stdout is not None
            rest = b""
            for chunk in _chunks(process, process.stdout, _deadline(timeout)):
                if chunk is None:
                    raise _too_slow(command, timeout)
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    on_line(_text(line).rstrip("\r"))
            if rest:
                on_line(_text(rest).rstrip("\r"))
            return process.wait()

    def attach(
        self, command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> int:
        """Run `command` on our own terminal; Ctrl-C reaches it from there, and it decides what that means."""
        with _translated(command, cwd):
            process = subprocess.Popen(list(command), env=env, cwd=cwd)
        while True:
            with suppress(KeyboardInterrupt):
                code = process.wait()
                return code if code >= 0 else 128 - code


def _deadline(timeout: float | None) -> float | None:
    return None if timeout is None else time.monotonic() + timeout


def _text(output: bytes) -> str:
    return output.decode("utf-8", errors="replace")


@contextmanager
def _translated(command: Sequence[str], cwd: Path | None) -> Iterator[None]:
    """Turn "cannot be started" into a CommandError; arguments stay out of it, they may hold secrets."""
    try:
        yield
    except FileNotFoundError as error:
        if cwd is not None and not cwd.is_dir():
            raise CommandError(f"{cwd}: no such folder to run {command[0]} in.") from error
        raise CommandError(
            f"{command[0]}: no such program.", hint=f"Install {Path(command[0]).name}, or put it on PATH."
        ) from error
    except OSError as error:
        raise CommandError(
            f"{command[0]} cannot be started: {error.strerror or error}.",
            hint="Check that it is a program for this machine and that you may execute it.",
        ) from error


@contextmanager
def _started(
    command: Sequence[str], env: Mapping[str, str] | None, cwd: Path | None, *, stdin: int, stderr: int
) -> Iterator[subprocess.Popen[bytes]]:
    """Start `command` in a session of its own; whatever interrupts us ends it with everything it started."""
    with _translated(command, cwd):
        process = subprocess.Popen(
            list(command),
            env=env,
            cwd=cwd,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )
    try:
        yield process
    except BaseException:
        _end(process)
        raise
    finally:
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


def _communicate(
    process: subprocess.Popen[bytes],
    stdin: bytes,
    deadline: float | None,
    command: Sequence[str],
    timeout: float | None,
) -> tuple[bytes, bytes]:
    """Collect the output, until both streams end, or the program has ended and a daemon it left keeps them open."""
    ended = False
    while True:
        try:
            return process.communicate(stdin or None, timeout=_TICK)
        except subprocess.TimeoutExpired as expired:
            stdin = b""  # the pipe has it; a further call may not hand it over again
            if ended:
                return expired.output or b"", expired.stderr or b""
            # Read once more after its end is known: its last words may have come since we looked.
            ended = process.poll() is not None
            if deadline is not None and time.monotonic() > deadline:
                raise _too_slow(command, timeout) from None


def _chunks(
    process: subprocess.Popen[bytes], pipe: IO[bytes], deadline: float | None
) -> Iterator[bytes | None]:
    """Yield output as it comes, None when the time is over."""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            ended = process.poll() is not None  # asked before we look for output, so that none is missed
            if selector.select(_TICK):
                chunk = os.read(pipe.fileno(), 65536)
                if not chunk:
                    return
                yield chunk
            elif ended:
                return
            if deadline is not None and time.monotonic() > deadline:
                yield None


def _too_slow(command: Sequence[str], timeout: float | None) -> CommandError:
    return CommandError(f"{Path(command[0]).name} took longer than {timeout:g} seconds and was ended.")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program, its process group, and children that left the group."""
    # Few programs have to be ended, and it takes a while to import.
    import psutil

    try:
        itself = [psutil.Process(process.pid)]
        family = itself[0].children(recursive=True)
    except psutil.Error:
        itself, family = [], []
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal_number)
        for child in family:
            with suppress(psutil.Error):
                child.send_signal(signal_number)
        if signal_number == signal.SIGTERM:
            psutil.wait_procs([*family, *itself], timeout=_PATIENCE)
    process.wait()
