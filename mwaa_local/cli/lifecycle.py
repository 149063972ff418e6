"""start, stop, restart, reset-db, destroy."""

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import click

from mwaa_local.catalog import load_version
from mwaa_local.cli.app import make_app
from mwaa_local.cli.kept_flags import describe_flags, dropped_flags, hold_dags, join_flags, keep_flags
from mwaa_local.cli.options import environment_options, json_option, project_option
from mwaa_local.cli.progress import open_progress
from mwaa_local.cli.runtimes import chosen_runtime, current_runtime, destroy_environment
from mwaa_local.cli.stage_site import open_stage
from mwaa_local.cli.summary import StartSummary, build_summary, render_summary
from mwaa_local.errors import RuntimeStateError, UsageError
from mwaa_local.last_flags import load_flags
from mwaa_local.runtime.backend import Runtime, StartWishes
from mwaa_local.runtime.start_record import load_record


@click.command()
@project_option
@environment_options
@click.option("--foreground", is_flag=True, help="Follow the logs and stop the environment on Ctrl-C.")
@click.option("--open", "open_browser", is_flag=True, help="Open the UI in a browser.")
@click.option(
    "--from-stage",
    type=click.Path(path_type=Path),
    envvar="MWAA_LOCAL_FROM_STAGE",
    metavar="DIR",
    help="Run what `mwaa-local stage` wrote, beside the project's own environment.",
)
@click.option(
    "--graceful",
    is_flag=True,
    envvar="MWAA_LOCAL_GRACEFUL",
    help="Let the workers of what runs end their tasks (12 h at most), as MWAA's GRACEFUL updates do.",
)
@click.option(
    "--carry-over/--no-carry-over",
    default=None,
    envvar="MWAA_LOCAL_CARRY_OVER",
    help="With a newer version: take runs, variables and connections over. [default: if it has no database here]",
)
@json_option
def start_command(folder: Path, foreground: bool, open_browser: bool, as_json: bool, **flags: Any) -> int:
    """Start the environment of this project and wait until every role is healthy."""
    app = make_app()
    staged, graceful = flags.pop("from_stage"), flags.pop("graceful")
    wishes = StartWishes(graceful, flags.pop("carry_over"))
    if staged is not None:
        folder = open_stage(staged, folder, flags)
        click.echo(f"Its other commands: mwaa-local status --project {folder}", err=True)
    project = app.project(folder, flags)
    loaded = app.load(project, flags)
    progress = open_progress()
    for warning in loaded.warnings:
        progress.warn(f"{warning.message} {warning.hint}")
    kept = load_flags(project.state)
    flags = hold_dags(project, kept, flags)
    dropped = dropped_flags(kept, flags)
    if dropped:
        progress.note(
            f"Left out, unlike at the last start: {describe_flags(dropped)} (`mwaa-local restart` keeps flags)."
        )
    runtime = chosen_runtime(app, project, loaded, progress)
    keep_flags(runtime.folder, flags)
    record, started = runtime.start(loaded, progress, wishes)
    summary = build_summary(runtime, record, loaded, started=started)
    if graceful and any(report.leaving for report in runtime.services()):
        with progress.step("Waiting for tasks of the replaced workers (they end by themselves, too)"):
            runtime.wait_for_replaced_workers()
    _show(summary, as_json=as_json)
    if open_browser:
        click.launch(summary.url)
    return _follow_until_interrupted(runtime) if foreground else 0


@click.command()
@project_option
def stop_command(folder: Path) -> None:
    """Stop the environment; database, logs and local AWS are kept."""
    app = make_app()
    runtime = current_runtime(app, app.project(folder))
    with open_progress().step("Stopping"):
        stopped = runtime.stop()
    click.echo("Stopped." if stopped else "Nothing was running.", err=True)


@click.command()
@click.argument("service", required=False)
@project_option
@environment_options
@json_option
def restart_command(service: str | None, folder: Path, as_json: bool, **flags: Any) -> None:
    """Restart the environment, or only SERVICE (for example `scheduler`).

    The flags of the last start hold on, but for those that are given anew.
    """
    app = make_app()
    project = app.project(folder, flags)
    if service is not None:
        current_runtime(app, project).restart_service(service)
        click.echo(f"Restarting {service}.", err=True)
        return
    kept = load_flags(project.state)
    flags = join_flags(kept, flags)
    project = app.project(project.root, flags)
    loaded = app.load(project, flags)
    progress = open_progress()
    if kept:
        progress.note(f"As the last start: {describe_flags(kept)}")
    with progress.step("Stopping"):
        current_runtime(app, project).stop()
    runtime = chosen_runtime(app, project, loaded, progress)
    keep_flags(runtime.folder, flags)
    record, started = runtime.start(loaded, progress)
    _show(build_summary(runtime, record, loaded, started=started), as_json=as_json)


@click.command()
@project_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset_db_command(folder: Path, yes: bool) -> None:
    """Empty the metadata database: runs, variables and connections are lost."""
    app = make_app()
    project = app.project(folder)
    loaded = app.load(project)
    runtime = current_runtime(app, project)
    # Each version has a database: this is about the one that was used last, whatever the next start will use.
    last = load_record(runtime.folder)
    name, version = (
        (last.environment, load_version(last.version)) if last else (loaded.config.name, loaded.version)
    )
    confirm(f"Delete all runs, variables and connections of {name} (Airflow {version.airflow})?", yes=yes)
    runtime.reset_database(version)
    click.echo(
        f"The database of Airflow {version.airflow} is empty; its next start makes a new one.", err=True
    )


@click.command()
@project_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def destroy_command(folder: Path, yes: bool) -> None:
    """Stop the environment and remove everything mwaa-local keeps for this project; your files stay."""
    app = make_app()
    project = app.project(folder)
    if not project.state.exists():
        click.echo("There is nothing to remove.", err=True)
        return
    confirm(f"Remove {project.state} with its database, logs and local AWS?", yes=yes)
    destroy_environment(app, project)
    click.echo("Removed.", err=True)


def _show(summary: StartSummary, *, as_json: bool) -> None:
    click.echo(json.dumps(summary.as_document(), indent=2) if as_json else render_summary(summary))


def confirm(question: str, *, yes: bool) -> None:
    """Ask on the terminal; RuntimeStateError if the answer is no, UsageError where nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("This deletes data and there is no terminal to ask on.", hint="add --yes")
    if not click.confirm(question):
        raise RuntimeStateError("Nothing was changed.")


def _follow_until_interrupted(runtime: Runtime) -> int:
    from mwaa_local.cli.logs import follow_services

    with contextlib.suppress(KeyboardInterrupt):
        follow_services(runtime.folder, tuple(report.name for report in runtime.services()))
    with open_progress().step("Stopping"):
        runtime.stop()
    return 0
