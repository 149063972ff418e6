"""Digests of files: right, each file read once, and not again before it changes."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from mwaa_local.deploy.digests import Digests
from mwaa_local.errors import ProjectError

LONG_AGO = (1_600_000_000, 1_600_000_000)


class Reads:
    """Counts what is read."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def __call__(self, path: str, size: int) -> None:
        self.paths.append(Path(path).name)


def settle(store: Path) -> None:
    """Let time pass: what was written before the memory was is believed from now on."""
    later = store.stat().st_mtime + 60
    os.utime(store, (later, later))


def test_both_digests_come_from_one_reading(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_bytes(b"x" * (3 << 20))
    reads = Reads()
    digests = Digests(None, reads)
    first = digests.of(str(file))
    assert digests.of(str(file)) == first
    assert first.size == 3 << 20
    assert first.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert first.md5 == hashlib.md5(file.read_bytes()).hexdigest()
    assert reads.paths == ["a.py"]


def test_an_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    file, store, reads = tmp_path / "a.py", tmp_path / "cache" / "store.json", Reads()
    file.write_text("one", encoding="utf-8")
    first = Digests(store, reads)
    expected = first.of(str(file))
    first.save()
    settle(store)
    second = Digests(store, reads)
    assert second.of(str(file)) == expected
    assert reads.paths == ["a.py"]


@pytest.mark.parametrize("change", ["content", "same size and time", "replaced"])
def test_a_changed_file_is_read_again(tmp_path: Path, change: str) -> None:
    file, store, reads = tmp_path / "a.py", tmp_path / "store.json", Reads()
    file.write_text("one", encoding="utf-8")
    os.utime(file, LONG_AGO)
    first = Digests(store, reads)
    first.of(str(file))
    first.save()
    settle(store)
    if change == "replaced":
        other = tmp_path / "b.py"
        other.write_text("two", encoding="utf-8")
        os.utime(other, LONG_AGO)
        other.replace(file)
    else:
        file.write_text("two", encoding="utf-8")
        if change == "same size and time":
            os.utime(file, LONG_AGO)
    assert Digests(store, reads).of(str(file)).sha256 == hashlib.sha256(b"two").hexdigest()


def test_a_file_as_young_as_the_memory_is_not_believed_to_be_unchanged(tmp_path: Path) -> None:
    file, store, reads = tmp_path / "a.py", tmp_path / "store.json", Reads()
    file.write_text("one", encoding="utf-8")
    first = Digests(store, reads)
    first.of(str(file))
    first.save()
    status = file.stat()
    os.utime(store, ns=(status.st_mtime_ns, status.st_mtime_ns))
    Digests(store, reads).of(str(file))
    assert reads.paths == ["a.py", "a.py"]


def test_what_is_gone_is_forgotten(tmp_path: Path) -> None:
    one, two, store = tmp_path / "one", tmp_path / "two", tmp_path / "store.json"
    for file in (one, two):
        file.write_text("x", encoding="utf-8")
    first = Digests(store)
    first.of(str(one))
    first.of(str(two))
    first.save()
    second = Digests(store)
    two.write_text("y", encoding="utf-8")
    second.of(str(two))
    second.save()
    assert list(json.loads(store.read_text(encoding="utf-8"))["files"]) == [str(two)]


@pytest.mark.parametrize(
    "damage", ["", "[]", "{}", '{"schema": 1, "files": {"a": [1]}}', '{"schema": 9}', "\0"]
)
def test_a_damaged_memory_is_no_memory(tmp_path: Path, damage: str) -> None:
    file, store, reads = tmp_path / "a.py", tmp_path / "store.json", Reads()
    file.write_text("one", encoding="utf-8")
    store.write_text(damage, encoding="utf-8")
    digests = Digests(store, reads)
    digests.of(str(file))
    digests.save()
    assert reads.paths == ["a.py"]
    assert json.loads(store.read_text(encoding="utf-8"))["schema"] == 1


def test_a_memory_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("one", encoding="utf-8")
    digests = Digests(file / "store.json")
    digests.of(str(file))
    digests.save()


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProjectError) as caught:
        Digests().of(str(tmp_path / "gone.py"))
    assert caught.value.message == f"{tmp_path}/gone.py cannot be read: No such file or directory."
    assert ".mwaaignore" in caught.value.hint
