"""A staged folder: the exact layout, the same each time, whole or absent, and read back with suspicion."""

import json
import os
from pathlib import Path

import pytest

from mwaa_local.deploy.digests import Digests
from mwaa_local.deploy.manifest import Manifest
from mwaa_local.deploy.stage_folder import Stage, load_stage, manifest_path, stage_document, write_stage
from mwaa_local.deployment import Deployment
from mwaa_local.errors import MwaaLocalError, UsageError
from tests.unit.test_stage_manifest import build, deployment, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "orders"
    for name in ("dags/etl/a.py", "requirements.txt", "startup.sh"):
        write(root / name, name)
    return root


def stage(root: Path, folder: Path) -> tuple[Deployment, Manifest]:
    wanted, manifest = deployment(root), build(root, digests=Digests())
    write_stage(wanted, manifest, folder)
    return wanted, manifest


def snapshot(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return modes, times and contents of everything in a folder."""
    return {
        path.relative_to(folder).as_posix(): (
            path.stat().st_mode,
            path.stat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in (folder, *folder.rglob("*"))
    }


def test_the_same_files_give_the_same_tree(root: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    stage(root, first)
    (root / "startup.sh").chmod(0o700)
    os.utime(root / "dags" / "etl" / "a.py", (1, 1))
    stage(root, second)
    assert snapshot(first) == snapshot(second)
    assert sorted(snapshot(first)) == [
        ".",
        "dags",
        "dags/etl",
        "dags/etl/a.py",
        "requirements.txt",
        "startup.sh",
    ]
    assert manifest_path(first).read_bytes() == manifest_path(second).read_bytes()


def test_the_manifest_lies_beside_it_with_every_digest(root: Path, tmp_path: Path) -> None:
    wanted, manifest = stage(root, tmp_path / "out")
    document = json.loads((tmp_path / "out.manifest.json").read_text(encoding="utf-8"))
    assert document == stage_document(wanted, manifest)
    assert [each["key"] for each in document["files"]] == ["dags/etl/a.py", "requirements.txt", "startup.sh"]
    assert str(tmp_path) not in json.dumps(document)


def test_an_earlier_stage_is_replaced_whole(root: Path, tmp_path: Path) -> None:
    stage(root, tmp_path / "out")
    (root / "startup.sh").unlink()
    write(root / "dags" / "new.py", "new")
    wanted = deployment(root)
    wanted_again = Deployment(
        **{name: getattr(wanted, name) for name in Deployment.__slots__ if name != "startup_script"},
        startup_script=None,
    )
    write_stage(wanted_again, build(root, wanted_again), tmp_path / "out")
    assert {entry.key for entry in load_stage(tmp_path / "out").files} == {
        "dags/etl/a.py",
        "dags/new.py",
        "requirements.txt",
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["orders", "out", "out.manifest.json"]


def test_a_folder_that_is_not_ours_is_not_replaced(root: Path, tmp_path: Path) -> None:
    write(tmp_path / "out" / "precious.txt", "mine")
    with pytest.raises(UsageError) as caught:
        stage(root, tmp_path / "out")
    assert caught.value.message == f"{tmp_path}/out is there and holds something else."
    assert (tmp_path / "out" / "precious.txt").read_text(encoding="utf-8") == "mine"
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    for name in ("link", "out/precious.txt"):
        with pytest.raises(UsageError, match="is there, and is no folder"):
            stage(root, tmp_path / name)


def test_a_stage_cannot_lie_in_what_is_staged(root: Path) -> None:
    with pytest.raises(UsageError, match="which is staged itself"):
        stage(root, root / "dags" / "out")


def test_a_file_that_changes_meanwhile_leaves_everything_as_it_was(root: Path, tmp_path: Path) -> None:
    stage(root, tmp_path / "out")
    before = snapshot(tmp_path / "out")
    manifest = build(root)
    write(root / "startup.sh", "changed")
    with pytest.raises(MwaaLocalError, match=r"startup.sh was changed meanwhile"):
        write_stage(deployment(root), manifest, tmp_path / "out")
    assert snapshot(tmp_path / "out") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["orders", "out", "out.manifest.json"]


def test_what_was_staged_is_read_back(root: Path, tmp_path: Path) -> None:
    stage(root, tmp_path / "out")
    write(tmp_path / "out" / "dags" / "__pycache__" / "a.cpython-311.pyc")
    read = load_stage(tmp_path / "out")
    assert (read.deployment, read.version, read.layout.dags) == ("staging", "2.10.3", "dags")
    assert read.path(read.layout.requirements) == tmp_path / "out" / "requirements.txt"
    assert read.path(read.layout.plugins) is None
    assert isinstance(read, Stage)


@pytest.mark.parametrize("change", ["edit", "same length", "add", "remove", "link"])
def test_a_stage_that_somebody_changed_is_refused(root: Path, tmp_path: Path, change: str) -> None:
    stage(root, tmp_path / "out")
    file = tmp_path / "out" / "startup.sh"
    match change:
        case "edit":
            file.write_text("echo", encoding="utf-8")
        case "same length":
            file.write_text("STARTUP.SH", encoding="utf-8")
        case "add":
            file = write(tmp_path / "out" / "zzz.txt")
        case "remove":
            file.unlink()
        case "link":
            file.unlink()
            file.symlink_to(root / "startup.sh")
    with pytest.raises(UsageError) as caught:
        load_stage(tmp_path / "out")
    assert caught.value.message == f"{tmp_path}/out is not as it was staged: {file.name} differs."
    assert caught.value.hint == f"Stage again: mwaa-local stage staging --output {tmp_path}/out"


def test_a_folder_without_a_manifest_is_no_stage(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(UsageError) as caught:
        load_stage(tmp_path / "out")
    assert (
        caught.value.message
        == f"{tmp_path}/out is no staged deployment: there is no out.manifest.json beside it."
    )
    manifest_path(tmp_path / "out").write_text('{"schema": 1, "files": [1]}', encoding="utf-8")
    with pytest.raises(UsageError, match=r"out.manifest.json is damaged"):
        load_stage(tmp_path / "out")
