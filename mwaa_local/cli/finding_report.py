"""Findings by file, as compilers write them, and in the forms for programs: `--json`, `--sarif`, `--junit`."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from mwaa_local.cli.render import paint
from mwaa_local.errors import UsageError
from mwaa_local.validation.finding import Finding, Severity, has_errors

Command = TypeVar("Command", bound=Callable[..., Any])

FINDINGS = 3
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}


def report_options(command: Command) -> Command:
    """Add `--json`, `--sarif` and `--junit`."""
    file = click.Path(path_type=Path, dir_okay=False)
    command = click.option("--junit", type=file, metavar="FILE", help="Write a JUnit report too.")(command)
    command = click.option("--sarif", type=file, metavar="FILE", help="Write SARIF too, for code scanning.")(
        command
    )
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def write_reports(suite: str, findings: Sequence[Finding], sarif: Path | None, junit: Path | None) -> None:
    """Write the files that were asked for; `-` is stdout."""
    if sarif is None and junit is None:
        return
    # What most calls do not need is not imported.
    from mwaa_local.validation.reports import render_junit, render_sarif

    for path, text in ((sarif, render_sarif), (junit, lambda each: render_junit(suite, each))):
        if path is None:
            continue
        if str(path) == "-":
            click.echo(text(findings), nl=False)
            continue
        try:
            path.write_text(text(findings), encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"{path} cannot be written: {error.strerror}.", hint="Choose another file."
            ) from error


def print_json(findings: Sequence[Finding], further: Mapping[str, object]) -> None:
    """Print the findings and what the command adds to them as one JSON document."""
    from mwaa_local.validation.reports import findings_document, render_json

    click.echo(render_json({**findings_document(findings), **further}), nl=False)


def exit_code(findings: Sequence[Finding]) -> int:
    """Return 3 if there is an error among the findings, else 0."""
    return FINDINGS if has_errors(findings) else 0


def render_report(findings: Sequence[Finding], *, coloured: bool) -> str:
    """Return the findings, a line (and a hint) each; a hint is shown where it is new."""
    lines: list[str] = []
    hints: set[tuple[str, str]] = set()
    for finding in findings:
        place = paint(f"{finding.location}: ", "bold", coloured=coloured) if finding.location else ""
        word = paint(finding.severity.value, _COLOURS[finding.severity], coloured=coloured)
        rule = paint(f"[{finding.rule_id}]", "dim", coloured=coloured)
        lines.append(f"{place}{word}: {finding.message} {rule}")
        if finding.hint and (finding.rule_id, finding.hint) not in hints:
            hints.add((finding.rule_id, finding.hint))
            lines.append(f"    {finding.hint}")
    return "\n".join(lines)


def count(findings: Sequence[Finding]) -> str:
    """Return how many findings there are of each severity, in words."""
    numbers = Counter(finding.severity for finding in findings)
    words = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
    parts = [
        f"{numbers[severity]} {word}{'' if numbers[severity] == 1 else 's'}"
        for severity, word in words.items()
        if numbers[severity]
    ]
    return ", ".join(parts) or "nothing to complain about"
