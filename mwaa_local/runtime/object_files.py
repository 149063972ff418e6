"""The file forms of connections, variables and pools: texts to entries and back, exactly.

JSON and YAML hold a mapping from name to fields, as Airflow's `export` commands write them. `.env` holds connections as
`AIRFLOW_CONN_NAME=URI` lines, or as JSON where a URI would lose something (Airflow reads that from 2.3 on).
"""

import json
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from mwaa_local.errors import UsageError
from mwaa_local.runtime.connection_uri import parse_env_value, render_env_value

_CONNECTION = ("conn_type", "description", "host", "login", "password", "schema", "port", "extra")
_ENV_PREFIX = "AIRFLOW_CONN_"
_LINE_SEPARATORS = "\r\x85\u2028\u2029"


class ObjectKind(StrEnum):
    """What can be exported and imported."""

    CONNECTIONS = "connections"
    VARIABLES = "variables"
    POOLS = "pools"

    @property
    def name_field(self) -> str:
        """Return the field that names an object of this kind."""
        return {"connections": "conn_id", "variables": "key", "pools": "name"}[self.value]

    @property
    def fields(self) -> tuple[str, ...]:
        """Return the other fields."""
        return {
            "connections": _CONNECTION,
            "variables": ("value", "description"),
            "pools": ("slots", "description", "include_deferred"),
        }[self.value]


class FileForm(StrEnum):
    """The forms that files have."""

    JSON = "json"
    YAML = "yaml"
    ENV = "env"


@dataclass(frozen=True, slots=True)
class Entry:
    """One object: all its fields by name, the one that names it included; what is absent is null."""

    kind: ObjectKind
    values: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Return the name of the object."""
        return str(self.values[self.kind.name_field])


def form_of(path: Path) -> FileForm:
    """Return the form that a file's name stands for."""
    if path.name == ".env":
        return FileForm.ENV
    forms = {".json": FileForm.JSON, ".yaml": FileForm.YAML, ".yml": FileForm.YAML, ".env": FileForm.ENV}
    if path.suffix.lower() not in forms:
        raise UsageError(
            f"{path}: the name does not say what form the file has.", hint="Use .json, .yaml or .env."
        )
    return forms[path.suffix.lower()]


def render_entries(kind: ObjectKind, entries: tuple[Entry, ...], form: FileForm) -> str:
    """Return the text of a file that holds these objects."""
    if form is FileForm.ENV:
        _require_connections(kind)
        return "".join(_env_line(entry) for entry in entries)
    document = {
        entry.name: {field: value for field, value in entry.values.items() if field != kind.name_field}
        for entry in entries
    }
    if form is FileForm.JSON:
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    return yaml.dump(document, Dumper=_ExactTexts, allow_unicode=True, sort_keys=False, width=2**31)


def parse_entries(kind: ObjectKind, text: str, form: FileForm, origin: str) -> tuple[Entry, ...]:
    """Read the objects of a file; `origin` names the file in messages."""
    if form is FileForm.ENV:
        _require_connections(kind)
        return _parse_env(text, origin)
    document = _load(text, form, origin)
    if not isinstance(document, dict):
        raise UsageError(f"{origin}: not a mapping from names to {kind}.", hint=_hint(kind))
    return tuple(_entry(kind, name, value, origin) for name, value in document.items())


def _load(text: str, form: FileForm, origin: str) -> Any:
    try:
        if form is FileForm.JSON:
            return json.loads(text, object_pairs_hook=_unique)
        return yaml.load(text, Loader=_UniqueKeys)  # noqa: S506 - a SafeLoader that refuses double keys
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise UsageError(f"{origin}: not valid {form.upper()}: {error}.", hint="Correct the file.") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is there twice")
    return found


class _ExactTexts(yaml.SafeDumper):
    """Writes every text so that it is read back as it was: PyYAML's quotes turn some line separators into spaces."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        style = '"' if any(sign in _LINE_SEPARATORS for sign in data) else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_ExactTexts.add_representer(str, _ExactTexts.represent_str)


class _UniqueKeys(yaml.SafeLoader):
    """Reads plain data only, and refuses a key that is there twice instead of dropping the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        found = super().construct_mapping(node, deep)
        if len(found) != len(node.value) and not any(key.tag.endswith(":merge") for key, _ in node.value):
            raise ValueError(f"a key is there twice, near line {node.start_mark.line + 1}")
        return found


