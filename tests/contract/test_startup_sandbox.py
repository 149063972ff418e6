"""The startup script of a start: it finds MWAA's paths, and can do nothing to the user's files."""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mwaa_local.adapters.commands import SystemCommands
from mwaa_local.runtime.sandbox import startup_sandbox
from mwaa_local.runtime.startup_script import StartupOptions, StartupRun, run_startup_script


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder of the user's that is not among the temporary ones."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="mwaa-local-test-") as name:
        yield Path(name)


def run(elsewhere: Path, text: str) -> StartupRun:
    script = elsewhere / "startup.sh"
    script.write_text(text)
    places = {"AIRFLOW_HOME": "airflow", "HOME": "home", "PIP_TARGET": "packages"}
    variables = {name: str(elsewhere / folder) for name, folder in places.items()}
    for name in ("AIRFLOW_HOME", "HOME"):
        Path(variables[name]).mkdir()
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **variables}
    commands = SystemCommands()
    with startup_sandbox(environment, commands) as sandbox:
        if not sandbox:
            if os.environ.get("CI") == "true":
                pytest.fail("no sandbox can be had here")
            pytest.skip(
                "this system gives no sandbox" if sys.platform == "linux" else "there is none but on Linux"
            )
        return run_startup_script(script, environment, commands, StartupOptions(sandbox=sandbox))


def test_the_users_files_cannot_be_written(elsewhere: Path) -> None:
    done = run(
        elsewhere, f"echo spoilt > {elsewhere}/theirs.txt\necho $?; echo more >> {elsewhere}/startup.sh\n"
    )
    assert not (elsewhere / "theirs.txt").exists()
    assert "more >>" in (elsewhere / "startup.sh").read_text()
    assert "Read-only file system" in done.output
    assert done.exit_code == 1


def test_what_it_makes_in_airflow_home_is_there_for_tasks(elsewhere: Path) -> None:
    text = "mkdir -p /usr/local/airflow/dbt && export DBT=/usr/local/airflow/dbt\n"
    text += 'touch "$HOME/mine" "$PIP_TARGET/one.py"\n'
    done = run(elsewhere, text)
    assert (done.exit_code, dict(done.exports)) == (0, {"DBT": "/usr/local/airflow/dbt"})
    assert (elsewhere / "airflow" / "dbt").is_dir()
    assert (elsewhere / "home" / "mine").exists()
    assert (elsewhere / "packages" / "one.py").exists()


def test_a_folder_for_packages_is_left_only_where_there_are_some(elsewhere: Path) -> None:
    run(elsewhere, "true\n")
    assert not (elsewhere / "packages").exists()
