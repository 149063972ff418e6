"""package-plugins: what it writes, what it says, how it ends."""

import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.cli.environments import Cli

MIXED = Path(__file__).parents[1] / "projects" / "plugins-mixed" / "plugins"


@pytest.fixture
def plugins(project: Path) -> Path:
    """The plugins of the current project."""
    return Path(shutil.copytree(MIXED, project / "plugins"))


def test_the_plugins_are_packed(plugins: Path, cli: Cli) -> None:
    (plugins / "notes").mkdir()
    (plugins / "notes" / "todo.md").touch()
    outcome = cli("package-plugins", "--no-prove")
    archive = plugins.parent / "plugins.zip"
    lines = outcome.stdout.splitlines()
    assert lines[:2] == [
        "Left out: .mwaaignore, notes/.",
        f"{archive}: 6 files, 625 bytes unpacked, 1.3 KB packed.",
    ]
    assert lines[2].startswith("  SHA-256 ")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    with zipfile.ZipFile(archive) as packed:
        assert packed.namelist() == [
            "banner.py",
            "broken.py",
            "my_plugin.py",
            "operators/__init__.py",
            "operators/copy_files.py",
            "scripts/hello.sh",
        ]


def test_packing_again_says_that_nothing_changed(plugins: Path, cli: Cli) -> None:
    first = json.loads(cli("package-plugins", "--no-prove", "--json").stdout)
    again = json.loads(cli("package-plugins", "--no-prove", "--json").stdout)
    assert (first["archive"]["changed"], again["archive"]["changed"]) == (True, False)
    assert first["archive"]["sha256"] == again["archive"]["sha256"]
    assert again["left_out"] == [".mwaaignore"]


def test_a_reserved_name_is_refused_and_nothing_is_written(plugins: Path, cli: Cli) -> None:
    (plugins / "celery_config.py").touch()
    outcome = cli("package-plugins", "--no-prove")
    assert outcome.exit_code == 3
    assert outcome.stdout.splitlines()[:2] == [
        "plugins/celery_config.py:1: error: MWAA keeps its own of this name in the plugins folder, and yours would "
        "collide with it. [plugins-reserved-name]",
        "    Give it another name.",
    ]
    assert not (plugins.parent / "plugins.zip").exists()


def test_an_archive_from_before_stays_when_there_is_an_error(plugins: Path, cli: Cli) -> None:
    cli("package-plugins", "--no-prove")
    archive = plugins.parent / "plugins.zip"
    before = archive.read_bytes()
    (plugins / "celery_config.py").touch()
    outcome = cli("package-plugins", "--no-prove")
    assert outcome.exit_code == 3
    assert outcome.stdout.splitlines()[-1] == (
        f"Nothing was written; {archive} is as it was: 1 error (7 files, 625 bytes unpacked)."
    )
    assert archive.read_bytes() == before
    assert sorted(path.name for path in plugins.parent.glob(".*partial")) == []


def test_an_archive_with_errors_is_written_where_that_is_forced(plugins: Path, cli: Cli) -> None:
    (plugins / "celery_config.py").touch()
    outcome = cli("package-plugins", "--no-prove", "--force")
    assert outcome.exit_code == 3
    assert outcome.stdout.splitlines()[-1] == "Written although it has 1 error (--force)."
    assert (plugins.parent / "plugins.zip").is_file()


def test_wheels_are_merged_and_judged(plugins: Path, cli: Cli) -> None:
    wheels = plugins.parent / "wheels"
    wheels.mkdir()
    (wheels / "good-1.0-py3-none-any.whl").touch()
    assert cli("package-plugins", "--no-prove", "--with-wheels", "wheels").exit_code == 0
    (wheels / "bad-1.0-cp37-cp37m-macosx_11_0_arm64.whl").touch()
    outcome = cli("package-plugins", "--no-prove", "--with-wheels", "wheels")
    assert outcome.exit_code == 3
    assert (
        "pip refuses this wheel for Python 3.7 on Linux x86_64: it is for cp37-cp37m-macosx_11_0_arm64."
        in (outcome.stdout)
    )


def test_a_project_without_plugins_has_nothing_to_pack(project: Path, cli: Cli) -> None:
    outcome = cli("package-plugins")
    assert outcome.exit_code == 2
    assert outcome.stderr == (
        f"Error: {project} has no plugins folder.\n"
        "  Hint: Make plugins/, or name another folder with --plugins.\n"
    )


def test_somebody_elses_zip_is_checked_where_there_is_no_project(
    plugins: Path, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with zipfile.ZipFile(elsewhere / "theirs.zip", "w") as archive:
        for path in sorted(plugins.rglob("*.py")):
            archive.write(path, Path("plugins") / path.relative_to(plugins))
    monkeypatch.chdir(elsewhere)
    outcome = cli("package-plugins", "--check", "theirs.zip", "--no-prove")
    assert outcome.exit_code == 3
    assert outcome.stdout.splitlines() == [
        "error: Everything is in a folder plugins/: MWAA would have plugins/plugins/, and no import would work. "
        "[plugins-nested-root]",
        "    Zip the content: cd plugins && zip -r ../plugins.zip . (or: mwaa-local package-plugins)",
        "theirs.zip: 5 files, 602 bytes unpacked, 1.2 KB packed: 1 error.",
    ]


def test_our_own_zip_passes_the_check(plugins: Path, cli: Cli) -> None:
    cli("package-plugins", "--no-prove")
    outcome = cli("package-plugins", "--check", "plugins.zip", "--no-prove")
    assert outcome.exit_code == 0
    assert outcome.stdout == (
        "plugins.zip: 6 files, 625 bytes unpacked, 1.3 KB packed: nothing to complain about.\n"
    )


def test_other_programs_unpack_it_with_the_same_modes(plugins: Path, cli: Cli, tmp_path: Path) -> None:
    if shutil.which("unzip") is None:
        pytest.skip("there is no unzip")
    cli("package-plugins", "--no-prove")
    subprocess.run(["unzip", "-q", plugins.parent / "plugins.zip", "-d", tmp_path / "out"], check=True)
    assert (tmp_path / "out" / "scripts" / "hello.sh").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "out" / "my_plugin.py").stat().st_mode & 0o777 == 0o644


def test_findings_can_be_written_for_code_scanning(plugins: Path, cli: Cli) -> None:
    (plugins / "aws_mwaa").mkdir()
    (plugins / "aws_mwaa" / "__init__.py").touch()
    outcome = cli("package-plugins", "--no-prove", "--sarif", "-")
    (result,) = json.loads(outcome.stdout)["runs"][0]["results"]
    assert (outcome.exit_code, result["ruleId"]) == (3, "plugins-reserved-name")
