"""S3 that survives `kill -9`: what a request changed is on disk before its answer leaves.

Contents lie in files of their own and are read from there; buckets and versions are in a journal. Objects are small
change to a journal, so start-up reads one file, however large the objects are.
"""

import hashlib
import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from moto.s3.models import FakeKey, S3Backend, s3_backends

from mwaa_local.aws import persistence_records as records
from mwaa_local.aws.account import ACCOUNT_ID
from mwaa_local.aws.journal import Journal, Record
from mwaa_local.aws.persistence_blobs import BlobBuffer, BlobFolder
from mwaa_local.aws.persistence_tracking import Touched, TrackedS3, tracking
from mwaa_local.aws.persistence_uploads import UploadLog
from mwaa_local.aws.persistence_uploads import is_record as is_upload_record

JOURNAL = "objects.jsonl"
BLOBS = "objects"

OnChange = Callable[[str, str], None]
"""Called with bucket and key once a change of an object is on disk."""

log = logging.getLogger(__name__)


class S3Store:
    """The journal of moto's S3 and the folder of contents."""

    def __init__(self, folder: Path) -> None:
        self._journal = Journal(folder / JOURNAL)
        self._blobs = BlobFolder(folder / BLOBS)
        self._lock = threading.RLock()
        self._buckets: dict[str, str] = {}
        self._keys: dict[tuple[str, str], tuple[str, frozenset[str]]] = {}
        """Of what is in the journal: a digest of its record, and the blobs that it names."""
        self._uploads = UploadLog(self._journal, self._blobs, self._store_content)
        self.listeners: list[OnChange] = []

    @property
    def _backend(self) -> S3Backend:
        return s3_backends[ACCOUNT_ID]["aws"]

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Write down what happens to S3 inside, at its end."""
        with tracking() as touched:
            try:
                yield
            finally:
                if touched.buckets or touched.keys or touched.uploads:
                    self._record(touched)

    def restore(self) -> None:
        """Fill the (empty) backend from the disk."""
        loaded = self._journal.load(lambda record: records.is_record(record) or is_upload_record(record))
        saved = records.replay([record for record in loaded if records.is_record(record)])
        for name, (record, keys) in saved.items():
            bucket = records.restore_bucket(self._backend, record)
            self._buckets[name] = _digest(record)
            for key, key_record in keys.items():
                records.restore_versions(self._backend, bucket, key_record, self._blobs)
                self._keys[name, key] = (_digest(key_record), _blobs_of(key_record))
        self._uploads.restore(self._backend, loaded)
        needed = {blob for _, blobs in self._keys.values() for blob in blobs}
        self._blobs.remove_others(needed | self._uploads.blob_names())

    def _record(self, touched: Touched) -> None:
        changed = []
        with self._lock:
            for name in touched.buckets:
                self._record_bucket(name)
            for name, key in touched.keys:
                if self._record_key(name, key):
                    changed.append((name, key))
            for name, upload in touched.uploads:
                bucket = dict.get(self._backend.buckets, name)
                if bucket is not None:
                    self._uploads.record(bucket, (name, upload))
            if self._journal.needs_rewrite():
                self._journal.rewrite(self._everything())
        for name, key in changed:
            for listener in self.listeners:
                listener(name, key)

    def _record_bucket(self, name: str) -> None:
        bucket = dict.get(self._backend.buckets, name)
        if bucket is None:
            if self._buckets.pop(name, None):
                self._journal.append(records.bucket_deleted_record(name))
                for known in [each for each in self._keys if each[0] == name]:
                    self._forget(self._keys.pop(known)[1])
                self._uploads.forget_bucket(name)
            return
        record = records.bucket_record(bucket, self._backend.tagger.get_tag_dict_for_resource(bucket.arn))
        digest = _digest(record)
        if self._buckets.get(name) != digest:
            self._journal.append(record)
            self._buckets[name] = digest

    def _record_key(self, name: str, key: str) -> bool:
        record = self._key_record(name, key)
        before = self._keys.get((name, key))
        if not record["versions"]:
            if before is None:
                return False
            self._journal.append(record)
            del self._keys[name, key]
            self._forget(before[1])
            return True
        digest, blobs = _digest(record), _blobs_of(record)
        if before is not None and before[0] == digest:
            return False
        self._journal.append(record)
        self._keys[name, key] = (digest, blobs)
        self._forget((before[1] if before else frozenset()) - blobs)
        return True

    def _key_record(self, name: str, key: str) -> Record:
        bucket = dict.get(self._backend.buckets, name)
        versions = list(bucket.keys.getlist(key, [])) if bucket is not None else []
        states = []
        for version in versions:
            tags = {}
            if isinstance(version, FakeKey):
                self._store_content(version)
                tags = self._backend.tagger.get_tag_dict_for_resource(version.arn)
            states.append(records.version_state(version, tags))
        return records.key_record(name, key, states)

    def _store_content(self, version: FakeKey) -> None:
        """Move a version's content to a file, unless it is there already or empty."""
        buffer: Any = version._value_buffer
        if (isinstance(buffer, BlobBuffer) and buffer.blob) or not version.contentsize:
            return
        content = version.value
        try:
            blob = self._blobs.add(content)
        except OSError as error:
            log.warning("object %s cannot be stored (%s): it would not outlive a crash", version.name, error)
            return
        with version.lock:
            version._value_buffer = self._blobs.buffer(blob)  # type: ignore[assignment]
        buffer.close()

    def _forget(self, blobs: frozenset[str]) -> None:
        for blob in blobs:
            self._blobs.remove(blob)

    def _everything(self) -> Iterator[Record]:
        for name, bucket in list(dict.items(self._backend.buckets)):
            tags = self._backend.tagger.get_tag_dict_for_resource(bucket.arn)
            yield records.bucket_record(bucket, tags)
            for key in list(dict.keys(bucket.keys)):
                yield self._key_record(name, key)
            yield from self._uploads.everything(bucket)


def _digest(record: Record) -> str:
    text = json.dumps(record, sort_keys=True, default=repr)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _blobs_of(record: Record) -> frozenset[str]:
    return frozenset(each["blob"] for each in record["versions"] if each.get("blob"))


def install(folder: Path) -> S3Store:
    """Make moto's S3 durable and fill it from `folder`; call it once, before the first request."""
    store = S3Store(folder)
    s3_backends.backend = TrackedS3
    store.restore()
    return store
