"""Builds the manifest of a deployment: what goes where, each file read once and only when it has changed.

Files stay where they are; only plugins.zip is made, in a work folder, under a name that says what is in it. Laying
everything out as a folder is `stage_folder`'s.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from mwaa_local.deploy.archive import write_archive
from mwaa_local.deploy.digests import Digests, unreadable
from mwaa_local.deploy.ignored import load_ignored
from mwaa_local.deploy.manifest import Manifest, Part, StagedFile
from mwaa_local.deploy.plugins_tree import PluginsTree, TreeFile, collect_plugins
from mwaa_local.deploy.stage_walk import walk_tree
from mwaa_local.deployment import DeployedTree, Deployment
from mwaa_local.errors import ProjectError

KEY_BYTES = 1024
"""S3's limit for a key."""


@dataclass(frozen=True, slots=True)
class StagingSite:
    """Where a deployment is built from, and where what must be made is put."""

    project: Path
    """The project's folder: links may lead to what lies in it, and its `.mwaaignore` counts."""
    work: Path
    """A folder of ours, for plugins.zip."""


def build_manifest(deployment: Deployment, site: StagingSite, digests: Digests) -> Manifest:
    """Return everything that a deployment puts into the bucket; ProjectError for what cannot go there.

    `digests.save()` is left to the caller.
    """
    single = [
        _file(Part.REQUIREMENTS, deployment.requirements, deployment.layout.requirements, digests),
        _file(Part.STARTUP_SCRIPT, deployment.startup_script, deployment.layout.startup_script, digests),
        _plugins(deployment, site, digests),
    ]
    alone = [file for file in single if file is not None]
    files = list(alone)
    files += _trees(deployment.dags, Part.DAGS, site, digests)
    files += _trees(deployment.extras, Part.EXTRA, site, digests)
    for one in alone:
        for other in files:
            if other.key.startswith(f"{one.key}/"):
                raise _collision(one, other)
    return Manifest(deployment.name, _in_order(files))


def _file(part: Part, source: Path | None, key: str | None, digests: Digests) -> StagedFile | None:
    if source is None or key is None:
        return None
    content = digests.of(os.fspath(source))
    return StagedFile(key, source, part, content.size, content.sha256, content.md5)


def _trees(
    trees: Iterable[DeployedTree], part: Part, site: StagingSite, digests: Digests
) -> Iterator[StagedFile]:
    for tree in trees:
        if not tree.source.is_dir():
            file = _file(part, tree.source, tree.key, digests)
            yield from [file] if file else []
            continue
        empty = True
        for found in walk_tree(tree.source, tree.include, site.project):
            empty = False
            content = digests.of(found.path, found.status)
            key = f"{tree.key}/{found.name}"
            if len(key.encode()) > KEY_BYTES:
                raise ProjectError(
                    f"{found.path} is too long for a key of a bucket ({KEY_BYTES} bytes).",
                    hint="Shorten the names of its folders.",
                )
            yield StagedFile(key, Path(found.path), part, content.size, content.sha256, content.md5)
        if empty and tree.include:
            raise ProjectError(
                f"Nothing in {tree.source} is included by {', '.join(tree.include)}.",
                hint="The patterns are relative to that folder and written as in a .gitignore.",
            )


def _in_order(files: list[StagedFile]) -> tuple[StagedFile, ...]:
    """Sort by key; a file that is part of two (requirements.txt in the DAG folder) stays what needs an update."""
    # Stable: of one key, the file that stands alone comes before that of a tree.
    ordered = sorted(files, key=lambda file: file.key.encode())
    doubles = set()
    for index, (one, other) in enumerate(pairwise(ordered)):
        if one.key == other.key:
            if one.sha256 != other.sha256:
                raise _collision(one, other)
            doubles.add(index + 1)
    return tuple(file for index, file in enumerate(ordered) if index not in doubles)


def _collision(one: StagedFile, other: StagedFile) -> ProjectError:
    where = f"both be {one.key}" if one.key == other.key else f"be {one.key} and something in it"
    return ProjectError(
        f"{one.source} and {other.source} would {where} in the bucket.",
        hint="Remove one of them, leave it out with a line in .mwaaignore, or give it another key.",
    )


def _plugins(deployment: Deployment, site: StagingSite, digests: Digests) -> StagedFile | None:
    source, key = deployment.plugins, deployment.layout.plugins
    if source is None or key is None or source.is_file():
        return _file(Part.PLUGINS, source, key, digests)
    tree = collect_plugins(source, load_ignored(source, site.project))
    if not tree.files:
        return None
    return _file(Part.PLUGINS, _packed(tree, site.work, digests), key, digests)


def _packed(tree: PluginsTree, work: Path, digests: Digests) -> Path:
    """Return a plugins.zip of the tree: the one that was made from the same files before, or a new one."""
    archive = work / f"plugins-{_signature(tree.files, digests)}.zip"
    if not archive.is_file():
        try:
            work.mkdir(parents=True, exist_ok=True)
            for old in work.glob("plugins-*.zip"):
                old.unlink()
        except OSError as error:
            raise unreadable(os.fspath(work), error) from error
        write_archive(tree.files, archive)
    return archive


def _signature(files: Iterable[TreeFile], digests: Digests) -> str:
    """Return what the bytes of the archive depend on: names, modes and contents."""
    whole = hashlib.sha256(b"1\n")
    for file in files:
        whole.update(f"{file.name}\0{file.mode:o}\0{digests.of(os.fspath(file.path)).sha256}\n".encode())
    return whole.hexdigest()[:32]
