"""`.airflowignore` in both dialects, and as the versions read it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mwaa_local.validation.ignore_file import (
    IgnoreDialect,
    IgnoreSyntax,
    is_ignored,
    looks_like_glob,
    parse_ignore_file,
)

OLD = IgnoreDialect(IgnoreSyntax.REGEXP, dotted=True)
NEW = IgnoreDialect(IgnoreSyntax.REGEXP, dotted=False)
GLOB = IgnoreDialect(IgnoreSyntax.GLOB, dotted=False)


def ignored(
    text: str, path: str, dialect: IgnoreDialect, folder: str = "", *, is_folder: bool = False
) -> bool:
    lines, bad = parse_ignore_file(text, folder, dialect)
    assert bad == ()
    return is_ignored(path, lines, dialect, is_folder=is_folder)


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("etl/configs/.*", "etl/configs/a.py", True),
        ("configs", "etl/configs/a.py", True),
        ("^etl", "etl/a.py", True),
        ("a.py", "b.py", False),
        ("# a.py\n", "a.py", False),
        ("a.py # why", "a.py", True),
    ],
)
def test_a_regular_expression_is_searched_in_the_path(text: str, path: str, expected: bool) -> None:
    assert ignored(text, path, OLD) == ignored(text, path, NEW) == expected


def test_before_2_3_a_caret_never_fits_a_file_at_the_top() -> None:
    assert not ignored("^a.py", "a.py", OLD)
    assert ignored("^a.py", "a.py", NEW)


def test_a_regular_expression_starts_at_the_dags_folder_wherever_it_stands() -> None:
    assert not ignored("^a.py", "sub/a.py", NEW, "sub/")


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("*.sql", "sub/a.sql", True),
        ("/a.py", "sub/a.py", False),
        ("/a.py", "a.py", True),
        ("sub/*.py", "sub/a.py", True),
        ("sub/*.py", "x/sub/a.py", False),
        ("**/tests/*.py", "x/y/tests/a.py", True),
        ("**/tests/*.py", "tests/a.py", True),
        ("x/**", "x/y/a.py", True),
        ("a?.py", "ab.py", True),
        ("a[!b].py", "ab.py", False),
        ("a[!b].py", "ac.py", True),
        ("*.py\n!keep.py", "keep.py", False),
        ("*.py\n!keep.py", "other.py", True),
        ("\\!odd.py", "!odd.py", True),
    ],
)
def test_a_glob_means_what_it_means_to_git(text: str, path: str, expected: bool) -> None:
    assert ignored(text, path, GLOB) == expected


def test_a_glob_with_a_slash_at_its_end_is_about_folders() -> None:
    assert ignored("build/", "x/build", GLOB, is_folder=True)
    assert not ignored("build/", "x/build", GLOB)


def test_a_glob_starts_at_the_folder_of_its_file() -> None:
    assert ignored("/a.py", "sub/a.py", GLOB, "sub/")
    assert not ignored("/a.py", "a.py", GLOB, "sub/")


def test_a_glob_is_no_regular_expression() -> None:
    lines, bad = parse_ignore_file("ok.*\n*.sql\n", "", OLD)
    assert [line.text for line in lines] == ["ok.*"]
    assert [(each.line, each.text) for each in bad] == [(2, "*.sql")]


@pytest.mark.parametrize("line", ["(a+)+$", "(.*,)*x", "((a|b)*c+)*d", ".*" * 9])
def test_a_line_that_may_take_for_ever_is_not_used(line: str) -> None:
    _, bad = parse_ignore_file(line, "", NEW)
    assert len(bad) == 1


@pytest.mark.parametrize("line", ["*.py", "tests/*", "**/x", "etl/configs/*", "data_*.csv"])
def test_lines_that_were_meant_as_globs_are_recognised(line: str) -> None:
    assert looks_like_glob(line)


@pytest.mark.parametrize("line", ["etl/configs/.*", "[a-z]*", "(a|b)*", "\\w*_test", "x{2}", "^tests"])
def test_regular_expressions_are_left_alone(line: str) -> None:
    assert not looks_like_glob(line)


PATTERNS = st.text(alphabet="ab*?[]!/\\.()+{}|^$#\n \u00e9,1", max_size=40)
PATHS = st.text(alphabet="ab/.\u00e9", min_size=1, max_size=30)


@settings(max_examples=400, deadline=2000)
@given(PATTERNS, PATHS, st.sampled_from([OLD, NEW, GLOB]), st.booleans())
def test_no_file_breaks_the_reader(text: str, path: str, dialect: IgnoreDialect, is_folder: bool) -> None:
    lines, bad = parse_ignore_file(text, "", dialect)
    assert is_ignored(path, lines, dialect, is_folder=is_folder) in (True, False)
    numbers = [each.line for each in lines] + [each.line for each in bad]
    assert all(1 <= number <= text.count("\n") + 1 for number in numbers)


@settings(max_examples=200, deadline=2000)
@given(st.text(max_size=60), st.sampled_from([OLD, NEW, GLOB]))
def test_no_text_breaks_the_reader(text: str, dialect: IgnoreDialect) -> None:
    lines, _ = parse_ignore_file(text, "", dialect)
    is_ignored("a/b.py", lines, dialect, is_folder=False)
