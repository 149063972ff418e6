"""Requirements files as the installer gets to read them."""

import codecs
from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.config import Project
from mwaa_local.errors import RequirementsError
from mwaa_local.requirements_files import RequirementsFiles, decode_requirements, read_requirements


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in ("dags", "plugins", "requirements"):
        (tmp_path / name).mkdir()
    return Project(
        root=tmp_path,
        dags=tmp_path / "dags",
        plugins=tmp_path / "plugins",
        requirements=tmp_path / "requirements" / "requirements.txt",
        startup_script=None,
        config_file=None,
    )


def read(project: Project, text: str, **environ: str) -> RequirementsFiles:
    assert project.requirements is not None
    project.requirements.write_text(text)
    return read_requirements(project, environ, lambda airflow, python: None)


def rewritten(project: Project, text: str) -> str:
    return dict(read(project, text).texts)["requirements.txt"]


def test_paths_of_the_container_become_those_of_the_project(project: Project) -> None:
    plugins = project.plugins
    text = rewritten(project, "--no-index\n--find-links /usr/local/airflow/plugins\nx==1\n")
    assert text == f"--no-index\n--find-links file://{plugins}\nx==1\n"
    assert (
        rewritten(project, "/usr/local/airflow/plugins/x-1-py3-none-any.whl")
        == f"file://{plugins}/x-1-py3-none-any.whl\n"
    )
    assert (
        rewritten(project, "x @ file:///usr/local/airflow/dags/x.whl") == f"x @ file://{project.dags}/x.whl\n"
    )


def test_a_path_with_spaces_is_escaped(project: Project, tmp_path: Path) -> None:
    moved = replace(project, plugins=tmp_path / "my plugins")
    assert rewritten(moved, '-f "/usr/local/airflow/plugins"') == f"-f file://{tmp_path}/my%20plugins\n"


def test_names_that_only_begin_like_the_container_are_left_alone(project: Project) -> None:
    assert rewritten(project, "-f /usr/local/airflow/plugins-old") == "-f /usr/local/airflow/plugins-old\n"


def test_paths_that_start_at_the_working_directory_start_at_the_project(project: Project) -> None:
    assert rewritten(project, "./wheels/x.whl") == f"file://{project.root}/wheels/x.whl\n"
    assert rewritten(project, "-e ./library") == f"-e file://{project.root}/library\n"


def test_included_files_are_rewritten_too(project: Project) -> None:
    (project.dags / "more.txt").write_text("-f /usr/local/airflow/plugins\nb==2\n-c limits.txt\n")
    (project.dags / "limits.txt").write_text("b<3\n")
    files = read(project, "a==1\n-r /usr/local/airflow/dags/more.txt  # ours\n")
    assert dict(files.texts) == {
        "requirements.txt": "a==1\n-r requirements-1.txt\n",
        "requirements-1.txt": f"-f file://{project.plugins}\nb==2\n-c constraints-2.txt\n",
        "constraints-2.txt": "b<3\n",
    }
    assert [(line.name, line.file.name, line.line) for line in files.requirements] == [
        ("a", "requirements.txt", 1),
        ("b", "more.txt", 2),
    ]


def test_files_that_include_each_other_are_read_once(project: Project) -> None:
    (project.dags / "a.txt").write_text("-r a.txt\nx==1\n")
    files = read(project, "-r /usr/local/airflow/dags/a.txt\n-r /usr/local/airflow/dags/a.txt\n")
    assert dict(files.texts)["requirements-1.txt"] == "-r requirements-1.txt\nx==1\n"


def test_an_included_file_that_is_missing_is_named_with_its_line(project: Project) -> None:
    with pytest.raises(RequirementsError) as caught:
        read(project, "a==1\n-r /usr/local/airflow/dags/gone.txt\n")
    gone = project.dags / "gone.txt"
    assert caught.value.message == (
        f"{project.requirements}:2: /usr/local/airflow/dags/gone.txt does not exist (looked for {gone})."
    )


def test_the_official_constraints_come_from_the_catalogue(project: Project) -> None:
    url = "https://raw.githubusercontent.com/apache/airflow/constraints-2.2.2/constraints-3.7.txt"
    assert project.requirements is not None
    project.requirements.write_text(f'--constraint "{url}"\nx\n')
    files = read_requirements(project, {}, lambda airflow, python: f"# {airflow} {python}\n")
    assert dict(files.texts) == {
        "requirements.txt": "--constraint constraints-2.2.2-3.7.txt\nx\n",
        "constraints-2.2.2-3.7.txt": "# 2.2.2 3.7\n",
    }


def test_other_addresses_are_left_to_the_installer(project: Project) -> None:
    assert rewritten(project, "-c https://example.com/c.txt") == "-c https://example.com/c.txt\n"


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("-c c.txt\n", True),
        ("# -c is what we opt out with\n", True),
        ("x # --constraint too\n", True),
        ("--constraint=c.txt\n", False),
        ("x==1\n", False),
    ],
)
def test_what_mwaa_counts_as_a_constraint(project: Project, text: str, counts: bool) -> None:
    (project.root / "requirements" / "c.txt").write_text("")
    assert read(project, text).has_constraints is counts


def test_variables_stay_in_the_text_and_are_expanded_in_paths(project: Project) -> None:
    (project.dags / "more.txt").write_text("x\n")
    files = read(
        project,
        "--index-url https://${AIRFLOW__FOO__USER}:${AIRFLOW__FOO__PASS}@host/simple\n-r ${HERE}/more.txt\n",
        AIRFLOW__FOO__PASS="hunter2",
        HERE="/usr/local/airflow/dags",
    )
    assert "hunter2" not in str(files)
    assert dict(files.texts)["requirements.txt"].endswith("-r requirements-1.txt\n")


def test_options_that_only_pip_reads_from_a_file_are_noticed(project: Project) -> None:
    files = read(project, "--pre\n--trusted-host a.example\n--extra-index-url https://b.example\nx\n")
    assert (files.prereleases, files.trusted_hosts, files.has_extra_index) == (True, ("a.example",), True)


def test_exact_pins_are_told_from_others(project: Project) -> None:
    files = read(project, "A_b[c]==1.0\nd>=2\ne\n")
    assert [(line.name, line.exact) for line in files.requirements] == [
        ("a-b", True),
        ("d", False),
        ("e", False),
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"caf\xc3\xa9\r\n",
        codecs.BOM_UTF8 + b"caf\xc3\xa9\r\n",
        codecs.BOM_UTF16_LE + "caf\xe9\r\n".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "caf\xe9\r\n".encode("utf-16-be"),
        b"caf\xe9\r\n",
    ],
)
def test_windows_encodings_are_read(content: bytes) -> None:
    assert decode_requirements(content).splitlines() == ["caf\xe9"]


def test_a_coding_line_is_believed() -> None:
    assert decode_requirements(b"# coding: koi8-r\n\xc1").endswith("\u0430")


def test_windows_line_ends_leave_no_trace(project: Project) -> None:
    assert rewritten(project, "a==1\r\nb==2\r\n") == "a==1\nb==2\n"
