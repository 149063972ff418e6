from pathlib import Path

from tests.cli.environments import Cli


def test_init_makes_a_project_and_lists_its_files(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "new project"
    made = cli("init", str(folder), "--version", "2.10.3")
    assert made.exit_code == 0
    assert made.stderr == f"Next: cd '{folder}' && mwaa-local start\n"
    listed = [Path(line) for line in made.stdout.splitlines()]
    assert folder / "dags" / "hello.py" in listed
    assert all(path.is_file() for path in listed)
    assert 'version = "2.10.3"' in (folder / "mwaa-local.toml").read_text(encoding="utf-8")


def test_init_never_overwrites(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "hello.py").write_text("mine", encoding="utf-8")
    failed = cli("init", str(tmp_path))
    assert failed.exit_code == 2
    assert failed.stdout == ""
    assert str(tmp_path / "dags" / "hello.py") in failed.stderr
    assert (tmp_path / "dags" / "hello.py").read_text(encoding="utf-8") == "mine"
    assert not (tmp_path / "mwaa-local.toml").exists()


def test_a_dry_run_makes_nothing(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    listed = cli("init", str(folder), "--template", "etl", "--dry-run")
    assert (listed.exit_code, listed.stderr) == (0, "")
    assert str(folder / "mwaa-local.toml") in listed.stdout.splitlines()
    assert not folder.exists()


def test_an_unknown_template_is_wrong_usage(cli: Cli, tmp_path: Path) -> None:
    failed = cli("init", str(tmp_path), "--template", "huge")
    assert failed.exit_code == 2
    assert failed.stderr == "Error: There is no template 'huge'.\n  Hint: Templates: minimal, etl.\n"
