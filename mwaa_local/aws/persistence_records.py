"""Buckets and objects of moto's S3 as journal records, and back.

What a user cannot do without is written plainly; the rest (rules, access lists) as moto's own objects, which another
version of moto may fail to read: then only that is lost.
"""

import io
import logging
import pickle
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from moto.s3.models import FakeBucket, FakeDeleteMarker, FakeKey, PublicAccessBlock, S3Backend

from mwaa_local.aws.journal import Record
from mwaa_local.aws.persistence_blobs import BlobBuffer, BlobFolder

PLAIN = (
    "storage_class",
    "encryption",
    "kms_key_id",
    "bucket_key_enabled",
    "lock_mode",
    "lock_legal_status",
    "lock_until",
    "checksum_value",
    "checksum_type",
    "checksum_parts",
    "checksum_algorithm",
    "website_redirect_location",
)
"""Attributes of an object that JSON can hold as they are; `storage_class` is kept in `_storage_class`."""
BLOCKS = ("block_public_acls", "ignore_public_acls", "block_public_policy", "restrict_public_buckets")
"""Attributes of a PublicAccessBlock, in the order in which it takes them."""
NOT_REST = frozenset(
    {"name", "keys", "multiparts", "versioning_status", "public_access_block", "creation_date"}
)
"""Attributes of a bucket that are written elsewhere."""

log = logging.getLogger(__name__)


def bucket_record(bucket: FakeBucket, tags: Mapping[str, Any]) -> Record:
    """Return the record that creates or changes a bucket."""
    block = bucket.public_access_block
    rest = {name: value for name, value in vars(bucket).items() if name not in NOT_REST}
    return {
        "op": "bucket",
        "bucket": bucket.name,
        "region": bucket.region_name,
        "created": bucket.creation_date.isoformat(),
        "versioning": bucket.versioning_status,
        "blocked": [getattr(block, name) for name in BLOCKS] if block else [],
        "tags": dict(tags),
        "rest": pickle.dumps(rest),
    }


def bucket_deleted_record(name: str) -> Record:
    """Return the record that removes a bucket with all that is in it."""
    return {"op": "bucket-deleted", "bucket": name}


def key_record(bucket: str, key: str, versions: list[dict[str, Any]]) -> Record:
    """Return the record of all versions of an object, oldest first; none removes it."""
    return {"op": "key", "bucket": bucket, "key": key, "versions": versions}


def version_state(version: FakeKey | FakeDeleteMarker, tags: Mapping[str, Any]) -> dict[str, Any]:
    """Return one version; its content is in the blob that its buffer names."""
    state: dict[str, Any] = {"id": version._version_id, "modified": version.last_modified.isoformat()}
    if isinstance(version, FakeDeleteMarker):
        return {**state, "marker": True}
    buffer: Any = version._value_buffer
    return {
        **state,
        "blob": buffer.blob if isinstance(buffer, BlobBuffer) else None,
        "size": version.contentsize,
        "etag": version.etag.strip('"'),
        "versioned": version._is_versioned,
        "metadata": dict(version._metadata),
        "expiry": version._expiry.isoformat() if version._expiry else None,
        "tags": dict(tags),
        "acl": pickle.dumps(version.acl),
        **{name: getattr(version, name) for name in PLAIN},
    }


def is_record(record: Record) -> bool:
    """Return whether `replay` can use a record: a damaged disk or another program may have written anything."""
    match record:
        case {"op": "bucket", "bucket": str(), "region": str(), "created": str(), "rest": bytes()}:
            return True
        case {"op": "bucket-deleted", "bucket": str()}:
            return True
        case {"op": "key", "bucket": str(), "key": str(), "versions": list(versions)}:
            return all(isinstance(each, dict) and {"id", "modified"} <= each.keys() for each in versions)
        case _:
            return False


