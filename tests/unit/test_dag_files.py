"""The files of a DAGs folder: one walk for the checks and for whoever waits for the scheduler."""

import os
from pathlib import Path

import pytest

from mwaa_local.dag_files import FolderWalk, missing_words, python_files
from mwaa_local.runtime.dag_discovery import find_candidates
from mwaa_local.validation.dag_folder import list_dag_folder
from mwaa_local.validation.ignore_file import IgnoreDialect, IgnoreSyntax

DIALECT = IgnoreDialect(IgnoreSyntax.REGEXP, dotted=False)


@pytest.mark.parametrize(
    ("content", "airflow", "missing"),
    [
        (b"from airflow import DAG", (2, 2, 2), ()),
        (b"from AIRFLOW import dag", (2, 2, 2), ()),
        (b"import airflow", (2, 2, 2), ("dag",)),
        (b"import os", (3, 0, 6), ("dag", "airflow")),
        (b"from airflow import dag", (1, 10, 12), ("DAG",)),
        (b"from airflow import DAG", (1, 10, 12), ()),
    ],
)
def test_safe_mode_looks_for_two_words(
    content: bytes, airflow: tuple[int, ...], missing: tuple[str, ...]
) -> None:
    assert missing_words(content, airflow) == missing


def test_the_checks_and_the_start_walk_alike(tmp_path: Path) -> None:
    for name in ("a.py", "etl/b.py", "etl/__pycache__/c.py", "etl/deep/d.py", "etl/e.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("from airflow import DAG\n")
    (tmp_path / "etl" / "shared.py").write_text("x = 1\n")
    (tmp_path / "linked").symlink_to(tmp_path / "etl" / "deep")
    (tmp_path / "etl" / "loop").symlink_to(tmp_path)
    found = sorted(file.path for file in python_files(tmp_path))
    assert list_dag_folder(tmp_path, DIALECT).python == found
    candidates = [each.path for each in find_candidates(tmp_path, found)]
    assert candidates == [path for path in found if path != "etl/shared.py"]
    # What two links lead to is found once.
    assert sorted(Path(path).name for path in found) == ["a.py", "b.py", "d.py", "shared.py"]


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o000)
    walk = FolderWalk(tmp_path)
    for entry in walk.entries():
        list(walk.entries(f"{entry.path}/"))
    assert walk.unreadable == ([] if os.geteuid() == 0 else ["locked/"])
    missing = FolderWalk(tmp_path / "nowhere")
    assert list(missing.entries()) == []
    assert missing.unreadable == [""]
