"""Every CommandRunner runs programs in the same way."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mwaa_local.adapters.commands import SystemCommands
from mwaa_local.errors import CommandError
from mwaa_local.ports import CommandResult, CommandRunner
from tests.fakes import FakeCommands, RanCommand

PYTHON = sys.executable


def _fake() -> CommandRunner:
    def echo(asked: RanCommand) -> CommandResult:
        return CommandResult(0, asked.stdin, "")

    def variable(asked: RanCommand) -> CommandResult:
        return CommandResult(0, f"{(asked.env or {}).get('COLOUR')}\n", "")

    return FakeCommands(
        answers={
            ("sh", "-c", "echo out; echo err >&2; exit 3"): CommandResult(3, "out\n", "err\n"),
            ("sh", "-c", "kill -9 $$"): CommandResult(-9, "", ""),
            ("sh", "-c", "echo one; echo two"): CommandResult(0, "one\ntwo\n", ""),
            ("sh", "-c", "exit 4"): CommandResult(4, "", ""),
            ("sh", "-c", 'echo "$COLOUR"'): variable,
            ("cat",): echo,
            ("sleep",): CommandResult(0, "", ""),
        },
        delays={"sleep": 60.0},
    )


@pytest.fixture(params=[SystemCommands, _fake], ids=["system", "fake"])
def commands(request: pytest.FixtureRequest) -> CommandRunner:
    make: Callable[[], CommandRunner] = request.param
    return make()


def test_a_failing_program_is_a_result_with_both_streams(commands: CommandRunner) -> None:
    result = commands.run(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert result == CommandResult(3, "out\n", "err\n")


def test_a_program_that_a_signal_ended_has_a_negative_exit_code(commands: CommandRunner) -> None:
    assert commands.run(["sh", "-c", "kill -9 $$"]).exit_code == -9


def test_attach_reports_a_signal_as_a_shell_does(commands: CommandRunner) -> None:
    assert commands.attach(["sh", "-c", "kill -9 $$"]) == 137
    assert commands.attach(["sh", "-c", "exit 4"]) == 4


def test_a_program_reads_what_it_is_given_and_nothing_otherwise(commands: CommandRunner) -> None:
    assert commands.run(["cat"], stdin="hello\n").stdout == "hello\n"
    assert commands.run(["cat"]).stdout == ""


def test_the_environment_is_replaced(commands: CommandRunner) -> None:
    path = {"PATH": os.environ["PATH"]}
    assert commands.run(["sh", "-c", 'echo "$COLOUR"'], env=path | {"COLOUR": "red"}).stdout == "red\n"


def test_lines_are_streamed_without_their_ends(commands: CommandRunner) -> None:
    lines: list[str] = []
    assert commands.stream(["sh", "-c", "echo one; echo two"], lines.append) == 0
    assert lines == ["one", "two"]


def test_a_missing_program_is_an_error_that_says_what_to_do(commands: CommandRunner) -> None:
    with pytest.raises(CommandError) as caught:
        commands.run(["no-such-program", "--password=secret"])
    assert caught.value.message == "no-such-program: no such program."
    assert caught.value.hint == "Install no-such-program, or put it on PATH."


def test_a_missing_folder_is_not_taken_for_a_missing_program(commands: CommandRunner, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no such folder to run cat in"):
        commands.run(["cat"], cwd=tmp_path / "gone")


def test_a_program_that_takes_too_long_is_ended(commands: CommandRunner) -> None:
    with pytest.raises(CommandError) as caught:
        commands.run(["sleep", "60"], timeout=0.1)
    assert caught.value.message == "sleep took longer than 0.1 seconds and was ended."


@pytest.mark.parametrize(("leash", "said"), [(False, ["0"]), (True, ["124"])])
def test_stdin_is_empty_and_stays_open_on_a_leash(leash: bool, said: list[str]) -> None:
    lines: list[str] = []
    SystemCommands().stream(["sh", "-c", "timeout 0.3 cat; echo $?"], lines.append, leash=leash)
    assert lines == said


def test_a_streamed_program_that_takes_too_long_is_ended(commands: CommandRunner) -> None:
    with pytest.raises(CommandError, match=r"sleep took longer than 0\.1 seconds"):
        commands.stream(["sleep", "60"], lambda line: None, timeout=0.1)


def test_children_end_with_a_program_that_takes_too_long(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    script = f"(trap '' TERM; sleep 60) & echo $! > {note}; setsid sleep 60 & echo $! >> {note}; wait"
    with pytest.raises(CommandError):
        SystemCommands().run(["sh", "-c", script], timeout=0.5)
    _wait_until(lambda: not any(_is_running(int(pid)) for pid in note.read_text().split()))


def test_children_end_when_the_listener_fails(tmp_path: Path) -> None:
    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    note = tmp_path / "pid"
    with pytest.raises(KeyboardInterrupt):
        SystemCommands().stream(["sh", "-c", f"echo $$ > {note}; echo ready; sleep 60"], interrupt)
    _wait_until(lambda: not _is_running(int(note.read_text())))


def test_a_daemon_that_keeps_the_streams_open_is_not_waited_for(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    result = SystemCommands().run(["sh", "-c", f"sleep 60 & echo $! > {note}; echo done"], timeout=30.0)
    daemon = int(note.read_text())
    assert _is_running(daemon)
    os.kill(daemon, signal.SIGKILL)
    assert result == CommandResult(0, "done\n", "")


def test_ctrl_c_while_a_program_runs_ends_it(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = (
        "from mwaa_local.adapters.commands import SystemCommands\n"
        f"SystemCommands().run(['sh', '-c', 'echo $$ > {note}.new; mv {note}.new {note}; sleep 60'])\n"
    )
    with subprocess.Popen([PYTHON, "-c", code], stderr=subprocess.DEVNULL) as caller:
        _wait_until(note.exists)
        caller.send_signal(signal.SIGINT)
        assert caller.wait() != 0
    _wait_until(lambda: not _is_running(int(note.read_text())))


def test_output_that_is_not_utf8_is_kept_readable() -> None:
    assert SystemCommands().run(["printf", r"caf\351"]).stdout == "caf\N{REPLACEMENT CHARACTER}"


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def _wait_until(is_true: Callable[[], bool]) -> None:
    for _ in range(200):
        if is_true():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen")
