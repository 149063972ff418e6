"""The project's own bucket: it holds the project's folder, as a bucket of MWAA holds what one has deployed.

The folder is the truth and is never written. Before somebody is answered about the bucket, what has changed in the
folder is put into it; keys that did not come from there are let alone, even those that take the place of one.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mwaa_local.aws.account import ACCOUNT_ID
from mwaa_local.errors import MwaaLocalError

if TYPE_CHECKING:
    from moto.s3.models import FakeKey, S3Backend

SOURCE = "mwaa-local-sha256"
"""In the metadata of what came from the folder: the digest of its content."""
DAGS = "dags"
PATIENCE = 0.5
"""Seconds within which the folder is not looked at again; longer where looking takes long."""
SHARE = 10
"""So many times as long as the last look took."""

log = logging.getLogger("mwaa_local.aws")


@dataclass(frozen=True, slots=True)
class HomeFile:
    """A file of the folder: its key, where it lies, its digests; `member` is the setting that names it, if one does."""

    key: str
    path: Path
    sha256: str
    md5: str
    member: str = ""

    def is_in(self, version: "FakeKey | None") -> bool:
        """Tell whether a version has this content, whoever has put it there."""
        return version is not None and (
            _source_of(version) == self.sha256 or version.etag.strip('"') == self.md5
        )


ReadFolder = Callable[[], Sequence[HomeFile]]
"""Returns the files of the folder; MwaaLocalError where it has something that no bucket can hold."""


@dataclass(slots=True)
class HomeBucket:
    """Keeps the bucket `name` in step with a folder."""

    name: str
    read: ReadFolder
    recording: Callable[[], AbstractContextManager[object]]
    """What is changed inside is on disk afterwards."""
    clock: Callable[[], float]
    """Seconds that only go forward."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _next: float = 0.0
    _files: tuple[HomeFile, ...] = ()
    _problem: str = ""
    _foreign: frozenset[str] = frozenset()

    def prepare(self, environ: Mapping[str, Any]) -> None:
        """Get ready for a request, if it is one about the bucket."""
        if str(environ.get("PATH_INFO", "")).lstrip("/").split("/")[0] == self.name:
            self.sync()

    def settings(self) -> dict[str, str]:
        """Return the members of GetEnvironment that name plugins, requirements and startup script."""
        self.sync()
        named: dict[str, str] = {}
        for file in self._files:
            found = _current(_backend(), self.name, file.key) if file.member else None
            if found is not None:
                named |= {f"{file.member}S3Path": file.key, f"{file.member}S3ObjectVersion": found.version_id}
        return named

    def sync(self) -> None:
        """Put what is new in the folder into the bucket, and take out what is no longer there."""
        with self._lock:
            began = self.clock()
            if began < self._next or self.name not in _backend().buckets:
                return
            try:
                files = tuple(self.read())
            except (MwaaLocalError, OSError) as error:
                self._complain(str(error))
            else:
                self._problem = ""
                self._put(files)
                self._files = files
            now = self.clock()
            self._next = now + max(PATIENCE, SHARE * (now - began))

    def _put(self, files: Sequence[HomeFile]) -> None:
        backend = _backend()
        held = {
            str(key): _current(backend, self.name, str(key)) for key in list(backend.buckets[self.name].keys)
        }
        wanted = {file.key for file in files}
        new = [file for file in files if not file.is_in(held.get(file.key))]
        gone = [key for key, each in held.items() if key not in wanted and each and _source_of(each)]
        self._tell_of({key for key, each in held.items() if key not in wanted and each and key not in gone})
        if not new and not gone:
            return
        # What is only looked at inside would be looked at again before it is on disk.
        with self.recording():
            for file in new:
                self._put_file(backend, file)
            for key in gone:
                backend.delete_object(self.name, key)

    def _put_file(self, backend: "S3Backend", file: HomeFile) -> None:
        try:
            content = file.path.read_bytes()
        except OSError as error:
            self._complain(f"{file.path}: {error.strerror}")
            return
        made = backend.put_object(self.name, file.key, content)
        made.set_metadata({f"x-amz-meta-{SOURCE}": file.sha256})

    def _tell_of(self, foreign: Set[str]) -> None:
        """Say of DAGs that somebody has uploaded where they have to be."""
        dags = frozenset(key for key in foreign if key.startswith(f"{DAGS}/"))
        for key in sorted(dags - self._foreign):
            log.warning(
                "%s is in the bucket %s but not in the project's folder: Airflow does not see it",
                key,
                self.name,
            )
        self._foreign = dags

    def _complain(self, problem: str) -> None:
        if problem != self._problem:
            log.warning("the bucket %s is not what the project's folder is: %s", self.name, problem)
        self._problem = problem


def _backend() -> "S3Backend":
    from moto.s3.models import s3_backends

    return s3_backends[ACCOUNT_ID]["aws"]


def _current(backend: "S3Backend", bucket: str, key: str) -> "FakeKey | None":
    """Return the current version of an object, None if there is none or it is deleted."""
    from moto.s3.models import FakeKey

    found = backend.buckets[bucket].keys.get(key)
    return found if isinstance(found, FakeKey) else None


def _source_of(version: "FakeKey") -> str:
    """Return the digest of the file that an object came from, "" if it came from elsewhere."""
    found = next((value for name, value in version._metadata.items() if name.lower().endswith(SOURCE)), "")
    return str(found)
