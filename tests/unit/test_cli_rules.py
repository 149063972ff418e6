import pytest

from mwaa_local.catalog import list_versions, load_version
from mwaa_local.cli_rules import allowed_commands, check_allowed
from mwaa_local.errors import UsageError


@pytest.mark.parametrize(
    ("version", "command", "allowed"),
    [
        ("2.2.2", "dags list", True),
        ("2.2.2", "dags list-import-errors", False),
        ("2.6.3", "dags list-import-errors", True),
        ("2.2.2", "db clean", False),
        ("2.4.3", "db clean", True),
        ("2.11.2", "dags backfill", True),
        ("3.0.6", "dags backfill", False),
        ("3.0.6", "backfill create", True),
        ("2.10.3", "assets list", False),
        ("3.0.6", "assets list", True),
        ("1.10.12", "list_dags", True),
        ("1.10.12", "dags list", False),
        ("2.2.2", "list_dags", False),
        ("2.2.2", "cheat-sheet", True),
    ],
)
def test_each_version_has_its_own_commands(version: str, command: str, allowed: bool) -> None:
    assert (command in allowed_commands(load_version(version))) is allowed


@pytest.mark.parametrize("version", list_versions())
def test_no_version_runs_what_would_break_the_service(version: str) -> None:
    groups = {command.split()[0] for command in allowed_commands(load_version(version))}
    assert groups.isdisjoint({"users", "config", "scheduler", "webserver", "celery", "triggerer", "initdb"})


def test_arguments_and_options_do_not_matter() -> None:
    version = load_version("2.2.2")
    check_allowed(["dags", "trigger", "daily", "--conf", "{}"], version)
    check_allowed(["version"], version)
    check_allowed(["trigger_dag", "daily"], load_version("1.10.12"))


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["dag", "list"], "nearest that it runs: dags list, dags list-runs, dags list-jobs"),
        (["connections", "export", "x.json"], "nearest that it runs: connections delete"),
        (["webserver"], "without --as-mwaa, mwaa-local runs every Airflow command"),
        (["--help"], "for example: dags list"),
    ],
)
def test_a_refusal_names_the_nearest_commands(arguments: list[str], hint: str) -> None:
    with pytest.raises(UsageError) as refused:
        check_allowed(arguments, load_version("2.2.2"))
    assert refused.value.hint.startswith(hint)
