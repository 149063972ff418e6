"""A file of JSON lines that a killed process can be restored from: appended to on every change, rewritten when it grew.

It knows nothing of what the records mean; `queue_records` does.
"""

import base64
import json
import logging
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

Record = Mapping[str, Any]

COMPACT_AT = 1_000_000
"""Bytes at which the journal is rewritten, or twice what the last rewrite left, whichever is more."""

log = logging.getLogger(__name__)


class Journal:
    """The records on disk; callers serialise their calls.

    A disk that takes no more bytes costs durability, never the service: it is logged, and the next change tries to
    write everything anew.
    """

    def __init__(self, path: Path, compact_at: int = COMPACT_AT) -> None:
        self._path = path
        self._compact_at = compact_at
        self._limit: float = compact_at
        self._size = 0
        self._complete = True
        self._file: BinaryIO | None = None

    def load(self, is_valid: Callable[[Record], bool] = bool) -> list[Record]:
        """Return every readable record that `is_valid` accepts, oldest first.

        A last line that a crash cut off is dropped; a file with other damage is kept under another name as well.
        """
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return []
        lines = data.split(b"\n")
        if lines.pop():
            log.warning("%s: its last record was cut off and is dropped", self._path.name)
        records = [_parse(line) for line in lines if line]
        readable = [record for record in records if record is not None and is_valid(record)]
        if len(readable) < len(records):
            self._keep_copy(f"{len(records) - len(readable)} of {len(records)} records are unreadable")
        return readable

    def append(self, record: Record) -> None:
        """Write one record; it is in the kernel's hands when this returns, so killing the process does not lose it."""
        line = _render(record)
        try:
            if self._file is None:
                self._file = self._path.open("ab", buffering=0)
                self._size = self._file.tell()
            written = self._file.write(line)
        except OSError as error:
            self._note_failure(error.strerror or str(error))
            return
        self._size += written
        if written < len(line):
            self._note_failure("the disk is full")

    def needs_rewrite(self) -> bool:
        """Return whether the file has grown enough for `rewrite` to pay, or lacks something."""
        return not self._complete or self._size > self._limit

    def rewrite(self, records: Iterable[Record]) -> None:
        """Replace the whole file by `records`, atomically."""
        draft = self._path.with_suffix(".new")
        try:
            with draft.open("wb") as file:
                for record in records:
                    file.write(_render(record))
                size = file.tell()
            self.close()
            draft.replace(self._path)
        except OSError as error:
            self._note_failure(error.strerror or str(error))
            return
        self._size = size
        self._limit = max(self._compact_at, 2 * size)
        self._complete = True

    def close(self) -> None:
        """Close the file; the next append opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _note_failure(self, reason: str) -> None:
        if self._complete:
            log.warning(
                "%s cannot be written (%s): queued tasks would not outlive a crash", self._path, reason
            )
        self._complete = False

    def _keep_copy(self, reason: str) -> None:
        kept = self._path.with_name(f"{self._path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
        log.warning("%s is damaged (%s); it is kept as %s", self._path, reason, kept.name)
        try:
            shutil.copyfile(self._path, kept)
        except OSError as error:
            self._note_failure(error.strerror or str(error))


def _parse(line: bytes) -> Record | None:
    try:
        record = json.loads(line, object_hook=_restore_bytes)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _render(record: Record) -> bytes:
    return json.dumps(record, separators=(",", ":"), default=_mark_bytes).encode() + b"\n"


def _mark_bytes(value: object) -> dict[str, str]:
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    raise TypeError(f"{type(value).__name__} cannot be journaled")


def _restore_bytes(value: dict[str, Any]) -> Any:
    if value.keys() == {"$bytes"} and isinstance(value["$bytes"], str):
        return base64.b64decode(value["$bytes"])
    return value
