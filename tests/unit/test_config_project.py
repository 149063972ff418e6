"""Finding a project: what lies where, from which folder, and what is said when something is missing."""

import os
from pathlib import Path

import pytest

from mwaa_local.config import Origin, Source
from mwaa_local.errors import ConfigError, MwaaLocalError, ProjectError
from mwaa_local.project import PathOverride, find_project, path_overrides

PROJECTS = Path(__file__).parents[1] / "projects"


def test_a_project_needs_no_configuration() -> None:
    project = find_project(PROJECTS / "plain")
    assert project.root == PROJECTS / "plain"
    assert project.dags == project.root / "dags"
    assert project.plugins == project.root / "plugins"
    assert project.requirements == project.root / "requirements.txt"
    assert project.startup_script == project.root / "startup.sh"
    assert project.config_file is None


def test_requirements_and_the_startup_script_may_lie_in_folders() -> None:
    project = find_project(PROJECTS / "requirements_in_folders")
    assert project.requirements == project.root / "requirements" / "requirements.txt"
    assert project.startup_script == project.root / "startup_script" / "startup.sh"
    assert project.plugins is None


def test_requirements_may_lie_in_the_dags_folder() -> None:
    project = find_project(PROJECTS / "requirements_in_dags")
    assert project.requirements == project.dags / "requirements.txt"


def test_the_file_says_where_dags_and_plugins_are() -> None:
    project = find_project(PROJECTS / "configured")
    assert project.dags == PROJECTS / "configured" / "airflow" / "dags"
    assert project.plugins == PROJECTS / "configured" / "airflow" / "plugins"
    assert project.config_file == PROJECTS / "configured" / "mwaa-local.toml"


@pytest.mark.parametrize(
    ("start", "root"),
    [
        ("plain/dags", "plain"),
        ("configured/airflow/dags/etl", "configured"),
        ("configured/airflow", "configured"),
        ("dags_in_dags/dags/dags", "dags_in_dags"),
    ],
)
def test_a_project_is_found_from_a_folder_inside_it(start: str, root: str) -> None:
    assert find_project(PROJECTS / start).root == PROJECTS / root


def test_a_project_inside_another_folder_with_dags_is_its_own(tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "team" / "dags").mkdir(parents=True)
    assert find_project(tmp_path / "team").root == tmp_path / "team"


def test_the_search_ends_at_the_top_of_a_checkout(tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "checkout" / ".git").mkdir(parents=True)
    with pytest.raises(ProjectError, match="has no dags folder"):
        find_project(tmp_path / "checkout")


def test_a_flag_wins_over_a_variable_for_a_path() -> None:
    found = path_overrides(
        {"dags": "a", "plugins": None}, {"MWAA_LOCAL_DAGS": "b", "MWAA_LOCAL_PLUGINS": "c"}
    )
    assert found == {
        "dags": PathOverride(Path("a"), Origin(Source.FLAG, "--dags")),
        "plugins": PathOverride(Path("c"), Origin(Source.VARIABLE, "MWAA_LOCAL_PLUGINS")),
    }


def test_an_override_starts_at_the_current_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECTS / "plain")
    overrides = path_overrides({"dags": "../configured/airflow/dags"}, {})
    project = find_project(PROJECTS / "plain", overrides)
    assert project.root == PROJECTS / "plain"
    assert project.dags == PROJECTS / "configured" / "airflow" / "dags"


def assert_refused(folder: Path, error: type[MwaaLocalError], message: str, hint: str) -> None:
    with pytest.raises(error) as caught:
        find_project(folder)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_folder_without_dags_is_no_project() -> None:
    folder = PROJECTS / "no_dags"
    assert_refused(
        folder,
        ProjectError,
        f"{folder} has no dags folder, and no folder above it has one.",
        "Go to the project's folder, or make a project with: mwaa-local init",
    )


def test_a_folder_that_is_not_there_is_no_project(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    assert_refused(folder, ProjectError, f"{folder} does not exist.", "Give the folder of a project.")


def test_a_file_is_no_project(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert_refused(file, ProjectError, f"{file} is not a folder.", "Give the folder of a project.")


def test_a_configured_project_needs_dags_too(tmp_path: Path) -> None:
    (tmp_path / "mwaa-local.toml").write_text("")
    assert_refused(
        tmp_path,
        ProjectError,
        f"{tmp_path} has no dags folder.",
        "Make it, or name another folder as dags under [paths] in mwaa-local.toml.",
    )


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ('dags = "gone"', "dags: {}/gone does not exist.", "Name a folder that exists."),
        (
            'dags = "mwaa-local.toml"',
            "dags: {}/mwaa-local.toml is not a folder.",
            "Name a folder that exists.",
        ),
        ('requirements = "dags"', "requirements: {}/dags is not a file.", "Name a file that exists."),
        ('startup_script = "x.sh"', "startup_script: {}/x.sh does not exist.", "Name a file that exists."),
    ],
)
def test_a_configured_path_must_exist(tmp_path: Path, line: str, message: str, hint: str) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "mwaa-local.toml").write_text(f"[paths]\n{line}\n")
    assert_refused(tmp_path, ProjectError, "mwaa-local.toml line 2: " + message.format(tmp_path), hint)


def test_a_configured_path_must_be_text(tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "mwaa-local.toml").write_text("[paths]\nplugins = 1\n")
    assert_refused(
        tmp_path,
        ConfigError,
        "mwaa-local.toml line 2: plugins must be a path in quotes, not 1.",
        'For example: plugins = "my/plugins". Leave the line out for the usual place.',
    )


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    loop = tmp_path / "mwaa-local.toml"
    loop.symlink_to(loop)
    assert_refused(
        tmp_path,
        ProjectError,
        f"{loop} cannot be read: Too many levels of symbolic links.",
        "Make mwaa-local.toml a readable file.",
    )


def test_a_name_that_the_system_refuses_is_an_error_of_the_user(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 300)
    assert_refused(
        folder,
        ProjectError,
        f"{folder} cannot be read: File name too long.",
        "Give a project's folder that you may read.",
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ["dags", "plugins", "requirements.txt"])
def test_what_may_not_be_read_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "plugins").mkdir()
    (tmp_path / "requirements.txt").touch()
    (tmp_path / name).chmod(0)
    try:
        assert_refused(
            tmp_path,
            ProjectError,
            f"{tmp_path / name} cannot be read: Permission denied.",
            f"Give yourself the right to read it: chmod u+rX {tmp_path / name}",
        )
    finally:
        (tmp_path / name).chmod(0o700)
