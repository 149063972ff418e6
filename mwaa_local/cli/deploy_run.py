"""Does what was decided, before the user's eyes: each step is told, and how to go on if one fails."""

import getpass
import hashlib
import os
import platform
import secrets
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, assert_never

import click

from mwaa_local import __version__
from mwaa_local.cli.deploy_session import Site
from mwaa_local.cli.look import hold_lock, make_clock
from mwaa_local.cli.progress import Progress
from mwaa_local.cli.staging import ChosenDeployment
from mwaa_local.deploy.apply import Run, World, apply_plan
from mwaa_local.deploy.plan_steps import Delete, Plan, Restore, Step, UpdateEnvironment, Upload
from mwaa_local.deploy.receipt import RECEIPTS, Author, Receipt
from mwaa_local.deploy.remote import Remote
from mwaa_local.errors import MwaaLocalError, RuntimeStateError, UsageError

MOST_LINES = 50
"""About how many steps are told one by one where nobody watches."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done, and to what: `again` is the command line that goes on with it."""

    chosen: ChosenDeployment
    site: Site
    plan: Plan
    remote: Remote
    again: str
    kind: Literal["deploy", "rollback"] = "deploy"
    target: str | None = None
    skipped: tuple[str, ...] = ()
    break_lock: bool = False


def do_job(job: Job, progress: Progress) -> Receipt | None:
    """Do everything but wait for the environment; None if there was nothing to do."""
    folder = local_folder(job.chosen)
    folder.mkdir(parents=True, exist_ok=True)
    total, done = len(job.plan.steps), 0

    def say_waiting() -> None:
        click.echo("Another deploy of this project is at work here; waiting.", err=True)

    try:
        with hold_lock(folder / "lock", say_waiting), _telling(job, progress) as tell:

            def count(step: Step, number: int, of: int) -> None:
                nonlocal done
                done = number
                if number % (1 + of // MOST_LINES) == 0 or isinstance(step, UpdateEnvironment):
                    tell(f"{number} of {of}: {describe_step(step)}")

            world = World(
                store=job.site.store,
                environments=job.site.access.environments,
                clock=make_clock(),
                receipts=folder / RECEIPTS,
                on_step=count,
                say=lambda text: click.echo(text, err=True),
            )
            return apply_plan(job.plan, job.remote, _run(job), world)
    except KeyboardInterrupt:
        click.echo(f"\n{done} of {total} steps are done and stay. Run it again: {job.again}", err=True)
        raise
    except MwaaLocalError as error:
        if done:
            error.hint = (
                f"{error.hint} {done} of {total} steps are done and stay; run it again: {job.again}".lstrip()
            )
        raise


def _telling(job: Job, progress: Progress) -> AbstractContextManager[Callable[[str], None]]:
    if not job.plan.steps:
        return nullcontext(lambda _: None)
    return progress.following("Rolled back" if job.kind == "rollback" else "Deployed")


def describe_step(step: Step) -> str:
    """Return one step in words."""
    match step:
        case Upload():
            return step.file.key
        case Restore():
            return f"{step.key}, version {step.version}"
        case Delete():
            return f"{step.key} deleted"
        case UpdateEnvironment():
            return f"update of environment {step.name} begun"
        case _:
            assert_never(step)


def local_folder(chosen: ChosenDeployment) -> Path:
    """Return where a deployment keeps its receipts and its lock in the project."""
    return chosen.project.state / "deploy" / chosen.deployment.name


def receipt_places(chosen: ChosenDeployment, receipt: Receipt) -> tuple[str, str]:
    """Return where a receipt lies: in the bucket, and here."""
    deployment = chosen.deployment
    key = f"s3://{deployment.bucket}/{deployment.state}/{RECEIPTS}/{receipt.id}.json"
    return key, shown_path(local_folder(chosen) / RECEIPTS / f"{receipt.id}.json")


def shown_path(path: Path) -> str:
    """Return a path as the user would write it here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def confirm(question: str, *, yes: bool) -> None:
    """Ask on the terminal; UsageError where nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            "Nothing was changed: there is no terminal to ask on.", hint="To go ahead unasked, add --yes."
        )
    if not click.confirm(question, err=True):
        raise RuntimeStateError("Nothing was changed.")


def _run(job: Job) -> Run:
    git = job.site.git
    author = Author(
        user=f"{_user()}@{platform.node()}",
        arn=job.site.identity.arn,
        commit=git.commit if git else "",
        branch=git.branch if git else "",
        dirty=git.dirty if git else False,
        tool=f"mwaa-local {__version__}",
    )
    checkout = f"{platform.node()}\n{job.chosen.project.root}"
    return Run(
        deployment=job.chosen.deployment,
        author=author,
        token=secrets.token_hex(3),
        holder=hashlib.sha256(os.fsencode(checkout)).hexdigest()[:16],
        kind=job.kind,
        target=job.target,
        skipped=job.skipped,
        break_lock=job.break_lock,
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user that no file knows
        return str(os.getuid())
