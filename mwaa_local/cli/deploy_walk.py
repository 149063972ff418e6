"""The walk of `deploy`, from the first look to the summary."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import click

from mwaa_local.cli.deploy_document import prepared_document
from mwaa_local.cli.deploy_options import Wishes
from mwaa_local.cli.deploy_run import Job, confirm, do_job, receipt_places
from mwaa_local.cli.deploy_session import Prepared, check, look_and_plan
from mwaa_local.cli.deploy_view import LEFTOVER, conclude, describe_caller, render_prepared, summarise
from mwaa_local.cli.deploy_wait import (
    Ending,
    Waiting,
    change_to,
    describe_ending,
    follow_update,
    require_success,
)
from mwaa_local.cli.progress import Progress
from mwaa_local.cli.render import is_coloured, render_duration
from mwaa_local.cli.staging import ChosenDeployment
from mwaa_local.deploy.environment_update import PASSING, has_taken
from mwaa_local.deploy.receipt import Receipt
from mwaa_local.deploy.rollback_history import START
from mwaa_local.errors import FindingsError
from mwaa_local.validation.reports import render_json


@dataclass(frozen=True, slots=True)
class Manner:
    """How a deploy, or a rollback to the state after `target`, is gone through."""

    yes: bool
    wait: bool
    timeout: float
    break_lock: bool
    as_json: bool
    dry_run: bool = False
    kind: Literal["deploy", "rollback"] = "deploy"
    target: str | None = None

    def again(self, chosen: ChosenDeployment) -> str:
        """Return the command line that goes on where this one stops."""
        to = f" --to {self.target or START}" if self.kind == "rollback" else ""
        return f"mwaa-local {self.kind} {chosen.deployment.name}{to}"


def walk(chosen: ChosenDeployment, wishes: Wishes, manner: Manner, progress: Progress) -> int:
    """Deploy; return the exit code."""

    def look() -> Prepared:
        return look_and_plan(chosen, wishes, progress)

    prepared = settle(look(), look, manner, progress)
    return carry_out(check(prepared, wishes, progress), manner, progress)


def carry_out(prepared: Prepared, manner: Manner, progress: Progress) -> int:
    """Show what was decided, ask, do it, wait for the environment, and say what came of it; return the exit code."""
    # With --json stdout has one document only.
    coloured = is_coloured() and not manner.as_json
    leftover = LEFTOVER if manner.kind == "deploy" else "was not there"
    click.echo(render_prepared(prepared, coloured=coloured, leftover=leftover), err=manner.as_json)
    if prepared.is_stopped or manner.dry_run:
        click.echo(conclude(prepared), err=True)
        _print_document(prepared, manner, None, None)
        return FindingsError.exit_code if prepared.is_stopped else 0
    if prepared.plan.steps:
        who = f"{describe_caller(prepared.site.identity)}, account {prepared.site.identity.account}"
        what = "Deploy this" if manner.kind == "deploy" else "Go back"
        question = f"{what} in s3://{prepared.chosen.deployment.bucket} as {who}?"
        confirm(question, yes=manner.yes)
    receipt = do_job(_job(prepared, manner), progress)
    ending = _wait(prepared, receipt, manner, progress)
    _print_document(prepared, manner, receipt, ending)
    _conclude(prepared, manner, receipt, ending)
    return 0


def settle(prepared: Prepared, look: Callable[[], Prepared], manner: Manner, progress: Progress) -> Prepared:
    """Wait for an update that is going on, since MWAA takes no other meanwhile, and look again."""
    refusal = prepared.plan.refusal
    if refusal is None or not refusal.passes or not manner.wait or manner.dry_run:
        return prepared
    click.echo(f"{refusal.message} Waiting for it.", err=True)
    ending = follow_update(_name(prepared), None, _waiting(prepared, manner, progress))
    _say_ending(ending)
    require_success(ending, prepared.chosen.deployment.name, manner.again(prepared.chosen))
    return look()


def _wait(prepared: Prepared, receipt: Receipt | None, manner: Manner, progress: Progress) -> Ending | None:
    """Follow the update that this run, or an earlier one, has begun."""
    environment = prepared.site.environment
    if environment is None or not manner.wait:
        return None
    waiting = _waiting(prepared, manner, progress)
    if receipt is not None and receipt.environment is not None:
        return follow_update(environment.name, change_to(dict(receipt.environment.after)), waiting)
    if environment.status not in PASSING:
        return None
    asked = change_to(dict(prepared.remote.ledger.asked))
    return follow_update(environment.name, None if has_taken(environment, asked) else asked, waiting)


def _conclude(prepared: Prepared, manner: Manner, receipt: Receipt | None, ending: Ending | None) -> None:
    chosen = prepared.chosen
    if ending is not None:
        _say_ending(ending)
    if receipt is not None:
        in_bucket, here = receipt_places(chosen, receipt)
        click.echo(f"Receipt: {in_bucket}\n         {here}", err=True)
    if ending is not None:
        require_success(ending, chosen.deployment.name, manner.again(chosen))
    what = summarise(prepared.plan) if receipt is not None else "nothing to do"
    click.echo(f"{manner.kind}: {what}{_outcome(prepared, receipt, ending, manner)}.", err=True)


def _outcome(prepared: Prepared, receipt: Receipt | None, ending: Ending | None, manner: Manner) -> str:
    if ending is not None:
        after = render_duration(ending.outcome.seconds)
        return f"; environment {_name(prepared)} is {ending.outcome.environment.status} after {after}"
    if receipt is not None and receipt.environment is not None and not manner.wait:
        return f"; the update goes on (follow it: {manner.again(prepared.chosen)})"
    return ""


def _say_ending(ending: Ending) -> None:
    for line in describe_ending(ending):
        click.echo(line, err=True)


def _print_document(
    prepared: Prepared, manner: Manner, receipt: Receipt | None, ending: Ending | None
) -> None:
    if not manner.as_json:
        return
    in_bucket, here = receipt_places(prepared.chosen, receipt) if receipt else (None, None)
    document = {
        **prepared_document(prepared),
        "deployed": receipt is not None,
        "receipt": receipt and {"id": receipt.id, "bucket": in_bucket, "file": here},
        "update": ending.as_document() if ending else None,
    }
    click.echo(render_json(document), nl=False)


def _job(prepared: Prepared, manner: Manner) -> Job:
    return Job(
        chosen=prepared.chosen,
        site=prepared.site,
        plan=prepared.plan,
        remote=prepared.remote,
        again=manner.again(prepared.chosen),
        kind=manner.kind,
        target=manner.target,
        skipped=prepared.gate.skipped,
        break_lock=manner.break_lock,
    )


def _waiting(prepared: Prepared, manner: Manner, progress: Progress) -> Waiting:
    site = prepared.site
    return Waiting(site.access, progress, manner.timeout, manner.again(prepared.chosen), site.environment)


def _name(prepared: Prepared) -> str:
    environment = prepared.site.environment
    assert environment is not None
    return environment.name
