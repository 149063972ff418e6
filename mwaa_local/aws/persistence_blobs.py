"""The contents of S3 objects as files, and the buffer through which moto reads them."""

import io
import logging
import os
import uuid
from collections.abc import Set
from pathlib import Path
from typing import BinaryIO

log = logging.getLogger(__name__)


class BlobBuffer:
    """A file object over a blob, opened while it is read; what is written goes elsewhere, until it is a new blob.

    moto keeps one buffer for each object: with open files, thousands of objects would be too many.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0
        self._changed: BinaryIO | None = None

    @property
    def blob(self) -> str | None:
        """Return the name of the blob whose content this is; None if it has been written to."""
        return self._path.name if self._changed is None else None

    def seek(self, position: int) -> int:
        """Go to a position from the start."""
        self._position = position
        return position

    def read(self, size: int = -1) -> bytes:
        """Read on from the position."""
        if self._changed is not None:
            self._changed.seek(self._position)
            content = self._changed.read(size)
        else:
            with self._path.open("rb") as file:
                file.seek(self._position)
                content = file.read(size)
        self._position += len(content)
        return content

    def truncate(self) -> None:
        """Drop what follows the position."""
        kept = b""
        if self._position:
            end, self._position = self._position, 0
            kept = self.read(end)
        self._changed = io.BytesIO()
        self.write(kept)

    def write(self, content: bytes) -> int:
        """Write at the position; only after `truncate`, as moto does."""
        if self._changed is None:
            raise OSError("a stored object is replaced, never changed")
        self._changed.seek(self._position)
        written = self._changed.write(content)
        self._position += written
        return written

    def close(self) -> None:
        """Let go of what was written; the blob is its folder's."""
        if self._changed is not None:
            self._changed.close()


class BlobFolder:
    """A folder of immutable files with random names."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, blob: str) -> Path:
        """Return where a blob lies."""
        return self._root / blob[:2] / blob

    def buffer(self, blob: str) -> BlobBuffer:
        """Return the buffer for a blob."""
        return BlobBuffer(self.path(blob))

    def add(self, content: bytes) -> str:
        """Write a new blob and return its name; OSError if the disk takes no more."""
        blob = uuid.uuid4().hex
        path = self.path(blob)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return blob

    def remove(self, blob: str) -> None:
        """Remove a blob that nothing refers to any more."""
        self.path(blob).unlink(missing_ok=True)

    def remove_others(self, wanted: Set[str]) -> None:
        """Remove the blobs that a crash has left before they were recorded."""
        for path in self._root.glob("??/*"):
            if path.name not in wanted:
                log.info("removing the content of an object that was never recorded: %s", path.name)
                path.unlink(missing_ok=True)
