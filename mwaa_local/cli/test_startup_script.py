"""test-startup-script: what the startup script does on MWAA, without doing it to this machine."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from mwaa_local.airflow_settings import find_reserved_exports, is_secret_name
from mwaa_local.catalog import MwaaVersion
from mwaa_local.cli.app import App, make_app, make_engine
from mwaa_local.cli.finding_report import print_json, render_report, report_options, write_reports
from mwaa_local.cli.image_set import image_of
from mwaa_local.cli.options import project_option
from mwaa_local.cli.progress import open_progress
from mwaa_local.cli.render import is_coloured
from mwaa_local.cli.startup_lab import (
    COMPONENTS,
    StartupTest,
    check_container,
    choose_components,
    run_startup_test,
    run_startup_test_in_container,
)
from mwaa_local.config import LoadedConfig, Project
from mwaa_local.errors import ProjectError
from mwaa_local.runtime.installer import without_credentials
from mwaa_local.runtime.shellcheck import run_shellcheck
from mwaa_local.runtime.startup_script import LIMIT
from mwaa_local.startup_report import StartupReport, merge_equal
from mwaa_local.validation.finding import Finding, has_errors, order_findings
from mwaa_local.validation.startup_rules import check_startup_run, shellcheck_findings
from mwaa_local.validation.startup_text_rules import RESERVED, StartupScript, check_startup_text

FINDINGS = 3


@click.command()
@project_option
@click.option("--version", metavar="VERSION", help="MWAA version [default: the project's].")
@click.option("--python", metavar="PATH", help="Interpreter for the environment.")
@click.option("--startup-script", type=click.Path(), help="Where the project's startup script lies.")
@click.option("--component", type=click.Choice(COMPONENTS), help="[default: every one that the script names]")
@click.option(
    "--limit", type=click.FloatRange(0, min_open=True), default=LIMIT, help="Seconds [default: 300]."
)
@click.option(
    "--run-system-commands", is_flag=True, help="Really run sudo, yum and dnf; only in a container."
)
@click.option(
    "--in-container",
    is_flag=True,
    envvar="MWAA_LOCAL_IN_CONTAINER",
    help="Run it in a container of the version's image: sudo, apt-get and all.",
)
@report_options
def test_startup_script_command(
    folder: Path, as_json: bool, sarif: Path | None, junit: Path | None, **wishes: Any
) -> int:
    """Run the startup script as MWAA does, and show what it did.

    It is sourced in bash with MWAA's variables and a HOME that is thrown away; on Linux it can write there and in /tmp
    only. sudo, yum, dnf and the like are shown, not run. The exit code is the script's; 124 if it took too long, 3 if
    it ended well but has an error all the same. With --in-container everything runs, and is gone afterwards.
    """
    app = make_app()
    project = app.project(folder, {"startup_script": wishes["startup_script"]})
    loaded = app.load(project, {name: wishes[name] for name in ("version", "python")})
    script = project.startup_script
    if script is None:
        raise ProjectError(f"{project.root} has no startup.sh.", hint="Name it with --startup-script.")
    if wishes["run_system_commands"]:
        check_container(app.environ.get("container"))
    reports = _run(app, project, loaded, script, wishes)
    shown = os.path.relpath(script, project.root)
    merged = merge_equal(reports)
    findings = _judge(app, loaded.version, script, shown, merged)
    write_reports("test-startup-script", findings, sarif, junit)
    if as_json:
        print_json(findings, {"runs": [_document(report, loaded.version) for report in reports]})
    elif "-" not in (str(sarif), str(junit)):
        blocks = [_describe(report, loaded.version) for report in merged]
        found = render_report(findings, coloured=is_coloured())
        click.echo("\n\n".join([*blocks, found] if found else blocks))
    return _exit_code(reports, findings)


def _run(
    app: App, project: Project, loaded: LoadedConfig, script: Path, wishes: dict[str, Any]
) -> tuple[StartupReport, ...]:
    def show(line: str) -> None:
        click.echo(f"  | {without_credentials(line)}", err=True)

    test = StartupTest(script, project, loaded, wishes["limit"], wishes["run_system_commands"], show)
    progress = open_progress()
    engine = make_engine() if wishes["in_container"] else None
    image = image_of(engine, app, loaded, progress) if engine else ""
    reports = []
    for component in choose_components(script, wishes["component"]):
        progress.note(f"{os.path.relpath(script, project.root)} for the {component}:")
        if engine is None:
            reports.append(run_startup_test(app, test, component, progress))
        else:
            reports.append(run_startup_test_in_container(app, test, component, engine, image))
    return tuple(reports)


def _judge(
    app: App, version: MwaaVersion, script: Path, shown: str, reports: Sequence[StartupReport]
) -> tuple[Finding, ...]:
    findings = list(check_startup_text(StartupScript(script.read_bytes(), shown, version)))
    findings += shellcheck_findings(run_shellcheck(script, app.host.commands) or (), shown)
    told = {finding.message for finding in findings if finding.rule_id == RESERVED}
    for report in reports:
        findings += check_startup_run(report, version, shown, lambda name: f"MWAA overwrites {name}." in told)
    return order_findings(findings)


def _exit_code(reports: Sequence[StartupReport], findings: Sequence[Finding]) -> int:
    failed = next((report.exit_code for report in reports if report.exit_code), 0)
    if failed:
        return failed
    early = any(report.ended_early for report in reports)
    return 1 if early else FINDINGS if has_errors(findings) else 0


def _describe(report: StartupReport, version: MwaaVersion) -> str:
    ended = "did not end" if report.timed_out else f"ended with exit code {report.exit_code}"
    lines = [f"{report.component}: {ended} after {report.seconds:.1f} s (limit {report.limit:.0f} s)"]
    reserved = set(find_reserved_exports(version, [name for name, _ in report.exported]))
    for name, value in report.exported:
        note = "  <- overwritten by MWAA" if name in reserved else ""
        lines.append(f"  exported      {name}={_value(name, value)}{note}")
    lines += [f"  unset         {name}" for name in report.removed]
    lines += [f"  not exported  {name}={_value(name, value)}" for name, value in report.unexported]
    lines += [f"  not run       {without_credentials(command)}" for command in report.recorded]
    lines += [f"  not written   {without_credentials(line)}" for line in report.refused]
    if len(lines) == 1:
        lines.append("  nothing exported, nothing else to tell")
    return "\n".join(lines)


def _document(report: StartupReport, version: MwaaVersion) -> dict[str, object]:
    exported = {name: _value(name, value) for name, value in report.exported}
    return {
        "component": report.component,
        "exit_code": report.exit_code,
        "seconds": round(report.seconds, 3),
        "limit": report.limit,
        "timed_out": report.timed_out,
        "ended_early": report.ended_early,
        "exported": exported,
        "overwritten": list(find_reserved_exports(version, exported)),
        "unset": list(report.removed),
        "not_exported": {name: _value(name, value) for name, value in report.unexported},
        "sandboxed": report.sandboxed,
        "not_written": [without_credentials(line) for line in report.refused],
        "not_run": [without_credentials(command) for command in report.recorded],
        "output": [without_credentials(line) for line in report.output.splitlines()],
    }


def _value(name: str, value: str) -> str:
    """Return a value as it may be shown: on one line, secrets and what is no text taken out."""
    if is_secret_name(name):
        return "***"
    return value.encode("utf-8", "backslashreplace").decode().replace("\n", "\\n")
