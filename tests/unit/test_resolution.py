"""What the resolver says becomes values: packages, refusals, files."""

from pathlib import Path

from mwaa_local.catalog import load_version
from mwaa_local.validation.base_environment import make_base
from mwaa_local.validation.base_wheels import write_base_wheels
from mwaa_local.validation.conflict import explanation
from mwaa_local.validation.distribution_files import parse_lock
from mwaa_local.validation.index_choice import choose_indexes
from mwaa_local.validation.requirement_options import FileOptions
from mwaa_local.validation.resolution import Refusal, ResolvedPackage, parse_resolution
from mwaa_local.validation.source_builds import judge_build
from mwaa_local.validation.strict_metadata import find_invalid, metadata_problem

LOCK = """
lock-version = "1.0"
[[packages]]
name = "lxml"
version = "4.9.4"
sdist = { url = "https://example.invalid/lxml-4.9.4.tar.gz", hashes = { sha256 = "00" } }
wheels = [
  { url = "https://x.invalid/lxml-4.9.4-cp37-cp37m-manylinux_2_28_x86_64.whl", size = 7, hashes = { sha256 = "11" } },
]
"""


def test_lines_become_packages_with_those_that_need_them() -> None:
    text = (
        "flask==1.1.2  # via -r requirements.in, Flask_Login\nthing @ file:///x/thing-1.0-py3-none-any.whl\n"
    )
    assert parse_resolution(text).packages == (
        ResolvedPackage("flask", "1.1.2", "", ("flask-login",)),
        ResolvedPackage("thing", "1.0", "file:///x/thing-1.0-py3-none-any.whl", ()),
    )


def test_an_index_that_does_not_answer_is_no_verdict() -> None:
    assert Refusal("error: Failed to fetch: `https://index.example/simple/x/`").is_network_failure
    assert not Refusal("No solution found").is_network_failure
    assert not Refusal(
        "Failed to fetch: x\n cause: HTTP status client error (404 Not Found)"
    ).is_network_failure


def test_an_explanation_tells_no_credentials() -> None:
    assert (
        explanation("  cause: at https://me:secret@example.invalid/x") == "at https://***@example.invalid/x"
    )


def test_a_wheel_for_a_newer_c_library_is_none_for_amazon_linux_2() -> None:
    (lxml,) = parse_lock(LOCK)
    assert (lxml.has_source, lxml.hashes, lxml.size) == (True, ("sha256:11", "sha256:00"), 7)
    assert not lxml.has_wheel_for(load_version("2.2.2"))


def test_secrets_of_an_index_stay_out_of_files() -> None:
    options = FileOptions(extra_index_urls=("https://me:secret@a.invalid/simple", "https://b.invalid/simple"))
    choice = choose_indexes(options, {"UV_DEFAULT_INDEX": "https://c.invalid/simple"})
    assert "secret" not in choice.table
    assert choice.environ["UV_INDEX"] == "https://me:secret@a.invalid/simple"
    assert choice.environ["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert 'url = "https://c.invalid/simple"\ndefault = true' in choice.table


def test_preinstalled_packages_become_wheels_once(tmp_path: Path) -> None:
    base = make_base(load_version("2.2.2"), "2.4.0")
    folder = write_base_wheels(base, tmp_path / "wheels")
    wheels = {file.name for file in folder.glob("*.whl")}
    assert "apache_airflow-2.2.2-py3-none-any.whl" in wheels
    assert not any(name.startswith(("setuptools-", "pip-")) for name in wheels)
    before = {file: file.stat().st_mtime_ns for file in folder.iterdir()}
    write_base_wheels(base, tmp_path / "wheels")
    assert {file: file.stat().st_mtime_ns for file in folder.iterdir()} == before


def test_metadata_that_new_pips_do_not_forgive_is_found() -> None:
    head = "Metadata-Version: 2.1\nName: x\nVersion: 1.0\n"
    assert metadata_problem(f"{head}Requires-Dist: extract-msg (<=0.29.*)\n")
    assert metadata_problem(f"{head}Requires-Dist: extract-msg (<=0.29)\n") == ""


def test_metadata_is_asked_for_once(tmp_path: Path) -> None:
    asked: list[str] = []

    def fetch(urls: object) -> dict[str, str]:
        assert isinstance(urls, list)
        asked.extend(urls)
        return dict.fromkeys(urls, "Version: 1.0\nRequires-Dist: foo (>=2.*)\n")

    files = parse_lock(LOCK)
    assert find_invalid(files, fetch, tmp_path) == find_invalid(files, fetch, tmp_path) == files
    assert len(asked) == 1


def test_what_compiling_needs_is_known() -> None:
    version = load_version("2.2.2")
    assert judge_build("pykerberos", version).missing == ("krb5-devel",)
    assert not judge_build("mysqlclient", version).fails
    assert judge_build("pandas", version).slow
