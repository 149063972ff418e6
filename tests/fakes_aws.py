"""Stand-ins for AWS: a bucket and an MWAA service in memory; the contract suites keep them honest."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import md5
from pathlib import Path
from typing import Literal

from mwaa_local.aws_ports import (
    BucketFacts,
    Condition,
    EnvironmentChange,
    EnvironmentRecord,
    ObjectFacts,
    ObjectRecord,
    ObjectVersion,
)
from mwaa_local.errors import AwsError, ConflictError


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A version of an object; `content` None marks a deletion."""

    id: str
    content: bytes | None
    metadata: tuple[tuple[str, str], ...]
    etag: str


@dataclass(slots=True)
class FakeObjectStore:
    """A bucket with versioning; `denied` keys refuse every write, `calls` counts what was asked, by method."""

    versions: dict[str, list[StoredVersion]] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    calls: dict[str, int] = field(default_factory=dict)
    versioned: bool = True
    etags: Literal["md5", "parts", "kms"] = "md5"
    """What ETags are made of: the content; its parts; or nothing that could be known, anew for each write."""

    def list_objects(self, prefix: str) -> Iterator[ObjectRecord]:
        """Yield what is there."""
        self._count("list_objects")
        for key in sorted(self.versions):
            current = self._current(key)
            if key.startswith(prefix) and current is not None:
                yield ObjectRecord(key, len(current.content or b""), current.etag, 1_700_000_000.0)

    def describe(self, key: str) -> ObjectFacts | None:
        """Return the current version."""
        self._count("describe")
        current = self._current(key)
        if current is None:
            return None
        return ObjectFacts(self._as_version(key, current), len(current.content or b""), current.metadata)

    def read(self, key: str, version_id: str | None = None) -> bytes | None:
        """Return content."""
        self._count("read")
        if version_id is None:
            current = self._current(key)
            return current.content if current else None
        return next((one.content for one in self.versions.get(key, ()) if one.id == version_id), None)

    def write(
        self,
        key: str,
        content: Path | bytes,
        *,
        metadata: Mapping[str, str] | None = None,
        condition: Condition | None = None,
    ) -> ObjectVersion:
        """Add a version."""
        self._count("write")
        if key in self.denied:
            raise AwsError(
                f"Access denied: your user or role may not do s3:PutObject on {key}.", hint="Allow it."
            )
        current = self._current(key)
        if condition is not None and condition.etag != (current.etag if current else None):
            raise ConflictError(f"{key} was changed in the bucket by somebody else in the meantime.")
        body = content.read_bytes() if isinstance(content, Path) else content
        lower = tuple(sorted((name.lower(), value) for name, value in (metadata or {}).items()))
        return self._add(key, body, lower)

    def restore(self, key: str, version_id: str) -> ObjectVersion:
        """Copy a version on top."""
        self._count("restore")
        found = next((one for one in self.versions.get(key, ()) if one.id == version_id), None)
        if found is None or found.content is None:
            raise AwsError(f"Version {version_id} of {key} cannot be put back: NoSuchVersion.")
        if found is self._current(key):
            return self._as_version(key, found)
        return self._add(key, found.content, found.metadata)

    def delete(self, key: str) -> None:
        """Put a deletion on top."""
        self._count("delete")
        if self._current(key) is not None:
            self._append(key, StoredVersion(self._new_id(), None, (), ""))

    def look(self) -> BucketFacts:
        """Return what MWAA wants to see."""
        return BucketFacts("us-east-1", self.versioned, public_access_blocked=True, encryption="AES256")

    def contents(self) -> dict[str, bytes]:
        """Return every object's content."""
        found = ((key, self._current(key)) for key in sorted(self.versions))
        return {key: one.content for key, one in found if one is not None and one.content is not None}

    def _current(self, key: str) -> StoredVersion | None:
        found = self.versions.get(key)
        return found[-1] if found and found[-1].content is not None else None

    def _add(self, key: str, content: bytes, metadata: tuple[tuple[str, str], ...]) -> ObjectVersion:
        version = StoredVersion(self._new_id(), content, metadata, self._etag(content))
        self._append(key, version)
        return self._as_version(key, version)

    def _append(self, key: str, version: StoredVersion) -> None:
        self.versions[key] = [*(self.versions.get(key, []) if self.versioned else []), version]

    def _etag(self, content: bytes) -> str:
        match self.etags:
            case "md5":
                return md5(content, usedforsecurity=False).hexdigest()
            case "parts":
                return md5(content + b"parts", usedforsecurity=False).hexdigest() + "-2"
            case "kms":
                return md5(self._new_id().encode(), usedforsecurity=False).hexdigest()

    def _new_id(self) -> str:
        return f"v{sum(len(found) for found in self.versions.values()) + 1}"

    def _as_version(self, key: str, version: StoredVersion) -> ObjectVersion:
        return ObjectVersion(key, version.etag, version.id if self.versioned else None)

    def _count(self, method: str) -> None:
        self.calls[method] = self.calls.get(method, 0) + 1


