"""What a deployment puts into the bucket: each object's key, and where its content lies here."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Part(StrEnum):
    """What an object is to MWAA: it decides the order of uploads and whether the environment must be updated."""

    DAGS = "dags"
    PLUGINS = "plugins"
    REQUIREMENTS = "requirements"
    STARTUP_SCRIPT = "startup_script"
    EXTRA = "extra"

    @property
    def needs_update(self) -> bool:
        """Tell whether MWAA takes a new object of this part only through an environment update (MWAA-FACTS 2.3)."""
        return self in (Part.PLUGINS, Part.REQUIREMENTS, Part.STARTUP_SCRIPT)


@dataclass(frozen=True, slots=True)
class StagedFile:
    """One object to be: its key in the bucket and the file that holds its content."""

    key: str
    source: Path
    part: Part
    size: int
    """Bytes."""
    sha256: str
    md5: str
    """An ETag that equals it proves the same content; one that differs proves nothing."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that a deployment consists of, in the order of keys, no key twice."""

    deployment: str
    files: tuple[StagedFile, ...]
