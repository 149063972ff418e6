"""Does single steps in the bucket, each so that doing it again changes nothing more."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import assert_never

from mwaa_local.aws_ports import Condition, ObjectStore
from mwaa_local.deploy.apply_parallel import do_in_parallel
from mwaa_local.deploy.manifest import StagedFile
from mwaa_local.deploy.plan_steps import Delete, Restore, Upload
from mwaa_local.deploy.receipt import ObjectState
from mwaa_local.deploy.receipt_recovery import DIGEST
from mwaa_local.errors import ConflictError, ProjectError

SMALL = 8 * 1024 * 1024
"""Bytes up to which a file is read once: what is sent is then what was checked."""

ObjectStep = Upload | Restore | Delete


def do_object_step(store: ObjectStore, step: ObjectStep) -> ObjectState | None:
    """Do a step and return what lies there afterwards; ConflictError if something else lies there than was planned."""
    match step:
        case Upload():
            return _upload(store, step)
        case Restore():
            return _restore(store, step)
        case Delete():
            if _check(store, step.key, step.before, absent=True):
                store.delete(step.key)
            return None
        case _:
            assert_never(step)


def with_versions(store: ObjectStore, steps: Sequence[ObjectStep]) -> tuple[ObjectStep, ...]:
    """Return the steps with the versions of what they replace: a rollback needs them, and listings do not have them."""
    unknown = [step for step in steps if step.before is not None and step.before.version is None]
    versions: dict[str, str] = {}

    def look(step: ObjectStep) -> str | None:
        found = store.describe(key_of(step))
        if found is None or step.before is None or found.version.etag != step.before.etag:
            raise _changed(key_of(step))
        return found.version.version_id

    def note(step: ObjectStep, version: str | None) -> None:
        if version is not None:
            versions[key_of(step)] = version

    if unknown:
        note(unknown[0], look(unknown[0]))
        # If the first one has no version, the bucket keeps none.
        do_in_parallel(look, unknown[1:] if versions else (), note)
    return tuple(_with_version(step, versions.get(key_of(step))) for step in steps)


def _with_version(step: ObjectStep, version: str | None) -> ObjectStep:
    if version is None or step.before is None:
        return step
    return replace(step, before=replace(step.before, version=version))


def key_of(step: ObjectStep) -> str:
    """Return the key that a step changes."""
    return step.file.key if isinstance(step, Upload) else step.key


def _upload(store: ObjectStore, step: Upload) -> ObjectState:
    file = step.file
    condition = Condition(step.before.etag if step.before else None)
    written = store.write(file.key, _checked(file), metadata={DIGEST: file.sha256}, condition=condition)
    return ObjectState(written.etag, written.version_id, file.sha256, ours=True)


def _checked(file: StagedFile) -> bytes | Path:
    """Return the content, or the path of a large file, after a look that it is still what was planned."""
    try:
        if file.size <= SMALL:
            content = file.source.read_bytes()
            if hashlib.sha256(content).hexdigest() == file.sha256:
                return content
        else:
            with file.source.open("rb") as stream:
                if hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256:
                    return file.source
    except OSError as error:
        raise ProjectError(
            f"{file.source} cannot be read: {error.strerror}.",
            hint="Put it back, then run the command again.",
        ) from error
    raise ProjectError(
        f"{file.source} was changed while it was being deployed.", hint="Run the command again."
    )


def _restore(store: ObjectStore, step: Restore) -> ObjectState:
    _check(store, step.key, step.before, absent=False)
    written = store.restore(step.key, step.version)
    return replace(step.wanted, etag=written.etag, version=written.version_id)


def _check(store: ObjectStore, key: str, before: ObjectState | None, *, absent: bool) -> bool:
    """Look whether what lies there is what was planned for; with `absent` it may also be gone: then return False."""
    found = store.describe(key)
    if found is None and absent:
        return False
    if (found.version.etag if found else None) != (before.etag if before else None):
        raise _changed(key)
    return True


def _changed(key: str) -> ConflictError:
    return ConflictError(
        f"{key} was changed in the bucket by somebody else since the plan was made.",
        hint="Run the command again: it looks again and plans anew.",
    )
