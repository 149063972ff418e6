"""pytest: the user's tests in the project's environment, with fixtures for DAGs and tasks."""

import json
import os
import sys
from pathlib import Path

import click

from mwaa_local.cli.dag_testing import open_dag_testing
from mwaa_local.cli.look import Look, look
from mwaa_local.cli.options import project_option
from mwaa_local.config_loading import load_config
from mwaa_local.last_flags import load_flags
from mwaa_local.project import find_project, path_overrides

PASS_ON = {"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": ["--help"]}
_AWS = ("AWS_", "MWAA_LOCAL_AWS")
_PROGRAM = "from mwaa_local.cli import main; main()"


@click.command(context_settings=PASS_ON)
@project_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[ARGS]...")
def pytest_command(folder: Path, arguments: tuple[str, ...]) -> int:
    """Run the project's tests in its environment; the arguments are pytest's own.

    That is the environment of the last start, with its flags; it need not run, and need not have pytest. Fixtures:
    dag_bag, dag("id"), each_dag (a test for each), run_task(task, conf=, xcoms=), local_aws("s3"), and run_dag("id")
    where the environment runs.

    \b
    Examples:
      mwaa-local pytest tests
      mwaa-local pytest -k hello -x
    """
    from mwaa_local.cli.app import make_app
    from mwaa_local.cli.kept_flags import describe_flags
    from mwaa_local.cli.progress import open_progress
    from mwaa_local.runtime.preparation import toolchain
    from mwaa_local.runtime.pytest_layer import ensure_pytest

    found = find_project(folder, path_overrides({}, os.environ))
    flags = load_flags(found.state)
    project = find_project(found.root, path_overrides(flags, os.environ))
    testing = open_dag_testing(project, load_config(project, flags, os.environ))
    host, progress = make_app().host, open_progress()
    if flags:
        progress.note(f"As the last start: {describe_flags(flags)}")
    major, minor = (int(part) for part in testing.loaded.version.python.split("."))
    overlay = ensure_pytest(testing.environment.python, (major, minor), host.cache, toolchain(host, progress))
    variables = {
        **_of_the_user(),
        **testing.variables(),
        **_of_the_environment(look(folder)),
        "MWAA_LOCAL_DAGS_FOLDER": str(project.dags),
        "MWAA_LOCAL_PROJECT": str(project.root),
        "MWAA_LOCAL_PROGRAM": json.dumps([sys.executable, "-c", _PROGRAM]),
        **({"MWAA_LOCAL_PYTEST": str(overlay)} if overlay else {}),
    }
    command = [str(testing.environment.python), "-m", "mwaa_inside.pytest_run", *arguments]
    return host.commands.attach(command, env=variables)


def _of_the_user() -> dict[str, str]:
    """Return what belongs to the user's terminal and to pytest."""
    wanted = ("PYTEST_", "TERM", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CI")
    return {name: value for name, value in os.environ.items() if name.startswith(wanted)}


def _of_the_environment(seen: Look) -> dict[str, str]:
    """Return what leads to the local AWS, where the environment runs."""
    if not seen.supervised or not seen.folder.stack.is_file():
        return {"AWS_EC2_METADATA_DISABLED": "true"}
    from mwaa_local.runtime.visitor import Guest

    visit = seen.local_visit(Guest.STRICT)
    found = {name: value for name, value in visit.variables.items() if name.startswith(_AWS)}
    return {**found, "MWAA_LOCAL_RUNNING": "1"}
