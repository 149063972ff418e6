"""AIRFLOW_HOME, and what of a project needs a restart when it changes."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mwaa_local.catalog import load_version
from mwaa_local.config import Project
from mwaa_local.config_loading import load_config
from mwaa_local.errors import ProjectError, RuntimeStateError
from mwaa_local.project import find_project
from mwaa_local.runtime.airflow_home import (
    point_link,
    prepare_home,
    prepare_own_folder,
    project_fingerprint,
    remove_idle_folders,
    remove_temporary_files,
    request_digest,
)
from mwaa_local.runtime.state import StateFolder, ensure_secrets
from tests.unit.settings_of_a_project import PLAIN


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    made = StateFolder(tmp_path / ".mwaa-local")
    made.create()
    return made


@pytest.fixture
def project(tmp_path: Path) -> Project:
    shutil.copytree(PLAIN, tmp_path / "project")
    return find_project(tmp_path / "project")


def prepared(folder: StateFolder, project: Project, version: str = "2.2.2") -> Path:
    prepare_home(folder, project, load_version(version), ensure_secrets(folder, lambda: "key"))
    return folder.airflow_home


def test_dags_and_plugins_are_where_mwaa_has_them(folder: StateFolder, project: Project) -> None:
    home = prepared(folder, project)

    assert (home / "dags").readlink() == project.dags
    assert (home / "plugins").readlink() == project.plugins


def test_doing_it_again_in_a_moved_project_changes_the_links(folder: StateFolder, project: Project) -> None:
    prepared(folder, project)
    moved = project.root.rename(project.root.with_name("moved"))

    home = prepared(folder, find_project(moved))

    assert (home / "dags").readlink() == moved / "dags"


def test_the_password_file_of_airflow_3_is_private(folder: StateFolder, project: Project) -> None:
    prepared(folder, project)
    assert not (folder.root / "passwords.json").exists()

    prepared(folder, project, "3.0.6")

    password = json.loads((folder.root / "passwords.json").read_text())["admin"]
    assert password == json.loads(folder.secrets.read_text())["admin_password"]
    assert (folder.root / "passwords.json").stat().st_mode & 0o777 == 0o600


def test_a_home_that_cannot_be_made_is_a_clear_error(folder: StateFolder, project: Project) -> None:
    folder.airflow_home.rmdir()
    folder.airflow_home.write_text("in the way")

    with pytest.raises(RuntimeStateError, match=r"Cannot write .*airflow"):
        prepared(folder, project)


def test_a_path_that_airflow_2_cannot_hold_is_a_clear_error(tmp_path: Path) -> None:
    shutil.copytree(PLAIN, tmp_path / "100%")
    project = find_project(tmp_path / "100%")
    folder = StateFolder(project.state)
    folder.create()

    with pytest.raises(
        ProjectError, match=r"Airflow 2\.2\.2 cannot run tasks in a folder with a % in its path"
    ):
        prepared(folder, project)
    assert prepared(folder, project, "3.0.6").is_dir()


def test_each_service_has_a_home_and_a_folder_for_temporary_files(folder: StateFolder) -> None:
    prepare_own_folder(folder, "worker-1")
    prepare_own_folder(folder, "worker-1")

    own = folder.own_folders
    assert own.home("worker-1").is_dir()
    assert own.tmp("worker-1").is_dir()
    assert own.temporary.stat().st_mode & 0o777 == 0o700
    assert len(str(own.tmp("worker-1"))) < 60
    remove_temporary_files(folder)
    assert not own.temporary.exists()


def test_a_folder_for_temporary_files_that_others_could_use_is_refused(folder: StateFolder) -> None:
    temporary = folder.own_folders.temporary
    temporary.mkdir(mode=0o755)

    with pytest.raises(RuntimeStateError, match="belongs to somebody else"):
        prepare_own_folder(folder, "worker-1")

    temporary.rmdir()


def test_a_link_that_points_right_is_left_alone(tmp_path: Path) -> None:
    link = tmp_path / "link"
    point_link(link, tmp_path)
    before = link.lstat().st_ino

    point_link(link, tmp_path)

    assert link.lstat().st_ino == before


def digest(project: Project, **flags: str) -> str:
    return request_digest(load_config(project, flags, {}), project)


CHANGES: dict[str, Callable[[Path], object]] = {
    "requirements": lambda root: (root / "requirements.txt").write_text("pendulum\n"),
    "nested requirements": lambda root: (root / "dags" / "more.txt").write_text("pendulum\n"),
    "a plugin": lambda root: (root / "plugins" / "another.py").write_text("A = 1\n"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_that_roles_would_not_notice_is_another_request(
    project: Project, change: Callable[[Path], object]
) -> None:
    before = digest(project)

    change(project.root)

    assert digest(find_project(project.root)) != before


def test_another_wish_is_another_request(project: Project) -> None:
    assert digest(project, executor="local") != digest(project)


def test_a_changed_dag_is_the_same_request(project: Project) -> None:
    before = digest(project)

    (project.dags / "another.py").write_text("A = 1\n")

    assert digest(project) == before


def test_a_fingerprint_looks_at_plugins_by_name_size_and_time(project: Project) -> None:
    assert project.plugins is not None
    before = project_fingerprint(project, "packages")
    (project.plugins / "__pycache__").mkdir()
    (project.plugins / "__pycache__" / "x.pyc").touch()
    assert project_fingerprint(project, "packages") == before

    os.utime(project.plugins / "example_plugin.py", (1, 1))

    assert project_fingerprint(project, "packages") != before
    assert project_fingerprint(project, "other packages") != project_fingerprint(project, "packages")


def test_a_tmpdir_that_nobody_uses_is_removed_unless_there_is_something_in_it(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / ".mwaa-local")
    folder.create()
    for service in ("dag-tests", "other"):
        prepare_own_folder(folder, service)
    (folder.own_folders.tmp("other") / "kept").touch()

    remove_idle_folders(folder, "dag-tests")
    remove_idle_folders(folder, "other")
    assert not folder.own_folders.tmp("dag-tests").exists()
    assert folder.own_folders.tmp("other").exists()

    (folder.own_folders.tmp("other") / "kept").unlink()
    remove_idle_folders(folder, "other")
    assert not folder.own_folders.temporary.exists()
