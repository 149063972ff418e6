"""Turns values into the text that a command prints: tables, durations, colours on a terminal."""

import os
import sys
import textwrap
from collections.abc import Sequence

WIDTH = 80
COLOURS = {"green": 32, "yellow": 33, "red": 31, "bold": 1, "dim": 2, "cyan": 36, "magenta": 35, "blue": 34}


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
