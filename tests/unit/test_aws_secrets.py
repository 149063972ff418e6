"""Connections and variables from a file, as secrets."""

import json
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mwaa_local.aws.connections import Connection, render_connection, render_json, render_uri
from mwaa_local.aws.secrets import load_secrets, parse_secrets
from mwaa_local.errors import ConfigError

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1)


def _parse(text: str, name: str = "secrets.yaml", airflow: str = "2.2.2") -> dict[str, str]:
    return {secret.name: secret.value for secret in parse_secrets(Path(name), text, airflow)}


def _error(text: str, name: str = "secrets.yaml", airflow: str = "2.2.2") -> str:
    with pytest.raises(ConfigError) as caught:
        _parse(text, name, airflow)
    return f"{caught.value.message} {caught.value.hint}".strip()


def test_uris_and_variables_are_served_as_they_are_written() -> None:
    text = (
        "connections:\n  db: postgres://u:p@h:5432/s\nvariables:\n  on: true\n  n: 007\n  o: {a: [1]}\n  e:\n"
    )
    assert _parse(text) == {
        "airflow/connections/db": "postgres://u:p@h:5432/s",
        "airflow/variables/on": "true",
        "airflow/variables/n": "007",
        "airflow/variables/o": '{"a": [1]}',
        "airflow/variables/e": "",
    }


def test_fields_become_a_uri_before_airflow_2_3_and_json_from_then_on() -> None:
    text = (
        "connections:\n  db: {conn_type: my_sql, host: h, login: u, password: 'p@', schema: s, port: 3306}\n"
    )
    assert _parse(text)["airflow/connections/db"] == "my-sql://u:p%40@h:3306/s"
    assert json.loads(_parse(text, airflow="2.4.3")["airflow/connections/db"]) == {
        "conn_type": "my_sql",
        "host": "h",
        "login": "u",
        "password": "p@",
        "schema": "s",
        "port": 3306,
    }


def test_a_json_file_is_read_too() -> None:
    assert _parse('{"variables": {"a": "b"}}', "secrets.json") == {"airflow/variables/a": "b"}


def test_an_env_file_serves_the_names_that_airflow_looks_up() -> None:
    text = "# comment\n\nexport AIRFLOW_CONN_MY_DB='http://h/'\nAIRFLOW_VAR_KEY=\"a=b\"\nplain=ftp://h\n"
    assert _parse(text, ".env") == {
        "airflow/connections/my_db": "http://h/",
        "airflow/connections/MY_DB": "http://h/",
        "airflow/variables/key": "a=b",
        "airflow/variables/KEY": "a=b",
        "airflow/connections/plain": "ftp://h",
    }


def test_json_in_an_env_file_becomes_what_the_version_reads() -> None:
    line = 'db={"conn_type": "aws", "extra": {"region_name": "eu-west-1"}}'
    assert _parse(line, ".env")["airflow/connections/db"] == "aws://?region_name=eu-west-1"
    assert json.loads(_parse(line, ".env", "2.10.3")["airflow/connections/db"])["conn_type"] == "aws"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "secrets.yaml:1: this is not YAML (expected the node content, but found '<stream end>')"),
        ("- a", "secrets.yaml:1: the file must be a mapping (`name: value` lines)"),
        ("\nconections: {}", "secrets.yaml:2: 'conections' is neither connections nor variables "
         "Did you mean connections?"),
        ("connections:\n  db: hello", "secrets.yaml:2: connection 'db' is not a URI "
         "Write type://login:password@host:port/schema, or fields."),
        ("connections:\n  db:\n    host: h", "secrets.yaml:2: connection 'db' has no conn_type "
         "Add one, for example conn_type: postgres."),
        ("connections:\n  db: {conn_type: a, user: b}", "secrets.yaml:2: connection 'db' has no field 'user' "
         "Its fields are conn_type, description, host, login, password, schema, port, extra."),
        ("connections:\n  db: {conn_type: a, port: x}",
         "secrets.yaml:2: the port of connection 'db' is not a number from 1 to 65535"),
        ("connections:\n  db: {conn_type: a, extra: b,\n extra_dejson: {}}",
         "secrets.yaml:3: connection 'db' has 'extra' twice"),
        ("variables:\n  a: 1\n  a: 2", "secrets.yaml:3: 'a' is there twice"),
        ("variables:\n  a b: 1", "secrets.yaml:2: 'a b' cannot be the name of a secret "
         "Letters, digits and /_+=.@- are allowed."),
    ],
)  # fmt: skip
def test_a_mistake_in_yaml_is_named_with_its_line(text: str, message: str) -> None:
    assert _error(text) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\nhello", ".env:2: this is not a NAME=VALUE line"),
        ("KEY=value", ".env:1: 'KEY' is not a connection URI A variable is written AIRFLOW_VAR_NAME=value, "
         "a connection ID=URI."),
        ("db={]", ".env:1: the JSON of connection 'db' is broken"),
    ],
)  # fmt: skip
def test_a_mistake_in_an_env_file_is_named_with_its_line(text: str, message: str) -> None:
    assert _error(text, ".env") == message


def test_a_secret_value_is_never_part_of_an_error() -> None:
    assert "hunter2" not in _error("connections:\n  db: hunter2")
    assert "hunter2" not in _error("KEY=hunter2", ".env")


def test_a_nested_extra_is_refused_where_airflow_cannot_read_it() -> None:
    text = "connections:\n  db: {conn_type: a, extra: {b: {c: d}}}"
    assert _error(text, airflow="2.0.2") == (
        "secrets.yaml:2: connection 'db': Airflow 2.0.2 reads only a flat extra "
        "(text keys and text values) from a secret"
    )


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file or directory"):
        load_secrets(tmp_path / "secrets.yaml", "2.2.2")


def _read_as_airflow_2_2(uri: str) -> Connection:
    """Read a URI by the rules of Airflow 2.2's Connection: urlsplit, unquote, `__extra__`."""
    parts = urlsplit(uri)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Connection(
        conn_type=parts.scheme.replace("-", "_"),
        host=unquote(parts.hostname) if parts.hostname else None,
        login=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        schema=unquote(parts.path[1:]) or None,
        port=parts.port,
        extra=query.get("__extra__", json.dumps(query) if query else None),
    )


@given(
    st.builds(
        Connection,
        conn_type=st.sampled_from(["http", "google_cloud_platform", "aws"]),
        description=st.none(),
        host=st.none() | TEXT,
        login=st.none() | TEXT,
        password=st.none() | TEXT,
        schema=st.none() | TEXT,
        port=st.none() | st.integers(1, 65535),
        extra=st.none()
        | TEXT
        | st.dictionaries(TEXT, TEXT | st.integers() | st.lists(TEXT), min_size=1).map(json.dumps),
    )
)
def test_no_field_is_lost_on_the_way_through_a_uri(connection: Connection) -> None:
    read = _read_as_airflow_2_2(render_uri(connection, (2, 2, 2)))
    if connection.extra and read.extra != connection.extra:
        assert json.loads(read.extra or "") == json.loads(connection.extra)
        read = _with_extra(read, connection.extra)
    assert read == connection


def _with_extra(connection: Connection, extra: str) -> Connection:
    return Connection(
        connection.conn_type,
        connection.description,
        connection.host,
        connection.login,
        connection.password,
        connection.schema,
        connection.port,
        extra,
    )


def test_json_keeps_the_description() -> None:
    connection = Connection("http", description="ours")
    assert render_connection(connection, (2, 3)) == render_json(connection)
    assert json.loads(render_json(connection)) == {"conn_type": "http", "description": "ours"}