@dataclass(slots=True)
class ChangingEnvironments:
    """EnvironmentService whose updates are done at once, or (`stays` named) leave that status behind."""

    environments: dict[str, EnvironmentRecord] = field(default_factory=dict)
    updates: list[tuple[str, EnvironmentChange]] = field(default_factory=list)
    stays: str = ""
    error: str = ""

    def get(self, name: str) -> EnvironmentRecord | None:
        """Return an environment."""
        return self.environments.get(name)

    def names(self) -> tuple[str, ...]:
        """Return all names."""
        return tuple(sorted(self.environments))

    def update(self, name: str, change: EnvironmentChange) -> None:
        """Take the change."""
        if self.error:
            raise AwsError(self.error)
        self.updates.append((name, change))
        found = self.environments[name]
        if self.stays:
            self.environments[name] = replace(found, status=self.stays)
            return
        self.environments[name] = replace(
            found,
            plugins=change.plugins or found.plugins,
            requirements=change.requirements or found.requirements,
            startup_script=change.startup_script or found.startup_script,
        )


class Interruption:
    """Fails the call number `at` (counted over everything that shares this), before or after it has its effect.

    `for_good`: all that follow too, as when the process is killed.
    """

    def __init__(self, at: int, *, late: bool, for_good: bool) -> None:
        self.count = 0
        self._at = at
        self._late = late
        self._for_good = for_good
        self._lock = threading.Lock()

    @contextmanager
    def around(self) -> Iterator[None]:
        """Be around one call."""
        with self._lock:
            self.count += 1
            is_it = self.count == self._at
            is_after = self._for_good and self.count > self._at
            if is_after or (is_it and not self._late):
                raise AwsError("The connection was lost.")
            yield
            if is_it:
                raise AwsError("The connection was lost.")


@dataclass(slots=True)
class InterruptedStore:
    """A bucket that is reached over a line with an interruption."""

    inner: FakeObjectStore
    interruption: Interruption

    def list_objects(self, prefix: str) -> Iterator[ObjectRecord]:
        """List."""
        with self.interruption.around():
            records = list(self.inner.list_objects(prefix))
        return iter(records)

    def describe(self, key: str) -> ObjectFacts | None:
        """Describe."""
        with self.interruption.around():
            return self.inner.describe(key)

    def read(self, key: str, version_id: str | None = None) -> bytes | None:
        """Read."""
        with self.interruption.around():
            return self.inner.read(key, version_id)

    def write(
        self,
        key: str,
        content: Path | bytes,
        *,
        metadata: Mapping[str, str] | None = None,
        condition: Condition | None = None,
    ) -> ObjectVersion:
        """Write."""
        with self.interruption.around():
            return self.inner.write(key, content, metadata=metadata, condition=condition)

    def restore(self, key: str, version_id: str) -> ObjectVersion:
        """Restore."""
        with self.interruption.around():
            return self.inner.restore(key, version_id)

    def delete(self, key: str) -> None:
        """Delete."""
        with self.interruption.around():
            self.inner.delete(key)

    def look(self) -> BucketFacts:
        """Look."""
        with self.interruption.around():
            return self.inner.look()


@dataclass(slots=True)
class InterruptedEnvironments:
    """MWAA over the same line."""

    inner: ChangingEnvironments
    interruption: Interruption

    def get(self, name: str) -> EnvironmentRecord | None:
        """Get."""
        with self.interruption.around():
            return self.inner.get(name)

    def names(self) -> tuple[str, ...]:
        """List."""
        with self.interruption.around():
            return self.inner.names()

    def update(self, name: str, change: EnvironmentChange) -> None:
        """Update."""
        with self.interruption.around():
            self.inner.update(name, change)
