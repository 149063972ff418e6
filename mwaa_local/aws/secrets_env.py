"""Connections and variables from `.env` text: AIRFLOW_CONN_X, AIRFLOW_VAR_X, and Airflow's own ID=URI lines."""

import json
from collections.abc import Iterator
from pathlib import Path

from mwaa_local.aws.connections import Connection
from mwaa_local.aws.secrets_entries import ConnectionEntry, Entry, Place, VariableEntry, parse_connection

CONNECTION = "AIRFLOW_CONN_"
VARIABLE = "AIRFLOW_VAR_"


def parse_env(file: Path, text: str) -> Iterator[Entry]:
    """Return the entries of a `.env` file; `file` is for error messages."""
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip().removeprefix("export ").lstrip()
        if stripped and not stripped.startswith("#"):
            yield from _entries(Place(file, number), stripped)


def _entries(place: Place, line: str) -> Iterator[Entry]:
    name, equals, rest = line.partition("=")
    name = name.strip()
    if not equals or not name:
        raise place.error("this is not a NAME=VALUE line")
    value = _unquote(rest.strip())
    if name.startswith(VARIABLE):
        # Airflow looks the variable of any key up in capitals; a secret's name keeps its case. Serve both.
        for key in _both_cases(name.removeprefix(VARIABLE)):
            yield VariableEntry(place, key, value)
    elif name.startswith(CONNECTION):
        for key in _both_cases(name.removeprefix(CONNECTION)):
            yield ConnectionEntry(place, key, _connection(place, key, value))
    else:
        yield ConnectionEntry(place, name, _connection(place, name, value))


def _both_cases(key: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((key.lower(), key)))


def _connection(place: Place, key: str, value: str) -> str | Connection:
    if value.startswith("{"):
        return parse_connection(place, key, _fields(place, key, value))
    if "://" not in value:
        raise place.error(
            f"'{key}' is not a connection URI",
            hint=f"A variable is written {VARIABLE}NAME=value, a connection ID=URI.",
        )
    return value


def _fields(place: Place, key: str, text: str) -> dict[str, str | None]:
    try:
        fields = json.loads(text)
    except ValueError:
        raise place.error(f"the JSON of connection '{key}' is broken") from None
    return {
        name: value if value is None or isinstance(value, str) else json.dumps(value)
        for name, value in fields.items()
    }


def _unquote(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return value
