"""The services' log files: their end, their growth, and following them."""

from pathlib import Path

import pytest

from mwaa_local.runtime.service_logs import CHUNK, KEPT_BYTES, follow, rotate_logs, tail


@pytest.mark.parametrize(
    ("content", "lines", "expected"),
    [
        ("", 3, ()),
        ("one", 3, ("one",)),
        ("one\ntwo\nthree\nfour\n", 2, ("three", "four")),
        ("one\ntwo", 5, ("one", "two")),
        ("first\n" + "x" * (CHUNK + 7) + "\nlast\n", 2, ("x" * (CHUNK + 7), "last")),
    ],
)
def test_the_last_lines_of_a_file(
    tmp_path: Path, content: str, lines: int, expected: tuple[str, ...]
) -> None:
    (tmp_path / "a.log").write_text(content)

    assert tail(tmp_path / "a.log", lines) == expected


def test_a_file_that_does_not_exist_has_no_lines(tmp_path: Path) -> None:
    assert tail(tmp_path / "a.log", 5) == ()


def test_bytes_that_are_no_text_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"caf\xe9\n")

    assert tail(tmp_path / "a.log", 5) == ("caf\ufffd",)


def test_only_a_file_that_has_grown_too_much_is_set_aside(tmp_path: Path) -> None:
    big, small = tmp_path / "big.log", tmp_path / "small.log"
    with big.open("wb") as stream:
        stream.truncate(KEPT_BYTES + 1)
    small.write_text("little")

    rotate_logs(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["big.log.1", "small.log"]


def test_following_yields_whole_new_lines_and_goes_on_after_a_rotation(tmp_path: Path) -> None:
    path, later = tmp_path / "a.log", tmp_path / "later.log"
    path.write_text("old\n")
    script = iter(
        [
            (path, "old\nbegun"),
            (path, "old\nbegun and ended\nnext\n"),
            (later, "of a new file\n"),
            (path, "new\n"),
        ]
    )

    def write_the_next() -> None:
        file, content = next(script)
        file.write_text(content)

    lines = follow((path, later), write_the_next)

    assert [next(lines) for _ in range(4)] == [
        (path, "begun and ended"),
        (path, "next"),
        (later, "of a new file"),
        (path, "new"),
    ]
