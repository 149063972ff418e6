"""What a user is told to do about PostgreSQL's complaints, and which account a server of root's gets."""

import json
import shutil
from pathlib import Path

import pytest

from mwaa_local.adapters.commands import SystemCommands
from mwaa_local.errors import DatabaseError
from mwaa_local.runtime.database import database_url
from mwaa_local.runtime.database_user import as_database_user, choose_database_user, remove_data
from mwaa_local.runtime.postgres import explain, find_cause
from tests.fakes import FakeCommands


@pytest.mark.parametrize(
    ("log", "advice"),
    [
        ("FATAL:  could not write lock file: No space left on device", "make room on the disk"),
        ("FATAL:  could not open file: Read-only file system", "mounted read-only"),
        ('FATAL:  lock file "postmaster.pid" already exists', "mwaa-local stop"),
        ('FATAL:  data directory "/x" has wrong ownership: Permission denied', "belongs to another user"),
        ("PANIC:  could not locate a valid checkpoint record", "mwaa-local reset-db"),
    ],
)
def test_each_complaint_has_its_advice(log: str, advice: str) -> None:
    assert advice in explain(log)


def test_the_cause_is_the_last_complaint_without_its_time() -> None:
    log = "2026-01-01 UTC [7] LOG:  starting\n2026-01-01 UTC [7] FATAL:  no room\n2026-01-01 UTC [7] LOG:  shut down\n"
    assert find_cause(log) == "no room"


def test_an_ordinary_user_runs_the_server_himself(tmp_path: Path) -> None:
    user = choose_database_user(FakeCommands(), 1000, tmp_path, tmp_path)
    assert user.account is None
    assert as_database_user(["/pg/postgres"], user)[-2:] == ["--", "/pg/postgres"]


def test_the_account_that_was_chosen_once_stays(tmp_path: Path) -> None:
    kept = {"account": "nobody", "folder": "/var/lib/x/1", "cache": "/var/lib/x/cache"}
    (tmp_path / "user.json").write_text(json.dumps(kept))
    user = choose_database_user(FakeCommands(), 0, tmp_path, tmp_path)
    assert (user.account, user.folder) == ("nobody", Path("/var/lib/x/1"))


@pytest.fixture
def original(tmp_path: Path) -> Path:
    """A project's folder for its database, whose data an account keeps elsewhere."""
    folder, data = tmp_path / "original", tmp_path / "shared" / "1"
    folder.mkdir()
    (data / "2.2.2").mkdir(parents=True)
    (data / "2.2.2" / "kept").write_text("a row")
    kept = {"account": "nobody", "folder": str(data), "cache": "/var/lib/x/cache"}
    (folder / "user.json").write_text(json.dumps(kept))
    choose_database_user(SystemCommands(), 0, folder, tmp_path)  # a record of before gets its home now
    return folder


def chosen(folder: Path) -> Path:
    return choose_database_user(SystemCommands(), 0, folder, folder).folder


def test_a_copied_project_gets_data_of_its_own(original: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(original, copy)

    mine = chosen(copy)

    assert mine != chosen(original)
    assert (mine / "2.2.2" / "kept").read_text() == "a row"
    assert chosen(copy) == mine
    assert sorted(path.name for path in mine.parent.iterdir()) == sorted(["1", mine.name])


def test_a_destroyed_project_takes_its_own_data_with_it(original: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(original, copy)
    remove_data(copy)  # the data are the original's still
    assert chosen(original).is_dir()
    remove_data(original)
    assert not chosen(original).exists()
    remove_data(tmp_path)


def test_a_moved_project_keeps_its_data_on_another_disk_too(original: Path, tmp_path: Path) -> None:
    before = chosen(original)
    moved = original.rename(tmp_path / "moved")
    assert chosen(moved) == before
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(moved, elsewhere)
    shutil.rmtree(moved)
    assert chosen(elsewhere) == before


def test_data_that_cannot_be_copied_are_an_error_and_stay(original: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(original, copy)
    shutil.rmtree(tmp_path / "shared" / "1")
    with pytest.raises(DatabaseError, match="cannot be copied"):
        chosen(copy)
    assert list((tmp_path / "shared").iterdir()) == []


def test_a_damaged_record_of_the_account_is_said(tmp_path: Path) -> None:
    (tmp_path / "user.json").write_text("{")
    with pytest.raises(DatabaseError, match="unknown where the database lies"):
        choose_database_user(FakeCommands(), 0, tmp_path, tmp_path)


def test_the_url_survives_any_password() -> None:
    assert database_url("a/b@c:d", 5) == "postgresql+psycopg2://airflow:a%2Fb%40c%3Ad@127.0.0.1:5/airflow"
