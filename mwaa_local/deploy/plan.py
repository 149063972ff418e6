"""Decides what a deploy does: from what is to lie in the bucket and what lies there, the steps between. Pure.

An object counts as unchanged only where that is proven; as ours only where a receipt says so.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from mwaa_local.aws_ports import EnvironmentRecord, ObjectRecord
from mwaa_local.deploy.environment_update import refuse_update
from mwaa_local.deploy.manifest import Manifest, StagedFile
from mwaa_local.deploy.plan_environment import plan_update
from mwaa_local.deploy.plan_order import rank_uploads
from mwaa_local.deploy.plan_steps import (
    Conflict,
    Delete,
    Obstacle,
    Plan,
    PlanOptions,
    Reason,
    Upload,
)
from mwaa_local.deploy.plan_timing import describe_timing
from mwaa_local.deploy.receipt import ObjectState
from mwaa_local.deploy.receipt_recovery import DIGEST
from mwaa_local.deploy.remote import Remote
from mwaa_local.errors import UsageError


@dataclass(slots=True)
class _Decision:
    """What has been decided so far."""

    uploads: list[tuple[StagedFile, Reason, ObjectState | None]] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    learned: list[tuple[str, ObjectState]] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    deletions: list[Delete] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    remote_only: list[str] = field(default_factory=list)


def make_plan(
    manifest: Manifest, remote: Remote, environment: EnvironmentRecord | None, options: PlanOptions
) -> Plan:
    """Decide; `environment` None: only the bucket is ours to fill. UsageError if `only` names nothing."""
    decision = _Decision()
    for file in _chosen(manifest, options.only):
        _decide_file(file, remote, options, decision)
    used = keys_taken_by(environment)
    wanted = {file.key for file in manifest.files}
    for key, record in remote.objects.items():
        if key not in wanted and _is_chosen(key, options.only):
            _decide_leftover(record, remote, options, decision, used)
    ranks = rank_uploads([file for file, _, _ in decision.uploads], options.deployment.layout.dags)
    uploads = sorted(
        (Upload(file, ranks[file.key], reason, before) for file, reason, before in decision.uploads),
        key=lambda upload: (upload.rank, upload.file.key),
    )
    update, notes = plan_update(uploads, manifest, remote, environment, options)
    steps = (*uploads, *decision.deletions, *((update,) if update else ()))
    return Plan(
        deployment=options.deployment.name,
        bucket=options.deployment.bucket,
        steps=steps,
        unchanged=tuple(decision.unchanged),
        remote_only=tuple(decision.remote_only),
        left=tuple(decision.left),
        conflicts=tuple(decision.conflicts),
        notes=notes,
        timing=describe_timing(steps, environment),
        refusal=refuse_update(environment) if update and environment else None,
        learned=tuple(decision.learned),
    )


def matches(key: str, patterns: Iterable[str]) -> bool:
    """Tell whether one of the patterns names a key, or a folder above it."""
    return any(
        key == pattern or key.startswith(f"{pattern.rstrip('/')}/") or fnmatchcase(key, pattern)
        for pattern in patterns
    )


def _chosen(manifest: Manifest, only: tuple[str, ...]) -> tuple[StagedFile, ...]:
    if not only:
        return manifest.files
    chosen = tuple(
        file for file in manifest.files if matches(file.key, only) or matches(str(file.source), only)
    )
    if not chosen:
        raise UsageError(
            f"Nothing that is deployed is named {' or '.join(only)}.",
            hint="Name a file or folder of the project, or a key of the bucket, as the plan shows it.",
        )
    return chosen


def _is_chosen(key: str, only: tuple[str, ...]) -> bool:
    return not only or matches(key, only)


def _decide_file(file: StagedFile, remote: Remote, options: PlanOptions, decision: _Decision) -> None:
    record = remote.objects.get(file.key)
    known = remote.ledger.objects.get(file.key)
    if record is None:
        reason = Reason.GONE if known and known.ours else Reason.NEW
        decision.uploads.append((file, reason, None))
        return
    is_as_we_left_it = known is not None and known.etag == record.etag
    if known is not None and is_as_we_left_it and known.sha256 == file.sha256:
        decision.unchanged.append(file.key)
        return
    if _is_same(file, record, remote):
        decision.unchanged.append(file.key)
        state = ObjectState(record.etag, _version(record, remote), file.sha256, bool(known and known.ours))
        decision.learned.append((file.key, state))
        return
    if not is_as_we_left_it and not matches(file.key, options.take_over):
        decision.conflicts.append(Conflict(file.key, _obstacle(known)))
    before = known if is_as_we_left_it else _foreign(record, remote)
    proven = is_as_we_left_it or (record.etag.isalnum() and len(record.etag) == 32)
    decision.uploads.append((file, Reason.CHANGED if proven else Reason.UNKNOWN, before))


def _is_same(file: StagedFile, record: ObjectRecord, remote: Remote) -> bool:
    if record.etag == file.md5:
        return True
    facts = remote.facts.get(file.key)
    return (
        facts is not None
        and facts.version.etag == record.etag
        and dict(facts.metadata).get(DIGEST) == file.sha256
    )


def _obstacle(known: ObjectState | None) -> Obstacle:
    return Obstacle.CHANGED if known is not None and known.ours else Obstacle.FOREIGN


def _foreign(record: ObjectRecord, remote: Remote) -> ObjectState:
    return ObjectState(record.etag, _version(record, remote), None, ours=False)


def _version(record: ObjectRecord, remote: Remote) -> str | None:
    facts = remote.facts.get(record.key)
    return facts.version.version_id if facts and facts.version.etag == record.etag else None


def keys_taken_by(environment: EnvironmentRecord | None) -> frozenset[str]:
    """Return what an environment is told to take: an update after its deletion would fail."""
    if environment is None:
        return frozenset()
    sources = (environment.plugins, environment.requirements, environment.startup_script)
    return frozenset(source.path for source in sources if source)


def _decide_leftover(
    record: ObjectRecord,
    remote: Remote,
    options: PlanOptions,
    decision: _Decision,
    used: frozenset[str],
) -> None:
    """Decide about an object that the project does not have."""
    key = record.key
    known: ObjectState | None = remote.ledger.objects.get(key)
    if known is None or not known.ours:
        decision.remote_only.append(key)
    elif not options.delete or key in used:
        decision.left.append(key)
    else:
        before = known if known.etag == record.etag else _foreign(record, remote)
        if before is not known and not matches(key, options.take_over):
            decision.conflicts.append(Conflict(key, Obstacle.CHANGED, deletion=True))
        decision.deletions.append(Delete(key, before))
