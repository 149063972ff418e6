"""logs: what the services and the tasks wrote."""

import contextlib
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import click

from mwaa_local.cli.log_streams import StreamWish, parse_group, show_streams
from mwaa_local.cli.look import Look, look
from mwaa_local.cli.options import project_option
from mwaa_local.cli.render import is_coloured, paint
from mwaa_local.errors import MwaaLocalError, UsageError
from mwaa_local.log_records import ANSI
from mwaa_local.runtime.log_lines import (
    LogLine,
    TaskLogRequest,
    find_task_log,
    merge_logs,
    parse_since,
    read_until,
    readable,
)
from mwaa_local.runtime.service_logs import follow, sizes
from mwaa_local.runtime.state import StateFolder

LINES = 100
POLL = 0.2
NAME_COLOURS = ("cyan", "green", "magenta", "blue", "yellow")
EXAMPLES = """\b
Examples:
  mwaa-local logs scheduler -f
  mwaa-local logs --since 10m
  mwaa-local logs --task my_dag.my_task
  mwaa-local logs --group Scheduler --since 10m"""


@dataclass(frozen=True, slots=True)
class LogView:
    """Prints lines: with the names of services where there are several, without colours where they would disturb."""

    names: tuple[str, ...]
    coloured: bool

    def show(self, source: str, text: str) -> None:
        """Print one line."""
        plain = text if self.coloured else ANSI.sub("", text)
        if len(self.names) < 2:
            click.echo(plain, color=self.coloured)
            return
        colour = NAME_COLOURS[self.names.index(source) % len(NAME_COLOURS)]
        name = paint(source.rjust(max(map(len, self.names))), colour, coloured=self.coloured)
        click.echo(f"{name} | {plain}", color=self.coloured)


def complete_service(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the services whose name begins so, for the shell's completion."""
    with contextlib.suppress(MwaaLocalError):
        seen = look(ctx.params.get("folder") or Path())
        return [service.name for service in seen.services if service.name.startswith(incomplete)]
    return []


@click.command(epilog=EXAMPLES)
@click.argument("services", nargs=-1, metavar="[SERVICE]...", shell_complete=complete_service)
@project_option
@click.option("-f", "--follow", "following", is_flag=True, help="Go on with what is being written.")
@click.option("--since", metavar="TIME", help="Only lines since then: 10m, 2h, or a time in ISO form.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(0),
    help=f"Only so many last lines [default: {LINES}, all with --since].",
)
@click.option("--task", metavar="DAG_ID.TASK_ID", help="The log of a task instead: of its latest attempt.")
@click.option("--run", "run_id", metavar="RUN_ID", help="With --task: of this run.")
@click.option("--try", "attempt", type=click.IntRange(1), help="With --task: of this attempt.")
@click.option(
    "--group", metavar="TYPE", help="As in CloudWatch: Task, Scheduler, DAGProcessing, WebServer, Worker."
)
@click.option("--stream", metavar="PREFIX", help="With --group: only streams whose name begins so.")
def logs_command(
    services: tuple[str, ...],
    folder: Path,
    following: bool,
    since: str | None,
    lines: int | None,
    task: str | None,
    run_id: str | None,
    attempt: int | None,
    group: str | None,
    stream: str | None,
) -> None:
    """Show the logs of the environment, or of one SERVICE.

    Several logs are shown as one, in the order of time.
    """
    if task is None and (run_id is not None or attempt is not None):
        raise UsageError("--run and --try belong to --task.", hint="add --task DAG_ID.TASK_ID")
    if stream is not None and group is None:
        raise UsageError("--stream belongs to --group.", hint="add --group Task, for instance")
    if task is not None and services:
        raise UsageError("Name services, or a task with --task, not both.", hint="leave one of them out")
    if group is not None and (services or task is not None):
        raise UsageError("Name services, a task or a group, not several.", hint="leave the others out")
    seen = look(folder)
    moment = None if since is None else parse_since(since, datetime.now().astimezone())
    if group is not None:
        wish = StreamWish(parse_group(group), stream or "", moment, lines)
        show_streams(seen.folder, wish, following=following)
        return
    if task is not None:
        logs = {task: find_task_log(seen.folder.airflow_home / "logs", TaskLogRequest(task, run_id, attempt))}
        limit = lines
    else:
        logs = {name: seen.folder.log(name) for name in choose_logs(seen, services)}
        limit = LINES if lines is None and since is None else lines
    show_logs(logs, moment, limit, following=following)


def choose_logs(seen: Look, services: tuple[str, ...]) -> tuple[str, ...]:
    """Return the services to show: the named ones, else all that have a log; UsageError for an unknown one."""
    kept = {path.stem: path for path in sorted(seen.folder.logs.glob("*.log"))}
    known = list(dict.fromkeys([*(service.name for service in seen.services), *kept]))
    if not known:
        raise UsageError("There are no logs yet.", hint="start the environment: mwaa-local start")
    for service in services:
        if service not in known:
            raise UsageError(f"There is no service '{service}'.", hint=f"there are: {', '.join(known)}")
    return services or tuple(name for name in known if name in kept)


def show_logs(logs: dict[str, Path], since: float | None, limit: int | None, *, following: bool) -> None:
    """Print what the files hold, then what is added to them."""
    read = sizes(tuple(logs.values()))
    view = LogView(tuple(logs), is_coloured())
    contents = ((name, read_until(path, read[path])) for name, path in logs.items())
    for line in merge_logs(contents, since, limit):
        _show(view, line)
    if following:
        names = {path: name for name, path in logs.items()}
        # Ctrl-C is how following ends.
        with contextlib.suppress(KeyboardInterrupt):
            for path, text in follow(tuple(names), lambda: time.sleep(POLL), read):
                _show(view, LogLine(names[path], text, 0.0))


def follow_services(folder: StateFolder, services: tuple[str, ...]) -> None:
    """Print lines as services write them, until interrupted."""
    paths = {folder.log(name): name for name in services}
    view = LogView(services, is_coloured())
    for path, text in follow(tuple(paths), lambda: time.sleep(POLL)):
        view.show(paths[path], text)


def _show(view: LogView, line: LogLine) -> None:
    for text in readable(line.text):
        view.show(line.source, text)
