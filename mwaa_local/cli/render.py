"""Turns values into the text that a command prints: tables, durations, colours on a terminal."""

import os
import signal
import sys
import textwrap
from collections.abc import Sequence

from mwaa_local.runtime.convergence import Phase
from mwaa_local.runtime.environment_status import EnvironmentStatus, Health
from mwaa_local.runtime.state import ServiceReport

WIDTH = 80
SERVICE_HEADER = ("SERVICE", "STATE", "FOR", "PID", "RESTARTS", "LAST EXIT")
COLOURS = {"green": 32, "yellow": 33, "red": 31, "bold": 1, "dim": 2, "cyan": 36, "magenta": 35, "blue": 34}
NEXT_STEP = {
    Health.STOPPED: "Start it: mwaa-local start",
    Health.DIED: "Its supervisor ended unexpectedly. Start it again: mwaa-local start (everything is kept)",
    Health.UNHEALTHY: "See why: mwaa-local logs SERVICE",
}


def is_coloured() -> bool:
    """Tell whether stdout takes colours: a terminal, and NO_COLOR is not set."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str, *, coloured: bool) -> str:
    """Return the text in a colour, or as it is."""
    return f"\033[{COLOURS[colour]}m{text}\033[0m" if coloured and text else text


def render_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table: columns as wide as their content, two spaces between them."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def render_fact(label: str, text: str, indent: int = 14) -> list[str]:
    """Return a label and its text, which goes on below itself where it is long."""
    first = f"  {label}".ljust(indent)
    return wrap(text, WIDTH, first, " " * indent)


def wrap(text: str, width: int, first: str = "", rest: str = "") -> list[str]:
    """Return a text as lines that begin with `first` and `rest`; paths and addresses stay in one piece."""
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def render_duration(seconds: float) -> str:
    """Return a duration in its two largest units."""
    whole = max(0, int(seconds))
    days, rest = divmod(whole, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (left, "s")]
    while len(parts) > 1 and not parts[0][0]:
        parts.pop(0)
    return " ".join(f"{number} {unit}" for number, unit in parts[:2] if number) or "0 s"


def render_size(size: int) -> str:
    """Return a number of bytes in the unit that suits it."""
    for unit, factor in (("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"


def render_exit(code: int | None) -> str:
    """Return an exit code, or the name of the signal that ended the process."""
    if code is None:
        return "-"
    if code >= 0:
        return str(code)
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def render_status(status: EnvironmentStatus, now: float, *, coloured: bool) -> str:
    """Return what `status` prints."""
    lines = [f"{status.name} is {_health(status.health, coloured=coloured)}.", ""]
    if status.url:
        password = status.password or "see: mwaa-local status --show-password"
        lines += [
            f"  Airflow UI  {status.url}",
            f"  User        admin, password {status.password}"
            if status.password
            else f"  User        admin ({password})",
        ]
    provider = f", amazon provider {status.amazon_provider}" if status.amazon_provider else ""
    lines.append(f"  Version     Airflow {status.version}{provider}")
    for text in status.differences or ("in nothing from stock MWAA",):
        lines += render_fact("Differs", text)
    lines.append(f"  Executor    {status.executor}")
    lines += _aws_lines(status)
    if status.services and status.health is not Health.STOPPED:
        lines += ["", *_service_lines(status.services, now, coloured=coloured)]
    step = NEXT_STEP.get(status.health)
    return "\n".join([*lines, "", step] if step else lines)


def _health(health: Health, *, coloured: bool) -> str:
    words = {
        Health.HEALTHY: ("running and healthy", "green"),
        Health.STARTING: ("starting", "yellow"),
        Health.UNHEALTHY: ("running, but not healthy", "red"),
        Health.STOPPED: ("not running", "yellow"),
        Health.DIED: ("not running: it died", "red"),
    }
    text, colour = words[health]
    return paint(text, colour, coloured=coloured)


def _aws_lines(status: EnvironmentStatus) -> list[str]:
    if status.aws_endpoint is None:
        return [f"  AWS         {status.aws}"]
    return [
        f"  AWS         {status.aws_endpoint}",
        f"              aws --endpoint-url {status.aws_endpoint} s3 ls",
        "              (any credentials will do; `mwaa-local shell` has all of it set)",
    ]


def _service_lines(services: tuple[ServiceReport, ...], now: float, *, coloured: bool) -> list[str]:
    rows = [
        (
            service.name,
            service.phase.value,
            render_duration(now - service.since),
            str(service.pid or "-"),
            str(service.restarts),
            render_exit(service.last_exit),
        )
        for service in services
    ]
    header, *lines = render_table(SERVICE_HEADER, rows)
    painted = [
        line if service.phase is Phase.HEALTHY else paint(line, "yellow", coloured=coloured)
        for line, service in zip(lines, services, strict=True)
    ]
    return ["  " + line for line in (header, *painted)]
