"""What may be removed from the cache, and what must not."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mwaa_local.runtime.cache_contents import (
    DAY,
    MOMENT,
    CacheItem,
    Size,
    changed_files,
    choose_items,
    list_items,
    measure,
    remove_items,
)
from mwaa_local.runtime.cache_entry import MARKER, Entry, ensure_entry, lock_of
from tests.cache_locks import LOCKS


@dataclass(slots=True)
class Cache:
    """A cache folder and the paths that processes seem to name."""

    root: Path
    named: set[Path] = field(default_factory=set)
    now: float = field(default_factory=time.time)

    def add(self, name: str, days: float = 40.0) -> Path:
        """Add an environment that was last used so many days ago."""
        folder = self.root / "environments" / name
        ensure_entry(folder, lambda partial: {"airflow": "2.2.2"}, lambda entry: True, LOCKS)
        (folder / "library.py").write_text("")
        for path in (folder, folder / "library.py", folder / MARKER, lock_of(folder)):
            os.utime(path, (self.now - days * DAY, self.now - days * DAY))
        return folder

    def items(self) -> tuple[CacheItem, ...]:
        return list_items(self.root, LOCKS, lambda path: path in self.named)

    def prune(self, days: float = 30.0) -> list[str]:
        chosen = choose_items(self.items(), days, self.now)
        return [item.name for item in remove_items(chosen, LOCKS)]

    def names(self) -> set[str]:
        return {item.name for item in self.items()}


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def test_only_what_was_not_used_for_so_long_is_removed(cache: Cache) -> None:
    cache.add("old")
    cache.add("young", days=20.0)
    assert cache.prune() == ["old"]
    assert cache.names() == {"young"}
    assert cache.prune(10.0) == ["young"]
    assert cache.items() == ()


def test_using_an_environment_keeps_it(cache: Cache) -> None:
    folder = cache.add("old")
    ensure_entry(folder, lambda partial: {}, lambda entry: True, LOCKS)
    assert cache.prune(0.0) == []


def test_what_a_process_runs_from_or_a_command_builds_stays(cache: Cache) -> None:
    cache.named.add(cache.add("running"))
    building = cache.add("building")
    with LOCKS.hold(lock_of(building)):
        assert cache.prune() == []
    assert cache.prune() == ["building"]


def test_what_comes_into_use_after_it_was_listed_stays(cache: Cache) -> None:
    folder = cache.add("old")
    chosen = choose_items(cache.items(), 30.0, cache.now)
    os.utime(lock_of(folder))
    assert list(remove_items(chosen, LOCKS)) == []
    assert folder.is_dir()


def test_what_was_used_a_moment_ago_stays_whatever_is_asked_for(cache: Cache) -> None:
    cache.add("new", days=(MOMENT - 60) / DAY)
    assert cache.prune(0.0) == []


def test_what_was_removed_is_built_again(cache: Cache) -> None:
    folder = cache.add("old")
    cache.prune()
    entry: Entry = ensure_entry(folder, lambda partial: {}, lambda entry: True, LOCKS)
    assert entry.built


def test_only_what_can_be_made_again_is_an_item(cache: Cache) -> None:
    for name in ("databases/a", "databases/a.new", "validate", "postgresql/wheel", "authority", "ports"):
        (cache.root / name).mkdir(parents=True)
    (cache.root / "databases" / "a.lock").touch()
    (cache.root / "validate" / "memory.json").write_text("{}")
    assert [(item.kind, item.name) for item in cache.items()] == [
        ("validate", "validate"),
        ("databases", "a"),
    ]
    assert cache.items()[1].lock == cache.root / "databases" / "a.lock"


def test_files_with_links_elsewhere_are_not_freed(tmp_path: Path) -> None:
    folder = tmp_path / "environment"
    folder.mkdir()
    (folder / "own").write_bytes(b"x" * 8192)
    (folder / "shared").write_bytes(b"y" * 8192)
    empty = measure(tmp_path / "nothing")
    before = measure(folder)
    (tmp_path / "link").hardlink_to(folder / "shared")
    after = measure(folder)
    assert empty == Size(0, 0)
    assert before.taken == before.freed == after.taken
    assert before.freed - after.freed == (folder / "shared").stat().st_blocks * 512


def test_a_file_that_is_edited_in_place_is_found_and_a_compiled_one_is_not(cache: Cache) -> None:
    folder = cache.add("old")
    assert changed_files(folder) == ()
    (folder / "library.pyc").write_text("compiled later")
    (folder / "library.py").write_text("breakpoint()")
    assert changed_files(folder) == ("library.py",)
