"""What a check found: the one form that every check uses, whatever it looks at.

`reports` turns findings into documents for programs; how people see them is `cli`'s.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is; only an error makes a command end with exit code 3."""

    ERROR = "error"
    """It will fail on MWAA."""
    WARNING = "warning"
    """It may fail on MWAA, or does something else than it seems to."""
    INFO = "info"
    """Worth knowing."""


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a file of the user's, as the user would name it (relative to the project where it lies in it)."""

    file: str
    line: int
    """From 1 on."""
    column: int | None = None
    """From 1 on."""

    def __str__(self) -> str:
        column = "" if self.column is None else f":{self.column}"
        return f"{self.file}:{self.line}{column}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that one rule found in one place."""

    rule_id: str
    """Stable, in words joined by hyphens: what `# mwaa-local: ignore[...]`, `validate --list` and reports call it."""
    severity: Severity
    message: str
    """A sentence that says what is wrong."""
    hint: str
    """What to do about it; empty where there is nothing to do."""
    location: Location | None
    """None where no single place is to blame."""
    source: str
    """Why we know it: `MWAA-FACTS 3.1`, a page of MWAA's guide, an experiment, ..."""


def has_errors(findings: Iterable[Finding]) -> bool:
    """Tell whether any of the findings is an error."""
    return any(finding.severity is Severity.ERROR for finding in findings)


def order_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings in the order in which people read them: by file and line, those without a place last."""

    def place(finding: Finding) -> tuple[bool, str, int, int, str]:
        at = finding.location
        if at is None:
            return True, "", 0, 0, finding.rule_id
        return False, at.file, at.line, at.column or 0, finding.rule_id

    return tuple(sorted(findings, key=place))
