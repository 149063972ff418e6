"""Holds values against shapes of the service model: required members, patterns, lengths, ranges, enumerations.

The sentences are those of AWS's services, so that a script that looks at them sees what it would see there.
"""

import re
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

LONGEST_SHOWN = 200
"""Characters of a refused value that the message repeats."""


def violations(shape: Shape, value: Any, path: str = "") -> Iterator[str]:
    """Yield a sentence for everything that is wrong with a value of the right types."""
    if isinstance(shape, StructureShape):
        if not getattr(shape, "is_document_type", False):
            yield from _structure(shape, value, path)
    elif isinstance(shape, ListShape):
        yield from _length(shape, value, path)
        for number, item in enumerate(value, 1):
            yield from violations(shape.member, item, f"{path}.{number}.member")
    elif isinstance(shape, MapShape):
        yield from _length(shape, value, path)
        for key, item in value.items():
            yield from violations(shape.key, key, path)
            yield from violations(shape.value, item, f"{path}.{key}.member")
    elif isinstance(shape, StringShape):
        yield from _string(shape, value, path)
    elif shape.type_name in ("integer", "long", "float", "double"):
        yield from _range(shape, value, path)


def summary(sentences: list[str]) -> str:
    """Return all violations as the one message that AWS makes of them."""
    noun = "error" if len(sentences) == 1 else "errors"
    return f"{len(sentences)} validation {noun} detected: {'; '.join(sentences)}"


def _structure(shape: StructureShape, value: Mapping[str, Any], path: str) -> Iterator[str]:
    prefix = f"{path}." if path else ""
    for name in shape.required_members:
        if value.get(name) is None:
            yield _sentence(None, prefix + _first_lower(name), "Member must not be null")
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from violations(member, value[name], prefix + _first_lower(name))


def _string(shape: StringShape, value: str, path: str) -> Iterator[str]:
    shown = "***sensitive***" if shape.metadata.get("sensitive") else value
    yield from _length(shape, value, path, shown)
    allowed = list(shape.enum)
    if allowed and value not in allowed:
        yield _sentence(shown, path, f"Member must satisfy enum value set: [{', '.join(allowed)}]")
    pattern = shape.metadata.get("pattern")
    if pattern and not compiled(pattern).fullmatch(value):
        yield _sentence(shown, path, f"Member must satisfy regular expression pattern: {pattern}")


def _length(shape: Shape, value: Any, path: str, shown: Any = None) -> Iterator[str]:
    shown = value if shown is None else shown
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and len(value) < least:
        yield _sentence(shown, path, f"Member must have length greater than or equal to {least}")
    if most is not None and len(value) > most:
        yield _sentence(shown, path, f"Member must have length less than or equal to {most}")


def _range(shape: Shape, value: Any, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and value < least:
        yield _sentence(value, path, f"Member must have value greater than or equal to {least}")
    if most is not None and value > most:
        yield _sentence(value, path, f"Member must have value less than or equal to {most}")


def _sentence(value: Any, path: str, constraint: str) -> str:
    shown = "null" if value is None else f"'{str(value)[:LONGEST_SHOWN]}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"


def _first_lower(name: str) -> str:
    return name[:1].lower() + name[1:]


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern of the model as Python's: only the classes of Unicode categories are written differently."""
    return re.compile(re.sub(r"\\p\{(\w)\}", lambda match: _category(match[1]), pattern))


@cache
def _category(letter: str) -> str:
    """Return the characters of a Unicode category (`L`, `N`, ...) as the inside of a character class."""
    ranges: list[list[int]] = []
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code))[0] != letter:
            continue
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)
