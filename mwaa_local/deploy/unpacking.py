"""Unpacks a plugins.zip as MWAA does, into a folder of our own and never outside it."""

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mwaa_local.deploy.archive_check import (
    CONTENT_LIMIT,
    SAFE_METHODS,
    UNREADABLE,
    entry_kind,
    entry_mode,
    entry_name,
    read_entry,
)
from mwaa_local.errors import MwaaLocalError
from mwaa_local.plugins_archive import EntryKind, escape_reason


def unpack_archive(file: Path, folder: Path, *, limit: int = CONTENT_LIMIT) -> int:
    """Unpack `file` into `folder` with the modes that it names, and return how many files that made.

    For archives in which the rules found no error: links, encrypted entries, names that lead outside and more than
    `limit` bytes are refused with a MwaaLocalError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    root = folder.resolve()
    with _opened(file) as archive:
        wanted = [info for info in archive.infolist() if entry_kind(info) is not EntryKind.FOLDER]
        if sum(info.file_size for info in wanted) > limit:
            raise _refusal(file, f"it holds more than {limit >> 20} MiB")
        for info in wanted:
            _unpack(archive, info, root, file)
    return len(wanted)


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, root: Path, file: Path) -> None:
    name = entry_name(info)
    reason = escape_reason(name)
    if entry_kind(info) is EntryKind.SYMLINK:
        reason = "it is a link"
    elif info.compress_type not in SAFE_METHODS:
        reason = f"it is compressed with method {info.compress_type}"
    target = root / name
    if reason or not target.resolve().is_relative_to(root):
        raise _refusal(file, f"{name}: {reason or 'it would lie outside the folder'}")
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = entry_mode(info)
    # Programs like unzip create 0666 minus the umask where the archive has no modes.
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644)
    with os.fdopen(descriptor, "wb") as stream:
        read_entry(archive, info, stream)
    target.chmod((0o644 if mode is None else mode) | 0o600)


@contextmanager
def _opened(file: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except UNREADABLE as error:
        raise _refusal(file, str(error)) from error


def _refusal(file: Path, reason: str) -> MwaaLocalError:
    return MwaaLocalError(
        f"{file} cannot be unpacked: {reason}.", hint="See: mwaa-local package-plugins --check"
    )
