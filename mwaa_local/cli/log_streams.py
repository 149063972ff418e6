"""What `logs --group` shows: an environment's logs as MWAA has them in CloudWatch Logs, read from their files."""

import contextlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass

import click

from mwaa_local.cli.render import is_coloured, paint
from mwaa_local.cloudwatch_names import LogPlace, LogType
from mwaa_local.errors import UsageError
from mwaa_local.log_files import LogFiles
from mwaa_local.log_records import LogRecord
from mwaa_local.runtime.log_lines import readable
from mwaa_local.runtime.state import StateFolder

POLL = 0.5
LATEST = 100


@dataclass(frozen=True, slots=True)
class StreamWish:
    """Which records are shown: of streams whose name begins so, since then, no more than the last `limit`."""

    log_type: LogType
    prefix: str
    since: float | None
    limit: int | None

    def is_wanted(self, place: LogPlace) -> bool:
        """Tell whether a stream is asked for."""
        return place.log_type is self.log_type and place.stream.startswith(self.prefix)


class StreamView:
    """Prints records below the name of their stream, as `tail` does with several files."""

    def __init__(self) -> None:
        self._shown = ""
        self._coloured = is_coloured()

    def show(self, records: Iterable[tuple[LogPlace, LogRecord]]) -> None:
        """Print records."""
        for place, record in records:
            if place.stream != self._shown:
                click.echo(paint(f"==> {place.stream} <==", "cyan", coloured=self._coloured))
                self._shown = place.stream
            for line in record.text.splitlines():
                click.echo("\n".join(readable(line)))


def parse_group(text: str) -> LogType:
    """Return the kind of logs that `Task` or `airflow-prod-Task` means, in whatever case; UsageError if none."""
    last = text.rpartition("-")[2].lower()
    for log_type in LogType:
        if log_type.lower() == last:
            return log_type
    raise UsageError(f"--group {text}: MWAA has no such logs.", hint=f"there are: {', '.join(LogType)}")


def show_streams(folder: StateFolder, wish: StreamWish, *, following: bool) -> None:
    """Print what the streams hold, then what is added to them; UsageError if there is nothing."""
    files = LogFiles(folder.root, os.uname().nodename)
    view = StreamView()
    found = _new_records(files, wish)
    if not found and not following:
        with_prefix = f" that begins with {wish.prefix}" if wish.prefix else ""
        raise UsageError(
            f"There is no log stream in {wish.log_type}{with_prefix} yet.",
            hint="mwaa-local start, and mwaa-local run DAG_ID for logs of tasks",
        )
    limit = LATEST if wish.limit is None and wish.since is None else wish.limit
    view.show(found if limit is None else found[max(0, len(found) - limit) :])
    # Ctrl-C is how following ends.
    with contextlib.suppress(KeyboardInterrupt):
        while following:
            time.sleep(POLL)
            view.show(_new_records(files, wish))


def _new_records(files: LogFiles, wish: StreamWish) -> list[tuple[LogPlace, LogRecord]]:
    found = [
        (place, record)
        for place, records in files.read_new(wish.is_wanted)
        for record in records
        if record.text and (wish.since is None or record.time >= wish.since)
    ]
    return sorted(found, key=lambda each: each[1].time)
