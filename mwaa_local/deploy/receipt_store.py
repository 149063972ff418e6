"""Where state and receipts lie: in the bucket beside the layout, and a copy of each receipt in the project."""

from pathlib import Path

from mwaa_local.aws_ports import Condition, ObjectStore
from mwaa_local.deploy.receipt import CURRENT, PENDING, RECEIPTS, Ledger, Receipt
from mwaa_local.deploy.receipt_text import parse_receipt, render_ledger, render_receipt
from mwaa_local.errors import ConflictError, UsageError


class StateStore:
    """The state of one deployment in its bucket, written only over what was there when we looked."""

    def __init__(
        self, store: ObjectStore, folder: str, *, ledger_etag: str | None, pending_etag: str | None
    ) -> None:
        self._store = store
        self._folder = folder
        self._ledger_etag = ledger_etag
        self._pending_etag = pending_etag

    def check(self) -> None:
        """ConflictError if somebody has deployed since we looked."""
        found = self._store.describe(f"{self._folder}/{CURRENT}")
        if (found.version.etag if found else None) != self._ledger_etag:
            raise _overtaken()

    def write_ledger(self, ledger: Ledger) -> None:
        """Write what we have put so far."""
        self._ledger_etag = self._write(CURRENT, render_ledger(ledger), self._ledger_etag)

    def write_pending(self, receipt: Receipt) -> None:
        """Write what a run is about to do, so that nothing is lost if it is interrupted."""
        self._pending_etag = self._write(PENDING, render_receipt(receipt), self._pending_etag)

    def drop_pending(self) -> None:
        """Remove it: all of it is in the ledger and in a receipt."""
        if self._pending_etag is not None:
            self._store.delete(f"{self._folder}/{PENDING}")
            self._pending_etag = None

    def write_receipt(self, receipt: Receipt) -> None:
        """Write a receipt; one that is there already says more than one made up later."""
        key = f"{self._folder}/{RECEIPTS}/{receipt.id}.json"
        if receipt.outcome == "interrupted" and self._store.describe(key) is not None:
            return
        self._store.write(key, render_receipt(receipt))

    def _write(self, name: str, text: bytes, etag: str | None) -> str:
        try:
            return self._store.write(f"{self._folder}/{name}", text, condition=Condition(etag)).etag
        except ConflictError as error:
            raise _overtaken() from error


def keep_copy(receipt: Receipt, folder: Path) -> None:
    """Write a receipt into a folder of the project too; OSError if that cannot be."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{receipt.id}.new"
    temporary.write_bytes(render_receipt(receipt))
    temporary.replace(folder / f"{receipt.id}.json")


def receipt_ids(store: ObjectStore, state: str) -> tuple[str, ...]:
    """Return the ids of all receipts, oldest first."""
    prefix = f"{state}/{RECEIPTS}/"
    found = (record.key.removeprefix(prefix) for record in store.list_objects(prefix))
    return tuple(sorted(name.removesuffix(".json") for name in found if name.endswith(".json")))


def read_receipt(store: ObjectStore, state: str, receipt_id: str) -> Receipt:
    """Return a receipt; UsageError if there is none of that id."""
    text = store.read(f"{state}/{RECEIPTS}/{receipt_id}.json")
    if text is None:
        raise UsageError(f"There is no receipt {receipt_id}.")
    return parse_receipt(text)


def _overtaken() -> ConflictError:
    return ConflictError(
        "Somebody else has deployed since we looked at the bucket.",
        hint="Run the command again: it looks again and plans anew.",
    )
