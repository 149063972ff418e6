"""A deployment laid out as a folder, exactly as the bucket will have it, with a manifest of digests beside it.

The same input gives the same tree: contents, names, modes and times. `orders/` has its manifest in
`orders.manifest.json`; the folder is whole or as it was before, and what is not ours is never replaced.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mwaa_local.deploy.manifest import Manifest, StagedFile
from mwaa_local.deployment import Deployment, S3Layout
from mwaa_local.errors import MwaaLocalError, UsageError

SCHEMA = 1
_CHUNK = 1 << 20
_TIME = 315532800
"""1980-01-01, as in plugins.zip."""
_FILE, _FOLDER = 0o644, 0o755
_BYTECODE = "__pycache__"


@dataclass(frozen=True, slots=True)
class StagedEntry:
    """A file of a staged folder, as its manifest has it."""

    key: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Stage:
    """A staged folder that was read back."""

    folder: Path
    deployment: str
    version: str
    layout: S3Layout
    files: tuple[StagedEntry, ...]

    def path(self, key: str | None) -> Path | None:
        """Return the file (or folder) of a key, None if the stage has none."""
        path = self.folder / key if key else None
        return path if path and path.exists() else None


def manifest_path(folder: Path) -> Path:
    """Return where the manifest of a staged folder lies."""
    return folder.with_name(f"{folder.name}.manifest.json")


def stage_document(deployment: Deployment, manifest: Manifest) -> dict[str, Any]:
    """Return the manifest of a stage as JSON has it; nothing in it is of this machine."""
    layout = deployment.layout
    return {
        "schema": SCHEMA,
        "deployment": deployment.name,
        "bucket": deployment.bucket,
        "region": deployment.region,
        "environment": deployment.environment,
        "version": deployment.version,
        "dag_s3_path": layout.dags,
        "plugins_s3_path": layout.plugins,
        "requirements_s3_path": layout.requirements,
        "startup_script_s3_path": layout.startup_script,
        "files": [
            {
                "key": file.key,
                "part": file.part.value,
                "size": file.size,
                "sha256": file.sha256,
                "md5": file.md5,
            }
            for file in manifest.files
        ],
    }


def write_stage(deployment: Deployment, manifest: Manifest, folder: Path, *, hide: bool = False) -> None:
    """Lay a deployment out as `folder`, which is absent, empty, or an earlier stage.

    `hide` keeps its parent out of git, where that is made for it.
    """
    _check_place(deployment, folder)
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    try:
        is_new = not folder.parent.exists()
        partial.mkdir(parents=True)
        if hide and is_new:
            (folder.parent / ".gitignore").write_text("*\n", encoding="utf-8")
        for file in manifest.files:
            _copy(file, partial / file.key)
        _normalise_folders(partial)
        _write_manifest(stage_document(deployment, manifest), manifest_path(folder))
        if folder.exists():
            folder.rename(old)
        partial.rename(folder)
    except OSError as error:
        raise MwaaLocalError(
            f"{error.filename or folder} cannot be written: {error.strerror or error}.",
            hint="Choose another folder with --output, or make room.",
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        if old.exists() and not folder.exists():
            old.rename(folder)
        shutil.rmtree(old, ignore_errors=True)


def load_stage(folder: Path) -> Stage:
    """Read a staged folder and make sure that it holds what its manifest says, and nothing else."""
    folder = folder.absolute()
    document = _read_manifest(folder)
    if document is None or not folder.is_dir():
        raise UsageError(
            f"{folder} is no staged deployment: there is no {manifest_path(folder).name} beside it.",
            hint=f"Make it: mwaa-local stage DEPLOYMENT --output {folder}",
        )
    stage = _parse(folder, document)
    changed = sorted(_differences(stage))
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise UsageError(
            f"{folder} is not as it was staged: {changed[0]}{more} differs.",
            hint=f"Stage again: mwaa-local stage {stage.deployment} --output {folder}",
        )
    return stage


def _parse(folder: Path, document: dict[str, Any]) -> Stage:
    layout = ("dag_s3_path", "plugins_s3_path", "requirements_s3_path", "startup_script_s3_path")
    try:
        return Stage(
            folder,
            document["deployment"],
            document["version"],
            S3Layout(*(document[name] for name in layout)),
            tuple(StagedEntry(each["key"], each["size"], each["sha256"]) for each in document["files"]),
        )
    except (KeyError, TypeError) as error:
        raise UsageError(
            f"{manifest_path(folder)} is damaged: {error!r}.",
            hint="Remove it and the folder, and stage again.",
        ) from error


def _differences(stage: Stage) -> Iterator[str]:
    """Yield the keys that are missing, that differ, or that nobody staged."""
    expected = {entry.key: entry for entry in stage.files}
    for path in sorted(stage.folder.rglob("*")):
        key = path.relative_to(stage.folder).as_posix()
        # An environment that ran on the folder may have left compiled files.
        if path.is_dir() or _BYTECODE in path.parts:
            continue
        entry = expected.pop(key, None)
        if entry is None or path.is_symlink() or path.stat().st_size != entry.size:
            yield key
            continue
        with path.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != entry.sha256:
                yield key
    yield from expected


def _check_place(deployment: Deployment, folder: Path) -> None:
    real = folder.resolve()
    sources = [tree.source for tree in (*deployment.dags, *deployment.extras)]
    sources += [deployment.plugins] if deployment.plugins else []
    for source in sources:
        if source.is_dir() and real.is_relative_to(source.resolve()):
            raise UsageError(
                f"{folder} lies in {source}, which is staged itself.", hint="Choose another --output."
            )
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UsageError(f"{folder} is there, and is no folder.", hint="Choose another --output.")
    if folder.is_dir() and _read_manifest(folder) is None and any(folder.iterdir()):
        raise UsageError(
            f"{folder} is there and holds something else.", hint="Choose another --output, or empty it."
        )


def _copy(file: StagedFile, target: Path) -> None:
    """Copy a file, and make sure that it is still the one that was looked at."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with file.source.open("rb") as source, target.open("wb") as copy:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            copy.write(chunk)
    if digest.hexdigest() != file.sha256:
        raise MwaaLocalError(f"{file.source} was changed meanwhile.", hint="Run the command again.")
    target.chmod(_FILE)
    os.utime(target, (_TIME, _TIME))


def _normalise_folders(root: Path) -> None:
    for path, _, _ in os.walk(root, topdown=False):
        Path(path).chmod(_FOLDER)
        os.utime(path, (_TIME, _TIME))


def _write_manifest(document: dict[str, Any], path: Path) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    partial.replace(path)


def _read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return the manifest beside a folder, None if there is none of ours."""
    try:
        document = json.loads(manifest_path(folder).read_bytes())
    except (OSError, ValueError):
        return None
    ours = isinstance(document, dict) and document.get("schema") == SCHEMA
    return document if ours and isinstance(document.get("files"), list) else None
