"""What cannot work: one clear error each, the right exit code, and nothing left behind."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import MakeProject
from tests.e2e.ordinary_user import project_of_nobody
from tests.e2e.small_project import SmallProject

pytestmark = pytest.mark.airflow


def assert_refused(done: subprocess.CompletedProcess[str], exit_code: int, *words: str) -> None:
    assert done.returncode == exit_code, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("Error:") == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "bug in mwaa-local" not in done.stderr
    for word in words:
        assert word in done.stderr, done.stderr
    assert "Hint:" in done.stderr, done.stderr


@pytest.fixture
def project(make_project: MakeProject, tmp_path: Path) -> SmallProject:
    return make_project("bad", folder=tmp_path)


def test_a_folder_without_dags(project: SmallProject) -> None:
    shutil.rmtree(project.folder / "dags")

    assert_refused(project.run("start"), 2, "dags")

    assert not project.state.exists()


def test_a_configuration_that_is_no_toml(project: SmallProject) -> None:
    (project.folder / "mwaa-local.toml").write_text('[environment]\nversion = "2.2.2\n')

    assert_refused(project.run("start"), 2, "mwaa-local.toml", "2")

    assert not project.state.exists()


def test_a_configuration_in_another_encoding(project: SmallProject) -> None:
    (project.folder / "mwaa-local.toml").write_bytes(b'[environment]\nname = "gr\xfc\xdfe"\n')

    assert_refused(project.run("start"), 2, "mwaa-local.toml")


def test_an_interpreter_that_does_not_exist(project: SmallProject) -> None:
    done = project.run("start", "--python", str(project.folder / "no-python"))

    assert done.returncode in (1, 2)
    assert_refused(done, done.returncode, "no-python")
    assert project.remains() == []


def hidden(project: SmallProject, tmp_path: Path) -> dict[str, str]:
    """Return variables under which neither pyenv, nor uv's interpreters, nor PATH, nor an index can be found."""
    empty = tmp_path / "empty"
    empty.mkdir()
    return {
        "HOME": str(empty),
        "PYENV_ROOT": str(empty),
        "UV_PYTHON_INSTALL_DIR": str(empty / "pythons"),
        "UV_PYTHON_INSTALL_MIRROR": "http://127.0.0.1:9/",
        "UV_CACHE_DIR": str(empty / "uv"),
        "UV_HTTP_RETRIES": "0",
        "MWAA_LOCAL_CACHE": str(tmp_path / "cache"),
        "PATH": str(empty),
    }


def test_no_interpreter_of_the_version(project: SmallProject, tmp_path: Path) -> None:
    project.variables = hidden(project, tmp_path)

    done = project.run("start")

    assert_refused(done, 1, "3.7")
    assert project.remains() == []
    assert not list((tmp_path / "cache").rglob("*.partial"))


def test_a_package_index_that_cannot_be_reached(project: SmallProject, tmp_path: Path) -> None:
    project.variables = {
        "UV_CACHE_DIR": str(tmp_path / "uv"),
        "MWAA_LOCAL_CACHE": str(tmp_path / "cache"),
        "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple",
        "UV_HTTP_RETRIES": "0",
    }

    done = project.run("start")

    assert_refused(done, 1)
    assert project.remains() == []
    assert not list((tmp_path / "cache").rglob("*.partial"))
    assert not list((tmp_path / "cache" / "environments").glob("2.2.2-*/"))


def test_requirements_that_nobody_has(project: SmallProject) -> None:
    (project.folder / "requirements.txt").write_text("a-package-that-nobody-has==1.2.3\n")

    done = project.run("start")

    assert_refused(done, 1, "a-package-that-nobody-has")
    assert project.remains() == []


def test_a_startup_script_that_ends_early(project: SmallProject) -> None:
    (project.folder / "startup.sh").write_text("echo before the end\nexec false\n")

    assert_refused(project.run("start"), 1, "startup.sh", "before the end")

    assert project.remains() == []


@pytest.fixture
def of_a_user(project: SmallProject) -> Iterator[SmallProject]:
    """A project whose commands run as an ordinary user: ourselves, or somebody else if we are root."""
    if os.getuid() != 0:
        yield project
        return
    with project_of_nobody("2.2.2") as other:
        yield other


@pytest.mark.parametrize("name", ["dags", "requirements.txt"])
def test_files_that_the_user_may_not_read(of_a_user: SmallProject, name: str) -> None:
    (of_a_user.folder / "requirements.txt").write_text("# nothing\n")
    (of_a_user.folder / name).chmod(0o000)
    try:
        done = of_a_user.run("start")
    finally:
        (of_a_user.folder / name).chmod(0o755)

    assert_refused(done, 2, name)
