"""Connections, variables and pools between files and the environment: nothing is lost, nothing is guessed."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mwaa_local.errors import CommandError, UsageError
from mwaa_local.ports import CommandResult
from mwaa_local.runtime.connection_uri import parse_env_value, render_env_value
from mwaa_local.runtime.object_files import (
    Entry,
    FileForm,
    ObjectKind,
    form_of,
    parse_entries,
    render_entries,
)
from mwaa_local.runtime.objects import AirflowProgram, ImportReceipt, export_objects, import_objects
from tests.fakes import FakeCommands, RanCommand

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
TEXTS = (
    st.none()
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
    | st.sampled_from(
        [
            "",
            "100%",
            "%2F",
            "a\nb",
            '{"a": 1}',
            '{"a": "1"}',
            '{"a":  "1"}',
            "null",
            "1",
            "not json {",
            "ü@:/?#",
            " x ",
        ]
    )
)
CONNECTIONS = st.fixed_dictionaries(
    {
        "conn_type": st.sampled_from(["aws", "postgres", "google_cloud_platform", "My-Type", "a b", ""]),
        "description": TEXTS,
        "host": TEXTS,
        "login": TEXTS,
        "password": TEXTS,
        "schema": TEXTS,
        "port": st.none() | st.integers(0, 70000),
        "extra": TEXTS,
    }
)
VARIABLES = st.fixed_dictionaries({"value": TEXTS, "description": TEXTS})
POOLS = st.fixed_dictionaries(
    {"slots": st.integers(-1, 1000), "description": TEXTS, "include_deferred": st.none() | st.booleans()}
)
FIELDS: dict[ObjectKind, st.SearchStrategy[Any]] = {
    ObjectKind.CONNECTIONS: CONNECTIONS,
    ObjectKind.VARIABLES: VARIABLES,
    ObjectKind.POOLS: POOLS,
}


def entries_of(kind: ObjectKind) -> st.SearchStrategy[tuple[Entry, ...]]:
    """Any objects of a kind, each name once."""

    def entries(named: dict[str, dict[str, object]]) -> tuple[Entry, ...]:
        return tuple(Entry(kind, {kind.name_field: name} | fields) for name, fields in named.items())

    return st.dictionaries(NAMES, FIELDS[kind], max_size=3).map(entries)


@pytest.mark.parametrize("form", [FileForm.JSON, FileForm.YAML])
@pytest.mark.parametrize("kind", list(ObjectKind))
@settings(max_examples=40)
@given(data=st.data())
def test_what_is_written_to_a_file_is_read_back_exactly(
    kind: ObjectKind, form: FileForm, data: st.DataObject
) -> None:
    entries = data.draw(entries_of(kind))
    assert parse_entries(kind, render_entries(kind, entries, form), form, "file") == entries


@given(connection=CONNECTIONS)
def test_a_connection_survives_one_line(connection: dict[str, object]) -> None:
    line = render_env_value(connection)
    assert "\n" not in line
    assert parse_env_value(line) == connection


@given(name=NAMES, connection=CONNECTIONS)
def test_a_connection_survives_an_env_file_or_is_refused(name: str, connection: dict[str, object]) -> None:
    entry = Entry(ObjectKind.CONNECTIONS, {"conn_id": name} | connection)
    try:
        text = render_entries(ObjectKind.CONNECTIONS, (entry,), FileForm.ENV)
    except UsageError:
        return
    assert parse_entries(ObjectKind.CONNECTIONS, text, FileForm.ENV, ".env") == (entry,)


def test_an_env_file_uses_the_names_and_uris_that_airflow_reads() -> None:
    entry = connection(
        "my_db",
        conn_type="postgres",
        login="me",
        password="p@ss",
        host="db",
        port=5432,
        schema="x",
        extra='{"a": "b"}',
    )
    assert render_entries(ObjectKind.CONNECTIONS, (entry,), FileForm.ENV) == (
        "AIRFLOW_CONN_MY_DB=postgres://me:p%40ss@db:5432/x?a=b\n"
    )


def test_an_env_file_is_read_as_shells_and_airflow_write_it() -> None:
    text = "# mine\n\nexport AIRFLOW_CONN_DB='postgresql://h/d'\nMixedCase=aws://\n"
    db, mixed = parse_entries(ObjectKind.CONNECTIONS, text, FileForm.ENV, ".env")
    assert (db.name, db.values["conn_type"], db.values["host"], db.values["schema"]) == (
        "db",
        "postgres",
        "h",
        "d",
    )
    assert (mixed.name, mixed.values["conn_type"]) == ("MixedCase", "aws")


def test_a_variable_that_is_text_stays_the_same_text_and_anything_else_becomes_json() -> None:
    text = '{"a": "1", "b": 1, "c": {"k": [true]}, "d": {"value": "{\\"x\\":1}", "description": "why"}, "e": null}'
    values = {
        e.name: e.values["value"] for e in parse_entries(ObjectKind.VARIABLES, text, FileForm.JSON, "v.json")
    }
    assert values == {"a": "1", "b": "1", "c": '{\n  "k": [\n    true\n  ]\n}', "d": '{"x":1}', "e": None}


def test_a_connection_may_be_a_uri_and_extra_an_object() -> None:
    text = 'a: {conn_type: aws, extra: {region: "ü"}}\nb: http://h:80\n'
    a, b = parse_entries(ObjectKind.CONNECTIONS, text, FileForm.YAML, "c.yaml")
    assert a.values["extra"] == '{"region": "ü"}'
    assert (b.values["host"], b.values["port"]) == ("h", 80)


@pytest.mark.parametrize(
    ("kind", "form", "text", "message"),
    [
        (ObjectKind.POOLS, FileForm.JSON, '{"a": {"slot": 1}}', "f: pools 'a': unknown field 'slot'."),
        (ObjectKind.POOLS, FileForm.JSON, '{"a": 3}', "f: pools 'a': not a mapping of fields."),
        (ObjectKind.POOLS, FileForm.JSON, "[]", "f: not a mapping from names to pools."),
        (ObjectKind.POOLS, FileForm.YAML, "1: {slots: 1}", "f: 1 is no name; put it in quotes."),
        (ObjectKind.POOLS, FileForm.ENV, "", "A .env file cannot hold pools."),
        (ObjectKind.VARIABLES, FileForm.JSON, '{"a": 1, "a": 2}', "f: not valid JSON: 'a' is there twice."),
        (
            ObjectKind.VARIABLES,
            FileForm.YAML,
            "a: 1\na: 2",
            "f: not valid YAML: a key is there twice, near line 1.",
        ),
        (ObjectKind.CONNECTIONS, FileForm.ENV, "x", "f:1: not a NAME=URI line."),
        (ObjectKind.CONNECTIONS, FileForm.ENV, "a=aws://\na=aws://", "f:2: 'a' is there twice."),
        (ObjectKind.CONNECTIONS, FileForm.ENV, "a=x://h:p0rt", "f:1: 'a': the port is not a number."),
        (
            ObjectKind.CONNECTIONS,
            FileForm.ENV,
            "a=secret",
            "f:1: 'a': not a URI such as postgres://user:password@host:5432/database.",
        ),
        (ObjectKind.CONNECTIONS, FileForm.ENV, "a={secret", "f:1: 'a': neither a URI nor JSON."),
    ],
)
def test_what_cannot_be_read_is_named(kind: ObjectKind, form: FileForm, text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_entries(kind, text, form, "f")
    assert caught.value.message == message
    assert caught.value.hint


def test_the_form_of_a_file_is_in_its_name() -> None:
    assert [form_of(Path(name)) for name in ("a.json", "b.YML", "c.yaml", ".env", "x/prod.env")] == [
        FileForm.JSON,
        FileForm.YAML,
        FileForm.YAML,
        FileForm.ENV,
        FileForm.ENV,
    ]
    with pytest.raises(UsageError, match="does not say what form"):
        form_of(Path("connections.txt"))


def test_an_import_sends_secrets_through_stdin_only() -> None:
    commands = FakeCommands()
    commands.answers["py",] = CommandResult(
        0,
        '{"mwaa_local": "objects", "event": "imported", "created": ["a"], "updated": [], "kept": []}\n',
        "noise",
    )
    entry = connection("a", conn_type="aws", password="hush")
    receipt = import_objects(commands, PROGRAM, (entry,), keep_existing=True)
    assert receipt == ImportReceipt(("a",), (), ())
    (ran,) = commands.ran
    assert ran.command == ("py", "-m", "mwaa_inside.objects")
    assert "hush" not in str(ran.env)
    assert json.loads(ran.stdin)["entries"] == [dict(entry.values)]
    assert json.loads(ran.stdin)["keep_existing"] is True


def test_an_export_returns_every_object() -> None:
    def answer(asked: RanCommand) -> CommandResult:
        assert json.loads(asked.stdin) == {"action": "export", "kind": "pools"}
        exported = '{"mwaa_local": "objects", "event": "exported", "entries": [{"name": "p", "slots": 1}]}'
        return CommandResult(0, exported, "")

    exported = export_objects(FakeCommands({("py",): answer}), PROGRAM, ObjectKind.POOLS)
    assert [entry.name for entry in exported] == ["p"]


def test_a_refusal_and_a_breakdown_are_told_apart() -> None:
    said = '{"mwaa_local": "objects", "event": "error", "message": "No.", "hint": "Do."}'
    with pytest.raises(UsageError, match=r"No\."):
        export_objects(FakeCommands({("py",): CommandResult(1, said, "")}), PROGRAM, ObjectKind.POOLS)
    with pytest.raises(CommandError, match="no route"):
        export_objects(FakeCommands({("py",): CommandResult(1, "", "no route\n")}), PROGRAM, ObjectKind.POOLS)


PROGRAM = AirflowProgram(Path("py"), {"A": "b"})


def connection(conn_id: str, **fields: object) -> Entry:
    """A connection with the fields that are given."""
    empty = dict.fromkeys(ObjectKind.CONNECTIONS.fields)
    return Entry(ObjectKind.CONNECTIONS, {"conn_id": conn_id} | empty | fields)
