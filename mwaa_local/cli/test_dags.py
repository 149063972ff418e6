"""test-dags: every DAG file read in the version's own Airflow, in parallel, within MWAA's limits."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click

from mwaa_local.cli.dag_testing import KNOWN, open_dag_testing
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
from mwaa_local.dag_report import DagReport
from mwaa_local.project import find_project, path_overrides
from mwaa_local.runtime.dag_tests import ReadingLimits
from mwaa_local.validation.finding import Finding

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
        from mwaa_local.cli.dag_watch import DagWatch

        return DagWatch(testing, limits, known, rules=own["rules"]).run()
    with ThreadPoolExecutor(1) as beside:
        # While Airflow is imported, one core has nothing to do.
        further = beside.submit(testing.rule_findings) if own["rules"] else None
        report = testing.report(limits)
    from mwaa_local.cli.dag_findings import judge_reading

    findings = judge_reading(testing, report, limits, further.result() if further else (), known)
    write_reports("test-dags", findings, own["sarif"], own["junit"])
    if own["as_json"]:
        print_json(findings, _document(report))
    elif "-" not in (str(own["sarif"]), str(own["junit"])):
        _show(report, findings, limits, times=own["times"])
    return exit_code(findings)


def with_known(findings: Sequence[Finding], known: Path | None, root: Path) -> tuple[Finding, ...]:
    """Return findings with the errors of files that may fail as notes; `known` None: the project's own list."""
    from mwaa_local.cli.dag_findings import with_known as apply

    return apply(findings, known, root)


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
