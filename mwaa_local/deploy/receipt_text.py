"""Receipts and the ledger as JSON: compact for ten thousand objects, and still to be read by people."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from mwaa_local.aws_ports import S3Source
from mwaa_local.deploy.manifest import Part
from mwaa_local.deploy.receipt import Author, Change, EnvironmentSources, Ledger, ObjectState, Receipt
from mwaa_local.errors import AwsError

SCHEMA = 1
_STATE = ("etag", "version", "sha256", "ours")


def render_ledger(ledger: Ledger) -> bytes:
    """Return the text of `current.json`."""
    document = {
        "schema": SCHEMA,
        "receipt": ledger.receipt,
        "asked": {part.value: _render_source(source) for part, source in sorted(ledger.asked.items())},
        "versions": ledger.versions,
        "fields": _STATE,
        "objects": {key: _render_state(state) for key, state in sorted(ledger.objects.items())},
    }
    return _dump(document)


def parse_ledger(text: bytes) -> Ledger:
    """Return the ledger of `current.json`; AwsError if it is damaged or from a later version of ours."""
    document = _load(text, "current.json")
    try:
        return Ledger(
            objects={key: ObjectState(*values) for key, values in document["objects"].items()},
            receipt=document["receipt"],
            versions=document["versions"],
            asked={Part(part): S3Source(*source) for part, source in document["asked"].items()},
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _damaged("current.json") from error


def render_receipt(receipt: Receipt) -> bytes:
    """Return the text of a receipt."""
    environment = receipt.environment
    document = {
        "schema": SCHEMA,
        "id": receipt.id,
        "kind": receipt.kind,
        "outcome": receipt.outcome,
        "deployment": receipt.deployment,
        "bucket": receipt.bucket,
        "began": receipt.began,
        "ended": receipt.ended,
        "author": asdict(receipt.author),
        "previous": receipt.previous,
        "target": receipt.target,
        "skipped": receipt.skipped,
        "summary": summarise(receipt),
        "environment": environment
        and {
            "name": environment.name,
            "before": {part.value: source and _render_source(source) for part, source in environment.before},
            "after": {part.value: _render_source(source) for part, source in environment.after},
        },
        "fields": _STATE,
        "changes": [
            {
                "key": change.key,
                "before": change.before and _render_state(change.before),
                "after": change.after and _render_state(change.after),
                **({"md5": change.md5} if change.md5 else {}),
            }
            for change in receipt.changes
        ],
    }
    return _dump(document)


def parse_receipt(text: bytes) -> Receipt:
    """Return a receipt; AwsError if it is damaged or from a later version of ours."""
    document = _load(text, "a receipt")
    try:
        return Receipt(
            **{name: document[name] for name in _PLAIN},
            author=Author(**document["author"]),
            skipped=tuple(document["skipped"]),
            environment=_parse_environment(document["environment"]),
            changes=tuple(_parse_change(change) for change in document["changes"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _damaged("A receipt") from error


_PLAIN = (
    "id",
    "kind",
    "outcome",
    "deployment",
    "bucket",
    "began",
    "ended",
    "previous",
    "target",
)


def summarise(receipt: Receipt) -> dict[str, int]:
    """Return how many objects a run added, replaced and deleted."""
    counts = {"added": 0, "replaced": 0, "deleted": 0}
    for change in receipt.changes:
        kind = "deleted" if change.after is None else "replaced" if change.before else "added"
        counts[kind] += 1
    return counts


def _render_state(state: ObjectState) -> list[str | bool | None]:
    return [state.etag, state.version, state.sha256, state.ours]


def _render_source(source: S3Source) -> list[str | None]:
    return [source.path, source.version]


def _parse_change(document: Mapping[str, Any]) -> Change:
    before, after = document["before"], document["after"]
    return Change(
        document["key"],
        ObjectState(*before) if before else None,
        ObjectState(*after) if after else None,
        document.get("md5", ""),
    )


def _parse_environment(document: Mapping[str, Any] | None) -> EnvironmentSources | None:
    if document is None:
        return None
    return EnvironmentSources(
        document["name"],
        tuple(
            (Part(part), S3Source(*found) if found else None) for part, found in document["before"].items()
        ),
        tuple((Part(part), S3Source(*found)) for part, found in document["after"].items()),
    )


def _dump(document: Mapping[str, Any]) -> bytes:
    """Return JSON with one entry of the first level to a line, so that people can look at it."""
    lines = (
        f"{json.dumps(name)}: {json.dumps(value, separators=(',', ':'))}" for name, value in document.items()
    )
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def _load(text: bytes, what: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise _damaged(what) from error
    if not isinstance(document, dict) or not isinstance(document.get("schema"), int):
        raise _damaged(what)
    if document["schema"] > SCHEMA:
        raise AwsError(
            f"{what} in the bucket was written by a later version of mwaa-local.",
            hint="Update mwaa-local: pip install --upgrade mwaa-local",
        )
    return document


def _damaged(what: str) -> AwsError:
    return AwsError(
        f"{what} in the bucket's state folder is damaged.",
        hint="Put its previous version back, or delete it: then nothing in the bucket counts as put by us.",
    )
