"""run: trigger a DAG, show each task as it goes, end with the exit code that a CI job needs."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, assert_never

import click

from mwaa_local.catalog import Role
from mwaa_local.cli.airflow_program import find_program, wait_for_program
from mwaa_local.cli.look import Look, look, make_clock, make_commands
from mwaa_local.cli.options import json_option, project_option
from mwaa_local.cli.render import is_coloured, paint, render_duration
from mwaa_local.errors import MwaaLocalError, UsageError
from mwaa_local.runtime.dag_run_following import follow_dag_run
from mwaa_local.runtime.dag_runs import (
    DagRunEvent,
    DagRunRequest,
    DagRunResult,
    Finished,
    Refused,
    TaskChanged,
    TaskLog,
    Triggered,
    Unpaused,
    Waiting,
    to_json,
)
from mwaa_local.runtime.junit import render_junit
from mwaa_local.runtime.objects import AirflowProgram

CONTAINER_LOGS = Path("/var/log/mwaa-local")
LOGGING_TASKS = (Role.SCHEDULER, Role.WORKER)
STATE_COLOURS = {"success": "green", "failed": "red", "upstream_failed": "yellow", "up_for_retry": "yellow"}
EXAMPLES = """\b
Examples:
  mwaa-local run my_dag
  mwaa-local run my_dag --conf '{"day": 1}' --timeout 600 --junit report.xml

The exit code is 0 if the run succeeded, 1 if it failed or took too long, 2 if it could not be started."""


@click.command(epilog=EXAMPLES)
@click.argument("dag_id")
@project_option
@click.option("--conf", metavar="JSON", help="Configuration of the run: a JSON object, or @FILE.")
@click.option("--run-id", metavar="ID", help="Name of the run [default: made from the time].")
@click.option("--date", "logical_date", metavar="ISO", help="Logical date of the run [default: now].")
@click.option(
    "--timeout", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="Give up after that."
)
@click.option("--keep-paused", is_flag=True, help="Refuse to run a paused DAG instead of unpausing it.")
@click.option("--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write a JUnit report.")
@json_option
def run_command(folder: Path, conf: str | None, junit: Path | None, as_json: bool, **wishes: Any) -> int:
    """Run a DAG and follow it to its end.

    Prints each task's state as it changes, and the log of a task that fails.
    """
    request = DagRunRequest(conf=parse_conf(conf), **wishes)
    if junit is not None and not junit.absolute().parent.is_dir():
        raise UsageError(f"{junit}: there is no such folder.", hint="make it first")
    result = _follow(look(folder), request, quiet=as_json)
    if junit is not None:
        write_report(junit, render_junit(result))
    if as_json:
        click.echo(to_json(result))
    elif result.refused is None:
        click.echo(render_end(result, coloured=is_coloured()))
    return result.exit_code


def parse_conf(text: str | None) -> dict[str, Any] | None:
    """Return the configuration of a run; UsageError if it is not a JSON object."""
    if text is None:
        return None
    try:
        document = json.loads(Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text)
    except OSError as error:
        raise UsageError(f"--conf {text}: {error.strerror}.", hint="name a file that exists") from error
    except ValueError as error:
        raise UsageError(
            f"--conf: not JSON: {error}.", hint="""for example: --conf '{"day": 1}'"""
        ) from error
    if not isinstance(document, dict):
        raise UsageError("--conf: not a JSON object.", hint="""for example: --conf '{"day": 1}'""")
    return document


def write_report(file: Path, text: str) -> None:
    """Write a report; MwaaLocalError if that cannot be done."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise MwaaLocalError(
            f"{file}: cannot be written ({error.strerror}).", hint="choose another file"
        ) from error


def render_event(event: DagRunEvent, *, coloured: bool) -> list[str]:
    """Return the lines that show an event as it comes."""
    match event:
        case Waiting():
            return [f"Waiting: {event.reason}"]
        case Unpaused():
            return [f"Unpaused {event.dag_id}."]
        case Triggered():
            return [f"Run {event.run_id}"]
        case TaskChanged():
            return [_task_line(event, coloured=coloured)]
        case TaskLog():
            name = event.task_id if event.map_index < 0 else f"{event.task_id}[{event.map_index}]"
            first = "" if event.whole else f" (last {len(event.lines)} lines)"
            said = f"Log of {name}, attempt {event.try_number}{first}:"
            return [said, *(f"    {line}" for line in event.lines)]
        case Finished():
            return []
        case Refused():
            details = [f"    {line}" for line in event.import_error.splitlines()]
            hint = [f"  Hint: {event.hint}"] if event.hint else []
            return [f"Error: {event.message}", *details, *hint]
        case _:
            assert_never(event)


def render_end(result: DagRunResult, *, coloured: bool) -> str:
    """Return the line that a run ends with."""
    took = result.finished.duration if result.finished else None
    tasks = f"{len(result.tasks)} task{'' if len(result.tasks) == 1 else 's'}"
    after = f" after {render_duration(took)}" if took is not None else ""
    words = {
        "success": f"succeeded{after} ({tasks}).",
        "failed": f"failed{after} ({tasks}).",
        "deleted": "was deleted.",
        "timeout": "did not end in time; it goes on, see the Airflow UI.",
    }
    colour = "green" if result.state == "success" else "red"
    return paint(f"{result.dag_id} {words.get(result.state, result.state)}", colour, coloured=coloured)


def _task_line(change: TaskChanged, *, coloured: bool) -> str:
    state = change.state.ljust(15)
    details = [f"attempt {change.try_number}"] if change.try_number > 1 else []
    if change.duration is not None and change.state not in ("running", "queued", "scheduled"):
        details.append(f"{change.duration:.1f} s")
    painted = paint(state, STATE_COLOURS.get(change.state, "dim"), coloured=coloured)
    return f"  {painted} {change.name}" + (f"  ({', '.join(details)})" if details else "")


def _follow(seen: Look, request: DagRunRequest, *, quiet: bool) -> DagRunResult:
    program = find_program(seen)
    # In a container, the folder of logs is elsewhere.
    logs = CONTAINER_LOGS if program.prefix else seen.folder.logs
    names = (service.name for service in seen.services if service.role in LOGGING_TASKS)
    request = replace(request, process_logs=tuple(logs / f"{name}.log" for name in names))
    coloured = is_coloured()

    def show(event: DagRunEvent) -> None:
        refused = isinstance(event, Refused)
        for line in render_event(event, coloured=coloured) if refused or not quiet else ():
            click.echo(line, err=refused)

    def returned() -> AirflowProgram:
        show(Waiting("the environment is away; the run goes on where it was."))
        return wait_for_program(seen.project.root, make_clock())

    return follow_dag_run(make_commands(), program, request, show, make_clock(), returned)
