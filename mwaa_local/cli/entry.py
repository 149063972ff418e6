"""The table of commands, and the one place where errors become messages and exit codes."""

import importlib
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from mwaa_local import __version__
from mwaa_local.errors import MwaaLocalError

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("scaffolding", "Make a new project."),
    "versions": ("versions", "List the MWAA versions and what each one runs."),
    "start": ("lifecycle", "Start the environment of this project."),
    "stop": ("lifecycle", "Stop the environment; everything is kept."),
    "restart": ("lifecycle", "Restart the environment, or one of its services."),
    "status": ("inspection", "Show what runs, where, and how it is."),
    "logs": ("logs", "Show the logs of the environment or of one service."),
    "open": ("inspection", "Open the Airflow UI in a browser."),
    "run": ("dag_runs", "Run a DAG and follow it to its end."),
    "airflow": ("inside", "Run an Airflow command in the environment."),
    "python": ("inside", "Run the environment's Python."),
    "shell": ("inside", "Open a shell in the environment."),
    "env": ("env_command", "Print the variables that lead AWS clients here."),
    "test-requirements": ("test_requirements", "Say what pip on MWAA would do with requirements.txt."),
    "test-dags": ("test_dags", "Read every DAG file in Airflow and say what is wrong."),
    "pytest": ("pytest_command", "Run the project's tests in its environment."),
    "validate": ("validate", "Check the project without installing anything."),
    "connections": ("objects", "Import or export connections."),
    "variables": ("objects", "Import or export variables."),
    "pools": ("objects", "Import or export pools."),
    "settings": ("settings", "Show every effective Airflow setting and its origin."),
    "test-startup-script": ("test_startup_script", "Run the startup script as MWAA does, harmlessly."),
    "package-plugins": ("package_plugins", "Pack plugins/ into a plugins.zip that MWAA loads."),
    "package-requirements": ("package_requirements", "Bundle the requirements as wheels for MWAA."),
    "deployments": ("deployments", "List deployments; import them from live environments."),
    "stage": ("stage", "Lay a deployment out as a folder."),
    "plan": ("plan", "Show what a deploy would do, and what stops it."),
    "deploy": ("deploy", "Bring the project to MWAA: bucket and environment."),
    "rollback": ("rollback", "Put back what an earlier deploy had brought."),
    "receipts": ("rollback", "List what was deployed, when and by whom."),
    "ci": ("ci", "Write a pipeline file: check, plan, deploy."),
    "cost": ("cost", "Price an environment for a month."),
    "build": ("build", "Build the image of an MWAA version."),
    "compose": ("compose_command", "Write the environment as a Compose file of your own."),
    "reset-db": ("lifecycle", "Empty the metadata database."),
    "destroy": ("lifecycle", "Remove everything mwaa-local keeps for this project."),
    "doctor": ("doctor", "Check this machine."),
    "cache": ("cache", "Show and prune what projects share on this machine."),
    "completion": ("completion", "Print the shell's completion script."),
}
"""Name -> (module of `cli` that has the command as `<name>_command`, one line of help)."""

INTERRUPTED = 130


class CommandTable(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table: as a user meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"mwaa_local.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_") + "_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one may have been meant."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean `mwaa-local {near[0]}`?" if near else ""
            ctx.fail(f"There is no command '{args[0]}'.{hint}")
        return super().resolve_command(ctx, args)


@click.group(
    cls=CommandTable, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="mwaa-local")
@click.option("--debug", is_flag=True, envvar="MWAA_LOCAL_DEBUG", help="Show the traceback of a failure.")
@click.pass_context
def mwaa_local(ctx: click.Context, debug: bool) -> None:
    """Run, check and deploy Amazon MWAA projects on this machine."""
    ctx.obj = debug


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code: 0 fine, 1 failed, 2 wrong usage, 3 findings."""
    debug = "--debug" in arguments
    try:
        outcome: Any = mwaa_local.main(list(arguments), prog_name="mwaa-local", standalone_mode=False)
        return outcome if isinstance(outcome, int) else 0
    except MwaaLocalError as error:
        show_error(error.message, error.hint)
        if debug:
            traceback.print_exc()
        return error.exit_code
    except click.exceptions.Exit as ending:
        return ending.exit_code
    except click.ClickException as error:
        error.show(sys.stderr)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        print("\nInterrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        return _close_broken_pipe()
    except Exception as error:
        if debug:
            traceback.print_exc()
        else:
            show_error(
                f"This is a bug in mwaa-local: {type(error).__name__}: {error}",
                "run the command again with --debug and report what it prints",
            )
        return 1


def show_error(message: str, hint: str) -> None:
    """Print an error and what to do next to stderr."""
    red, plain = ("\033[31m", "\033[0m") if _is_coloured() else ("", "")
    print(f"{red}Error:{plain} {message}", file=sys.stderr)
    if hint:
        print(f"  Hint: {hint}", file=sys.stderr)


def _is_coloured() -> bool:
    import os

    return sys.stderr.isatty() and "NO_COLOR" not in os.environ


def _close_broken_pipe() -> int:
    """End quietly when the reader of our output has gone (`mwaa-local logs | head`)."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
