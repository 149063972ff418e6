"""Which database another version of Airflow gets: decided from what there is and what the user wants."""

import json
from pathlib import Path

import pytest

from mwaa_local.errors import UsageError
from mwaa_local.runtime.carry_over import Carry, Own, Plan, Situation, plan_carry_over
from mwaa_local.runtime.database_preparation import DatabaseRecord, load_database_record, note_version
from mwaa_local.runtime.state import StateFolder


def plan(last: str | None, wanted: str, *, has_own: bool = False, wish: bool | None = None) -> Plan:
    return plan_carry_over(Situation(last, wanted, has_own, wish))


@pytest.mark.parametrize("last", [None, "2.2.2"])
@pytest.mark.parametrize("wish", [None, True, False])
def test_the_same_version_and_the_first_one_have_nothing_to_take_over(
    last: str | None, wish: bool | None
) -> None:
    assert plan(last, "2.2.2", has_own=last is not None, wish=wish) == Own()


@pytest.mark.parametrize(
    ("last", "wanted"), [("2.2.2", "2.4.3"), ("2.4.3", "2.10.3"), ("2.9.2", "2.10.1"), ("3.0.6", "3.2.1")]
)
def test_a_newer_version_takes_over_what_the_one_before_has(last: str, wanted: str) -> None:
    assert plan(last, wanted) == Carry(last)


def test_a_newer_version_that_has_a_database_keeps_it_unless_told_otherwise() -> None:
    assert plan("2.2.2", "2.4.3", has_own=True) == Own(
        "Airflow 2.4.3 goes on with the database that it had here: what has happened with 2.2.2 since then is not in "
        "it. Nothing of 2.2.2 is lost: its database is kept, and used again with it. "
        "To take that over instead: mwaa-local stop, then mwaa-local start --carry-over"
    )
    assert plan("2.2.2", "2.4.3", has_own=True, wish=True) == Carry("2.2.2")


def test_who_wants_no_metadata_of_before_gets_none() -> None:
    assert plan("2.2.2", "2.4.3", wish=False) == Own(
        "Airflow 2.4.3 begins with an empty database, as asked. "
        "Nothing of 2.2.2 is lost: its database is kept, and used again with it."
    )


def test_an_older_version_takes_over_what_the_newer_one_takes_back_for_it() -> None:
    assert plan("2.10.3", "2.4.3") == Carry("2.10.3", is_newer=True)
    assert plan("2.10.3", "2.4.3", has_own=True, wish=True) == Carry("2.10.3", is_newer=True)
    goes_on = plan("2.10.3", "2.4.3", has_own=True)
    assert isinstance(goes_on, Own)
    assert goes_on.words.startswith("Airflow 2.4.3 goes on with the database that it had here")


def test_versions_that_cannot_take_their_metadata_back_leave_the_older_one_its_own() -> None:
    assert plan("2.2.2", "2.0.2") == Own(
        "Airflow 2.0.2 begins with an empty database: Airflow 2.2.2 has no command that takes its metadata back to an "
        "older version. Nothing of 2.2.2 is lost: its database is kept, and used again with it."
    )


@pytest.mark.parametrize(("last", "wanted"), [("1.10.12", "2.0.2"), ("2.11.0", "3.0.6"), ("3.0.6", "2.11.0")])
def test_nothing_is_carried_over_between_major_versions(last: str, wanted: str) -> None:
    decided = plan(last, wanted)
    assert isinstance(decided, Own)
    assert "as on MWAA, nothing is carried over to another major version of Airflow" in decided.words


@pytest.mark.parametrize(("last", "wanted"), [("2.2.2", "2.0.2"), ("2.11.0", "3.0.6")])
def test_asking_for_what_cannot_be_is_refused(last: str, wanted: str) -> None:
    with pytest.raises(
        UsageError, match=f"The metadata of Airflow {last} cannot be carried over to {wanted}"
    ) as caught:
        plan(last, wanted, wish=True)
    assert (
        caught.value.hint
        == f"leave --carry-over out; the database of {last} is kept and used again with {last}"
    )


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    made = StateFolder(tmp_path / ".mwaa-local")
    made.create()
    return made


def test_the_version_in_use_is_remembered_with_the_one_before_it(folder: StateFolder) -> None:
    assert load_database_record(folder) == DatabaseRecord(None)
    for version in ("2.2.2", "2.4.3", "2.4.3"):
        note_version(folder, version)
    assert load_database_record(folder) == DatabaseRecord("2.4.3", "2.2.2")


@pytest.mark.parametrize("damage", ["", "[]", '{"version": 2}'])
def test_a_damaged_record_is_as_good_as_none(folder: StateFolder, damage: str) -> None:
    (folder.root / "database.json").write_text(damage)
    assert load_database_record(folder) == DatabaseRecord(None)


def test_projects_of_before_are_known_by_their_last_start(folder: StateFolder) -> None:
    ports = {"webserver": 1, "aws": 2, "postgres": 3}
    names = ("project", "environment", "amazon_provider", "python", "packages", "request", "executor", "aws")
    record = {**dict.fromkeys(names, "x"), "version": "2.2.2", "ports": ports}
    folder.start_record.write_text(json.dumps(record))
    assert load_database_record(folder) == DatabaseRecord("2.2.2")
