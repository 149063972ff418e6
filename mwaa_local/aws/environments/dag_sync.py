"""Keeps a folder equal to a prefix of the bucket: what MWAA does with the DAGs every thirty seconds.

The hierarchy is kept, deletions come through, and files that others put into the folder (`__pycache__`) stay.
"""

import contextlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mwaa_local.aws.environments.source import RemoteObject, Source

log = logging.getLogger("mwaa_local.aws")

States = Mapping[str, str]
"""Path below the folder -> the state of the object that it was written from."""


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """What to write (path, key) and what to remove."""

    write: tuple[tuple[str, str], ...]
    remove: tuple[str, ...]
    states: States
    """Of the folder once that is done."""


def plan_sync(objects: Sequence[RemoteObject], prefix: str, before: States) -> SyncPlan:
    """Return what makes a folder in the state `before` equal to the objects below a prefix."""
    root = prefix.rstrip("/") + "/"
    wanted: dict[str, RemoteObject] = {}
    for each in objects:
        path = each.key.removeprefix(root)
        if path != each.key and _is_inside(path):
            wanted[path] = each
    write = tuple((path, each.key) for path, each in wanted.items() if before.get(path) != each.state)
    remove = tuple(path for path in before if path not in wanted)
    return SyncPlan(write, remove, {path: each.state for path, each in wanted.items()})


def _is_inside(path: str) -> bool:
    """Tell whether the rest of a key is the path of a file; one that ends in a slash is only a folder's mark."""
    parts = path.split("/")
    return all(part not in ("", ".", "..") for part in parts) and "\0" not in path


class SyncedFolder:
    """A folder and, beside it, the record of what it was written from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._record = folder.with_name(f"{folder.name}.json")

    def sync(self, source: Source, prefix: str) -> bool:
        """Make the folder equal to the objects below a prefix; tell whether anything was changed."""
        before = self._states()
        plan = plan_sync(source.objects(prefix.rstrip("/") + "/"), prefix, before)
        self.folder.mkdir(parents=True, exist_ok=True)
        states = dict(plan.states)
        for path in plan.remove:
            self._remove(path)
        for path, key in plan.write:
            if not self._write(path, source.read(key)):
                states.pop(path, None)
        if states != before:
            draft = self._record.with_suffix(".new")
            draft.write_text(json.dumps(states), encoding="utf-8")
            draft.replace(self._record)
        return bool(plan.write or plan.remove)

    def _states(self) -> dict[str, str]:
        try:
            document = json.loads(self._record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        # A file that somebody has removed from the folder is written again.
        return {path: str(state) for path, state in document.items() if (self.folder / path).is_file()}

    def _write(self, path: str, content: bytes | None) -> bool:
        if content is None:
            return False  # it has just been deleted: the next time sees that
        target = self.folder / path
        draft = target.with_name(f".{target.name}.new")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(content)
            draft.replace(target)
        except OSError as error:
            # S3 can have both `a` and `a/b`; a folder cannot.
            log.warning("%s of the bucket cannot be written: %s", path, error.strerror or error)
            return False
        return True

    def _remove(self, path: str) -> None:
        with contextlib.suppress(OSError):
            (self.folder / path).unlink()
            for parent in PurePosixPath(path).parents:
                if str(parent) != ".":
                    (self.folder / parent).rmdir()
