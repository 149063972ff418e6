"""Finds out what an interrupted run has done, by what it meant to do and what the bucket holds. Pure."""

from collections.abc import Mapping
from dataclasses import replace

from mwaa_local.aws_ports import ObjectFacts, ObjectRecord
from mwaa_local.deploy.receipt import Change, Ledger, ObjectState, Receipt

DIGEST = "sha256"
"""The name of the metadata that holds the digest of what we have put."""


def unproven(begun: Receipt, ledger: Ledger, objects: Mapping[str, ObjectRecord]) -> tuple[str, ...]:
    """Return the keys of which only their own metadata can tell whether the run has put them."""
    return tuple(
        change.key
        for change in begun.changes
        if change.after is not None
        and (record := objects.get(change.key)) is not None
        and _by_listing(change, record, ledger) is None
    )


def recover(
    begun: Receipt, ledger: Ledger, objects: Mapping[str, ObjectRecord], facts: Mapping[str, ObjectFacts]
) -> tuple[Ledger, Receipt]:
    """Return the ledger with what the run has done, and the receipt of just that."""
    done: dict[str, ObjectState | None] = {}
    changes = []
    for change in begun.changes:
        if change.after is None:
            if change.key in objects:
                continue
            state = None
        else:
            found = _outcome(change, objects.get(change.key), ledger, facts.get(change.key))
            if found is None:
                continue
            state = found
        done[change.key] = state
        changes.append(replace(change, after=state, md5=""))
    receipt = replace(begun, outcome="interrupted", changes=tuple(changes))
    return replace(ledger.with_changes(done), receipt=receipt.state), receipt


def _outcome(
    change: Change, record: ObjectRecord | None, ledger: Ledger, facts: ObjectFacts | None
) -> ObjectState | None:
    """Return the state of an object that the run has written, None if it has not."""
    if record is None or change.after is None:
        return None
    written = _by_listing(change, record, ledger)
    if written is None:
        digest = dict(facts.metadata).get(DIGEST) if facts else None
        written = digest is not None and digest == change.after.sha256
    if not written:
        return None
    known = ledger.objects.get(change.key)
    if known is not None and known.etag == record.etag:
        return known
    version = facts.version.version_id if facts and facts.version.etag == record.etag else None
    return replace(change.after, etag=record.etag, version=version)


def _by_listing(change: Change, record: ObjectRecord, ledger: Ledger) -> bool | None:
    """Tell whether an object was written, as far as its ETag alone proves it."""
    known = ledger.objects.get(change.key)
    if known is not None and known != change.before and known.etag == record.etag:
        return True
    if record.etag == change.md5 or (change.after and change.after.etag == record.etag):
        return True
    if change.before is not None and change.before.etag == record.etag:
        return False
    return None
