"""Full and read-only disks, and state files that are damaged."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import MakeProject
from tests.e2e.local_environment import eventually
from tests.e2e.small_project import SmallProject, finish

pytestmark = pytest.mark.airflow

GARBAGE = b'{"half a docum\xff\x00'


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """Mount a file system in memory over `folder`; skip the test where that is not allowed (as root it is in CI)."""
    command = ["mount", "-t", "tmpfs", "-o", options, "mwaa-local-test", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        if os.environ.get("CI") == "true" and os.getuid() == 0:
            pytest.fail(f"root cannot mount: {done.stderr}")
        pytest.skip(f"a file system cannot be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


@pytest.fixture(scope="module")
def kept(make_project: MakeProject) -> SmallProject:
    """A project that has run before, with something in its metadata."""
    project = make_project("kept")
    project.start()
    project.remember()
    return project


def test_a_start_on_a_full_disk_says_so_and_works_when_there_is_room(make_project: MakeProject) -> None:
    project = make_project("on a full disk")
    project.state.mkdir()
    with mounted(project.state, "size=8m"):
        for size in ("8m", "48m"):  # too little to begin, too little for the environment
            remount(project.state, f"size={size}")
            done = project.run("start")

            assert done.returncode == 1, done.stderr
            assert done.stderr.count("Error:") == 1
            assert "bug in mwaa-local" not in done.stderr
            assert "The disk is full" in done.stderr, done.stderr
            assert project.remains() == []
        remount(project.state, "size=2g")
        project.start()
        project.stop()


def test_a_disk_that_fills_up_costs_nothing_that_was_kept(make_project: MakeProject) -> None:
    project = make_project("filling up")
    project.state.mkdir()
    with mounted(project.state, "size=1g"):
        project.start()
        project.remember()
        ballast = project.state / "ballast"
        with ballast.open("wb") as stream:
            try:
                while True:
                    stream.write(b"\0" * 1048576)
                    stream.flush()
            except OSError:
                pass
        finish(project.run_dag("quick"))
        stop = project.run("stop")
        assert "bug in mwaa-local" not in stop.stderr
        refused = project.run("start")
        assert refused.returncode == 1
        assert "The disk is full" in refused.stderr, refused.stderr
        ballast.unlink()

        project.start()
        project.recall()
        assert finish(project.run_dag("quick")).returncode == 0
        project.stop()


def test_a_read_only_disk_gives_one_clear_error_each(make_project: MakeProject) -> None:
    project = make_project("read only")
    project.state.mkdir()
    with mounted(project.state, "size=2g"):
        project.start()
        project.stop()
        remount(project.state, "ro")

        for command in ("start", "reset-db"):
            done = project.run(command, *(["--yes"] if command == "reset-db" else []))
            assert done.returncode == 1, f"{command}: {done.stdout}{done.stderr}"
            assert done.stderr.count("Error:") == 1
            assert "bug in mwaa-local" not in done.stderr, done.stderr
            assert "ead-only" in done.stderr
        assert project.health() == "stopped"
        assert project.run("stop").returncode == 0
        assert project.remains() == []
        remount(project.state, "rw")
        project.start()
        project.stop()


@pytest.mark.parametrize(
    "names",
    [("status.json", "start.json"), ("stack.json", "supervisor.json"), ("settings.json", "run.json")],
    ids=" and ".join,
)
def test_damaged_records_of_a_running_environment_hinder_nobody(
    kept: SmallProject, names: tuple[str, ...]
) -> None:
    kept.start()
    damage(kept, *(f"run/{name}" for name in names))

    assert "bug in mwaa-local" not in kept.run("status").stderr
    kept.start()
    damage(kept, *(f"run/{name}" for name in names))
    kept.stop()


def test_damaged_files_of_a_stopped_environment_are_made_anew(kept: SmallProject) -> None:
    kept.stop()
    damage(kept, "ports.json", "secrets.json", "permissions.json", "aws/queues.jsonl")

    kept.start()

    kept.recall()
    assert finish(kept.run_dag("quick")).returncode == 0


def damage(project: SmallProject, *names: str) -> None:
    for name in names:
        (project.state / name).write_bytes(GARBAGE)


def test_without_its_secrets_a_database_is_not_touched(kept: SmallProject) -> None:
    kept.stop()
    originals = {
        path: path.read_bytes() for path in (kept.state / "secrets.json", kept.state / "secrets.json.copy")
    }
    for path in originals:
        path.write_bytes(GARBAGE)

    done = kept.run("start")

    assert done.returncode == 1
    assert "are damaged: the key of the database's connections is lost." in done.stderr
    assert kept.remains() == []
    for path, content in originals.items():
        path.write_bytes(content)
    kept.start()
    kept.recall()


def test_a_damaged_database_is_named_and_can_be_reset(make_project: MakeProject) -> None:
    project = make_project("damaged")
    project.start()
    project.stop()
    data = project.state / "postgres" / "2.2.2" / "data"
    for damage in (data / "global" / "pg_control", data / "PG_VERSION", data / "global" / "1262"):
        original = damage.read_bytes()
        damage.write_bytes(b"garbage\n" * 4)
        done = project.run("start")
        assert done.returncode == 1, f"{damage.name}: {done.stderr}"
        assert "reset-db" in done.stderr, done.stderr
        assert project.remains() == []
        damage.write_bytes(original)
    shutil.rmtree(data / "base")

    done = project.run("start")

    assert done.returncode == 1
    assert "reset-db" in done.stderr, done.stderr
    assert project.run("reset-db", "--yes").returncode == 0
    project.start()
    eventually(lambda: finish(project.run_dag("quick")).returncode == 0, "a run succeeds")
