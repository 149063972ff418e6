"""What is made of the reading of DAG files: rules, hints, limits, and the list of known failures."""

from dataclasses import replace

import pytest

from mwaa_local.catalog import load_version
from mwaa_local.config import EnvironmentClass
from mwaa_local.dag_report import (
    Access,
    DagFacts,
    DagReport,
    FileResult,
    ReadError,
    build_report,
    parse_event,
)
from mwaa_local.validation.dag_check import without_silenced
from mwaa_local.validation.dag_report_rules import DagLimits, check_report
from mwaa_local.validation.finding import Finding, Location, Severity
from mwaa_local.validation.known_failures import apply_known_failures, parse_known_failures
from mwaa_local.validation.module_requirements import requirement_for

LIMITS = DagLimits(
    version=load_version("2.2.2"),
    environment_class=EnvironmentClass.SMALL,
    import_timeout=30.0,
    constraints={"pandas": "1.3.4", "apache-airflow-providers-snowflake": "2.2.1"},
    prefix="dags/",
    find_module=lambda module: None,
    default_queue="default",
)
DAG = DagFacts(
    "orders", "orders.py", "@daily", False, "2024-01-01", ("team",), 1, (), ("default",), (1,), (), ()
)
ERROR = ReadError("ValueError", "no", None, "orders.py", 3, "x = int('no')", ())
FILE = FileResult("orders.py", 0.1, 0.1, None, (DAG,), ())


def rules_of(*files: FileResult, limits: DagLimits = LIMITS) -> list[tuple[str, Severity]]:
    return [(each.rule_id, each.severity) for each in check_report(DagReport(files, 1.0, 1.0), limits)]


def failing(**changes: object) -> FileResult:
    return replace(FILE, dags=(), error=replace(ERROR, **changes))  # type: ignore[arg-type]


def test_a_file_that_is_fine_gives_no_finding() -> None:
    assert rules_of(FILE) == []


def test_an_error_shows_the_line_itself() -> None:
    (finding,) = check_report(DagReport((failing(),), 1.0, 1.0), LIMITS)
    assert finding.location == Location("dags/orders.py", 3)
    assert finding.message == "ValueError: no\n    x = int('no')"


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"type": "ModuleNotFoundError", "missing": "sklearn"}, "missing-module"),
        ({"type": "AirflowTaskTimeout", "message": "DagBag import timeout"}, "dag-file-timeout"),
        ({"type": "crash"}, "dag-file-crash"),
        ({"message": "Cycle detected in DAG. Faulty task: b"}, "dag-cycle"),
        ({"message": "Invalid timetable expression: x"}, "dag-schedule"),
        ({"message": "Invalid Cron expression: [99 * * * *] is not acceptable"}, "dag-schedule"),
        ({"message": "The DAG 'x' cannot be stored: y"}, "dag-not-storable"),
        ({}, "dag-import-error"),
    ],
)
def test_each_kind_of_error_has_its_rule(changes: dict[str, object], rule: str) -> None:
    assert rules_of(failing(**changes)) == [(rule, Severity.ERROR)]


def test_an_entry_that_is_not_known_here_is_told_from_another_error() -> None:
    asked = (Access("variable", "bucket", "orders.py", 3),)
    missing = replace(failing(type="KeyError", message="'Variable bucket does not exist'"), accesses=asked)
    other = replace(failing(), accesses=asked)
    assert rules_of(missing)[0][0] == "missing-at-parse"
    assert rules_of(other)[0][0] == "dag-import-error"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (14.9, []),
        (15.1, [("slow-dag-file", Severity.WARNING)]),
        (30.1, [("dag-file-timeout", Severity.ERROR)]),
    ],
)
def test_the_time_of_a_file_alone_is_held_against_the_limit(
    seconds: float, expected: list[tuple[str, Severity]]
) -> None:
    assert rules_of(replace(FILE, alone=seconds)) == expected


