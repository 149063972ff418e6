"""The lines of a TOML text's keys, on texts that are written together with what is expected of them."""

import json
import tomllib

from hypothesis import example, given
from hypothesis import strategies as st

from mwaa_local.toml_lines import locate_keys

BARE = st.text("abcdefgh0123456789_-", min_size=1, max_size=6)
ANY = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=6)
VALUES = st.one_of(
    st.integers(0, 99).map(str),
    st.booleans().map(lambda value: str(value).lower()),
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=9).map(json.dumps),
    st.sampled_from(
        [
            "'# [x]'",
            '"""\n[not.a.table]\nkey = 1\n"""',
            '"""a "" quote\\""""',
            '"""ends with two"""""',
            "'''\n# '' \"\"\"\n'''",
            "''''''",
            "[\n  1, # ] comment\n  [2],\n]",
            "{ a = 1, b = ['}', \"]\"] }",
            '[{ a = \'x\' }, { a = """\n""" }]',
            "1979-05-27T07:32:00Z",
        ]
    ),
)
NOISE = st.sampled_from(["", "\n", "# comment [x] = 'y\n", "   \n\t\n"])


def quoted(key: str) -> str:
    """Write a key so that TOML takes it."""
    return (
        key
        if key and key.isascii() and key.replace("_", "").replace("-", "").isalnum()
        else json.dumps(key, ensure_ascii=False)
    )


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[tuple[str, ...], int]]:
    """Make a text and the line of each of its keys."""
    text = ""
    expected: dict[tuple[str, ...], int] = {}
    line_end = draw(st.sampled_from(["\n", "\r\n"]))
    for table in draw(st.lists(st.one_of(BARE, ANY), unique=True, max_size=4)):
        text += draw(NOISE)
        expected[(table,)] = text.count("\n") + 1
        text += f"{draw(st.sampled_from(['', '  ']))}[ {quoted(table)} ] # header\n"
        for key in draw(st.lists(st.one_of(BARE, ANY), unique=True, max_size=4)):
            text += draw(NOISE)
            path: tuple[str, ...] = (table, key, "inner") if draw(st.booleans()) else (table, key)
            for length in range(2, len(path) + 1):
                expected[path[:length]] = text.count("\n") + 1
            text += " . ".join(quoted(part) for part in path[1:]) + f" = {draw(VALUES)}\n"
    return text.replace("\n", line_end), expected


@given(documents())
def test_each_key_is_found_on_its_line(document: tuple[str, dict[tuple[str, ...], int]]) -> None:
    text, expected = document
    tomllib.loads(text)
    assert locate_keys(text) == expected


@given(st.text(st.sampled_from("ab=.[]{}\"'\\#\n\r ,1"), max_size=40))
@example('a = "')
@example("[[")
@example('"\\q" = 1')
def test_no_text_makes_the_scanner_fail_or_hang(text: str) -> None:
    assert all(line >= 1 for line in locate_keys(text).values())


def test_an_array_of_tables_is_found_at_its_first_table_and_by_number() -> None:
    assert locate_keys("[[a.b]]\nc = 1\n[[a.b]]\nd = 2\nc = 3") == {
        ("a",): 1,
        ("a", "b"): 1,
        ("a", "b", "[0]"): 1,
        ("a", "b", "c"): 2,
        ("a", "b", "[0]", "c"): 2,
        ("a", "b", "[1]"): 3,
        ("a", "b", "d"): 4,
        ("a", "b", "[1]", "d"): 4,
        ("a", "b", "[1]", "c"): 5,
    }
