"""The bucket of an environment as it is read: a prefix of objects, or one version of one object."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RemoteObject:
    """An object below a prefix; `state` changes whenever its content may have."""

    key: str
    state: str


class Source(Protocol):
    """A bucket."""

    def objects(self, prefix: str) -> tuple[RemoteObject, ...]:
        """Return the current objects below a prefix."""
        ...

    def read(self, key: str, version: str = "") -> bytes | None:
        """Return an object's content (the current one without a version), None if there is none."""
        ...


FindSource = Callable[[str], Source | None]
"""Returns the bucket of a name, None if there is none."""
