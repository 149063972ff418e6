"""Writes TOML: the few kinds of values that our own files have."""

import json
import re
from collections.abc import Mapping

Value = str | int | float | bool
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def render_tables(tables: Mapping[str, Mapping[str, Value]]) -> str:
    """Return tables as TOML, those that are empty left out; a dot in a table's name nests it."""
    blocks = (
        "\n".join([f"[{name}]", *(render_entry(key, value) for key, value in table.items())])
        for name, table in tables.items()
        if table
    )
    return "\n\n".join(blocks) + "\n"


def render_entry(key: str, value: Value) -> str:
    """Return one `key = value`."""
    return f"{render_key(key)} = {render_value(value)}"


def render_key(key: str) -> str:
    """Return a key, in quotes where it needs them."""
    return key if _BARE.fullmatch(key) else _text(key)


def render_value(value: Value) -> str:
    """Return a value as TOML writes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case _:
            return repr(value)


def _text(text: str) -> str:
    # JSON's escapes are TOML's; DEL is the one character that only TOML wants escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
