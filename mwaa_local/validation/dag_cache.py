"""Remembers what was found in a file, by its content, so that only what has changed is parsed again.

One file in a folder that is given. It may be lost at any time; one that cannot be read or written is no failure.
"""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path
from typing import Any

from mwaa_local import __version__
from mwaa_local.validation.dag_check import DagId, FileReport
from mwaa_local.validation.finding import Finding, Location, Severity


def cache_key(facts: str) -> str:
    """Digest everything besides a file's content that decides on findings: our own code, and `facts`."""
    digest = hashlib.sha256(f"{__version__}\n{facts}\n".encode())
    for module in sorted(Path(__file__).parent.glob("*.py")):
        status = module.stat()
        digest.update(f"{module.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def content_digest(content: bytes) -> str:
    """Return what a file's report is remembered by."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def load_reports(file: Path, key: str) -> dict[str, Any]:
    """Return what was remembered under the same key: path -> digest and report, as they were stored."""
    try:
        document = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(document, dict) or document.get("key") != key:
        return {}
    files = document.get("files")
    return files if isinstance(files, dict) else {}


def save_reports(file: Path, key: str, files: Mapping[str, object]) -> None:
    """Remember reports for the next time."""
    unfinished = file.with_suffix(".unfinished")
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(
            json.dumps({"key": key, "files": files}, separators=(",", ":")), encoding="utf-8"
        )
        unfinished.replace(file)


def pack_report(digest: str, report: FileReport) -> list[object]:
    """Return the form in which a report is stored."""
    findings = [
        [
            each.rule_id,
            each.severity.value,
            each.message,
            each.hint,
            [each.location.line, each.location.column] if each.location else None,
            each.source,
        ]
        for each in report.findings
    ]
    return [digest, findings, [astuple(each) for each in report.dag_ids], list(report.imports)]


def unpack_report(path: str, stored: Any) -> FileReport | None:
    """Return a stored report; None if it is damaged."""
    try:
        _, findings, dag_ids, imports = stored
        return FileReport(
            path,
            tuple(
                Finding(
                    str(rule),
                    Severity(severity),
                    str(message),
                    str(hint),
                    place and Location(path, *place),
                    str(source),
                )
                for rule, severity, message, hint, place, source in findings
            ),
            tuple(DagId(*each) for each in dag_ids),
            tuple(imports),
        )
    except (ValueError, TypeError):
        return None
