"""What a start leaves of its flags: `restart` takes them up again, and finds DAGs that only a flag has named."""

import stat
from pathlib import Path

import pytest

from mwaa_local.cli.kept_flags import describe_flags, dropped_flags, hold_dags, join_flags, keep_flags
from mwaa_local.config import Project
from mwaa_local.errors import ProjectError
from mwaa_local.last_flags import FLAGS_FILE, load_flags
from mwaa_local.project import find_project
from mwaa_local.runtime.state import StateFolder


@pytest.fixture
def started(tmp_path: Path) -> Project:
    """A folder without `dags/` whose state folder some start has made."""
    root = tmp_path / "orders"
    (root / "src").mkdir(parents=True)
    project = Project(root, root / "src", None, None, None, None)
    StateFolder(project.state).create()
    return project


@pytest.mark.parametrize("text", [None, "", "[]", "{", '{"dags": 3}'])
def test_nothing_or_a_damaged_file_is_no_flag(started: Project, text: str | None) -> None:
    if text is not None:
        (started.state / FLAGS_FILE).write_text(text, encoding="utf-8")
    assert load_flags(started.state) in ({}, {"dags": f"{started.root}/3"})
    with pytest.raises(ProjectError, match="no dags folder"):
        find_project(started.root)


def test_what_is_the_same_is_not_written_again(started: Project) -> None:
    folder, file = StateFolder(started.state), started.state / FLAGS_FILE
    keep_flags(folder, {"airflow_options": ("a.b=c",), "live": False})
    before = file.stat().st_ino
    keep_flags(folder, {"airflow_options": ("a.b=c",), "live": False, "dags": None})
    assert file.stat().st_ino == before
    keep_flags(folder, {"live": False})
    assert load_flags(started.state) == {"live": False}


def test_what_is_given_is_kept_and_paths_are_found_from_anywhere(
    started: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(started.root)
    given = {
        "dags": "src",
        "secrets_file": Path("../s.yaml"),
        "workers": "2",
        "live": False,
        "airflow_options": ("a.b=c",),
    }
    keep_flags(StateFolder(started.state), {**given, "version": None, "python": None})
    kept = load_flags(started.state)
    places = {"dags": f"{started.root}/src", "secrets_file": f"{started.root.parent}/s.yaml"}
    assert kept == {**given, **places, "airflow_options": ["a.b=c"]}
    assert stat.S_IMODE((started.state / FLAGS_FILE).stat().st_mode) == 0o600
    keep_flags(StateFolder(started.state), {"dags": None, "airflow_options": ()})
    assert load_flags(started.state) == {}


def test_what_is_given_anew_is_stronger() -> None:
    before = {"version": "2.10.3", "workers": "2", "airflow_options": ["a.b=c"]}
    now = {"version": None, "workers": "1", "live": False, "airflow_options": ("d.e=f",)}
    assert join_flags(before, now) == {
        "version": "2.10.3",
        "workers": "1",
        "live": False,
        "airflow_options": ("a.b=c", "d.e=f"),
    }
    assert join_flags({}, {"version": None, "airflow_options": ()}) == {
        "version": None,
        "airflow_options": (),
    }


def test_what_is_not_given_again_is_known() -> None:
    before = {"version": "2.10.3", "workers": "2", "airflow_options": ["a.b=c"]}
    now = {"version": "2.2.2", "workers": None, "airflow_options": ()}
    assert dropped_flags(before, now) == {"workers": "2", "airflow_options": ["a.b=c"]}
    assert dropped_flags(before, {**now, "workers": "2", "airflow_options": ("d.e=f",)}) == {}
    assert dropped_flags({}, now) == {}


def test_flags_are_described_as_one_writes_them_without_values_that_may_be_secret() -> None:
    flags = {
        "dags": "/src",
        "startup_script": "/s.sh",
        "environment_class": "mw1.medium",
        "autoscale": True,
        "mwaa_paths": False,
        "live": False,
        "airflow_options": ["smtp.smtp_password=hush"],
    }
    assert describe_flags(flags) == (
        "--dags /src --startup-script /s.sh --class mw1.medium --autoscale --no-mwaa-paths --faithful-intervals "
        "--airflow-option smtp.smtp_password=..."
    )


def test_a_folder_that_was_started_with_another_dags_folder_is_found_from_below(
    started: Project, tmp_path: Path
) -> None:
    keep_flags(StateFolder(started.state), {"dags": started.dags})
    for place in (started.root, started.dags):
        assert (find_project(place).root, find_project(place).dags) == (started.root, started.dags)
    project, kept = find_project(started.root), load_flags(started.state)
    assert hold_dags(project, kept, {"dags": None, "workers": "1"}) == {
        "dags": str(started.dags),
        "workers": "1",
    }
    assert hold_dags(project, kept, {"dags": "other"}) == {"dags": "other"}
    (started.root / "dags").mkdir()
    assert hold_dags(find_project(started.root), kept, {"dags": None}) == {"dags": None}
    assert find_project(started.root).dags == started.root / "dags", "what lies there is stronger"
    (started.root / "dags").rmdir()
    moved = started.root.rename(tmp_path / "moved")
    assert find_project(moved).dags == moved / "src"
    (moved / "src").rmdir()
    with pytest.raises(ProjectError, match="no dags folder"):
        find_project(moved)
