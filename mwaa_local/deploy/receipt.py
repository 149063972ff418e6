"""What a deploy leaves behind, as values: the receipt of one run, and the ledger of everything that we have put.

`receipt_text.py` turns them into JSON and back; `apply.py` writes them, `rollback.py` goes back by them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from mwaa_local.aws_ports import S3Source
from mwaa_local.deploy.manifest import Part

CURRENT = "current.json"
PENDING = "pending.json"
RECEIPTS = "receipts"
LOCK = "lock.json"

VERSIONS_KEPT = 50
"""How many earlier versions of plugins, requirements and script the ledger remembers the digests of."""


@dataclass(frozen=True, slots=True)
class ObjectState:
    """An object at a moment; what is not known is None."""

    etag: str
    version: str | None
    sha256: str | None
    ours: bool
    """We have put it. False: it lay there already, with the very content that we would have put."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a run does to one object; `after` None deletes it, `before` None: there was none."""

    key: str
    before: ObjectState | None
    after: ObjectState | None
    md5: str = ""
    """Of the content that is to be, as long as the run has not ended: it may prove that the write took place."""


@dataclass(frozen=True, slots=True)
class EnvironmentSources:
    """Where an environment takes its files from, before and after an update."""

    name: str
    before: tuple[tuple[Part, S3Source | None], ...]
    after: tuple[tuple[Part, S3Source], ...]


@dataclass(frozen=True, slots=True)
class Author:
    """Who deploys, and from what: shown by whoever reads a receipt later."""

    user: str
    """`alice@laptop`."""
    arn: str = ""
    commit: str = ""
    branch: str = ""
    dirty: bool = False
    tool: str = ""
    """`mwaa-local 0.5.0`."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """One run: a deploy, or a rollback to the state after the receipt `target` (None: before all)."""

    id: str
    """`20261121T045227.123Z-1a2b3c`: in order of time."""
    kind: Literal["deploy", "rollback"]
    outcome: Literal["begun", "done", "interrupted"]
    deployment: str
    bucket: str
    began: str
    """In UTC: `2026-11-21T04:52:27Z`."""
    ended: str
    author: Author
    changes: tuple[Change, ...]
    environment: EnvironmentSources | None
    previous: str | None
    """The receipt whose state this run began with."""
    target: str | None = None
    skipped: tuple[str, ...] = ()
    """Rules whose findings were passed over."""

    @property
    def state(self) -> str | None:
        """Return the receipt whose state the bucket has after this run."""
        return self.id if self.kind == "deploy" else self.target


@dataclass(frozen=True, slots=True)
class Ledger:
    """Everything that we have put, as of the last run."""

    objects: Mapping[str, ObjectState] = field(default_factory=dict)
    receipt: str | None = None
    """The receipt whose state the bucket has."""
    versions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Of plugins, requirements and script: key, then version, to digest. Equal ones need no update."""
    asked: Mapping[Part, S3Source] = field(default_factory=dict)
    """What the last update of the environment was asked to take."""

    def with_changes(self, changes: Mapping[str, ObjectState | None]) -> "Ledger":
        """Return the ledger after objects were put (or, None, removed)."""
        objects = {**self.objects}
        versions = dict(self.versions)
        for key, state in changes.items():
            if state is None:
                objects.pop(key, None)
                continue
            objects[key] = state
            if key in versions and state.version and state.sha256:
                known = {**versions[key], state.version: state.sha256}
                versions[key] = dict(list(known.items())[-VERSIONS_KEPT:])
        return replace(self, objects=objects, versions=versions)

    def watching(self, keys: tuple[str, ...]) -> "Ledger":
        """Return the ledger that remembers the versions of these keys too."""
        versions = {**{key: {} for key in keys}, **self.versions}
        for key in keys:
            state = self.objects.get(key)
            if state and state.version and state.sha256:
                versions[key] = {**versions[key], state.version: state.sha256}
        return replace(self, versions=versions)