def _entry(kind: ObjectKind, name: Any, value: Any, origin: str) -> Entry:
    if not isinstance(name, str) or not name:
        raise UsageError(f"{origin}: {name!r} is no name; put it in quotes.", hint=_hint(kind))
    readers: dict[ObjectKind, Callable[[Any], Any]] = {
        ObjectKind.CONNECTIONS: _connection_fields,
        ObjectKind.VARIABLES: _variable_fields,
        ObjectKind.POOLS: lambda pool: pool,
    }
    try:
        fields = readers[kind](value)
    except ValueError as error:
        raise UsageError(f"{origin}: {kind} {name!r}: {error}.", hint="Correct the entry.") from error
    if not isinstance(fields, dict):
        raise UsageError(f"{origin}: {kind} {name!r}: not a mapping of fields.", hint=_hint(kind))
    unknown = sorted(str(field) for field in fields if field not in (*kind.fields, kind.name_field))
    if unknown:
        raise UsageError(f"{origin}: {kind} {name!r}: unknown field {unknown[0]!r}.", hint=_hint(kind))
    return Entry(kind, {kind.name_field: name} | {field: fields.get(field) for field in kind.fields})


def _connection_fields(value: Any) -> Any:
    """Accept a URI and an `extra` that is written as an object, as Airflow does."""
    if isinstance(value, str):
        return parse_env_value(value)
    if isinstance(value, dict) and isinstance(value.get("extra"), dict | list):
        return value | {"extra": json.dumps(value["extra"], ensure_ascii=False)}
    return value


def _variable_fields(value: Any) -> Any:
    """Read a variable: `{"value": ..., "description": ...}`, or the value itself.

    A text is the value, exactly; anything else becomes JSON, in the form that Airflow's own import gives it.
    """
    fields = (
        value
        if isinstance(value, dict) and "value" in value and set(value) <= {"value", "description"}
        else None
    )
    fields = {"value": value} if fields is None else fields
    held = fields["value"]
    return fields if held is None or isinstance(held, str) else fields | {"value": json.dumps(held, indent=2)}


def _env_line(entry: Entry) -> str:
    name = entry.name
    # Airflow reads the variable's name in lower case: what would not come back so stands under its own name.
    plain = name == name.lower() and name.isascii() and name.replace("_", "a").isalnum()
    key = _ENV_PREFIX + name.upper() if plain else name
    if (
        key != key.strip()
        or any(sign in key for sign in "=\n\r#")
        or (not plain and key.startswith(_ENV_PREFIX))
    ):
        raise UsageError(
            f"The connection {name!r} cannot be written as a .env line.", hint="Export to .json or .yaml."
        )
    return f"{key}={render_env_value(entry.values)}\n"


def _parse_env(text: str, origin: str) -> tuple[Entry, ...]:
    entries: dict[str, Entry] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        key, sign, value = line.removeprefix("export ").partition("=")
        name = key[len(_ENV_PREFIX) :].lower() if key.startswith(_ENV_PREFIX) else key
        if not sign or not name:
            raise UsageError(
                f"{origin}:{number}: not a NAME=URI line.", hint="For example AIRFLOW_CONN_DB=postgres://h/d"
            )
        if name in entries:
            raise UsageError(f"{origin}:{number}: {name!r} is there twice.", hint="Keep one of them.")
        try:
            entries[name] = _entry(ObjectKind.CONNECTIONS, name, parse_env_value(_unquoted(value)), origin)
        except ValueError as error:
            raise UsageError(f"{origin}:{number}: {name!r}: {error}.", hint="Correct the line.") from error
    return tuple(entries.values())


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value


def _require_connections(kind: ObjectKind) -> None:
    if kind is not ObjectKind.CONNECTIONS:
        raise UsageError(f"A .env file cannot hold {kind}.", hint="Use .json or .yaml.")


def _hint(kind: ObjectKind) -> str:
    return (
        f'The form is {{"NAME": {{{", ".join(kind.fields)}}}}}; `mwaa-local {kind} export` writes an example.'
    )
