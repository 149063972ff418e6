"""Decides how to go back to the state after an earlier receipt: previous versions, deletions, the environment. Pure.

What each later run found before it changed something is in its receipt; the oldest of them is what is wanted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mwaa_local.aws_ports import EnvironmentRecord, S3Source
from mwaa_local.deploy.environment_update import Refusal, refuse_update
from mwaa_local.deploy.manifest import Part
from mwaa_local.deploy.plan import keys_taken_by, matches
from mwaa_local.deploy.plan_environment import NAMES
from mwaa_local.deploy.plan_steps import (
    Conflict,
    Delete,
    Obstacle,
    Plan,
    PlanOptions,
    Restore,
    SourceChange,
    UpdateEnvironment,
)
from mwaa_local.deploy.plan_timing import describe_timing
from mwaa_local.deploy.receipt import Ledger, ObjectState, Receipt
from mwaa_local.deploy.remote import Remote


@dataclass(slots=True)
class _Decision:
    restores: list[Restore] = field(default_factory=list)
    deletions: list[Delete] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def make_rollback_plan(
    undone: Sequence[Receipt],
    remote: Remote,
    environment: EnvironmentRecord | None,
    options: PlanOptions,
) -> Plan:
    """Decide; `undone` is every receipt after the target, oldest first."""
    decision = _Decision()
    prefixes, taken = options.deployment.prefixes, keys_taken_by(environment)
    for key, wanted in _wanted_objects(undone).items():
        if wanted is None and key in taken:
            decision.unchanged.append(key)  # the environment keeps it, and its next update would fail without
        elif matches(key, prefixes):
            _decide(key, wanted, remote, options, decision)
        elif key in remote.ledger.objects:
            decision.notes.append(f"{key} is outside what the deployment names now, and stays as it is.")
    update = _plan_update(undone, remote, environment, decision.notes)
    steps = (*decision.restores, *decision.deletions, *((update,) if update else ()))
    refusal = refuse_update(environment) if update and environment else None
    return Plan(
        deployment=options.deployment.name,
        bucket=options.deployment.bucket,
        steps=steps,
        unchanged=tuple(decision.unchanged),
        conflicts=tuple(decision.conflicts),
        notes=tuple(decision.notes),
        timing=describe_timing(steps, environment),
        refusal=_lost(decision.lost) or refusal,
    )


def _wanted_objects(undone: Iterable[Receipt]) -> Mapping[str, ObjectState | None]:
    """Return what each changed object was before the first of the runs that changed it."""
    wanted: dict[str, ObjectState | None] = {}
    for receipt in undone:
        for change in receipt.changes:
            wanted.setdefault(change.key, change.before)
    return dict(sorted(wanted.items()))


def _decide(
    key: str, wanted: ObjectState | None, remote: Remote, options: PlanOptions, decision: _Decision
) -> None:
    record = remote.objects.get(key)
    known = remote.ledger.objects.get(key)
    if record is None and wanted is None:
        decision.unchanged.append(key)
        return
    if record is None:
        _restore(key, wanted, None, decision)
        return
    as_we_left_it = known is not None and known.etag == record.etag
    before = (
        known if known is not None and as_we_left_it else ObjectState(record.etag, None, None, ours=False)
    )
    if wanted is not None and _has_content(before, wanted):
        decision.unchanged.append(key)
        return
    if not as_we_left_it and not matches(key, options.take_over):
        obstacle = Obstacle.CHANGED if known is not None else Obstacle.FOREIGN
        decision.conflicts.append(Conflict(key, obstacle, deletion=wanted is None))
    if wanted is None:
        decision.deletions.append(Delete(key, before))
    else:
        _restore(key, wanted, before, decision)


def _has_content(state: ObjectState, wanted: ObjectState) -> bool:
    return state.etag == wanted.etag or (state.sha256 is not None and state.sha256 == wanted.sha256)


def _restore(key: str, wanted: ObjectState | None, before: ObjectState | None, decision: _Decision) -> None:
    if wanted is None:
        return
    if wanted.version is None:
        decision.lost.append(key)
    else:
        decision.restores.append(Restore(key, wanted, wanted.version, before))


def _lost(keys: Sequence[str]) -> Refusal | None:
    if not keys:
        return None
    more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
    return Refusal(
        f"The bucket has no earlier version of {keys[0]}{more}: it kept no versions then.",
        "Turn versioning on, and deploy the files of that time from git.",
        passes=False,
    )


def _plan_update(
    undone: Iterable[Receipt], remote: Remote, environment: EnvironmentRecord | None, notes: list[str]
) -> UpdateEnvironment | None:
    wanted: dict[Part, S3Source | None] = {}
    for receipt in undone:
        for part, source in receipt.environment.before if receipt.environment else ():
            wanted.setdefault(part, source)
    if environment is None:
        if wanted:
            notes.append("The environment is not there or not named, and is not updated.")
        return None
    have = {
        Part.PLUGINS: environment.plugins,
        Part.REQUIREMENTS: environment.requirements,
        Part.STARTUP_SCRIPT: environment.startup_script,
    }
    changes = []
    for part, source in wanted.items():
        now = have[part]
        if source is None and now is not None:
            notes.append(
                f"The environment had no {NAMES[part]}, and MWAA cannot take one back: it keeps {now.path}."
            )
        elif source is not None and not _is_same_source(source, now, remote.ledger):
            changes.append(SourceChange(part, source.path, source.version, now))
    return UpdateEnvironment(environment.name, tuple(changes)) if changes else None


def _is_same_source(one: S3Source, other: S3Source | None, ledger: Ledger) -> bool:
    if other is None or one.path != other.path:
        return False
    digests = ledger.versions.get(one.path, {})
    digest = digests.get(one.version or "")
    return one.version == other.version or (digest is not None and digest == digests.get(other.version or ""))
