"""airflow, python, shell: programs that run in the project's environment, with its variables."""

import os
import sys
from pathlib import Path

import click

from mwaa_local.catalog import load_version
from mwaa_local.cli.look import Look, leave_to, look
from mwaa_local.cli.options import project_option
from mwaa_local.cli_rules import check_allowed
from mwaa_local.errors import RuntimeStateError, UsageError
from mwaa_local.runtime.state import write_private
from mwaa_local.runtime.visitor import Guest, Visit
from mwaa_local.runtime.visitor_shell import plan_shell

PASS_ON = {"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": ["--help"]}


@click.command(context_settings=PASS_ON)
@project_option
@click.option("--as-mwaa", is_flag=True, help="Refuse the commands that the service refuses.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="ARGS...")
def airflow_command(folder: Path, as_mwaa: bool, arguments: tuple[str, ...]) -> None:
    """Run an Airflow command in the environment, which must be running.

    Streams, signals and the exit code are Airflow's own. Options of mwaa-local come before the command.

    \b
    Examples:
      mwaa-local airflow dags list
      mwaa-local airflow --as-mwaa users list    (the service refuses it)
    """
    seen = look(folder)
    record = seen.running()
    if as_mwaa:
        check_allowed(arguments, load_version(record.version))
    visit = seen.visit(Guest.STRICT)
    leave_to([*visit.airflow, *arguments], visit.variables)


@click.command(context_settings=PASS_ON)
@project_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[ARGS]...")
def python_command(folder: Path, arguments: tuple[str, ...]) -> None:
    """Run the environment's Python, with Airflow and the project's requirements and variables.

    For editors and debuggers, and to run a DAG file. It works when the environment is stopped too; then nothing
    that needs the database does.

    \b
    Examples:
      mwaa-local python dags/my_dag.py
      mwaa-local python -m pytest tests
    """
    seen = look(folder)
    visit = _visit_built(seen)
    if not seen.supervised and sys.stderr.isatty():
        click.echo("The environment is stopped: there is no database and no local AWS.", err=True)
    leave_to([*visit.interpreter, *arguments], visit.variables)


@click.command()
@project_option
def shell_command(folder: Path) -> None:
    """Open your shell in the environment: airflow, python and the AWS CLI use what the project's tasks use."""
    seen = look(folder)
    record = seen.running()
    visit = seen.visit(Guest.AT_HOME)
    if visit.prefix:
        click.echo(
            f"Airflow {record.version} of {record.environment}, in its container; leave with exit.", err=True
        )
        leave_to([*visit.prefix, "bash"], visit.variables)
    shell = Path(os.environ.get("SHELL") or "/bin/sh")
    if not shell.is_file():
        raise UsageError(f"Your shell {shell} is not there.", hint="set SHELL to one that is")
    start_files = seen.folder.root / "run" / "shell"
    plan = plan_shell(shell, visit.python.parent, f"(mwaa {record.environment}) ", start_files)
    start_files.mkdir(exist_ok=True)
    for path, text in plan.files:
        write_private(path, text)
    click.echo(f"Airflow {record.version} of {record.environment}; leave with exit.", err=True)
    leave_to(plan.command, {**visit.variables, **dict(plan.variables), "SHELL": str(shell)})


def _visit_built(seen: Look) -> Visit:
    if not seen.folder.stack.is_file():
        raise RuntimeStateError(
            "The environment has not been built yet.", hint="start it once: mwaa-local start"
        )
    if seen.record is not None and seen.record.is_compose:
        seen.running()
        return seen.visit(Guest.AT_HOME)
    visit = seen.visit(Guest.AT_HOME)
    if not visit.python.exists():
        raise RuntimeStateError(
            f"{visit.python} is not there any more.", hint="build it anew: mwaa-local start"
        )
    return visit
