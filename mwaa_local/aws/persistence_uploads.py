"""Unfinished multipart uploads that survive `kill -9`: each upload and each of its parts is a record of the journal.

A part's record is written once, however many parts follow.
"""

import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from moto.s3.models import FakeBucket, FakeKey, FakeMultipart, S3Backend
from moto.s3.utils import CaseInsensitiveDict  # type: ignore[attr-defined]

from mwaa_local.aws import persistence_records as records
from mwaa_local.aws.journal import Journal, Record
from mwaa_local.aws.persistence_blobs import BlobFolder

NOT_REST = frozenset({"id", "key_name", "metadata", "parts", "partlist"})
"""Attributes of an upload that have members of their own in a record."""

Place = tuple[str, str]
"""A bucket and the id of an upload."""


def is_record(record: Record) -> bool:
    """Return whether `replay` can use a record."""
    match record:
        case {"op": "upload", "bucket": str(), "upload": str(), "key": str(), "rest": bytes()}:
            return True
        case {"op": "part", "bucket": str(), "upload": str(), "part": int(), "state": dict(state)}:
            return {"id", "modified"} <= state.keys()
        case {"op": "upload-ended", "bucket": str(), "upload": str()}:
            return True
    return False


def replay(given: Iterable[Record]) -> dict[Place, list[Record]]:
    """Return what all records of a journal amount to: of each upload its record, and those of its parts."""
    uploads: dict[Place, list[Record]] = {}
    for record in given:
        if record["op"] == "bucket-deleted":
            for gone in [place for place in uploads if place[0] == record["bucket"]]:
                del uploads[gone]
        elif is_record(record):
            place = (record["bucket"], record["upload"])
            if record["op"] == "upload":
                uploads[place] = [record]
            elif record["op"] == "upload-ended":
                uploads.pop(place, None)
            elif place in uploads:
                others = [each for each in uploads[place] if each.get("part") != record["part"]]
                uploads[place] = [*others, record]
    return uploads


@dataclass(slots=True)
class UploadLog:
    """What the journal holds of uploads: the blobs of their parts."""

    journal: Journal
    blobs: BlobFolder
    store_content: Callable[[FakeKey], None]
    """Moves a content to a blob."""
    _known: dict[Place, dict[int, str]] = field(default_factory=dict)

    def blob_names(self) -> set[str]:
        """Return the blobs that uploads need."""
        return {blob for parts in self._known.values() for blob in parts.values() if blob}

    def record(self, bucket: FakeBucket | None, place: Place) -> None:
        """Write down what has happened to an upload; no bucket: it is gone, and its record says so."""
        upload = dict.get(bucket.multiparts, place[1]) if bucket is not None else None
        if upload is None:
            if place in self._known:
                if bucket is not None:
                    self.journal.append({"op": "upload-ended", "bucket": place[0], "upload": place[1]})
                self._forget(self._known.pop(place).values())
            return
        if place not in self._known:
            self.journal.append(_upload_record(place, upload))
            self._known[place] = {}
        known = self._known[place]
        for number, part in list(upload.parts.items()):
            record, blob = self._part_record(place, number, part)
            if known.get(number) != blob:
                self.journal.append(record)
                self._forget([known.get(number, "")])
                known[number] = blob

    def everything(self, bucket: FakeBucket) -> Iterator[Record]:
        """Yield the records of all uploads of a bucket."""
        for name, upload in list(bucket.multiparts.items()):
            place = (bucket.name, name)
            yield _upload_record(place, upload)
            yield from (self._part_record(place, number, part)[0] for number, part in upload.parts.items())

    def forget_bucket(self, name: str) -> None:
        """Take note that a bucket is gone with all that was in it."""
        for place in [each for each in self._known if each[0] == name]:
            self.record(None, place)

    def restore(self, backend: S3Backend, given: Iterable[Record]) -> None:
        """Put the uploads of a journal back into their buckets."""
        for place, (upload_record, *parts) in replay(given).items():
            bucket = dict.get(backend.buckets, place[0])
            if bucket is None:
                continue
            upload = _restored(bucket, upload_record)
            self._known[place] = {}
            for record in sorted(parts, key=lambda each: int(each["part"])):
                number, state = int(record["part"]), record["state"]
                part = records.restore_version(bucket, str(number), state, self.blobs)
                part.name = number  # type: ignore[assignment]  # as moto has it
                upload.parts[number] = part
                upload.partlist.append(number)
                self._known[place][number] = str(state.get("blob") or "")
            dict.__setitem__(bucket.multiparts, upload.id, upload)

    def _part_record(self, place: Place, number: int, part: FakeKey) -> tuple[Record, str]:
        self.store_content(part)
        state = records.version_state(part, {})
        record = {"op": "part", "bucket": place[0], "upload": place[1], "part": number, "state": state}
        return record, str(state["blob"] or "")

    def _forget(self, blobs: Iterable[str]) -> None:
        for blob in filter(None, blobs):
            self.blobs.remove(blob)


def _upload_record(place: Place, upload: FakeMultipart) -> Record:
    rest = {name: value for name, value in vars(upload).items() if name not in NOT_REST}
    return {
        "op": "upload",
        "bucket": place[0],
        "upload": place[1],
        "key": upload.key_name,
        "metadata": dict(upload.metadata),
        "rest": pickle.dumps(rest),
    }


def _restored(bucket: FakeBucket, record: Record) -> FakeMultipart:
    metadata: Any = CaseInsensitiveDict(record.get("metadata", {}))
    upload = FakeMultipart(record["key"], metadata, bucket.account_id, bucket.region_name)
    for name, value in records.unpickled(record["rest"], {}, f"an upload of {upload.key_name}").items():
        setattr(upload, name, value)
    upload.id = record["upload"]
    return upload
