"""What is kept in the state folder, and what happens when a file of it is damaged or cannot be written."""

import json
import stat
from dataclasses import asdict
from pathlib import Path

import pytest

from mwaa_local.errors import RuntimeStateError
from mwaa_local.ports import ProcessId
from mwaa_local.runtime.convergence import Phase, ServiceState
from mwaa_local.runtime.state import (
    StateFolder,
    ensure_secrets,
    load_status,
    read_json,
    render_status,
    write_private,
)
from tests.unit.test_convergence import service

DAMAGE = (b"", b"{", b"[1]", b"\xff\xfe\x00", b'{"fernet_key": "only this"}')


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    made = StateFolder(tmp_path / ".mwaa-local")
    made.create()
    return made


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_folder_is_private_and_unseen_by_git(folder: StateFolder) -> None:
    assert mode(folder.root) == 0o700
    assert (folder.root / ".gitignore").read_text() == "*\n"


def test_a_folder_made_by_somebody_careless_becomes_private(tmp_path: Path) -> None:
    root = tmp_path / ".mwaa-local"
    root.mkdir(mode=0o755)

    StateFolder(root).create()

    assert mode(root) == 0o700


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(
        RuntimeStateError, match=r"Cannot write .*file/\.mwaa-local: Not a directory"
    ) as caught:
        StateFolder(tmp_path / "file" / ".mwaa-local").create()
    assert caught.value.hint == (
        "mwaa-local keeps the environment there: free some space or give yourself the right to write"
    )


def test_a_file_is_replaced_whole_and_is_private(folder: StateFolder) -> None:
    folder.ports.write_text("old")
    folder.ports.chmod(0o644)

    write_private(folder.ports, "new")

    assert folder.ports.read_text() == "new"
    assert mode(folder.ports) == 0o600
    assert [path.name for path in folder.root.glob(".ports*")] == []


def test_a_file_that_cannot_be_written_leaves_nothing_half_done(folder: StateFolder) -> None:
    folder.ports.mkdir()

    with pytest.raises(RuntimeStateError, match=r"Cannot write .*ports\.json"):
        write_private(folder.ports, "new")

    assert [path.name for path in folder.root.glob(".ports*")] == []


@pytest.mark.parametrize("damage", DAMAGE[:4])
def test_a_damaged_file_reads_as_none(folder: StateFolder, damage: bytes) -> None:
    folder.ports.write_bytes(damage)

    assert read_json(folder.ports) is None


def test_secrets_are_random_kept_and_private(folder: StateFolder) -> None:
    made = ensure_secrets(folder, lambda: "a new key")

    assert ensure_secrets(folder, lambda: "another key") == made
    assert made.fernet_key == "a new key"
    assert len(set(asdict(made).values())) == len(asdict(made))
    assert {mode(path) for path in folder.root.glob("secrets.json*")} == {0o600}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_secrets_come_back_from_their_copy(folder: StateFolder, damage: bytes) -> None:
    made = ensure_secrets(folder, lambda: "a new key")
    folder.secrets.write_bytes(damage)

    assert ensure_secrets(folder, lambda: "another key") == made
    assert json.loads(folder.secrets.read_text()) == asdict(made)


def test_secrets_of_an_earlier_version_get_what_they_lack(folder: StateFolder) -> None:
    made = ensure_secrets(folder, lambda: "a new key")
    earlier = {name: value for name, value in asdict(made).items() if name != "token_key"}
    for path in folder.root.glob("secrets.json*"):
        path.write_text(json.dumps(earlier))

    completed = ensure_secrets(folder, lambda: "another key")

    assert {**earlier, "token_key": completed.token_key} == asdict(completed)
    assert len(completed.token_key) > 40
    assert ensure_secrets(folder, lambda: "another key") == completed


@pytest.mark.parametrize("is_removed", [True, False])
def test_lost_secrets_of_a_database_are_an_error(folder: StateFolder, is_removed: bool) -> None:
    ensure_secrets(folder, lambda: "a new key")
    (folder.database / "2.2.2").mkdir(parents=True)
    for path in folder.root.glob("secrets.json*"):
        path.unlink() if is_removed else path.write_text("damaged")

    with pytest.raises(RuntimeStateError, match="are damaged: the key of the database's connections is lost"):
        ensure_secrets(folder, lambda: "another key")


def test_lost_secrets_without_a_database_are_made_anew(folder: StateFolder) -> None:
    folder.database.mkdir()
    folder.secrets.write_text("damaged")

    assert ensure_secrets(folder, lambda: "another key").fernet_key == "another key"


def test_a_status_is_read_as_it_was_written(folder: StateFolder) -> None:
    state = ServiceState(
        service("worker"), Phase.HEALTHY, ProcessId(7, 70.0), since=90.0, restarts=2, last_exit=-9
    )

    folder.status.write_text(render_status((state,), now=1000.0, monotonic=100.0))

    (report,) = load_status(folder)
    assert (report.name, report.phase, report.pid, report.started) == ("worker", Phase.HEALTHY, 7, 70.0)
    assert (report.since, report.restarts, report.last_exit) == (990.0, 2, -9)


@pytest.mark.parametrize(
    "damage", [*DAMAGE, b'{"services": 1}', b'{"services": [1]}', b'{"services": [{"phase": "odd"}]}']
)
def test_a_damaged_status_reads_as_none(folder: StateFolder, damage: bytes) -> None:
    folder.status.write_bytes(damage)

    assert load_status(folder) == ()
