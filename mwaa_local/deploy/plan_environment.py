"""Decides whether the environment must be updated after an upload: MWAA takes new versions only so. Pure."""

from collections.abc import Mapping, Sequence

from mwaa_local.aws_ports import EnvironmentRecord, S3Source
from mwaa_local.deploy.environment_update import PASSING
from mwaa_local.deploy.manifest import Manifest, Part
from mwaa_local.deploy.plan_steps import PlanOptions, SourceChange, UpdateEnvironment, Upload
from mwaa_local.deploy.remote import Remote
from mwaa_local.deployment import S3Layout

NAMES = {
    Part.PLUGINS: "plugins",
    Part.REQUIREMENTS: "requirements",
    Part.STARTUP_SCRIPT: "startup script",
}


def plan_update(
    uploads: Sequence[Upload],
    manifest: Manifest,
    remote: Remote,
    environment: EnvironmentRecord | None,
    options: PlanOptions,
) -> tuple[UpdateEnvironment | None, tuple[str, ...]]:
    """Return the update (None: the environment takes what is in the bucket already), and what is to be said."""
    if environment is None:
        parts = sorted({NAMES[upload.file.part] for upload in uploads if upload.file.part.needs_update})
        note = f"No environment is named, so nothing makes MWAA take the new {' and '.join(parts)}."
        return None, ((note,) if parts and options.deployment.environment is None else ())
    uploaded = {upload.file.key for upload in uploads}
    present = {file.key for file in manifest.files}
    changes, notes = [], []
    for part, path, source in _parts(options.deployment.layout, environment):
        if path is None or path not in present:
            notes += _absent_note(part, path, source)
            continue
        change = _source_change(part, path, source, remote, path in uploaded)
        if change is None:
            continue
        if options.only and path not in uploaded:
            notes.append(
                f"The environment takes another {NAMES[part]} than the bucket has: deploy without --only."
            )
        else:
            changes.append(change)
    if changes and _is_under_way(changes, environment, remote.ledger.asked):
        notes.append(f"Environment {environment.name} is being updated to these versions already.")
        changes = []
    update = UpdateEnvironment(environment.name, tuple(changes)) if changes else None
    return update, tuple(notes)


def _parts(
    layout: S3Layout, environment: EnvironmentRecord
) -> tuple[tuple[Part, str | None, S3Source | None], ...]:
    return (
        (Part.PLUGINS, layout.plugins, environment.plugins),
        (Part.REQUIREMENTS, layout.requirements, environment.requirements),
        (Part.STARTUP_SCRIPT, layout.startup_script, environment.startup_script),
    )


def _absent_note(part: Part, path: str | None, source: S3Source | None) -> list[str]:
    if source is None:
        return []
    name = NAMES[part]
    if path is None:
        return [
            f"The environment has a {name} ({source.path}); this deployment names none and leaves it as it is."
        ]
    return [
        f"The project has no {name}, and MWAA cannot take one back: the environment keeps {source.path}. "
        f"To be rid of it, deploy an empty one."
    ]


def _source_change(
    part: Part, path: str, source: S3Source | None, remote: Remote, uploaded: bool
) -> SourceChange | None:
    """Return what the environment must be told about one file, None if it has the bucket's content already."""
    if uploaded:
        return SourceChange(part, path, None, source)
    facts = remote.facts.get(path)
    if facts is None:
        return None
    current = facts.version.version_id
    if source is not None and source.path == path:
        known = remote.ledger.versions.get(path, {})
        digest = known.get(source.version or "")
        if source.version == current or (digest is not None and digest == known.get(current or "")):
            return None
    return SourceChange(part, path, current, source)


def _is_under_way(
    changes: Sequence[SourceChange], environment: EnvironmentRecord, asked: Mapping[Part, S3Source]
) -> bool:
    return environment.status in PASSING and all(
        change.version is not None and asked.get(change.part) == S3Source(change.path, change.version)
        for change in changes
    )
