"""How long `start` waits for DAG files: for each as long as nobody knows what became of it, and not longer."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.ports import CommandResult
from mwaa_local.runtime.dag_discovery import SETTLED_AFTER, Candidate, is_processed, load_settled
from mwaa_local.runtime.metadata import MetadataClient
from mwaa_local.runtime.state import StateFolder
from tests.fakes import FakeClock, FakeCommands, RanCommand

CHANGED = 1_700_000_000
DONE = "[2026-11-21 15:45:05,411] {processor.py:171} INFO - Processing /dags/shared.py took 0.242 seconds\n"
BEGUN = "[2026-11-21 15:45:05,170] {processor.py:163} INFO - Started process (PID=20) to work on /dags/shared.py\n"
ORDERS = Candidate("etl/orders.py", CHANGED * 10**9)
SHARED = Candidate("shared.py", CHANGED * 10**9)


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    found = StateFolder(tmp_path / ".mwaa-local")
    found.create()
    return found


def summary(*dags: str, parsed: float | None = CHANGED + 1.0) -> dict[str, Any]:
    """Return what the database says of DAGs in files of these paths."""
    rows = [
        {
            "dag_id": dag,
            "is_paused": True,
            "is_active": True,
            "fileloc": f"/usr/local/airflow/dags/{dag}",
            "parsed": parsed,
        }
        for dag in dags
    ]
    return {"mark": json.dumps(rows), "dags": rows, "import_errors": []}


class Database:
    """Answers one summary after the other, the last one again and again; waiting takes the time that is asked for."""

    def __init__(self, *summaries: dict[str, Any]) -> None:
        self.clock = FakeClock()
        self.asked: list[float | None] = []
        self._summaries = iter(summaries)
        self._last: dict[str, Any] = {}
        commands = FakeCommands()
        commands.answers[("python",)] = self._answer
        self.client = MetadataClient(Path("python"), "", commands)

    def _answer(self, command: RanCommand) -> CommandResult:
        self._last = next(self._summaries, self._last)
        patience = json.loads(command.stdin)["patience"] if command.stdin else None
        self.asked.append(patience)
        self.clock.sleep(patience or 0.0)
        return CommandResult(0, json.dumps(self._last), "")


def wait(database: Database, files: Sequence[Candidate], folder: StateFolder) -> list[str]:
    """Return the DAGs that were found in the end."""
    return [dag.dag_id for dag in load_settled(database.client, files, folder, database.clock).dags]


def write_log(
    folder: StateFolder, path: str, text: str, day: str = "2026-11-21", at: int = CHANGED + 5
) -> None:
    log = folder.airflow_home / "logs" / "scheduler" / day / f"{path}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(text, encoding="utf-8")
    os.utime(log, (at, at))


def test_nobody_waits_where_every_file_is_known(folder: StateFolder) -> None:
    database = Database(summary("etl/orders.py"))
    assert wait(database, [ORDERS], folder) == ["etl/orders.py"]
    assert database.asked == [None]


def test_a_file_is_waited_for_until_its_dag_is_there(folder: StateFolder) -> None:
    database = Database(summary(), summary(), summary("etl/orders.py"))
    assert wait(database, [ORDERS], folder) == ["etl/orders.py"]
    assert len(database.asked) == 3


def test_what_was_parsed_before_its_last_change_is_waited_for(folder: StateFolder) -> None:
    database = Database(summary("etl/orders.py", parsed=CHANGED - 1.0), summary("etl/orders.py"))
    wait(database, [ORDERS], folder)
    assert len(database.asked) == 2


def test_a_file_without_dags_is_known_by_the_processors_last_word(folder: StateFolder) -> None:
    write_log(folder, "shared.py", BEGUN + DONE)
    database = Database(summary("etl/orders.py"))
    wait(database, [ORDERS, SHARED], folder)
    # Asked once more: the log may be of a moment after the first answer.
    assert database.asked == [None, 0.0]
    again = Database(summary("etl/orders.py"))
    wait(again, [ORDERS, SHARED], folder)
    assert again.asked == [None]


def test_a_file_of_which_nothing_is_said_is_waited_for_once_until_all_is_quiet(folder: StateFolder) -> None:
    database = Database(summary())
    began = database.clock.monotonic()
    wait(database, [SHARED], folder)
    assert SETTLED_AFTER < database.clock.monotonic() - began < SETTLED_AFTER + 1
    again = Database(summary())
    wait(again, [SHARED], folder)
    assert again.asked == [None]
    changed = Database(summary())
    wait(changed, [Candidate("shared.py", (CHANGED + 60) * 10**9)], folder)
    assert len(changed.asked) > 2


def ever_new() -> Iterator[dict[str, Any]]:
    for number in range(1000):
        yield summary(f"{number}.py")


def test_waiting_ends_though_something_always_changes(folder: StateFolder) -> None:
    database = Database(*ever_new())
    wait(database, [SHARED], folder)
    assert len(database.asked) < 100


@pytest.mark.parametrize(
    ("text", "at"),
    [
        (DONE + BEGUN, CHANGED + 5),
        (BEGUN, CHANGED + 5),
        (DONE, CHANGED - 5),
        ("", CHANGED + 5),
    ],
    ids=["read once more", "being read", "changed since", "empty"],
)
def test_a_log_that_does_not_end_with_the_end_says_nothing(folder: StateFolder, text: str, at: int) -> None:
    write_log(folder, "shared.py", text, at=at)
    assert not is_processed(SHARED, folder)


def test_the_newest_day_counts(folder: StateFolder) -> None:
    assert not is_processed(SHARED, folder)
    write_log(folder, "shared.py", DONE, day="2026-11-20")
    assert is_processed(SHARED, folder)
    write_log(folder, "other.py", DONE, day="2026-11-21")
    assert not is_processed(SHARED, folder)
