"""test-dags: every DAG file read in the version's own Airflow, in parallel, within MWAA's limits."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click

from mwaa_local.cli.dag_testing import DagTesting, open_dag_testing
from mwaa_local.cli.finding_report import (
    count,
    exit_code,
    print_json,
    render_report,
    report_options,
    write_reports,
)
from mwaa_local.cli.options import environment_options, project_option
from mwaa_local.cli.render import is_coloured, render_table
from mwaa_local.config_loading import load_config
from mwaa_local.dag_report import DagReport, build_report, parse_result
from mwaa_local.errors import UsageError
from mwaa_local.project import find_project, path_overrides
from mwaa_local.runtime.dag_tests import ReadingLimits
from mwaa_local.validation.dag_report_rules import check_file, check_report
from mwaa_local.validation.finding import Finding, order_findings
from mwaa_local.validation.known_failures import apply_known_failures, parse_known_failures

KNOWN = "known-dag-failures.txt"
SLOWEST = 5


@click.command()
@project_option
@click.option(
    "--known",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"Files that may fail [default: {KNOWN}].",
)
@click.option("--rules/--no-rules", default=True, help="Check MWAA's rules too, as validate does.")
@click.option("--network", is_flag=True, help="Let DAG files use the network while they are read.")
@click.option("--processes", type=click.IntRange(1, 64), metavar="N", help="At once [default: one a core].")
@click.option("--times", is_flag=True, help="Show the time of every file.")
@click.option("--watch", is_flag=True, help="Stay, and read again what changes.")
@report_options
@environment_options
def test_dags_command(folder: Path, watch: bool, known: Path | None, **wishes: Any) -> int:
    """Read every DAG file in the version's own Airflow and say what is wrong.

    Nothing needs to run: no database, no network, no AWS. Variables and Connections that a file reads at its top come
    from AIRFLOW_VAR_*, AIRFLOW_CONN_* and the project's secrets file. The exit code is 3 if there is an error.
    """
    own = {
        name: wishes.pop(name)
        for name in ("rules", "network", "processes", "times", "as_json", "sarif", "junit")
    }
    project = find_project(folder, path_overrides(wishes, os.environ))
    testing = open_dag_testing(project, load_config(project, wishes, os.environ))
    limits = testing.limits(allow_network=own["network"], workers=own["processes"], watch=watch)
    if watch:
        return _watch(testing, limits)
    with ThreadPoolExecutor(1) as beside:
        # While Airflow is imported, one core has nothing to do.
        further = beside.submit(testing.rule_findings) if own["rules"] else None
        report = testing.report(limits)
    found = [*check_report(report, testing.dag_limits(limits))]
    found += _further(found, further.result()) if further else []
    findings = with_known(order_findings(found), known, project.root)
    write_reports("test-dags", findings, own["sarif"], own["junit"])
    if own["as_json"]:
        print_json(findings, _document(report))
    elif "-" not in (str(own["sarif"]), str(own["junit"])):
        _show(report, findings, limits, times=own["times"])
    return exit_code(findings)


def _further(found: Sequence[Finding], rules: Sequence[Finding]) -> list[Finding]:
    """Return what the rules add: Airflow's own word on a file's errors, accesses and names goes first."""
    files = {each.location.file for each in found if each.location and each.rule_id != "duplicate-dag-id"}
    told = {(each.rule_id, each.location.file) for each in found if each.location}
    read = {(each.location.file, each.location.line) for each in found if each.location}
    return [
        each
        for each in rules
        if not each.location
        or not (
            (each.rule_id, each.location.file) in told
            or (each.rule_id == "python-syntax" and each.location.file in files)
            or (each.rule_id.startswith("top-level-") and (each.location.file, each.location.line) in read)
        )
    ]


def with_known(findings: Sequence[Finding], known: Path | None, root: Path) -> tuple[Finding, ...]:
    """Return findings with the errors of files that may fail as notes; `known` None: the project's own list."""
    path = known or root / KNOWN
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if known is None:
            return tuple(findings)
        raise UsageError(
            f"{known} does not exist.", hint="Give a file that lists DAG files, one a line."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.", hint="Save it as UTF-8 text.") from error
    name = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
    return tuple(apply_known_failures(findings, parse_known_failures(text), name, complete=True))


def _document(report: DagReport) -> dict[str, object]:
    return {
        "files": [
            {
                "file": file.path,
                "seconds": file.seconds,
                "seconds_alone": file.alone,
                "ok": file.error is None,
                "traceback": list(file.error.traceback) if file.error else [],
                "dags": [
                    {
                        "dag_id": dag.dag_id,
                        "schedule": dag.schedule,
                        "catchup": dag.catchup,
                        "start_date": dag.start_date,
                        "owners": list(dag.owners),
                        "tasks": dag.tasks,
                        "tags": list(dag.tags),
                    }
                    for dag in file.dags
                ],
            }
            for file in report.files
        ],
        "seconds": {"importing_airflow": report.importing, "reading": report.reading},
    }


def _show(report: DagReport, findings: Sequence[Finding], limits: ReadingLimits, *, times: bool) -> None:
    if findings:
        click.echo(render_report(findings, coloured=is_coloured()))
    slowest = sorted(report.files, key=lambda file: -file.alone)
    shown = slowest if times else [file for file in slowest if file.alone > 1.0][:SLOWEST]
    if shown:
        rows = [(f"{file.alone:.2f} s", f"{len(file.dags)}", file.path) for file in shown]
        click.echo(
            "\n".join(render_table(("TIME", "DAGS", f"FILE (limit {limits.import_timeout:g} s)"), rows))
        )
    dags = sum(len(file.dags) for file in report.files)
    seconds = report.importing + report.reading
    click.echo(
        f"test-dags: {len(report.files)} files, {dags} DAGs in {seconds:.1f} s; {count(findings)}.", err=True
    )


def _watch(testing: DagTesting, limits: ReadingLimits) -> int:
    """Show what each round finds, until Ctrl-C."""
    against = testing.dag_limits(limits)
    rounds: list[dict[str, Any]] = []
    state: dict[str, dict[str, Any]] = {}

    def take(event: dict[str, Any]) -> None:
        rounds.append(event)
        if event["event"] == "listed":
            for path in set(state) - set(event["files"]):
                del state[path]
        elif event["event"] == "file":
            state[event["path"]] = event
        elif event["event"] == "end":
            _show_round(rounds)
            rounds.clear()
        elif event["event"] == "error":
            click.echo(f"{event['message']} {event.get('hint', '')}".strip())
            rounds.clear()

    def _show_round(events: Sequence[dict[str, Any]]) -> None:
        results = [parse_result(event) for event in events if event["event"] == "file"]
        findings = [finding for result in results for finding in check_file(result, against)]
        whole = build_report([*state.values(), {"event": "end", "importing": 0, "reading": 0}])
        findings += [each for each in check_report(whole, against) if each.rule_id == "duplicate-dag-id"]
        if findings:
            click.echo(render_report(order_findings(findings), coloured=is_coloured()))
        failing = sum(1 for event in state.values() if event["error"])
        names = ", ".join(result.path for result in results[:3]) + (" ..." if len(results) > 3 else "")
        click.echo(
            f"read {names or 'nothing'} in {events[-1]['reading']:.2f} s; {failing} of {len(state)} files fail."
        )

    said = testing.read(limits, take)
    if said:
        click.echo(said, err=True)
    return 1
