"""Notes which buckets and objects a request has touched: whatever it did to them, it reached them through here.

moto changes its S3 in many places; all of them take the bucket from the backend and the object from the bucket.
"""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from moto.s3 import urls
from moto.s3.exceptions import NoSuchUpload
from moto.s3.models import FakeBucket, FakeMultipart, MultipartDict, S3Backend
from moto.s3.utils import _VersionedKeyStore


@dataclass(slots=True)
class Touched:
    """What one request has reached: buckets by name, objects by bucket and key."""

    buckets: set[str] = field(default_factory=set)
    keys: set[tuple[str, str]] = field(default_factory=set)
    uploads: set[tuple[str, str]] = field(default_factory=set)
    """Unfinished ones, by bucket and id."""


_local = threading.local()


@contextmanager
def tracking() -> Iterator[Touched]:
    """Note what this thread touches."""
    touched = Touched()
    before = getattr(_local, "touched", None)
    _local.touched = touched
    try:
        yield touched
    finally:
        _local.touched = before


def _note_key(bucket: str, key: Any) -> None:
    touched: Touched | None = getattr(_local, "touched", None)
    if touched is not None and isinstance(key, str):
        touched.keys.add((bucket, key))


def _note_bucket(bucket: str) -> None:
    touched: Touched | None = getattr(_local, "touched", None)
    if touched is not None:
        touched.buckets.add(bucket)


class TrackedKeys(_VersionedKeyStore):
    """moto's objects of one bucket."""

    def __init__(self, bucket: str, keys: _VersionedKeyStore) -> None:
        super().__init__()
        self._bucket = bucket
        for key, versions in keys._iterlists():
            self.setlist(key, versions)

    def __sgetitem__(self, key: str) -> list[Any]:
        _note_key(self._bucket, key)
        return super().__sgetitem__(key)

    def __setitem__(self, key: str, value: Any) -> None:
        _note_key(self._bucket, key)
        super().__setitem__(key, value)

    def setlist(self, key: Any, list_: Any) -> None:
        _note_key(self._bucket, key)
        super().setlist(key, list_)

    def pop(self, key: str) -> None:  # type: ignore[override]  # as moto's
        _note_key(self._bucket, key)
        super().pop(key)

    def __delitem__(self, key: str) -> None:
        _note_key(self._bucket, key)
        super().__delitem__(key)


def _note_upload(bucket: str, upload: str) -> None:
    touched: Touched | None = getattr(_local, "touched", None)
    if touched is not None:
        touched.uploads.add((bucket, upload))


class TrackedUploads(MultipartDict):
    """moto's unfinished uploads to one bucket."""

    def __init__(self, bucket: str, uploads: MultipartDict) -> None:
        super().__init__(uploads)
        self._bucket = bucket

    def __getitem__(self, upload: str) -> FakeMultipart:
        _note_upload(self._bucket, upload)
        found = self.get(upload)
        if found is None:
            # moto would end in a KeyError, and a client in a 500 that it tries again and again.
            raise NoSuchUpload(upload_id=upload)
        return found

    def __setitem__(self, upload: str, value: FakeMultipart) -> None:
        _note_upload(self._bucket, upload)
        super().__setitem__(upload, value)

    def __delitem__(self, upload: str) -> None:
        _note_upload(self._bucket, upload)
        ended = self.get(upload)
        super().__delitem__(upload)
        # The object that was made of the parts knows them, but their contents are no longer on the disk.
        for part in ended.parts.values() if ended is not None else ():
            _ = part.etag  # it is computed from the content when somebody asks for it first
            part._value_buffer = io.BytesIO()  # type: ignore[assignment]


class TrackedBuckets(dict[str, FakeBucket]):
    """moto's buckets."""

    def __getitem__(self, name: str) -> FakeBucket:
        _note_bucket(name)
        return super().__getitem__(name)

    def __setitem__(self, name: str, bucket: FakeBucket) -> None:
        _note_bucket(name)
        bucket.keys = TrackedKeys(name, bucket.keys)
        bucket.multiparts = TrackedUploads(name, bucket.multiparts)
        super().__setitem__(name, bucket)

    def pop(self, name: str, *default: Any) -> Any:
        _note_bucket(name)
        return super().pop(name, *default)

    def __delitem__(self, name: str) -> None:
        _note_bucket(name)
        super().__delitem__(name)


class TrackedS3(S3Backend):
    """moto's S3, whose buckets and objects are noted."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.buckets = TrackedBuckets()

    @property
    def _url_module(self) -> ModuleType:
        # moto derives it from the name of the class's own module.
        return urls
