"""Findings as people read them: one line each, with what to do below it."""

from collections import Counter
from collections.abc import Iterable

from mwaa_local.cli.render import paint
from mwaa_local.validation.finding import Finding, Severity

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_MANY = 5
"""Findings of one rule that are shown; the rest is counted (`--json` has all)."""


def render_findings(findings: Iterable[Finding], *, coloured: bool) -> list[str]:
    """Return the lines that show findings."""
    lines: list[str] = []
    seen: Counter[str] = Counter()
    every = tuple(findings)
    total = Counter(finding.rule_id for finding in every)
    for finding in every:
        seen[finding.rule_id] += 1
        if seen[finding.rule_id] > _MANY:
            continue
        lines += _finding_lines(finding, coloured=coloured)
        if seen[finding.rule_id] == _MANY and total[finding.rule_id] > _MANY:
            lines.append(f"  ... and {total[finding.rule_id] - _MANY} more of [{finding.rule_id}]")
    return lines


def count_findings(findings: Iterable[Finding]) -> str:
    """Return how many errors and warnings there are, in words."""
    counts = Counter(finding.severity for finding in findings)
    parts = []
    for severity in (Severity.ERROR, Severity.WARNING):
        number = counts[severity]
        if number:
            parts.append(f"{number} {severity.value}{'' if number == 1 else 's'}")
    return ", ".join(parts) or "no errors"


def _finding_lines(finding: Finding, *, coloured: bool) -> list[str]:
    word = paint(finding.severity.value, _COLOURS[finding.severity], coloured=coloured)
    lines = [f"{word}: {finding.message} [{finding.rule_id}]"]
    if finding.hint:
        lines.append(f"  {finding.hint}")
    return lines
