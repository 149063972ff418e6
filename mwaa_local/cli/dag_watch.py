"""test-dags --watch: what each round of reading finds, as files are saved."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from mwaa_local.cli.dag_findings import judge_reading
from mwaa_local.cli.dag_testing import DagTesting
from mwaa_local.cli.finding_report import render_report
from mwaa_local.cli.render import is_coloured
from mwaa_local.dag_report import build_report
from mwaa_local.runtime.dag_tests import ReadingLimits
from mwaa_local.validation.finding import Finding
from mwaa_local.validation.project_check import dags_prefix


class DagWatch:
    """Keeps what is known of every file, and shows what a round adds to it."""

    def __init__(self, testing: DagTesting, limits: ReadingLimits, known: Path | None, *, rules: bool):
        self._testing, self._limits, self._known, self._rules = testing, limits, known, rules
        self._files: dict[str, dict[str, Any]] = {}
        self._read: list[str] = []
        self._shown: frozenset[Finding] = frozenset()

    def run(self) -> int:
        """Show what each round finds, until Ctrl-C or until the reading fails."""
        said = self._testing.read(self._limits, self._take)
        if said:
            click.echo(said, err=True)
        return 1

    def _take(self, event: dict[str, Any]) -> None:
        match event["event"]:
            case "listed":
                self._files = {path: self._files[path] for path in event["files"] if path in self._files}
            case "file":
                self._files[event["path"]] = event
                self._read.append(event["path"])
            case "end":
                self._show(float(event["reading"]))
                self._read = []
            case "error":
                click.echo(f"{event['message']} {event.get('hint', '')}".strip())
                self._read = []
            case _:
                pass

    def _show(self, seconds: float) -> None:
        end = {"event": "end", "importing": 0, "reading": seconds}
        report = build_report([*self._files.values(), end])
        rules = self._testing.rule_findings() if self._rules else ()
        findings = judge_reading(self._testing, report, self._limits, rules, self._known)
        fresh = self._fresh(findings)
        self._shown = frozenset(findings)
        if fresh:
            click.echo(render_report(fresh, coloured=is_coloured()))
        failing = sum(1 for event in self._files.values() if event["error"])
        names = ", ".join(sorted(self._read)[:3]) + (" ..." if len(self._read) > 3 else "")
        click.echo(
            f"read {names or 'nothing'} in {seconds:.2f} s; {failing} of {len(self._files)} files fail."
        )

    def _fresh(self, findings: Sequence[Finding]) -> list[Finding]:
        """Return what is said of the files of this round, and what is new elsewhere."""
        prefix = dags_prefix(self._testing.project)
        read = {prefix + path for path in self._read}
        return [
            finding
            for finding in findings
            if finding not in self._shown or (finding.location and finding.location.file in read)
        ]
