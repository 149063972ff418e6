"""Writes plugins.zip: the same files give the same bytes on every machine and on every day.

Nothing of the machine goes in: entries in the order of their names, times fixed, two modes, and content stored rather
than compressed: what a compressor makes of a file differs between versions of zlib (macOS has its own, Fedora and
Windows zlib-ng), and a plugins.zip with other bytes would cost an environment update of half an hour. `compress` makes
it smaller for those who pack on one machine only.
"""

import hashlib
import os
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.deploy.plugins_tree import TreeFile
from mwaa_local.errors import MwaaLocalError

_CHUNK = 1 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that the format can say."""
_REGULAR = 0o100000
_UNIX = 3


@dataclass(frozen=True, slots=True)
class WrittenArchive:
    """An archive that was written."""

    path: Path
    size: int
    sha256: str
    changed: bool
    """False where the file held these very bytes already."""


@dataclass(frozen=True, slots=True)
class StagedArchive:
    """An archive beside its target, whole but not yet in its place."""

    path: Path
    target: Path

    def put_into_place(self) -> WrittenArchive:
        """Make it the target; MwaaLocalError if the disk refuses."""
        with _explained(self.target):
            digest = digest_file(self.path)
            changed = not self.target.is_file() or digest_file(self.target) != digest
            size = self.path.stat().st_size
            self.path.replace(self.target)
        return WrittenArchive(self.target, size, digest, changed)


@contextmanager
def staged_archive(
    files: Iterable[TreeFile], target: Path, *, compress: bool = False
) -> Iterator[StagedArchive]:
    """Write `files` beside `target`; what is not put into its place inside the block is removed after it."""
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        with _explained(target):
            _write(files, partial, compress=compress)
        yield StagedArchive(partial, target)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def write_archive(files: Iterable[TreeFile], target: Path, *, compress: bool = False) -> WrittenArchive:
    """Write `files` into `target`, which is whole or as it was; MwaaLocalError if the disk refuses."""
    with staged_archive(files, target, compress=compress) as staged:
        return staged.put_into_place()


@contextmanager
def _explained(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MwaaLocalError(
            f"{target} cannot be written: {error.strerror or error}.",
            hint="Choose another place with --output, or make room.",
        ) from error


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write(files: Iterable[TreeFile], target: Path, *, compress: bool) -> None:
    with zipfile.ZipFile(target, "w", strict_timestamps=False) as archive:
        for file in files:
            info = zipfile.ZipInfo(file.name, _EPOCH)
            info.create_system = _UNIX
            info.external_attr = (_REGULAR | file.mode) << 16
            info.file_size = file.size
            info.compress_type = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
            with file.path.open("rb") as source, archive.open(info, "w") as entry:
                shutil.copyfileobj(source, entry, _CHUNK)
