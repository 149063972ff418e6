"""`.airflowignore` in both dialects: what its lines mean to a version of Airflow, and which files they hide.

Regexp (the only one before 2.3, the default before 3.0): searched in the path from the DAGs folder, whatever folder the
file lies in; before 2.3 a file at the top is `./name`, and a line that is no regular expression ends the whole listing.
Glob (`core.dag_ignore_file_syntax`, the default from 3.0 on): as in .gitignore, from the folder of the file.
"""

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

NAME = ".airflowignore"
_COMMENT = re.compile(r"\s*#.*")
_MANY = 8
"""More unbounded parts than that in one line can take a very long time."""


class IgnoreSyntax(StrEnum):
    """The dialect of `.airflowignore`."""

    REGEXP = "regexp"
    GLOB = "glob"


@dataclass(frozen=True, slots=True)
class IgnoreLine:
    """One line that hides files (or shows them again)."""

    text: str
    line: int
    pattern: re.Pattern[str]
    folder: str
    """Where the file lies, from the DAGs folder, `` or with a slash at the end; only globs look at it."""
    shows: bool
    """A glob that begins with `!`."""
    folders_only: bool


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be used."""

    text: str
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class IgnoreDialect:
    """How a version of Airflow, with its configuration, reads the file."""

    syntax: IgnoreSyntax
    dotted: bool
    """Files at the top are seen as `./name` (regexp before 2.3)."""


def parse_ignore_file(
    text: str, folder: str, dialect: IgnoreDialect
) -> tuple[tuple[IgnoreLine, ...], tuple[BadLine, ...]]:
    """Read an ignore file that lies in `folder` (from the DAGs folder, with a slash at the end, or empty)."""
    good: list[IgnoreLine] = []
    bad: list[BadLine] = []
    for number, raw in enumerate(text.split("\n"), start=1):
        line = _COMMENT.sub("", raw)
        if not line.strip():
            continue
        made = _regexp(line, number) if dialect.syntax is IgnoreSyntax.REGEXP else _glob(line, number, folder)
        if isinstance(made, BadLine):
            bad.append(made)
        elif made is not None:
            good.append(made)
    return tuple(good), tuple(bad)


def is_ignored(path: str, lines: Sequence[IgnoreLine], dialect: IgnoreDialect, *, is_folder: bool) -> bool:
    """Tell whether Airflow skips a file or folder; `path` starts at the DAGs folder."""
    if dialect.syntax is IgnoreSyntax.REGEXP:
        seen = f"./{path}" if dialect.dotted and "/" not in path else path
        return any(line.pattern.search(seen) for line in lines)
    ignored = False
    for line in lines:
        if line.folders_only and not is_folder:
            continue
        if path.startswith(line.folder) and line.pattern.fullmatch(path[len(line.folder) :]):
            ignored = not line.shows
    return ignored


def looks_like_glob(line: str) -> bool:
    """Tell whether a regular expression was probably meant as a glob: `*.py`, `tests/*`, `**/x`."""
    return bool(
        line.startswith(("*", "!", "?")) or re.search(r"\*\*|(?<![.\])}\w\\])\*|/\*|[\w-]\*\.\w+$", line)
    )


def _regexp(line: str, number: int) -> IgnoreLine | BadLine:
    try:
        pattern = _compile(line)
    except (re.error, OverflowError, RecursionError) as error:
        return BadLine(line, number, str(error))
    if _is_slow(line):
        return BadLine(line, number, "repetitions within repetitions can take for ever")
    return IgnoreLine(line, number, pattern, "", shows=False, folders_only=False)


def _compile(text: str) -> re.Pattern[str]:
    with warnings.catch_warnings():
        # What may mean something else in a later Python is not the user's concern.
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        return re.compile(text)


def _is_slow(line: str) -> bool:
    """Tell whether matching may take exponential time: a repeated group that repeats something itself."""
    depth: list[bool] = []
    unbounded = 0
    escaped = in_class = False
    for position, character in enumerate(line):
        if escaped or (in_class and character not in "\\]"):
            escaped = False
            continue
        follows = line[position + 1 : position + 2]
        match character:
            case "\\":
                escaped = True
            case "[":
                in_class = True
            case "]":
                in_class = False
            case "(":
                depth.append(False)
            case ")":
                repeats = depth.pop() if depth else False
                if repeats and follows in ("*", "+", "{"):
                    return True
                if depth:
                    depth[-1] = depth[-1] or repeats
            case "*" | "+" | "{":
                unbounded += 1
                if depth:
                    depth[-1] = True
            case _:
                pass
    return unbounded > _MANY


def _glob(line: str, number: int, folder: str) -> IgnoreLine | BadLine | None:
    text = line.rstrip() if not line.endswith("\\ ") else line
    shows = text.startswith("!")
    text = text[1:] if shows else text
    folders_only = text.endswith("/")
    body = text.rstrip("/")
    if not body:
        return None
    anchored = "/" in body
    parts = [part for part in body.strip("/").split("/") if part]
    if not parts:
        return None
    if body.count("*") > _MANY:
        return BadLine(line, number, "too many wildcards in one line")
    try:
        pattern = _compile("".join(_parts(parts, anchored=anchored)))
    except (re.error, OverflowError, RecursionError) as error:
        return BadLine(line, number, str(error))
    return IgnoreLine(line, number, pattern, folder, shows, folders_only)


def _parts(parts: Sequence[str], *, anchored: bool) -> Iterator[str]:
    if not anchored:
        yield "(?:.*/)?"
    for position, part in enumerate(parts):
        last = position == len(parts) - 1
        if part == "**":
            yield ".*" if last else "(?:[^/]+/)*"
        else:
            yield _part(part)
            yield "" if last else "/"


def _part(part: str) -> str:
    made: list[str] = []
    position = 0
    while position < len(part):
        character = part[position]
        position += 1
        if character == "*":
            if made[-1:] != ["[^/]*"]:
                made.append("[^/]*")
        elif character == "?":
            made.append("[^/]")
        elif character == "\\" and position < len(part):
            made.append(re.escape(part[position]))
            position += 1
        elif character == "[" and "]" in part[position + 1 :]:
            end = part.index("]", position + 1)
            inner = part[position:end].replace("\\", "\\\\").replace("[", "\\[")
            made.append(f"[^{inner[1:]}]" if inner[0] in "!^" and len(inner) > 1 else f"[{inner}]")
            position = end + 1
        else:
            made.append(re.escape(character))
    return "".join(made)
