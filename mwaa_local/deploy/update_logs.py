"""What the environment's own logs say about an update: the installation of requirements, and the startup script.

An update may end AVAILABLE although pip has refused the requirements: MWAA then runs without them (MWAA-FACTS 3.1).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mwaa_local.aws_ports import EnvironmentRecord, LogGroups, LogLine
from mwaa_local.errors import AwsError

REQUIREMENTS_STREAMS = "requirements_install_"
SCRIPT_STREAMS = "startup_script_execution_"
LINES = 15
"""Of one stream that are worth showing."""
BEFORE = 3
"""Lines before the first error that say what was at work."""

_ERROR = re.compile(r"(?:^|[\s\]])(?:ERROR\b|error:)")
_HARMLESS = "pip's dependency resolver does not currently"
"""pip says so after an installation that succeeded."""


@dataclass(frozen=True, slots=True)
class UpdateLogs:
    """The lines that matter, and why there are none where they cannot be read."""

    lines: tuple[LogLine, ...]
    failed: bool
    """Whether pip says that it did not install the requirements, or the startup script that it failed."""
    unread: str = ""
    is_off: bool = False
    """Whether the environment keeps no such logs."""


def read_update_logs(environment: EnvironmentRecord, logs: LogGroups, since: float) -> UpdateLogs:
    """Read what the installations since a time have logged, in the scheduler's group."""
    group = dict(environment.log_groups).get("SchedulerLogs")
    if group is None:
        return UpdateLogs(
            (),
            False,
            "its scheduler logs are switched off (LoggingConfiguration of the environment)",
            is_off=True,
        )
    chosen: list[LogLine] = []
    failed = False
    try:
        for prefix in (REQUIREMENTS_STREAMS, SCRIPT_STREAMS):
            stream = pick_stream(logs.read(group, prefix, since))
            failed = failed or any(is_failure(line.message) for line in stream)
            chosen += pick_lines(stream)
    except AwsError as error:
        return UpdateLogs(tuple(chosen), failed, error.message)
    return UpdateLogs(tuple(chosen), failed)


def is_failure(message: str) -> bool:
    """Tell whether a line says that something was not installed or did not run."""
    return _ERROR.search(message) is not None and _HARMLESS not in message


def pick_stream(lines: Sequence[LogLine]) -> tuple[LogLine, ...]:
    """Return the lines of one stream: every scheduler logs the same, one that failed says more."""
    streams: dict[str, list[LogLine]] = {}
    for line in lines:
        streams.setdefault(line.stream, []).append(line)
    failing = [found for found in streams.values() if any(is_failure(line.message) for line in found)]
    chosen: list[list[LogLine]] = failing or list(streams.values())
    ends = [found[-1].time for found in chosen]
    return tuple(chosen[ends.index(max(ends))]) if chosen else ()


def pick_lines(lines: Sequence[LogLine]) -> tuple[LogLine, ...]:
    """Return the part of a stream that says what went wrong, else its end."""
    first = next((number for number, line in enumerate(lines) if is_failure(line.message)), None)
    if first is None:
        return tuple(lines[-LINES:])
    start = max(0, first - BEFORE)
    return tuple(lines[start : start + LINES])
