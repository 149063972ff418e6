"""Connections and variables from YAML or JSON text."""

import difflib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from mwaa_local.aws.secrets_entries import ConnectionEntry, Entry, Place, VariableEntry, parse_connection

SECTIONS = ("connections", "variables")


def parse_yaml(file: Path, text: str) -> Iterator[Entry]:
    """Return the entries of a YAML document; `file` is for error messages."""
    root = _compose(file, text)
    if root is None:
        return
    for section, place, node in _pairs(file, root, "the file"):
        if section == "connections":
            yield from _connections(file, node)
        elif section == "variables":
            yield from _variables(file, node)
        else:
            nearest = difflib.get_close_matches(section, SECTIONS, 1)
            raise place.error(
                f"'{section}' is neither connections nor variables",
                hint=f"Did you mean {nearest[0]}?"
                if nearest
                else "Put the connections under `connections:`.",
            )


def _compose(file: Path, text: str) -> yaml.Node | None:
    try:
        root: yaml.Node | None = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise Place(file, line).error(f"this is not YAML ({error.problem})") from None
    except yaml.YAMLError as error:
        raise Place(file, 1).error("this is not YAML (a character that YAML does not allow)") from error
    return root


def _pairs(file: Path, node: yaml.Node, what: str) -> Iterator[tuple[str, Place, yaml.Node]]:
    if _is_empty(node):
        return
    if not isinstance(node, yaml.MappingNode):
        raise _place(file, node).error(f"{what} must be a mapping (`name: value` lines)")
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _place(file, key).error(f"a name in {what} must be text")
        yield str(key.value), _place(file, key), value


def _connections(file: Path, section: yaml.Node) -> Iterator[ConnectionEntry]:
    for key, place, node in _pairs(file, section, "connections"):
        if isinstance(node, yaml.ScalarNode):
            if "://" not in node.value:
                raise place.error(
                    f"connection '{key}' is not a URI",
                    hint="Write type://login:password@host:port/schema, or fields.",
                )
            yield ConnectionEntry(place, key, node.value)
            continue
        fields: dict[str, str | None] = {}
        for name, field_place, value in _pairs(file, node, f"connection '{key}'"):
            field = "extra" if name == "extra_dejson" else name
            if field in fields:
                raise field_place.error(f"connection '{key}' has '{field}' twice")
            fields[field] = _text(value)
        yield ConnectionEntry(place, key, parse_connection(place, key, fields))


def _variables(file: Path, section: yaml.Node) -> Iterator[VariableEntry]:
    for key, place, node in _pairs(file, section, "variables"):
        yield VariableEntry(place, key, _text(node) or "")


def _text(node: yaml.Node) -> str | None:
    """Return a scalar as it is written (`true`, `5`), anything else as JSON, an empty value as None."""
    if _is_empty(node):
        return None
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    constructor = yaml.SafeLoader("")
    value: Any = constructor.construct_document(node)
    return json.dumps(value, default=str)


def _is_empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _place(file: Path, node: yaml.Node) -> Place:
    return Place(file, node.start_mark.line + 1)
