"""A connection as the value of one environment variable: a URI, or JSON where a URI would lose something."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

_EXTRA = "__extra__"
_FIELDS = ("conn_type", "description", "host", "login", "password", "schema", "port", "extra")


def render_env_value(connection: Mapping[str, Any]) -> str:
    """Return the URI if it says everything about the connection, else one line of JSON."""
    fields = {name: connection.get(name) for name in _FIELDS}
    uri = _render_uri(fields)
    try:
        exact = parse_env_value(uri) == fields
    except ValueError:
        exact = False
    return uri if exact else json.dumps(fields)


def parse_env_value(value: str) -> dict[str, Any]:
    """Read a URI or JSON; ValueError says what is wrong, without repeating the value (it may hold a password)."""
    fields = _parse_json(value) if value.startswith("{") else _parse_uri(value)
    return dict.fromkeys(_FIELDS) | fields


def _parse_json(value: str) -> dict[str, Any]:
    try:
        fields = json.loads(value)
    except ValueError:
        raise ValueError("neither a URI nor JSON") from None
    if not isinstance(fields, dict):
        raise ValueError("the JSON is not an object")
    if "uri" in fields:
        raise ValueError("a `uri` inside JSON is not supported; write the URI alone")
    if isinstance(fields.get("extra"), dict | list):
        fields["extra"] = json.dumps(fields["extra"], ensure_ascii=False)
    return fields


def _parse_uri(value: str) -> dict[str, Any]:
    parts = urlsplit(value)
    if not parts.scheme or "://" not in value:
        raise ValueError("not a URI such as postgres://user:password@host:5432/database")
    try:
        port = parts.port
    except ValueError:
        raise ValueError("the port is not a number") from None
    scheme = parts.scheme.replace("-", "_")
    return {
        "conn_type": "postgres" if scheme == "postgresql" else scheme,
        "host": _host(parts.netloc),
        "login": _unquoted(parts.username),
        "password": _unquoted(parts.password),
        "schema": _unquoted(parts.path[1:] if parts.path else None),
        "port": port,
        "extra": _extra(parts.query),
    }


def _host(netloc: str) -> str | None:
    """Return the host as written: urlsplit's own is in lower case, and is none where it is empty."""
    host = netloc.rpartition("@")[2]
    if not host.startswith("["):
        host = host.partition(":")[0]
    elif "]:" in host:
        host = host.partition("]")[0] + "]"
    return unquote(host) or None


def _unquoted(text: str | None) -> str | None:
    return None if text is None or text == "" else unquote(text)


def _extra(query: str) -> str | None:
    if not query:
        return None
    values = dict(parse_qsl(query, keep_blank_values=True))
    return values[_EXTRA] if _EXTRA in values else json.dumps(values)


def _render_uri(fields: Mapping[str, Any]) -> str:
    """Return the URI in the form of Airflow's `get_uri`; it need not say everything."""
    uri = f"{str(fields['conn_type']).replace('_', '-')}://"
    if fields["login"] is not None or fields["password"] is not None:
        uri += quote(fields["login"] or "", safe="")
        uri += f":{quote(fields['password'], safe='')}@" if fields["password"] else "@"
    uri += quote(fields["host"] or "", safe="")
    uri += f":{fields['port']}" if fields["port"] is not None else ""
    uri += f"/{quote(fields['schema'], safe='')}" if fields["schema"] else ""
    return uri + (f"?{_query(fields['extra'])}" if fields["extra"] else "")


def _query(extra: str) -> str:
    try:
        values = json.loads(extra)
    except (ValueError, RecursionError):
        values = None
    if isinstance(values, dict) and all(isinstance(value, str) for value in values.values()):
        query = urlencode(values)
        if json.dumps(dict(parse_qsl(query, keep_blank_values=True))) == extra:
            return query
    return urlencode({_EXTRA: extra})
