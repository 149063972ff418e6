import json
from datetime import date
from pathlib import Path

from mwaa_local.catalog import list_versions, load_version
from mwaa_local.cli.versions import render_version, render_versions
from mwaa_local.runtime.cached_environments import CachedEnvironment
from tests.cli.environments import Cli

TODAY = date(2024, 6, 28)
CACHED = (CachedEnvironment(Path("/cache/2.2.2-abc"), "2.2.2", "3.4.0", "3.7.16"),)


def test_the_table_marks_what_is_over_installed_and_the_default() -> None:
    versions = [load_version(name) for name in ("1.10.12", "2.2.2", "2.10.3")]
    assert render_versions(versions, CACHED, TODAY, coloured=False) == (
        "VERSION  PYTHON  AMAZON  SUPPORT ENDS       INSTALLED\n"
        "1.10.12  3.7     -       2024-02-21 (over)  no\n"
        "2.2.2    3.7     3.4.0   2024-06-27 (over)  yes        default\n"
        "2.10.3   3.11    9.0.0   not announced      no"
    )


def test_a_version_is_supported_on_its_last_day() -> None:
    shown = render_versions([load_version("2.2.2")], (), date(2024, 6, 27), coloured=False)
    assert "(over)" not in shown


def test_one_version_is_shown_with_how_it_differs_from_stock() -> None:
    shown = render_version(load_version("2.2.2"), CACHED, TODAY)
    assert shown.startswith("Version      Airflow 2.2.2, the default\nPython       3.7\n")
    assert "Amazon       2.4.0 on MWAA; mwaa-local installs 3.4.0 (or `stock`)\n" in shown
    assert "Installed    /cache/2.2.2-abc (Python 3.7.16)" in shown


def test_json_has_every_version(cli: Cli) -> None:
    listed = cli("versions", "--json")
    assert listed.exit_code == 0
    documents = json.loads(listed.stdout)
    assert [each["version"] for each in documents] == list(list_versions())
    assert [each["version"] for each in documents if each["default"]] == ["2.2.2"]
    assert all(each["installed"] == [] for each in documents)


def test_an_environment_in_the_cache_is_installed(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "environments" / "2.10.3-abc"
    folder.mkdir(parents=True)
    marker = {"airflow": "2.10.3", "amazon_provider": "9.0.0", "python": "3.11.7"}
    (folder / "environment.json").write_text(json.dumps(marker), encoding="utf-8")
    (folder.parent / "2.9.2-half-built").mkdir()
    assert json.loads(cli("versions", "2.10.3", "--json").stdout)["installed"] == [str(folder)]
    assert json.loads(cli("versions", "2.9.2", "--json").stdout)["installed"] == []


def test_a_version_that_never_was_is_wrong_usage(cli: Cli) -> None:
    failed = cli("versions", "2.10.2")
    assert failed.exit_code == 2
    assert failed.stdout == ""
    assert failed.stderr == (
        "Error: MWAA never offered Airflow '2.10.2'.\n"
        "  Hint: Nearest: 2.10.1, 2.10.3, 2.0.2. `mwaa-local versions` lists all.\n"
    )
