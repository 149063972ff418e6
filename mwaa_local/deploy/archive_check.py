"""Reads anybody's zip without trusting a byte of it: what it declares, and what its content turns out to be.

Every size is bounded before memory or disk is used. Judging what was read is `validation.plugin_rules`'s.
"""

import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO

from mwaa_local.errors import UsageError
from mwaa_local.plugins_archive import HEAD, ArchiveEntry, ArchiveListing, EntryKind

CONTENT_LIMIT = 2 << 30
"""How many unpacked bytes are read; what is beyond that is listed but not looked into."""

_DIRECTORY_LIMIT = 32 << 20
"""Bytes of the list of entries: some 300,000 files."""

SAFE_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""zipfile unpacks the others without a bound: a kilobyte of bzip2 may become a gigabyte in memory."""

_CHUNK = 1 << 18
_UTF8_NAME = 0x800
_ENCRYPTED = 0x1
_FOLDER, _LINK = 0o040000, 0o120000

UNREADABLE = (
    zipfile.BadZipFile,
    UnicodeError,
    NotImplementedError,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    OverflowError,
    struct.error,
    zlib.error,
)
"""What zipfile raises on bytes that are no archive, or a broken one."""


def list_archive(file: Path, *, content_limit: int = CONTENT_LIMIT) -> ArchiveListing:
    """Read an archive: all entries, and of each the first bytes and whether the content is whole.

    UsageError if the file cannot be opened; whatever is wrong inside is in the listing.
    """
    try:
        stream = file.open("rb")
    except OSError as error:
        raise UsageError(
            f"{file} cannot be opened: {error.strerror}.", hint="Name a zip file that you may read."
        ) from error
    with stream:
        size = _size(stream)
        try:
            if _directory_size(stream, size) > _DIRECTORY_LIMIT:
                return ArchiveListing((), size, "it lists more files than any environment could take")
            with zipfile.ZipFile(stream) as archive:
                return ArchiveListing(_entries(archive, content_limit), size)
        except UNREADABLE as error:
            return ArchiveListing((), size, _reason(error))


def read_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: IO[bytes] | None) -> bytes:
    """Read an entry to its end (into `target`, if given), never more than it declares, and return its first bytes."""
    head = b""
    with archive.open(info) as content:
        while chunk := content.read(_CHUNK):
            if len(head) < HEAD:
                head = (head + chunk)[:HEAD]
            if target is not None:
                target.write(chunk)
    return head


def entry_kind(info: zipfile.ZipInfo) -> EntryKind:
    """Return what an entry would become."""
    kind = info.external_attr >> 16 & 0o170000
    if kind == _LINK:
        return EntryKind.SYMLINK
    return EntryKind.FOLDER if info.filename.endswith("/") or kind == _FOLDER else EntryKind.FILE


def entry_mode(info: zipfile.ZipInfo) -> int | None:
    """Return the permissions of an entry; None if whoever made the archive had none to give."""
    mode = info.external_attr >> 16
    return mode & 0o777 if mode else None


def entry_name(info: zipfile.ZipInfo) -> str:
    """Return the name of an entry as it stands in the archive (zipfile cuts it at a NUL byte)."""
    name = info.orig_filename.rstrip("/") or info.orig_filename
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _entries(archive: zipfile.ZipFile, content_limit: int) -> tuple[ArchiveEntry, ...]:
    entries, left = [], content_limit
    for info in archive.infolist():
        encrypted = bool(info.flag_bits & _ENCRYPTED)
        head, problem = b"", ""
        kind = entry_kind(info)
        if not encrypted and kind is not EntryKind.FOLDER and info.file_size <= left:
            left -= info.file_size
            head, problem = _look_into(archive, info)
        name = entry_name(info)
        entries.append(
            ArchiveEntry(
                name=name,
                kind=kind,
                size=info.file_size,
                packed=info.compress_size,
                mode=entry_mode(info),
                head=head,
                encrypted=encrypted,
                is_text_name=name.isascii() or bool(info.flag_bits & _UTF8_NAME),
                problem=problem,
            )
        )
    return tuple(entries)


def _look_into(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> tuple[bytes, str]:
    if info.compress_type not in SAFE_METHODS:
        return b"", f"it is compressed with method {info.compress_type}; only deflate is read everywhere"
    try:
        return read_entry(archive, info, None), ""
    except UNREADABLE as error:
        return b"", _reason(error)


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeError):
        return "a name claims to be UTF-8 and is not"
    text = str(error).rstrip(".") or type(error).__name__
    return text[:1].lower() + text[1:]


def _size(stream: IO[bytes]) -> int:
    return stream.seek(0, 2)


def _directory_size(stream: IO[bytes], size: int) -> int:
    """Return how long the archive says that its list of entries is; 0 where it does not say."""
    length = min(size, (1 << 16) + 22 + 76)
    stream.seek(size - length)
    tail = stream.read(length)
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or end + 22 > len(tail):
        return 0
    (claimed,) = struct.unpack_from("<L", tail, end + 12)
    locator = tail.rfind(b"PK\x06\x07", 0, end)
    if claimed == 0xFFFFFFFF and locator >= 0 and locator + 16 <= len(tail):
        (place,) = struct.unpack_from("<Q", tail, locator + 8)
        stream.seek(min(place, size))
        record = stream.read(56)
        claimed = struct.unpack_from("<Q", record, 40)[0] if len(record) == 56 else claimed
    stream.seek(0)
    return int(min(claimed, size))
