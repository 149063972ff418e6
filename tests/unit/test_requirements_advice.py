"""What is said of requirements besides their verdict: what the index lacks, what the image lacks, how long it takes."""

from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.catalog import load_version
from mwaa_local.config import Project
from mwaa_local.validation.base_environment import BaseEnvironment, make_base
from mwaa_local.validation.conflict import Culprit
from mwaa_local.validation.distribution_files import PackageFiles
from mwaa_local.validation.file_rules import check_files
from mwaa_local.validation.finding import Finding, Severity
from mwaa_local.validation.requirements_absence import absence_finding
from mwaa_local.validation.requirements_file import RequirementsFile, load_requirements
from mwaa_local.validation.requirements_rules import check_lines
from mwaa_local.validation.requirements_time import LIMIT, estimate_seconds
from mwaa_local.validation.resolution import parse_resolution
from mwaa_local.validation.source_builds import has_git, image_has, judge_build

WHEEL = PackageFiles("pandas", "1.3.5", ("pandas-1.3.5-py3-none-any.whl",), False, (), "", 12_000_000)


def base(version: str) -> BaseEnvironment:
    known = load_version(version)
    return make_base(known, known.amazon_provider_stock)


def read(folder: Path, text: str, version: str = "2.2.2") -> RequirementsFile:
    (folder / "requirements.txt").write_text(text)
    project = Project(folder, folder / "dags", None, folder / "requirements.txt", None, None)
    return load_requirements(project, {}, base(version).target)


def rules(findings: tuple[Finding, ...]) -> set[str]:
    return {each.rule_id for each in findings}


@pytest.mark.parametrize(
    ("line", "told", "rule", "message"),
    [
        (
            "pandsa==1.0",
            "Because pandsa was not found in the package registry and you require pandsa==1.0",
            "requirements-no-package",
            "the index has no package of this name",
        ),
        (
            "pandas==99",
            "Because there is no version of pandas==99 and you require pandas==99",
            "requirements-no-version",
            "it has been removed",
        ),
        (
            "numpy>=1.22",
            "the current Python version (3.7.16) does not satisfy Python>=3.12 ... numpy==2.4 depends on Python>=3.12 "
            "and numpy==1.22 depends on Python>=3.8",
            "requirements-other-python",
            "needs Python >=3.8; MWAA 2.2.2 has 3.7",
        ),
        (
            "torch==1.0",
            "Because torch==1.0 has no wheels with a matching Python ABI tag",
            "requirements-other-python",
            "neither a source nor a wheel for Python 3.7",
        ),
    ],
)
def test_what_an_index_lacks_is_said_plainly(
    tmp_path: Path, line: str, told: str, rule: str, message: str
) -> None:
    (asked,) = read(tmp_path, f"{line}\n").lines
    finding = absence_finding(Culprit(asked, None, "1.3.5", told), base("2.2.2"))
    assert finding is not None
    assert (finding.rule_id, message in finding.message) == (rule, True)
    assert str(finding.location) == "requirements.txt:1"


def test_a_misspelt_name_is_put_right(tmp_path: Path) -> None:
    (asked,) = read(tmp_path, "pandsa==1.0\n").lines
    finding = absence_finding(
        Culprit(asked, None, "", "pandsa was not found in the package registry"), base("2.2.2")
    )
    assert finding is not None
    assert finding.hint == "Did you mean pandas?"


def test_a_conflict_between_packages_is_no_absence(tmp_path: Path) -> None:
    (asked,) = read(tmp_path, "urllib3==2.0.7\n").lines
    assert absence_finding(Culprit(asked, None, "1.26.7", ""), base("2.2.2")) is None


def test_the_images_differ_in_what_they_can_compile() -> None:
    old, middle, new = (load_version(each) for each in ("2.2.2", "2.7.2", "2.10.3"))
    assert judge_build("sasl", old).missing == ()
    assert judge_build("sasl", middle).missing == ()
    assert judge_build("sasl", new).missing == ("cyrus-sasl-devel",)
    assert "libffi-devel" in image_has(new) - image_has(old)
    assert [has_git(each) for each in (old, middle, new)] == [False, True, True]
    assert judge_build("nobody-knows-it", new).fails is False


def test_git_is_an_error_where_the_image_has_none(tmp_path: Path) -> None:
    line = "x @ git+https://example.invalid/x.git\n"
    assert "requirements-no-git" in rules(check_lines(read(tmp_path, line), base("2.2.2")))
    later = check_lines(read(tmp_path, line, "2.10.3"), base("2.10.3"))
    assert "requirements-no-git" not in rules(later)
    assert "requirements-needs-network" in rules(later)


def test_a_library_that_the_image_lacks_is_named(tmp_path: Path) -> None:
    text = "# -c none\nopencv-python==4.5.5.64\n"
    assert "requirements-system-library" in rules(check_lines(read(tmp_path, text), base("2.2.2")))
    assert "requirements-system-library" not in rules(
        check_lines(read(tmp_path, text, "2.10.3"), base("2.10.3"))
    )


def test_wheels_for_a_newer_system_only_are_warned_of_and_wheels_for_another_python_refused(
    tmp_path: Path,
) -> None:
    file = read(tmp_path, "polars\n")
    newer = replace(
        WHEEL, name="polars", wheels=("polars-1-cp37-cp37m-manylinux_2_28_x86_64.whl",), has_source=True
    )
    (found,) = check_files((newer,), file, (), base("2.2.2"))[:1]
    assert (found.rule_id, found.severity) == ("requirements-newer-system", Severity.WARNING)
    assert found.message.endswith("which needs Rust; MWAA's image has no Rust. Expect that to fail.")
    other = replace(newer, wheels=("polars-1-cp39-cp39-manylinux_2_28_x86_64.whl",))
    (found,) = check_files((other,), file, (), base("2.2.2"))[:1]
    assert (found.rule_id, found.severity) == ("requirements-source-build", Severity.ERROR)
    assert check_files((newer,), file, (), base("2.10.3"))[0].severity is Severity.ERROR  # of Python 3.7


def test_what_takes_too_long_is_said_with_the_time(tmp_path: Path) -> None:
    file, version = read(tmp_path, "pandas\n"), load_version("2.2.2")
    big = replace(WHEEL, size=5_000_000_000)
    assert estimate_seconds((), version) == 0
    assert estimate_seconds((WHEEL,), version) < 60 < LIMIT < estimate_seconds((big,), version)
    assert rules(check_files((big,), file, (), base("2.2.2"))) == {
        "requirements-slow",
        "requirements-needs-index",
    }


def test_builds_take_their_time_too() -> None:
    sources = replace(WHEEL, wheels=(), has_source=True, name="cassandra-driver")
    assert estimate_seconds((sources,), load_version("2.2.2")) > 300


def test_wheels_of_the_project_need_no_index(tmp_path: Path) -> None:
    file = read(tmp_path, "pandas\n")
    assert check_files((replace(WHEEL, is_remote=False),), file, (), base("2.2.2")) == ()


def test_a_withdrawn_version_is_noticed() -> None:
    text = 'attrs==21.1.0  # via -r x\nwarning: `attrs==21.1.0` is yanked (reason: "Not importable.")\n'
    assert parse_resolution(text).yanked == (("attrs", "21.1.0", "Not importable."),)
