"""What deploys there were, and the walk of `rollback` back to one of them."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import click

from mwaa_local.cli.deploy_session import Prepared, Site, look_at_site, situation
from mwaa_local.cli.deploy_walk import Manner, carry_out, settle
from mwaa_local.cli.look import open_aws
from mwaa_local.cli.preflight import apply_skips
from mwaa_local.cli.progress import Progress
from mwaa_local.cli.render import render_table
from mwaa_local.cli.staging import ChosenDeployment
from mwaa_local.deploy.bucket_rules import check_situation
from mwaa_local.deploy.manifest import Manifest
from mwaa_local.deploy.plan_steps import PlanOptions
from mwaa_local.deploy.receipt import Receipt
from mwaa_local.deploy.receipt_store import read_receipt, receipt_ids
from mwaa_local.deploy.receipt_text import summarise
from mwaa_local.deploy.remote import Remote, look_at_remote
from mwaa_local.deploy.rollback import make_rollback_plan
from mwaa_local.deploy.rollback_history import START, History, load_history
from mwaa_local.validation.reports import render_json

MOST_RECEIPTS = 20
_ABOUT_THE_PROJECT = frozenset({"environment-version", "git-dirty"})
"""Rules about the project's files, which a rollback does not use."""


@dataclass(frozen=True, slots=True)
class RollbackWish:
    """What is asked of a rollback."""

    to: str | None
    take_over: tuple[str, ...]
    skip: tuple[str, ...]


def roll_back(
    chosen: ChosenDeployment, wish: RollbackWish, options: Mapping[str, Any], progress: Progress
) -> int:
    """Go back; return the exit code."""
    manner = Manner(
        yes=options["yes"],
        wait=options["wait"],
        timeout=60.0 * options["timeout"],
        break_lock=options["break_lock"],
        as_json=options["as_json"],
        dry_run=options["dry_run"],
        kind="rollback",
    )
    with progress.step("Looked at AWS"):
        site, remote = _look(chosen)
        goal = receipt_to_reach(wish.to, remote.interrupted)
        history = load_history(site.store, chosen.deployment.state, remote, goal)
    manner = replace(manner, target=history.target)

    def look() -> Prepared:
        # The history stays: whatever is done meanwhile, the state to go back to is this.
        return _decide(chosen, history, wish, *_look(chosen))

    prepared = settle(_decide(chosen, history, wish, site, remote), look, manner, progress)
    where = f"after {history.target}" if history.target else "before the first deploy"
    progress.note(f"Back to the state {where}.")
    return carry_out(prepared, manner, progress)


def _look(chosen: ChosenDeployment) -> tuple[Site, Remote]:
    site = look_at_site(chosen)
    return site, look_at_remote(site.store, chosen.deployment, Manifest(chosen.deployment.name, ()))


def _decide(
    chosen: ChosenDeployment, history: History, wish: RollbackWish, site: Site, remote: Remote
) -> Prepared:
    options = PlanOptions(chosen.deployment, wish.take_over)
    plan = make_rollback_plan(history.undone, remote, site.environment, options)
    remarks = check_situation(situation(chosen, site, needs_update=plan.update is not None))
    kept = [remark for remark in remarks if remark.rule not in _ABOUT_THE_PROJECT]
    manifest = Manifest(chosen.deployment.name, ())
    return Prepared(chosen, site, manifest, remote, options, plan, apply_skips((), kept, wish.skip))


def receipt_to_reach(to: str | None, interrupted: Receipt | None) -> str | None:
    """Return what a rollback goes back to: where one was interrupted, the next must not go back further."""
    if to is not None or interrupted is None or interrupted.kind != "rollback":
        return to
    return interrupted.target or START


def show_receipts(chosen: ChosenDeployment, *, as_json: bool) -> None:
    """Print the receipts, the newest first."""
    deployment = chosen.deployment
    store = open_aws(deployment.profile, deployment.region).bucket(deployment.bucket)
    ids = receipt_ids(store, deployment.state)
    with ThreadPoolExecutor(8) as pool:
        receipts = list(
            pool.map(lambda each: read_receipt(store, deployment.state, each), ids[: -MOST_RECEIPTS - 1 : -1])
        )
    if as_json:
        document = {"schema": 1, "receipts": [_document(each) for each in receipts], "total": len(ids)}
        click.echo(render_json(document), nl=False)
    elif receipts:
        click.echo("\n".join(_table(receipts)))
        click.echo(f"Go back with: mwaa-local rollback {deployment.name} --to RECEIPT", err=True)
    else:
        click.echo(f"{deployment.name} has not been deployed yet.", err=True)


def _table(receipts: Sequence[Receipt]) -> list[str]:
    rows = [
        (
            receipt.id,
            receipt.author.user[:24],
            receipt.author.commit[:8] + ("*" if receipt.author.dirty else "") or "-",
            _what(receipt),
        )
        for receipt in receipts
    ]
    return render_table(("RECEIPT", "WHO", "COMMIT", "WHAT"), rows)


def _what(receipt: Receipt) -> str:
    counts = [f"{number} {kind}" for kind, number in summarise(receipt).items() if number]
    counts += ["environment"] if receipt.environment else []
    head = "" if receipt.kind == "deploy" else f"back to {receipt.target or START}: "
    tail = "" if receipt.outcome == "done" else f" ({receipt.outcome})"
    return f"{head}{', '.join(counts) or 'nothing'}{tail}"


def _document(receipt: Receipt) -> dict[str, object]:
    author = receipt.author
    return {
        "id": receipt.id,
        "kind": receipt.kind,
        "outcome": receipt.outcome,
        "began": receipt.began,
        "ended": receipt.ended or None,
        "user": author.user,
        "caller": author.arn,
        "commit": author.commit or None,
        "branch": author.branch or None,
        "dirty": author.dirty,
        "tool": author.tool,
        "previous": receipt.previous,
        "target": receipt.target,
        "skipped": list(receipt.skipped),
        "summary": summarise(receipt),
        "changes": [change.key for change in receipt.changes],
    }
