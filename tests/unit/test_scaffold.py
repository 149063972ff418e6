"""New projects: which files a template makes for a version, and that nothing else is ever touched."""

import ast
from pathlib import Path, PurePosixPath

import pytest

from mwaa_local.catalog import list_versions, load_version
from mwaa_local.errors import ProjectError, UsageError
from mwaa_local.project import find_project
from mwaa_local.scaffold import NewFile, apply_init, list_templates, plan_init

TEMPLATES = [template.name for template in list_templates()]
VERSION = load_version("2.2.2")


@pytest.mark.parametrize("version", list_versions())
@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_is_complete_for_every_version(template: str, version: str, tmp_path: Path) -> None:
    files = plan_init(template, tmp_path, load_version(version))
    for file in files:
        assert "@@" not in file.text
        assert not file.path.name.startswith("dot-")
        # What the builder fills in is no Python yet.
        if file.path.suffix == ".py" and file.path.parent.name != "templates":
            ast.parse(file.text)


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_new_project_is_one_that_start_finds(template: str, tmp_path: Path) -> None:
    apply_init(tmp_path / "new", plan_init(template, tmp_path / "new", VERSION))
    project = find_project(tmp_path / "new")
    assert project.dags == tmp_path / "new" / "dags"
    assert None not in (project.plugins, project.requirements, project.config_file)
    assert project.startup_script is not None
    assert project.startup_script.stat().st_mode & 0o111


def test_the_version_decides_what_dags_and_requirements_say(tmp_path: Path) -> None:
    old, new = text_of("2.2.2", "dags/hello.py", tmp_path), text_of("3.0.6", "dags/hello.py", tmp_path)
    assert 'schedule_interval="@daily"' in old
    assert "from airflow.operators.python import PythonOperator" in old
    assert '    schedule="@daily"' in new
    assert "from airflow.sdk import DAG" in new
    assert "constraints-2.2.2/constraints-3.7.txt" in text_of("2.2.2", "requirements.txt", tmp_path)
    assert 'version = "3.0.6"' in text_of("3.0.6", "mwaa-local.toml", tmp_path)


def test_the_etl_template_comes_with_the_dags_that_its_builder_writes(tmp_path: Path) -> None:
    files = {str(file.path): file.text for file in plan_init("etl", tmp_path, VERSION)}
    generated = [path for path in files if "/dynamic_dags/" in path]
    assert generated == [
        "dags/etl/cwr_dags/dynamic_dags/cwr-intake_un.py",
        "dags/etl/cwr_dags/dynamic_dags/cwr-intake_wcm.py",
    ]
    assert all(files[path].startswith("# Written by etl/dynamic_dags_builder/") for path in generated)


def test_nothing_is_written_where_a_file_of_the_template_exists(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("mine\n")
    (tmp_path / "startup.sh").symlink_to("nowhere")
    (tmp_path / "plugins").write_text("a file where a folder is needed")
    with pytest.raises(ProjectError) as caught:
        plan_init("minimal", tmp_path, VERSION)
    assert caught.value.message == (
        f"{tmp_path} already has what the template would make; nothing was written:\n"
        f"  {tmp_path / 'plugins'}\n  {tmp_path / 'requirements.txt'}\n  {tmp_path / 'startup.sh'}"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plugins", "requirements.txt", "startup.sh"]


def test_a_file_that_appears_meanwhile_is_kept_and_nothing_else_stays(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    files = plan_init("minimal", folder, VERSION)
    folder.mkdir()
    (folder / files[-1].path).parent.mkdir(parents=True, exist_ok=True)
    (folder / files[-1].path).write_text("mine\n")
    with pytest.raises(ProjectError, match="nothing was left behind"):
        apply_init(folder, files)
    assert [path for path in folder.rglob("*") if path.is_file()] == [folder / files[-1].path]
    assert (folder / files[-1].path).read_text() == "mine\n"


def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(ProjectError, match="taken"):
        apply_init(tmp_path / "taken" / "new", (NewFile(PurePosixPath("a"), "", False),))


def test_an_unknown_template_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no template 'big'") as caught:
        plan_init("big", tmp_path, VERSION)
    assert caught.value.hint == "Templates: minimal, etl."


def text_of(version: str, path: str, folder: Path) -> str:
    """The text of a file of the minimal template."""
    files = plan_init("minimal", folder, load_version(version))
    return next(file.text for file in files if str(file.path) == path)
