"""The options that `plan`, `deploy` and `rollback` share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is asked of one plan."""

    only: tuple[str, ...] = ()
    take_over: tuple[str, ...] = ()
    delete: bool = False
    skip: tuple[str, ...] = ()


def plan_options(command: Command) -> Command:
    """Add the options that say what a plan does."""
    command = skip_option(command)
    command = take_over_option(command)
    command = click.option(
        "--only",
        multiple=True,
        envvar="MWAA_LOCAL_ONLY",
        metavar="PATH",
        help="Deploy this file or folder only. Can be repeated.",
    )(command)
    return click.option(
        "--delete",
        is_flag=True,
        envvar="MWAA_LOCAL_DELETE",
        help="Remove what an earlier deploy has put and the project no longer has.",
    )(command)


def skip_option(command: Command) -> Command:
    """Add `--skip`."""
    return click.option(
        "--skip",
        multiple=True,
        envvar="MWAA_LOCAL_SKIP",
        metavar="RULE",
        help="Leave out a rule, or a check (validate, test-requirements, test-dags); the receipt says so.",
    )(command)


def take_over_option(command: Command) -> Command:
    """Add `--take-over`."""
    return click.option(
        "--take-over",
        multiple=True,
        envvar="MWAA_LOCAL_TAKE_OVER",
        metavar="PATH",
        help="Overwrite this although somebody else has put or changed it. Can be repeated.",
    )(command)


def run_options(command: Command) -> Command:
    """Add the options of commands that change the bucket."""
    command = click.option(
        "--break-lock",
        is_flag=True,
        envvar="MWAA_LOCAL_BREAK_LOCK",
        help="Take the lock of a deploy that was killed elsewhere.",
    )(command)
    return click.option("--yes", "-y", is_flag=True, envvar="MWAA_LOCAL_YES", help="Do not ask.")(command)


def wait_options(command: Command) -> Command:
    """Add the options that say whether, and how long, to wait for the environment."""
    command = click.option(
        "--timeout",
        type=click.FloatRange(min=0.01),
        default=60.0,
        show_default=True,
        envvar="MWAA_LOCAL_TIMEOUT",
        metavar="MINUTES",
        help="How long to wait for the environment.",
    )(command)
    return click.option(
        "--wait/--no-wait",
        default=True,
        envvar="MWAA_LOCAL_WAIT_FOR_UPDATE",
        help="Follow an update of the environment to its end [default: wait].",
    )(command)


def take_wishes(options: Mapping[str, Any]) -> Wishes:
    """Return the wishes among a command's options."""
    return Wishes(options["only"], options["take_over"], options["delete"], options["skip"])
