"""requirements.txt is read as the pip of the version reads it."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mwaa_local.catalog import load_version
from mwaa_local.config import Project
from mwaa_local.errors import RequirementsError
from mwaa_local.ports import HttpAnswer
from mwaa_local.validation.requirement_line import make_target
from mwaa_local.validation.requirements_file import RequirementsFile, load_requirements, logical_lines


def make_project(root: Path, text: str | bytes = "") -> Project:
    for name in ("dags", "plugins"):
        (root / name).mkdir(exist_ok=True)
    file = root / "requirements.txt"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Project(root, root / "dags", root / "plugins", file, None, None)


def read(project: Project, version: str = "2.2.2", **environ: str) -> RequirementsFile:
    return load_requirements(project, environ, make_target(load_version(version)))


def wanted(file: RequirementsFile) -> list[str]:
    return [line.wanted for line in file.lines]


def rules(file: RequirementsFile) -> list[str]:
    return [finding.rule_id for finding in file.findings]


def test_lines_keep_their_place_through_comments_and_continuations(tmp_path: Path) -> None:
    file = read(make_project(tmp_path, "# first\n\nPandas[excel] == \\\n 1.3.4 # why\nrequests>=2,<3\n"))
    assert wanted(file) == ["pandas[excel]==1.3.4", "requests<3,>=2"]
    assert [str(line.location) for line in file.lines] == ["requirements.txt:3", "requirements.txt:5"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_encoding_that_pip_reads_is_read(tmp_path: Path, encoding: str) -> None:
    file = read(make_project(tmp_path, "pandas==1.3.4\r\n".encode(encoding)))
    assert (wanted(file), rules(file)) == (["pandas==1.3.4"], [])


def test_a_file_that_is_not_utf_8_is_refused_at_the_line(tmp_path: Path) -> None:
    file = read(make_project(tmp_path, b"pandas\n# f\xfcr Excel\n"))
    assert [(each.rule_id, each.location and each.location.line) for each in file.findings] == [
        ("requirements-encoding", 2)
    ]


def test_a_line_for_another_system_is_skipped(tmp_path: Path) -> None:
    file = read(
        make_project(tmp_path, "pywin32==300; sys_platform == 'win32'\nfoo; python_version < '3.8'\n")
    )
    assert wanted(file) == ["foo"]
    assert [line.name for line in file.skipped] == ["pywin32"]


def test_the_official_constraints_come_from_the_catalogue(tmp_path: Path) -> None:
    url = "https://raw.githubusercontent.com/apache/airflow/constraints-2.2.2/constraints-3.7.txt"
    file = read(make_project(tmp_path, f'--constraint "{url}"\npandas\n'))
    assert file.has_constraints
    pin = next(line for line in file.constraints if line.name == "pandas")
    assert (pin.wanted, pin.location.file) == ("pandas==1.3.4", "constraints-2.2.2/constraints-3.7.txt")


def test_a_commented_constraint_counts_as_one(tmp_path: Path) -> None:
    assert read(make_project(tmp_path, "# -c nothing\npandas\n")).has_constraints


def test_paths_of_the_container_are_the_projects(tmp_path: Path) -> None:
    project = make_project(tmp_path, "-r /usr/local/airflow/dags/more.txt\n")
    (tmp_path / "dags" / "more.txt").write_text("humanize==3.12.0\n")
    file = read(project)
    assert [(line.wanted, str(line.location)) for line in file.lines] == [
        ("humanize==3.12.0", "dags/more.txt:1")
    ]


def test_requirements_inside_a_constraints_file_are_requirements(tmp_path: Path) -> None:
    project = make_project(tmp_path, "-c constraints.txt\n")
    (tmp_path / "constraints.txt").write_text("foo==1\n-r more.txt\n")
    (tmp_path / "more.txt").write_text("bar==2\n")
    file = read(project)
    assert (wanted(file), [line.name for line in file.constraints]) == (["bar==2"], ["foo"])


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("pandas=1.3.4", "requirements-syntax"),
        ("pandas 1.3.4", "requirements-syntax"),
        ("pip install pandas", "requirements-syntax"),
        ('"pandas"', "requirements-syntax"),
        ("pandas==1.3#why", "requirements-syntax"),
        ("--upgrade", "requirements-syntax"),
        ("-c", "requirements-syntax"),
        ("-c 'open", "requirements-syntax"),
        ("-c nothing.txt", "requirements-include-missing"),
        ("-r requirements.txt", "requirements-include-loop"),
        ("./plugins", "requirements-syntax"),
        ("/usr/local/airflow/plugins/none-1.0-py3-none-any.whl", "requirements-syntax"),
    ],
)
def test_what_pip_refuses_is_refused(tmp_path: Path, line: str, rule: str) -> None:
    assert rules(read(make_project(tmp_path, f"{line}\n"), "2.10.3")) == [rule]


def test_constraints_may_have_neither_extras_nor_editables(tmp_path: Path) -> None:
    project = make_project(tmp_path, "-c constraints.txt\n")
    (tmp_path / "constraints.txt").write_text("foo[bar]==1\n-e git+https://example.invalid/x.git#egg=x\n")
    assert rules(read(project)) == ["constraint-not-allowed"] * 2


def test_an_asterisk_in_a_range_is_forgiven_by_old_pips_only(tmp_path: Path) -> None:
    project = make_project(tmp_path, "pandas>=1.3.*\n")
    assert wanted(read(project, "2.2.2")) == ["pandas>=1.3"]
    assert rules(read(project, "2.10.3")) == ["requirements-syntax"]


def test_variables_are_expanded_as_pip_expands_them(tmp_path: Path) -> None:
    text = "--extra-index-url https://${AIRFLOW__FOO__USER}:${UNSET}@example.invalid/simple\n"
    options = read(make_project(tmp_path, text), AIRFLOW__FOO__USER="me").options
    assert options.extra_index_urls == ("https://me:${UNSET}@example.invalid/simple",)


def test_the_last_index_option_wins(tmp_path: Path) -> None:
    text = "--index-url https://a.invalid/simple\n--no-index\n-i https://b.invalid/simple --pre\n"
    options = read(make_project(tmp_path, text)).options
    assert (options.index_url, options.no_index, options.prereleases) == (
        "https://b.invalid/simple",
        False,
        True,
    )


def test_a_remote_file_is_read_line_by_line_and_what_it_includes_lies_beside_it(tmp_path: Path) -> None:
    pages = {
        "https://me:secret@a.invalid/x/base.txt": b"foo==1\n-c pins.txt\n",
        "https://me:secret@a.invalid/x/pins.txt": b"\nbar==2\n",
    }
    project = make_project(tmp_path, "-r https://me:${PASSWORD}@a.invalid/x/base.txt\n")
    target = make_target(load_version("2.2.2"))
    file = load_requirements(project, {"PASSWORD": "secret"}, target, lambda url: HttpAnswer(200, pages[url]))
    assert [(line.wanted, str(line.location)) for line in (*file.lines, *file.constraints)] == [
        ("foo==1", "https://***@a.invalid/x/base.txt:1"),
        ("bar==2", "https://***@a.invalid/x/pins.txt:2"),
    ]


def test_a_remote_file_that_is_not_there_is_refused_at_the_line(tmp_path: Path) -> None:
    project = make_project(tmp_path, "\n-c https://a.invalid/x.txt\n")
    target = make_target(load_version("2.2.2"))
    file = load_requirements(project, {}, target, lambda url: HttpAnswer(404, b""))
    assert [(each.rule_id, str(each.location)) for each in file.findings] == [
        ("requirements-include-missing", "requirements.txt:2")
    ]


def test_remote_files_that_include_each_other_are_refused(tmp_path: Path) -> None:
    project = make_project(tmp_path, "-r https://a.invalid/x.txt\n")
    target = make_target(load_version("2.2.2"))
    file = load_requirements(project, {}, target, lambda url: HttpAnswer(200, b"-r x.txt\n"))
    assert rules(file) == ["requirements-include-loop"]


def test_a_network_that_does_not_answer_is_no_verdict(tmp_path: Path) -> None:
    project = make_project(tmp_path, "-r https://a.invalid/x.txt\n")
    target = make_target(load_version("2.2.2"))
    with pytest.raises(
        RequirementsError, match=r"requirements\.txt:1: https://a\.invalid/x\.txt cannot be fetched"
    ):
        load_requirements(project, {}, target, lambda url: HttpAnswer(0, b""))


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=300))
def test_no_text_whatsoever_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    root = tmp_path_factory.mktemp("fuzz")
    content = text.encode("utf-8", errors="surrogatepass")
    read(make_project(root, content))
    assert all(number > 0 for number, _ in logical_lines(text))


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=300))
def test_no_bytes_whatsoever_break_the_reader(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    read(make_project(tmp_path_factory.mktemp("fuzz"), content), "2.10.3")


PIECES = st.sampled_from(
    [
        *(
            "pandas",
            "Pandas[excel]",
            "==1.3.4",
            ">=1,<2",
            "~=2.0",
            "===x",
            "!=1.*",
            " @ file:///x-1-py3-none-any.whl",
        ),
        *(
            "; python_version < '3.8'",
            "; extra == 'a'",
            "; bogus > 1",
            " # comment",
            "#x",
            "\\\n",
            "\n",
            "\r\n",
        ),
        *(
            "-r ",
            "-c ",
            "--constraint=",
            "-e ",
            "--hash=sha256:",
            "--find-links ",
            "-i ",
            "--pre",
            "--no-index",
            "--",
        ),
        *(
            "requirements.txt",
            "more.txt",
            "/usr/local/airflow/plugins/",
            "./plugins",
            "${A}",
            "${",
            "\ufeff",
            "\0",
        ),
        *(
            "https://a.invalid/x.txt",
            "git+https://a.invalid/x.git#egg=x",
            "file:",
            "'",
            '"',
            "\u2028",
            "\x0c",
            " ",
            "\t",
        ),
    ]
)


@settings(max_examples=300, deadline=None)
@given(pieces=st.lists(PIECES, max_size=25), version=st.sampled_from(["2.2.2", "2.10.3"]))
def test_no_arrangement_of_what_files_hold_breaks_the_reader(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[str], version: str
) -> None:
    project = make_project(tmp_path_factory.mktemp("fuzz"), "".join(pieces))
    (project.root / "more.txt").write_text("-r requirements.txt\nfoo\n")
    target = make_target(load_version(version))
    file = load_requirements(
        project, {"A": "-r more.txt"}, target, lambda url: HttpAnswer(200, b"-c x.txt\n")
    )
    assert all(finding.location and finding.location.line > 0 for finding in file.findings)
    assert all(line.name or line.url for line in file.lines)
