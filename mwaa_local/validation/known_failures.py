"""The list of DAG files that are known to fail: a file or pattern a line, `#` begins a comment.

Their errors are shown as notes; a line that fits no failure is reported, so that the list does not outlive them.
"""

import fnmatch
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mwaa_local.validation.dag_reading_rules import STALE
from mwaa_local.validation.finding import Finding, Location, Severity


@dataclass(frozen=True, slots=True)
class KnownFailure:
    """One line of the list."""

    pattern: str
    line: int


def parse_known_failures(text: str) -> tuple[KnownFailure, ...]:
    """Read the list."""
    found = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        pattern = line.partition("#")[0].strip().removeprefix("./")
        if pattern:
            found.append(KnownFailure(pattern, number))
    return tuple(found)


def apply_known_failures(
    findings: Sequence[Finding], known: Sequence[KnownFailure], list_name: str, *, complete: bool
) -> Iterator[Finding]:
    """Turn errors of listed files into notes; `complete`: all files were looked at, so lines can be stale."""
    used: set[KnownFailure] = set()
    for finding in findings:
        fitting = [each for each in known if finding.location and _fits(each.pattern, finding.location.file)]
        if fitting and finding.severity is Severity.ERROR:
            used.update(fitting)
            yield replace(finding, severity=Severity.INFO, message=f"Known failure: {finding.message}")
        else:
            yield finding
    for each in known if complete else ():
        if each not in used:
            message = f"Nothing that {each.pattern!r} names fails."
            yield Finding(
                STALE.id, STALE.severity, message, STALE.hint, Location(list_name, each.line), STALE.source
            )


def _fits(pattern: str, file: str) -> bool:
    return fnmatch.fnmatchcase(file, pattern) or fnmatch.fnmatchcase(file, f"*/{pattern}")
