"""An Airflow connection as a secret: a URI that any Airflow reads, or JSON for those that take it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode

JSON_FROM = (2, 3)
"""The first Airflow that reads a connection from JSON."""
NESTED_EXTRA_FROM = (2, 1)
"""The first Airflow that reads `__extra__`, by which a URI can carry any JSON."""

FIELDS = ("conn_type", "description", "host", "login", "password", "schema", "port", "extra")


class UnsupportedConnectionError(ValueError):
    """This Airflow has no form for what the connection holds."""


@dataclass(frozen=True, slots=True)
class Connection:
    """The fields of an Airflow connection; None stands for a field that is not set."""

    conn_type: str
    description: str | None = None
    host: str | None = None
    login: str | None = None
    password: str | None = None
    schema: str | None = None
    port: int | None = None
    extra: str | None = None
    """Any text; JSON as a rule."""


def render_connection(connection: Connection, airflow: tuple[int, ...]) -> str:
    """Return the text that this Airflow version's secrets backends turn back into the same connection."""
    return render_json(connection) if airflow >= JSON_FROM else render_uri(connection, airflow)


def render_json(connection: Connection) -> str:
    """Return the connection as JSON."""
    fields = {name: getattr(connection, name) for name in FIELDS}
    return json.dumps({name: value for name, value in fields.items() if value is not None})


def render_uri(connection: Connection, airflow: tuple[int, ...]) -> str:
    """Return the connection as a URI; its description is lost, since a URI has no place for it."""
    scheme = connection.conn_type.lower().replace("_", "-")
    user = "" if connection.login is None else quote(connection.login, safe="")
    if connection.password is not None:
        user += ":" + quote(connection.password, safe="")
    host = _quote_host(connection.host or "")
    if connection.port is not None:
        host += f":{connection.port}"
    path = f"/{quote(connection.schema, safe='')}" if connection.schema else ""
    return f"{scheme}://{user + '@' if user else ''}{host}{path}{_query(connection.extra, airflow)}"


def _quote_host(host: str) -> str:
    """Quote a host so that its case survives: Airflow takes it through urlparse, which lowers unquoted letters."""
    return "".join(f"%{ord(char):02X}" if "A" <= char <= "Z" else quote(char, safe="") for char in host)


def _query(extra: str | None, airflow: tuple[int, ...]) -> str:
    if not extra:
        return ""
    flat = _flat_object(extra)
    if flat is not None:
        query = urlencode(flat)
        if "__extra__" not in flat and dict(parse_qsl(query, keep_blank_values=True)) == flat:
            return "?" + query
    if airflow < NESTED_EXTRA_FROM:
        raise UnsupportedConnectionError(
            f"Airflow {'.'.join(map(str, airflow))} reads only a flat extra (text keys and text values) from a secret"
        )
    return "?" + urlencode({"__extra__": extra})


def _flat_object(extra: str) -> Mapping[str, str] | None:
    """Return an extra that is a JSON object of texts, None if it is anything else."""
    try:
        value = json.loads(extra)
    except ValueError:
        return None
    if isinstance(value, dict) and value and all(isinstance(item, str) for item in value.values()):
        return value
    return None
