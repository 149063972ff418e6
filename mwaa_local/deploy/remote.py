"""Looks at what the bucket holds of a deployment: its objects, and what earlier runs have written down about them."""

import gc
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from mwaa_local.aws_ports import ObjectFacts, ObjectRecord, ObjectStore
from mwaa_local.deploy.manifest import Manifest
from mwaa_local.deploy.receipt import CURRENT, PENDING, Ledger, Receipt
from mwaa_local.deploy.receipt_recovery import recover, unproven
from mwaa_local.deploy.receipt_text import parse_ledger, parse_receipt
from mwaa_local.deployment import Deployment

_AT_ONCE = 16
_MOST_HEADS = 50
"""Of objects whose ETag proves nothing, how many are asked for the digest that we have put into their metadata."""


@dataclass(frozen=True, slots=True)
class Remote:
    """What the bucket holds of a deployment."""

    objects: Mapping[str, ObjectRecord] = field(default_factory=dict)
    facts: Mapping[str, ObjectFacts] = field(default_factory=dict)
    """Of plugins, requirements and script, and of objects whose ETag proves nothing."""
    ledger: Ledger = field(default_factory=Ledger)
    ledger_etag: str | None = None
    """None: there is no ledger in the bucket."""
    pending_etag: str | None = None
    """None: no run has been interrupted."""
    interrupted: Receipt | None = None
    """The receipt of a run that was interrupted, with what it really did; it is not stored yet."""


def look_at_remote(store: ObjectStore, deployment: Deployment, manifest: Manifest) -> Remote:
    """Read the state, list our prefixes, and look closer where a listing says too little."""
    with _no_collecting(), ThreadPoolExecutor(_AT_ONCE) as pool:
        current = pool.submit(_read_state, store, f"{deployment.state}/{CURRENT}")
        pending = pool.submit(_read_state, store, f"{deployment.state}/{PENDING}")
        facts = _describe(pool, store, _single_keys(deployment, manifest))
        objects = _list(store, deployment)
        text, ledger_etag = current.result()
        ledger = parse_ledger(text) if text is not None else Ledger()
        # A rollback has no files: which trees are single files, only the ledger knows then.
        facts |= _describe(pool, store, (ledger.objects.keys() & {*deployment.prefixes}) - facts.keys())
        for key, found in facts.items():
            objects.setdefault(key, ObjectRecord(key, found.size, found.version.etag, 0.0))
        text, pending_etag = pending.result()
        begun = parse_receipt(text) if text is not None else None
        asked = unproven(begun, ledger, objects) if begun else ()
        asked += _undecided(manifest, ledger, objects)[:_MOST_HEADS]
        facts |= _describe(pool, store, {key for key in asked if key not in facts})
    interrupted = None
    if begun is not None:
        ledger, interrupted = recover(begun, ledger, objects, facts)
    return Remote(objects, facts, ledger, ledger_etag, pending_etag, interrupted)


@contextmanager
def _no_collecting() -> Iterator[None]:
    """Collect no garbage in between: ten thousand records are a lot to look at, and none of them is garbage."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _read_state(store: ObjectStore, key: str) -> tuple[bytes | None, str | None]:
    """Return the content of an object and its ETag, of one and the same version."""
    found = store.describe(key)
    if found is None:
        return None, None
    return store.read(key, found.version.version_id), found.version.etag


def _single_keys(deployment: Deployment, manifest: Manifest) -> set[str]:
    """Return the keys that are looked at one by one: those that MWAA takes by version, and trees of one file."""
    layout = deployment.layout
    keys = {key for key in (layout.plugins, layout.requirements, layout.startup_script) if key}
    roots = set(deployment.prefixes)
    return keys | {file.key for file in manifest.files if file.key in roots}


def _list(store: ObjectStore, deployment: Deployment) -> dict[str, ObjectRecord]:
    trees = sorted({f"{tree.key}/" for tree in (*deployment.dags, *deployment.extras)})
    outermost = [
        tree for tree in trees if not any(tree != other and tree.startswith(other) for other in trees)
    ]
    state = f"{deployment.state}/"
    return {
        record.key: record
        for tree in outermost
        for record in store.list_objects(tree)
        # Names that end with a slash are the folders that S3's console makes.
        if not record.key.startswith(state) and not record.key.endswith("/")
    }


def _describe(pool: Executor, store: ObjectStore, keys: Iterable[str]) -> dict[str, ObjectFacts]:
    found = zip(wanted := sorted(keys), pool.map(store.describe, wanted), strict=True)
    return {key: facts for key, facts in found if facts is not None}


def _undecided(manifest: Manifest, ledger: Ledger, objects: Mapping[str, ObjectRecord]) -> tuple[str, ...]:
    """Return what was uploaded in parts and is not written down: its ETag is no digest, its metadata may have one."""
    return tuple(
        file.key
        for file in manifest.files
        if (record := objects.get(file.key)) is not None
        and "-" in record.etag
        and record.size == file.size
        and ((known := ledger.objects.get(file.key)) is None or known.etag != record.etag)
    )
