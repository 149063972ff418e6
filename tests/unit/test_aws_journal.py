"""The journal that the endpoint's queues are restored from."""

import logging
from contextlib import closing
from pathlib import Path

import pytest

from mwaa_local.aws.journal import Journal


def _fill(path: Path, *names: str) -> None:
    with closing(Journal(path)) as journal:
        for name in names:
            journal.append({"op": name})


def test_what_was_appended_is_loaded_by_the_next_process(tmp_path: Path) -> None:
    _fill(tmp_path / "j", "a", "b")
    assert Journal(tmp_path / "j").load() == [{"op": "a"}, {"op": "b"}]


def test_no_file_is_an_empty_journal(tmp_path: Path) -> None:
    assert Journal(tmp_path / "j").load() == []


def test_bytes_survive(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "j")) as journal:
        journal.append({"value": b"\x00\xff"})
    assert Journal(tmp_path / "j").load() == [{"value": b"\x00\xff"}]


def test_a_last_record_that_was_cut_off_is_dropped(tmp_path: Path) -> None:
    _fill(tmp_path / "j", "a", "b")
    data = (tmp_path / "j").read_bytes()
    (tmp_path / "j").write_bytes(data[:-3])
    assert Journal(tmp_path / "j").load() == [{"op": "a"}]
    assert [file.name for file in tmp_path.iterdir()] == ["j"]


def test_a_damaged_file_is_kept_and_what_is_readable_is_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "j").write_bytes(b'{"op":"a"}\n\x00\x00garbage\n[1]\n{"op":"b"}\n')
    with caplog.at_level(logging.WARNING):
        assert Journal(tmp_path / "j").load() == [{"op": "a"}, {"op": "b"}]
    assert "2 of 4 records are unreadable" in caplog.text
    assert len(list(tmp_path.glob("j.damaged-*"))) == 1


def test_a_rewrite_replaces_everything_and_appending_goes_on(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "j")) as journal:
        journal.append({"op": "a"})
        journal.rewrite([{"op": "c"}])
        journal.append({"op": "d"})
    assert Journal(tmp_path / "j").load() == [{"op": "c"}, {"op": "d"}]


def test_a_rewrite_is_due_when_the_file_has_grown_and_not_after_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", compact_at=100)
    while not journal.needs_rewrite():
        journal.append({"op": "a"})
    assert (tmp_path / "j").stat().st_size > 100
    journal.rewrite([{"op": "a"}])
    assert not journal.needs_rewrite()


def test_a_file_that_cannot_be_written_is_warned_of_once_and_written_when_it_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "missing"
    journal = Journal(folder / "j")
    journal.append({"op": "a"})
    journal.append({"op": "b"})
    assert len(caplog.records) == 1
    assert journal.needs_rewrite()
    folder.mkdir()
    journal.rewrite([{"op": "a"}, {"op": "b"}])
    assert not journal.needs_rewrite()
    assert Journal(folder / "j").load() == [{"op": "a"}, {"op": "b"}]
