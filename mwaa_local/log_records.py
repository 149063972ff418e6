"""Reads lines of logs as records with a time and a level; pure.

The many forms in which Airflow, Celery, gunicorn and PostgreSQL write times and levels end here.
"""

import json
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_TIME = re.compile(
    r"[\[{(\"\s]{0,3}(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:[.,](\d{1,6})\d*)?(?: ?(Z|UTC|[+-]\d\d:?\d\d))?"
)
_LEVEL = re.compile(
    r"[\[\s}:](DEBUG|INFO|WARNING|WARN|ERROR|CRITICAL|FATAL)(?=[\s\]/:])"
    r"|\[(debug|info|warning|error|critical)\s*\]"
)
HEAD = 200
"""So many characters of a line may hold its time and level."""


@dataclass(frozen=True, slots=True)
class LogRecord:
    """What was logged at once: usually a line, with a traceback several."""

    time: float
    level: int
    """As Python's logging counts them; INFO where nothing says another one."""
    text: str


def time_of(line: str, zone: tzinfo | None = UTC) -> float | None:
    """Return when a line was written; None if it does not begin with a time. `zone` None: this machine's."""
    plain = ANSI.sub("", line[:HEAD])
    match = _TIME.match(plain)
    if match is None:
        return _time_of_json(line) if plain.startswith("{") else None
    day, clock, fraction, offset = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}.{(fraction or '0').ljust(6, '0')}")
        if offset in ("Z", "UTC"):
            return moment.replace(tzinfo=UTC).timestamp()
        if offset:
            return datetime.fromisoformat(f"{moment.isoformat()}{offset}").timestamp()
    except ValueError:
        return None
    return (moment.astimezone() if zone is None else moment.replace(tzinfo=zone)).timestamp()


def _time_of_json(line: str) -> float | None:
    document = _object(line)
    try:
        moment = datetime.fromisoformat(document["timestamp"])
    except (ValueError, KeyError, TypeError):
        return None
    # Airflow 3.0 and 3.1 write UTC without saying so.
    return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).timestamp()


def _object(line: str) -> dict[str, str]:
    try:
        document = json.loads(line)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def level_of(line: str) -> int | None:
    """Return the level that a line names; None if it names none."""
    if line.startswith("{"):
        name = str(_object(line).get("level", ""))
    else:
        match = _LEVEL.search(ANSI.sub("", line[:HEAD]))
        name = (match[1] or match[2]) if match else ""
    level = logging.getLevelNamesMapping().get(name.upper())
    return level or None


def parse_records(lines: Sequence[str], before: LogRecord, *, by_line: bool = False) -> Iterator[LogRecord]:
    """Yield the records of consecutive lines of a log; `before` is the one before them.

    A line without a time of its own belongs to the line before it; `by_line` makes it a record nevertheless.
    Times never go back.
    """
    time, level = before.time, before.level
    pending: list[str] = []
    for raw in lines:
        line = ANSI.sub("", raw)
        own = time_of(line)
        if pending and (own is not None or by_line):
            yield LogRecord(time, level, "\n".join(pending))
            pending = []
        if own is not None:
            time, level = max(time, own), level_of(line) or logging.INFO
        pending.append(line)
    if pending:
        yield LogRecord(time, level, "\n".join(pending))
