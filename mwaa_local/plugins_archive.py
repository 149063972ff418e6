"""What is in a plugins.zip, or will be: values that packing makes and that rules judge.

Reading and writing archives is `deploy`'s, judging them `validation`'s.
"""

import os
from dataclasses import dataclass
from enum import StrEnum

SHEBANG = b"#!"
HEAD = 20
"""Bytes of a file that are kept to see what it is: a script, or a program for which machine."""


class EntryKind(StrEnum):
    """What an entry would become when it is unpacked."""

    FILE = "file"
    FOLDER = "folder"
    SYMLINK = "symlink"


@dataclass(frozen=True, slots=True)
class ArchiveEntry:
    """One entry of an archive as the archive declares it, and what its content showed."""

    name: str
    """With `/` between folders; no slash at the end of a folder; bytes that are not text are written `\\xNN`."""
    kind: EntryKind
    size: int
    """Unpacked, in bytes, as declared."""
    packed: int
    mode: int | None
    """Permissions; None where the archive has none (it was made on Windows)."""
    head: bytes = b""
    """The first bytes of the content."""
    encrypted: bool = False
    is_text_name: bool = True
    """False where the name is neither ASCII nor marked as UTF-8: every program reads it in its own way."""
    problem: str = ""
    """Why the content cannot be read."""

    @property
    def is_script(self) -> bool:
        """Return whether somebody will want to execute it."""
        return self.head.startswith(SHEBANG) or self.name.endswith(".sh")

    @property
    def is_executable(self) -> bool:
        """Return whether it stays executable when it is unpacked."""
        return bool((self.mode or 0) & 0o111)


@dataclass(frozen=True, slots=True)
class ArchiveListing:
    """All entries of an archive; `damage` says why there are none, or not all."""

    entries: tuple[ArchiveEntry, ...]
    packed: int
    """Size of the archive, in bytes."""
    damage: str = ""

    @property
    def files(self) -> tuple[ArchiveEntry, ...]:
        """Return the entries that are not folders."""
        return tuple(entry for entry in self.entries if entry.kind is not EntryKind.FOLDER)

    @property
    def size(self) -> int:
        """Return the declared size of everything unpacked, in bytes."""
        return sum(entry.size for entry in self.entries)


def escape_reason(name: str) -> str:
    """Say why an entry of this name would be unpacked outside the folder; empty if it would not."""
    plain = name.replace("\\", "/")
    if plain.startswith("/"):
        return "its name is absolute"
    if len(plain) > 1 and plain[1] == ":":
        return "its name has a drive"
    if ".." in plain.split("/"):
        return "its name leads out of the folder with '..'"
    if "\0" in name:
        return "its name holds a NUL byte"
    if os.path.normpath(plain) in ("", "."):
        return "its name is empty"
    return ""
