"""On which line each key of a TOML text stands: the standard library's parser does not tell.

A scanner, not a parser: it trusts that `tomllib` took the text.
"""

import re
import tomllib

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_HEADER = re.compile(r"\[\[?")
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_SPACES = re.compile(r"[ \t]*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*'""")
_VALUE_PART = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|[\[{\]}\n]"
    r"""|[^"'\#\[{\]}\n]+""",
    re.DOTALL,
)
_OPENING, _CLOSING = "[{", "]}"


def locate_keys(text: str) -> dict[tuple[str, ...], int]:
    """Return the line (from 1) on which each key or table first stands, by its path.

    A key of the first `[[table]]` stands at `("table", "key")` and at `("table", "[0]", "key")`, one of the second at
    `("table", "[1]", "key")`. Keys inside inline tables are left out: they share a line with the table's own key.
    """
    lines: dict[tuple[str, ...], int] = {}
    counts: dict[tuple[str, ...], int] = {}
    tables: tuple[tuple[str, ...], ...] = ((),)
    line, at = 1, 0
    while (start := _after(_BLANK, text, at)) < len(text):
        line += text.count("\n", at, start)
        header = _HEADER.match(text, start)
        keys, end = _scan_keys(text, header.end() if header else start)
        if header:
            tables = (keys,)
            if header[0] == "[[":
                counts[keys] = counts.get(keys, -1) + 1
                tables = (keys, (*keys, f"[{counts[keys]}]"))
        for path in tables if header else [table + keys for table in tables]:
            for length in range(1, len(path) + 1):
                lines.setdefault(path[:length], line)
        at = _after_statement(text, end)
        line += text.count("\n", start, at)
    return lines


def _scan_keys(text: str, at: int) -> tuple[tuple[str, ...], int]:
    keys: list[str] = []
    at = _after(_SPACES, text, at)
    while found := _KEY.match(text, at):
        keys.append(_unquoted(found[0]))
        at = found.end()
        dot = _DOT.match(text, at)
        if not dot:
            break
        at = dot.end()
    return tuple(keys), at


def _unquoted(key: str) -> str:
    if key.startswith('"') and "\\" in key:
        try:
            return next(iter(tomllib.loads(f"{key} = 0")))
        except tomllib.TOMLDecodeError:
            return key
    return key.strip(key[0]) if key[0] in "\"'" else key


def _after_statement(text: str, at: int) -> int:
    """Return the position of the line end after a header or a value, which may span lines."""
    depth = 0
    while part := _VALUE_PART.match(text, at):
        if part[0] == "\n" and depth <= 0:
            return at
        # A header's own closing bracket comes without its opening one.
        depth = max(0, depth + (part[0] in _OPENING) - (part[0] in _CLOSING))
        at = part.end()
    # Nothing matches only at the end of the text: a text that tomllib took has no stray quote.
    return len(text)


def _after(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at
