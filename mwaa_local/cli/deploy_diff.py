"""What an upload changes, line by line: unified diffs of text, names of members of archives, bounded."""

import difflib
import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from mwaa_local.aws_ports import ObjectStore
from mwaa_local.cli.deploy_run import shown_path
from mwaa_local.cli.render import paint, render_size
from mwaa_local.deploy.plan_steps import Plan, Reason, Upload

MOST_FILES = 50
MOST_LINES = 400
"""Of one file."""
LARGEST = 1 << 20
"""Bytes of a text that is compared."""
LARGEST_ARCHIVE = 64 << 20
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def render_diffs(plan: Plan, store: ObjectStore, *, coloured: bool) -> str:
    """Return what the uploads change, as a patch would say it."""
    changed = [upload for upload in plan.uploads if upload.before is not None]
    lines = [line for upload in changed[:MOST_FILES] for line in diff_upload(upload, store)]
    if len(changed) > MOST_FILES:
        lines.append(f"... and {len(changed) - MOST_FILES} more files")
    new = sum(1 for upload in plan.uploads if upload.reason in (Reason.NEW, Reason.GONE))
    lines += [f"{new} new {'file' if new == 1 else 'files'} not shown."] if new else []
    return "\n".join(
        paint(line, _COLOURS.get(line[:1], "dim"), coloured=coloured) if coloured else line for line in lines
    )


def diff_upload(upload: Upload, store: ObjectStore) -> list[str]:
    """Return how the file differs from what lies in the bucket."""
    key, source = upload.file.key, upload.file.source
    archive = key.endswith(".zip")
    if upload.file.size > (LARGEST_ARCHIVE if archive else LARGEST):
        return [f"{key}: not compared, it has {render_size(upload.file.size)}"]
    before, after = store.read(key) or b"", source.read_bytes()
    if archive:
        return [f"{key}:", *(f"  {line}" for line in diff_archives(before, after))]
    texts = _text(before), _text(after)
    if texts[0] is None or texts[1] is None:
        return [f"{key}: binary, {render_size(len(before))} -> {render_size(len(after))}"]
    return list(_bounded(_unified(key, source, texts[0], texts[1])))


def _unified(key: str, source: Path, before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    yield from difflib.unified_diff(before, after, f"s3/{key}", shown_path(source), lineterm="")


def _bounded(lines: Iterator[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number == MOST_LINES:
            yield f"... more than {MOST_LINES} lines differ"
            return
        yield line


def _text(content: bytes) -> list[str] | None:
    """Return the lines of a text, None if it is none."""
    if b"\0" in content:
        return None
    try:
        return content.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        return None


def diff_archives(before: bytes, after: bytes) -> list[str]:
    """Return which members of an archive are new, changed or gone."""
    old, new = _members(before), _members(after)
    if old is None or new is None:
        return ["what lies in the bucket is no zip archive" if old is None else "is no zip archive"]
    lines = [f"+ {name}" for name in sorted(new.keys() - old.keys())]
    lines += [f"- {name}" for name in sorted(old.keys() - new.keys())]
    lines += [f"~ {name}" for name in sorted(old.keys() & new.keys()) if old[name] != new[name]]
    return lines[:MOST_LINES] or ["the same members, packed in another way"]


def _members(content: bytes) -> dict[str, tuple[int, int]] | None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {
                info.filename: (info.file_size, info.CRC) for info in archive.infolist() if not info.is_dir()
            }
    except zipfile.BadZipFile:
        return None