@pytest.mark.parametrize(("number", "severity"), [(25, None), (26, Severity.INFO), (51, Severity.WARNING)])
def test_the_number_of_dags_is_held_against_the_class(number: int, severity: Severity | None) -> None:
    files = [replace(FILE, path=f"{n}.py", dags=(replace(DAG, dag_id=str(n)),)) for n in range(number)]
    assert rules_of(*files) == ([("dag-count", severity)] if severity else [])


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"owners": ("airflow",)}, "no-owner"),
        ({"retries": (0,)}, "no-retries"),
        ({"tasks_without_start": ("a",)}, "no-start-date"),
        ({"queues": ("default", "big")}, "custom-queue"),
        ({"deferrable": ("wait",)}, "deferrable-operator"),
    ],
)
def test_what_airflow_holds_of_a_dag_is_judged(changes: dict[str, object], rule: str) -> None:
    dag = replace(DAG, **changes)  # type: ignore[arg-type]
    assert [found for found, _ in rules_of(replace(FILE, dags=(dag,)))] == [rule]


@pytest.mark.parametrize(
    ("comment", "left"),
    [
        ("", ["no-owner", "outside-at-parse"]),
        ("x = 1  # mwaa-local: ignore-file[no-owner]", ["outside-at-parse"]),
        ("x = 1  # mwaa-local: ignore-file[no-owner, outside-at-parse]", []),
        ("x = 1  # mwaa-local: ignore[outside-at-parse]", ["no-owner"]),
        ("y = 1\nx = 1  # mwaa-local: ignore[outside-at-parse]", ["no-owner", "outside-at-parse"]),
    ],
)
def test_comments_silence_what_airflow_has_shown_too(comment: str, left: list[str]) -> None:
    file = replace(
        FILE,
        dags=(replace(DAG, owners=("airflow",)),),
        accesses=(Access("variable", "x", "orders.py", 1),),
    )
    found = check_report(DagReport((file,), 1.0, 1.0), LIMITS)
    kept = without_silenced(found, lambda name: comment if name == "dags/orders.py" else None)
    assert sorted(each.rule_id for each in kept) == left


def test_a_dag_of_two_files_is_found() -> None:
    assert rules_of(FILE, replace(FILE, path="other.py")) == [("duplicate-dag-id", Severity.ERROR)]


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("pandas.core", "pandas==1.3.4"),
        ("sklearn.cluster", "scikit-learn"),
        ("airflow.providers.snowflake.hooks.snowflake", "apache-airflow-providers-snowflake==2.2.1"),
        ("airflow.providers.microsoft.mssql.hooks", "apache-airflow-providers-microsoft-mssql"),
        ("google.cloud.storage", "google-cloud-storage"),
        ("my_package", "my-package"),
        ("airflow.sdk", None),
    ],
)
def test_a_missing_module_has_a_requirement(module: str, line: str | None) -> None:
    assert requirement_for(module, LIMITS.constraints) == line


def test_a_report_that_ends_early_says_so() -> None:
    assert build_report([]).failure == "The report ended early."
    stopped = build_report([{"event": "error", "message": "no list", "hint": "do it"}])
    assert (stopped.failure, stopped.hint) == ("no list", "do it")


@pytest.mark.parametrize("line", ["", "x", "{", "{}", "[1]", '{"mwaa_local": "other"}'])
def test_what_others_print_is_no_event(line: str) -> None:
    assert parse_event(line) is None


def finding(file: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding("dag-import-error", severity, "no", "", Location(file, 1), "x")


def test_known_failures_become_notes_and_stale_lines_are_told() -> None:
    known = parse_known_failures("# why\norders.py  # later\nold/*.py\n\n")
    found = tuple(
        apply_known_failures(
            (finding("dags/orders.py"), finding("dags/new.py")), known, "known.txt", complete=True
        )
    )
    assert [(each.rule_id, each.severity, str(each.location)) for each in found] == [
        ("dag-import-error", Severity.INFO, "dags/orders.py:1"),
        ("dag-import-error", Severity.ERROR, "dags/new.py:1"),
        ("stale-known-failure", Severity.WARNING, "known.txt:3"),
    ]
