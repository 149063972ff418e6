"""In which order files are uploaded."""

import hashlib
from pathlib import Path

from mwaa_local.deploy.manifest import Part, StagedFile
from mwaa_local.deploy.plan_order import rank_uploads
from tests.deployed_project import staged


def ranks(folder: Path, **files: str) -> list[list[str]]:
    """Return the keys of each rank; `common__b` is dags/common/b.py."""
    found = []
    for name, text in files.items():
        key = f"dags/{name.replace('__', '/').replace('INIT', '__init__')}.py"
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        found.append(staged(path, key))
    ranked = rank_uploads(found, "dags")
    levels = sorted(set(ranked.values()))
    return [sorted(key.removeprefix("dags/") for key in ranked if ranked[key] == level) for level in levels]


def test_plugins_requirements_and_script_come_first_and_what_dags_read_before_dags() -> None:
    keys = {
        "plugins.zip": Part.PLUGINS,
        "requirements.txt": Part.REQUIREMENTS,
        "startup.sh": Part.STARTUP_SCRIPT,
        "config/x.json": Part.EXTRA,
        "dags/query.sql": Part.DAGS,
        "dags/a.py": Part.DAGS,
    }
    files = [
        StagedFile(key, Path("/absent"), part, 0, hashlib.sha256().hexdigest(), "")
        for key, part in keys.items()
    ]
    assert list(rank_uploads(files, "dags").values()) == [0, 0, 0, 1, 2, 3]


def test_modules_come_before_the_modules_that_import_them(tmp_path: Path) -> None:
    assert ranks(
        tmp_path,
        dag="from common.tables import ORDERS\nimport airflow",
        common__tables="from common import names",
        common__names="import os",
        other="import airflow",
    ) == [["common/names.py", "other.py"], ["common/tables.py"], ["dag.py"]]


def test_packages_come_before_what_lies_in_them_is_imported(tmp_path: Path) -> None:
    assert ranks(tmp_path, a="import etl.load", etl__INIT="", etl__load="x = 1") == [
        ["etl/__init__.py", "etl/load.py"],
        ["a.py"],
    ]


def test_relative_imports_are_followed(tmp_path: Path) -> None:
    assert ranks(
        tmp_path,
        etl__INIT="from .load import load",
        etl__load="from . import names\nfrom .names import X",
        etl__names="",
    ) == [["etl/names.py"], ["etl/load.py"], ["etl/__init__.py"]]


def test_imports_in_functions_and_in_brackets_count(tmp_path: Path) -> None:
    assert ranks(
        tmp_path,
        a="def f():\n    from b import (\n        x,\n    )\n",
        b="import os, \\\n    c\n",
        c="",
    ) == [["c.py"], ["b.py"], ["a.py"]]


def test_circles_are_broken_where_most_wait(tmp_path: Path) -> None:
    assert ranks(tmp_path, a="import b", b="import a", dag="import a") == [["a.py"], ["b.py", "dag.py"]]


def test_files_that_do_not_parse_are_uploaded_all_the_same(tmp_path: Path) -> None:
    assert ranks(tmp_path, a="import b\nprint 1", b="") == [["a.py", "b.py"]]
