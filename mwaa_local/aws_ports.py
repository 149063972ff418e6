"""AWS as `deploy/` sees it: one bucket, the MWAA service, CloudWatch's log groups, and the records they exchange.

`adapters/` holds the real ones, `tests/fakes.py` the fakes; `tests/contract/` keeps both honest.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ObjectRecord:
    """An object as a listing shows it: `etag` has no quotes and is no digest; `modified` in seconds since the epoch."""

    key: str
    size: int
    etag: str
    modified: float


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """What a write left behind; `version_id` is None where the bucket keeps no versions."""

    key: str
    etag: str
    version_id: str | None


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """One object in full: its current version, and the metadata that whoever wrote it gave it (lower-case names)."""

    version: ObjectVersion
    size: int
    metadata: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold for a write: the object still has this ETag, or (`etag` None) it does not exist."""

    etag: str | None


@dataclass(frozen=True, slots=True)
class BucketFacts:
    """What MWAA asks of a bucket. None: it could not be found out, and `unknown` has the action that was denied."""

    region: str
    versioning: bool | None
    public_access_blocked: bool | None
    encryption: str | None
    """`AES256`, `aws:kms`, ...; "" for none."""
    unknown: tuple[str, ...] = ()


class ObjectStore(Protocol):
    """One bucket. Every method raises AwsError: what was refused, the action that is missing, what to do next.

    Throttling and server errors have been retried with back-off before.
    """

    def list_objects(self, prefix: str) -> Iterator[ObjectRecord]:
        """Yield the objects whose keys begin with `prefix`, in the order of their keys."""
        ...

    def describe(self, key: str) -> ObjectFacts | None:
        """Return the current version of an object, None if there is none."""
        ...

    def read(self, key: str, version_id: str | None = None) -> bytes | None:
        """Return an object's content, None if there is none (or no such version)."""
        ...

    def write(
        self,
        key: str,
        content: Path | bytes,
        *,
        metadata: Mapping[str, str] | None = None,
        condition: Condition | None = None,
    ) -> ObjectVersion:
        """Write an object in one piece or in parts that never stay behind; ConflictError if `condition` fails."""
        ...

    def restore(self, key: str, version_id: str) -> ObjectVersion:
        """Make an earlier version the current one (a copy on top of it, metadata included)."""
        ...

    def delete(self, key: str) -> None:
        """Remove an object (its versions stay); no error if there is none."""
        ...

    def look(self) -> BucketFacts:
        """Return the facts about the bucket; AwsError if there is no such bucket."""
        ...


@dataclass(frozen=True, slots=True)
class S3Source:
    """Where an environment takes a file from: a key of its bucket, and the object version it was told to take."""

    path: str
    version: str | None


@dataclass(frozen=True, slots=True)
class LastUpdate:
    """The outcome of an environment's last update: SUCCESS, PENDING or FAILED, with the service's error."""

    status: str
    error_code: str = ""
    error_message: str = ""
    began: float | None = None
    """In seconds since the epoch: tells one update from the next."""


@dataclass(frozen=True, slots=True)
class EnvironmentRecord:
    """An MWAA environment as GetEnvironment describes it (the parts that deploying, importing and pricing need)."""

    name: str
    status: str
    airflow_version: str
    environment_class: str
    bucket: str
    dags_path: str
    plugins: S3Source | None
    requirements: S3Source | None
    startup_script: S3Source | None
    airflow_options: tuple[tuple[str, str], ...]
    webserver_access: str
    min_workers: int
    max_workers: int
    schedulers: int
    last_update: LastUpdate | None
    log_groups: tuple[tuple[str, str], ...]
    """MWAA's log type (`SchedulerLogs`, ...) and the name of its group, those that are enabled."""


@dataclass(frozen=True, slots=True)
class EnvironmentChange:
    """What UpdateEnvironment is asked to change: only what is not None."""

    plugins: S3Source | None = None
    requirements: S3Source | None = None
    startup_script: S3Source | None = None


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    """Who we are to AWS: account, the ARN of user or role, and the region that requests go to."""

    account: str
    arn: str
    region: str


class EnvironmentService(Protocol):
    """Amazon MWAA in one region. Every method raises AwsError as ObjectStore's do."""

    def get(self, name: str) -> EnvironmentRecord | None:
        """Return an environment, None if there is none of that name."""
        ...

    def names(self) -> tuple[str, ...]:
        """Return the names of the region's environments."""
        ...

    def update(self, name: str, change: EnvironmentChange) -> None:
        """Begin an update of an environment."""
        ...


@dataclass(frozen=True, slots=True)
class LogLine:
    """One event of a log stream; `time` in seconds since the epoch."""

    stream: str
    time: float
    message: str


class LogGroups(Protocol):
    """CloudWatch Logs, read only."""

    def read(self, group: str, stream_prefix: str, since: float) -> tuple[LogLine, ...]:
        """Return the events since a time of the streams whose names begin so; () if the group does not exist."""
        ...


@dataclass(frozen=True, slots=True)
class AwsAccess:
    """Everything that a deployment talks to, reached with one set of credentials."""

    identity: Callable[[], CallerIdentity]
    bucket: Callable[[str], ObjectStore]
    environments: EnvironmentService
    logs: LogGroups
