"""Reads the receipts that a rollback goes back by."""

from dataclasses import dataclass

from mwaa_local.aws_ports import ObjectStore
from mwaa_local.deploy.receipt import Receipt
from mwaa_local.deploy.receipt_store import read_receipt, receipt_ids
from mwaa_local.deploy.remote import Remote
from mwaa_local.errors import UsageError

START = "start"


@dataclass(frozen=True, slots=True)
class History:
    """What a rollback takes back: every receipt after `target` (None: the state before all), oldest first."""

    target: str | None
    undone: tuple[Receipt, ...]


def load_history(store: ObjectStore, state: str, remote: Remote, wanted: str | None = None) -> History:
    """Read what lies after the receipt `wanted` (or a beginning that only it has); by default, after the last but one.

    START is the state before the first deploy.
    UsageError if there is no such receipt, or nothing to take back.
    """
    interrupted = {remote.interrupted.id: remote.interrupted} if remote.interrupted else {}
    ids = sorted({*receipt_ids(store, state), *interrupted})

    def load(receipt_id: str) -> Receipt:
        return interrupted.get(receipt_id) or read_receipt(store, state, receipt_id)

    after: str | None
    if wanted == START:
        after = target = None
    elif wanted is not None:
        after = _find(wanted, ids)
        target = load(_find(wanted, ids)).state
    elif remote.ledger.receipt in ids:
        after = target = load(remote.ledger.receipt or "").previous
    else:
        raise UsageError(
            "There is no deploy to take back: the bucket has the state from before the first one.",
            hint=_listing(ids) or "Deploy first.",
        )
    return History(target, tuple(load(each) for each in ids if after is None or each > after))


def _find(wanted: str, ids: list[str]) -> str:
    found = [each for each in ids if each.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    few = "There is no receipt" if not found else "More than one receipt begins with"
    raise UsageError(f"{few} {wanted}.", hint=_listing(found or ids))


def _listing(ids: list[str]) -> str:
    return f"The newest receipts: {', '.join(ids[-5:])}" if ids else ""