def replay(records: list[Record]) -> dict[str, tuple[Record, dict[str, Record]]]:
    """Return what the records amount to: for each bucket its record, and those of its objects."""
    buckets: dict[str, tuple[Record, dict[str, Record]]] = {}
    for record in records:
        name = record["bucket"]
        if record["op"] == "bucket":
            buckets[name] = (record, buckets[name][1] if name in buckets else {})
        elif record["op"] == "bucket-deleted":
            buckets.pop(name, None)
        elif name in buckets:
            if record["versions"]:
                buckets[name][1][record["key"]] = record
            else:
                buckets[name][1].pop(record["key"], None)
    return buckets


def restore_bucket(backend: S3Backend, record: Record) -> FakeBucket:
    """Create a bucket in the backend."""
    bucket = FakeBucket(record["bucket"], backend.account_id, record["region"])  # type: ignore[abstract]
    for name, value in unpickled(record["rest"], {}, f"the rules of bucket {bucket.name}").items():
        setattr(bucket, name, value)
    bucket.versioning_status = record.get("versioning")
    bucket.creation_date = datetime.fromisoformat(record["created"])
    blocked = record.get("blocked") or []
    if len(blocked) == len(BLOCKS):
        bucket.public_access_block = PublicAccessBlock(*blocked)
    backend.buckets[bucket.name] = bucket
    if record.get("tags"):
        backend.tagger.tag_resource(bucket.arn, _tag_list(record["tags"]))
    return bucket


def restore_versions(backend: S3Backend, bucket: FakeBucket, record: Record, blobs: BlobFolder) -> None:
    """Put an object into its bucket."""
    versions: list[FakeKey | FakeDeleteMarker] = []
    for state in record["versions"]:
        if state.get("marker"):
            # moto's marker knows the version that it hides.
            hidden = next((each for each in reversed(versions) if isinstance(each, FakeKey)), None)
            marker = FakeDeleteMarker(hidden or _empty_key(bucket, record["key"]))
            marker._version_id = state["id"]
            marker.last_modified = datetime.fromisoformat(state["modified"])
            versions.append(marker)
            continue
        key = restore_version(bucket, record["key"], state, blobs)
        versions.append(key)
        if state.get("tags"):
            backend.tagger.tag_resource(key.arn, _tag_list(state["tags"]))
    bucket.keys.setlist(record["key"], versions)


def restore_version(bucket: FakeBucket, name: str, state: Mapping[str, Any], blobs: BlobFolder) -> FakeKey:
    """Return a version of an object, or a part of one."""
    key = _empty_key(bucket, name)
    key._etag = state.get("etag")
    key._version_id = state["id"]
    key._is_versioned = bool(state.get("versioned"))
    key.last_modified = datetime.fromisoformat(state["modified"])
    key._metadata.clear()
    key._metadata.update(state.get("metadata", {}))
    key._expiry = datetime.fromisoformat(state["expiry"]) if state.get("expiry") else None
    key._storage_class = state.get("storage_class")
    for attribute in PLAIN[1:]:
        setattr(key, attribute, state.get(attribute))
    if state.get("acl"):
        key.acl = unpickled(state["acl"], key.acl, f"the access list of object {name}")
    blob = state.get("blob")
    if blob:
        key._value_buffer.close()
        key._value_buffer = blobs.buffer(blob)  # type: ignore[assignment]
        key.contentsize = int(state.get("size", 0))
    return key


def _empty_key(bucket: FakeBucket, name: str) -> FakeKey:
    return FakeKey(name, b"", bucket.account_id, bucket.region_name, bucket_name=bucket.name)


def _tag_list(tags: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


class _OnlyMoto(pickle.Unpickler):
    """Reads moto's S3 objects and plain values; anything else does not come from us."""

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("moto.s3.") or module in ("collections", "datetime"):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name}")


def unpickled(content: bytes, otherwise: Any, what: str) -> Any:
    """Return what was pickled, or something else where that cannot be read."""
    try:
        return _OnlyMoto(io.BytesIO(content)).load()
    except (pickle.UnpicklingError, AttributeError, ImportError, EOFError, TypeError, ValueError) as error:
        log.warning("%s could not be read back (%s)", what, error)
        return otherwise
