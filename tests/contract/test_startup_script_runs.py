"""Startup scripts run in a real bash: what is taken over, what is lost, and what is not done to this machine."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from mwaa_local.adapters.commands import SystemCommands
from mwaa_local.errors import StartupScriptError
from mwaa_local.runtime.startup_script import (
    Ending,
    StartupOptions,
    StartupRun,
    observe_startup_script,
    run_startup_script,
)

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "GIVEN": "before", "LC_ALL": "C.UTF-8"}


def observe(
    tmp_path: Path,
    text: str,
    *,
    environment: Mapping[str, str] = ENVIRONMENT,
    limit: float = 60,
    run_system_commands: bool = False,
) -> StartupRun:
    script = tmp_path / "a script.sh"
    script.write_text(text)
    options = StartupOptions(limit, run_system_commands)
    return observe_startup_script(script, environment, SystemCommands(), options)


def test_what_is_exported_is_taken_over_and_the_rest_is_told(tmp_path: Path) -> None:
    run = observe(
        tmp_path,
        "export ONE='a b\nc'\nTWO=2\ndeclare -x THREE=3\ndeclare -i four=4\nfive=(x y)\nGIVEN=after\n"
        "export -n GIVEN2=6\nunset HOME\n",
    )
    assert dict(run.exports) == {"ONE": "a b\nc", "THREE": "3", "GIVEN": "after"}
    assert dict(run.unexported) == {"TWO": "2", "four": "4", "five": "x", "GIVEN2": "6"}
    assert run.removed == ("HOME",)
    assert (run.exit_code, run.ending) == (0, Ending.COMPLETED)


def test_a_script_that_does_nothing_changes_nothing(tmp_path: Path) -> None:
    assert observe(tmp_path, "true\n") == StartupRun(0, (), (), "")


def test_exit_is_an_end_like_any_other(tmp_path: Path) -> None:
    run = observe(tmp_path, "export A=1\n(exit 3)\nx=$(exit 4)\nexit 7\nexport B=1\n")
    assert (run.exit_code, run.ending, run.exports) == (7, Ending.COMPLETED, (("A", "1"),))


def test_the_last_command_gives_the_exit_code(tmp_path: Path) -> None:
    assert observe(tmp_path, "export A=1\nfalse\n").exit_code == 1


@pytest.mark.parametrize(
    "text", ["set -e\nexport A=1\nfalse\n", "exec true\n", "kill -9 $$\n", "set -u\necho $NOWHERE\n"]
)
def test_a_script_that_ends_before_its_end_loses_everything(tmp_path: Path, text: str) -> None:
    run = observe(tmp_path, text)
    assert (run.ending, run.exports) == (Ending.EARLY, ())
    with pytest.raises(StartupScriptError, match="ended early with exit code"):
        run_startup_script(tmp_path / "a script.sh", ENVIRONMENT, SystemCommands(), StartupOptions())


def test_options_of_the_shell_that_stay_set_do_no_harm(tmp_path: Path) -> None:
    run = observe(tmp_path, "set -euo pipefail\nIFS=,\nexport A=1\nB=2\n")
    assert (run.ending, dict(run.exports), dict(run.unexported)) == (Ending.COMPLETED, {"A": "1"}, {"B": "2"})


def test_a_script_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    run = observe(tmp_path, "echo started\nsleep 600\n", limit=0.5)
    assert (run.ending, run.exit_code, run.output) == (Ending.TIMED_OUT, 124, "started")
    with pytest.raises(StartupScriptError, match=r"did not end within 0 s\.:\n    started"):
        run_startup_script(tmp_path / "a script.sh", ENVIRONMENT, SystemCommands(), StartupOptions(0.5))


@pytest.mark.parametrize(
    "call",
    [
        "sudo yum install -y libaio",
        "/usr/bin/sudo yum install -y libaio",
        "PATH=/usr/bin:/bin; sudo yum install -y libaio",
        "echo libaio | xargs sudo yum install -y",
        "bash -c 'sudo yum install -y libaio'",
        "unset PATH; sudo yum install -y libaio",
    ],
)
def test_commands_that_would_change_the_machine_are_recorded_in_every_spelling(
    tmp_path: Path, call: str
) -> None:
    run = observe(tmp_path, f"{call}\n")
    assert run.recorded == ("sudo yum install -y libaio",)


def test_in_a_container_they_can_be_run(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "yum").write_text("#!/bin/sh\necho real yum $*\n")
    (tools / "yum").chmod(0o755)
    environment = {**ENVIRONMENT, "PATH": f"{tools}:/usr/bin:/bin"}
    run = observe(tmp_path, "yum install x\n", environment=environment, run_system_commands=True)
    assert (run.output, run.recorded) == ("real yum install x", ())


def test_the_path_that_is_exported_holds_nothing_of_ours(tmp_path: Path) -> None:
    run = observe(tmp_path, "export PATH=/opt/mine:$PATH\n")
    assert dict(run.exports) == {"PATH": "/opt/mine:/usr/bin:/bin"}
