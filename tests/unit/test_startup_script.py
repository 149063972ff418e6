"""A startup script as MWAA runs it, with a real bash."""

from pathlib import Path

import pytest

from mwaa_local.adapters.commands import SystemCommands
from mwaa_local.errors import StartupScriptError
from mwaa_local.runtime.startup_script import StartupOptions, StartupRun, run_startup_script

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/nowhere", "GIVEN": "by MWAA"}


def run(tmp_path: Path, text: str, limit: float = 60.0) -> StartupRun:
    script = tmp_path / "startup.sh"
    script.write_text(text)
    return run_startup_script(script, ENVIRONMENT, SystemCommands(), StartupOptions(limit))


def test_exports_survive_and_plain_variables_do_not(tmp_path: Path) -> None:
    done = run(tmp_path, 'export KEPT="a\nvalue"\nLOST=1\nexport GIVEN="$GIVEN and us"\necho said\n')

    assert done.exit_code == 0
    assert dict(done.exports) == {"KEPT": "a\nvalue", "GIVEN": "by MWAA and us"}
    assert done.output == "said"


def test_what_did_not_change_is_not_reported(tmp_path: Path) -> None:
    assert run(tmp_path, "cd /\nexport GIVEN='by MWAA'\n").exports == ()


def test_a_longer_path_keeps_nothing_of_ours(tmp_path: Path) -> None:
    assert dict(run(tmp_path, 'export PATH="/opt/tool:$PATH"\n').exports) == {
        "PATH": "/opt/tool:/usr/bin:/bin"
    }


def test_commands_that_would_change_the_machine_are_recorded_and_not_run(tmp_path: Path) -> None:
    done = run(tmp_path, "sudo yum install -y thing\napt-get update && export GOES_ON=1\n")

    assert done.recorded == ("sudo yum install -y thing", "apt-get update")
    assert dict(done.exports) == {"GOES_ON": "1"}


def test_a_script_that_exits_by_itself_keeps_its_exports_and_its_code(tmp_path: Path) -> None:
    done = run(tmp_path, "export KEPT=1\nexit 3\nexport NEVER=1\n")

    assert (done.exit_code, dict(done.exports)) == (3, {"KEPT": "1"})


def test_a_failing_last_command_is_the_exit_code(tmp_path: Path) -> None:
    assert run(tmp_path, "false\n").exit_code == 1


@pytest.mark.parametrize(
    "text", ["set -e\necho last words\nfalse\necho never\n", "echo last words\nexec false\n"]
)
def test_a_script_that_ends_early_is_an_error_with_its_last_words(tmp_path: Path, text: str) -> None:
    with pytest.raises(
        StartupScriptError, match=r"startup\.sh ended early with exit code 1:\n    last words"
    ):
        run(tmp_path, text)


def test_a_script_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    with pytest.raises(StartupScriptError, match=r"did not end within 1 s"):
        run(tmp_path, "sleep 600\n", limit=1.0)


def test_a_script_runs_in_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "beside.txt").write_text("here")

    assert run(tmp_path, "cat beside.txt\n").output == "here"
