"""validate: everything about a project that needs no installation and no import, in under a second."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from mwaa_local.cli.finding_report import (
    count,
    exit_code,
    print_json,
    render_report,
    report_options,
    write_reports,
)
from mwaa_local.cli.options import environment_options, project_option
from mwaa_local.cli.render import is_coloured
from mwaa_local.validation.finding import Finding, Severity


@click.command()
@project_option
@click.option("--list", "as_list", is_flag=True, help="Show every rule instead.")
@click.option("--quiet", "-q", is_flag=True, help="Show errors and warnings only.")
@report_options
@environment_options
def validate_command(folder: Path, as_list: bool, quiet: bool, **wishes: Any) -> int:
    """Check the project as far as it goes without installing or importing anything.

    DAG files, .airflowignore, settings, paths. A rule is silenced by a comment on the line that it names:
    `# mwaa-local: ignore[rule-id]`. The exit code is 3 if there is an error.
    """
    as_json, sarif, junit = (wishes.pop(name) for name in ("as_json", "sarif", "junit"))
    if as_list:
        from mwaa_local.cli.rule_view import render_rules, rules_json

        click.echo(rules_json() if as_json else render_rules(coloured=is_coloured()), nl=not as_json)
        return 0
    findings = tuple(
        finding for finding in _check(folder, wishes) if not quiet or finding.severity is not Severity.INFO
    )
    write_reports("validate", findings, sarif, junit)
    if as_json:
        print_json(findings, {})
    elif "-" not in (str(sarif), str(junit)):
        _show(findings)
    return exit_code(findings)


def _check(folder: Path, wishes: dict[str, Any]) -> tuple[Finding, ...]:
    from mwaa_local.cli.checks import check_everything
    from mwaa_local.config_loading import load_config
    from mwaa_local.project import find_project, path_overrides

    project = find_project(folder, path_overrides(wishes, os.environ))
    return check_everything(project, load_config(project, wishes, os.environ))


def _show(findings: Sequence[Finding]) -> None:
    if findings:
        click.echo(render_report(findings, coloured=is_coloured()))
    click.echo(f"validate: {count(findings)}.", err=True)
