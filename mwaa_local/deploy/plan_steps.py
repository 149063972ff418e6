"""What a plan consists of: steps in their order, and what stands in the way of them."""

from dataclasses import dataclass, field
from enum import StrEnum

from mwaa_local.aws_ports import S3Source
from mwaa_local.deploy.environment_update import Refusal
from mwaa_local.deploy.manifest import Part, StagedFile
from mwaa_local.deploy.receipt import ObjectState
from mwaa_local.deployment import Deployment


class Reason(StrEnum):
    """Why an object is uploaded."""

    NEW = "new"
    CHANGED = "changed"
    UNKNOWN = "unknown"
    """Nothing proves that the content is the same."""
    GONE = "gone"
    """We had put it and somebody has deleted it."""


@dataclass(frozen=True, slots=True)
class Upload:
    """Put a file into the bucket; `before` is what lies there now. Uploads of one rank may be done at once."""

    file: StagedFile
    rank: int
    reason: Reason
    before: ObjectState | None


@dataclass(frozen=True, slots=True)
class Restore:
    """Put an earlier version of an object on top of what lies there now."""

    key: str
    wanted: ObjectState
    version: str
    before: ObjectState | None


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove an object; in a bucket with versioning the version stays."""

    key: str
    before: ObjectState


@dataclass(frozen=True, slots=True)
class SourceChange:
    """What an environment is to take a file from; `version` None: the one that this run's upload makes."""

    part: Part
    path: str
    version: str | None
    before: S3Source | None


@dataclass(frozen=True, slots=True)
class UpdateEnvironment:
    """Have the environment take other versions of plugins, requirements or script."""

    name: str
    sources: tuple[SourceChange, ...]


Step = Upload | Restore | Delete | UpdateEnvironment


class Obstacle(StrEnum):
    """Why a step must not be done unasked."""

    FOREIGN = "not put there by us"
    CHANGED = "changed since our last deploy"


@dataclass(frozen=True, slots=True)
class Conflict:
    """An object of somebody else in the way of a step."""

    key: str
    obstacle: Obstacle
    deletion: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, in order; nothing of it while there are conflicts or a refusal."""

    deployment: str
    bucket: str
    steps: tuple[Step, ...]
    unchanged: tuple[str, ...] = ()
    remote_only: tuple[str, ...] = ()
    """Below our prefixes, not put there by us, and not in the way."""
    left: tuple[str, ...] = ()
    """Put there by us and no longer in the project; only --delete removes them."""
    conflicts: tuple[Conflict, ...] = ()
    notes: tuple[str, ...] = ()
    timing: tuple[str, ...] = ()
    """How long MWAA takes until this has an effect."""
    refusal: Refusal | None = None
    """Why MWAA would not take the update of the environment now."""
    learned: tuple[tuple[str, ObjectState], ...] = ()
    """Objects that have the very content of the project and that the ledger does not know as such yet."""

    @property
    def uploads(self) -> tuple[Upload, ...]:
        """Return the uploads among the steps."""
        return tuple(step for step in self.steps if isinstance(step, Upload))

    @property
    def deletions(self) -> tuple[Delete, ...]:
        """Return the deletions among the steps."""
        return tuple(step for step in self.steps if isinstance(step, Delete))

    @property
    def update(self) -> UpdateEnvironment | None:
        """Return the update of the environment, if there is one."""
        return next((step for step in self.steps if isinstance(step, UpdateEnvironment)), None)


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What was asked for: patterns as in a shell, or folders; `only` may name local files too."""

    deployment: Deployment
    take_over: tuple[str, ...] = ()
    delete: bool = False
    only: tuple[str, ...] = field(default=())
