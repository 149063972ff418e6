"""Replaces a file that only its user may read, at once and for good."""

import os
from pathlib import Path


def replace_private(path: Path, content: bytes) -> None:
    """Put `content` in the place of a file, mode 0600, on disk before it is seen; OSError if the disk takes no more."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)
