"""Rules about what reading the DAG files in Airflow has shown: errors, times, accesses, counts."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from mwaa_local.catalog import MwaaVersion
from mwaa_local.config import EnvironmentClass
from mwaa_local.dag_report import DagReport, FileResult, ReadError
from mwaa_local.validation.dag_reading_rules import (
    CAPACITY,
    CRASH,
    CYCLE,
    DEFERRABLE,
    IMPORT_ERROR,
    INCOMPLETE,
    MISSING_ENTRY,
    MISSING_MODULE,
    OUTSIDE,
    OWNER,
    QUEUE,
    RETRIES,
    SCHEDULE,
    SLOW,
    START_DATE,
    STORAGE,
    TIMEOUT,
)
from mwaa_local.validation.finding import Finding, Location, Severity
from mwaa_local.validation.module_requirements import requirement_for
from mwaa_local.validation.project_rules import DUPLICATE_DAG
from mwaa_local.validation.rule import Rule

CAPACITIES = {
    EnvironmentClass.MICRO: 25,
    EnvironmentClass.SMALL: 50,
    EnvironmentClass.MEDIUM: 250,
    EnvironmentClass.LARGE: 1000,
    EnvironmentClass.XLARGE: 2000,
    EnvironmentClass.XXLARGE: 4000,
}
"""DAGs that a class is made for (MWAA-FACTS 6.6)."""


@dataclass(frozen=True, slots=True)
class DagLimits:
    """What the results are held against."""

    version: MwaaVersion
    environment_class: EnvironmentClass
    import_timeout: float
    constraints: Mapping[str, str]
    prefix: str
    """What goes before a path in the DAGs folder, so that the user recognises it."""
    find_module: Callable[[str], str | None]
    """Returns the name by which a module of the project can be imported, if there is one of that last name."""
    default_queue: str


def check_report(report: DagReport, limits: DagLimits) -> Iterator[Finding]:
    """Return everything that the report gives reason for."""
    if report.failure:
        yield Finding(
            INCOMPLETE.id, INCOMPLETE.severity, report.failure, report.hint, None, INCOMPLETE.source
        )
    for file in report.files:
        yield from check_file(file, limits)
    yield from _duplicates(report, limits)
    yield from _capacity(report, limits)


def check_file(file: FileResult, limits: DagLimits) -> Iterator[Finding]:
    """Return what is wrong with one file, whatever the others hold."""
    if file.error is not None:
        yield _read_error(file, file.error, limits)
    yield from _accesses(file, limits)
    if file.error is None and file.alone > limits.import_timeout:
        message = (
            f"In a process of its own the file takes {file.alone:.1f} s (other files had paid for its imports);"
            f" the limit is {limits.import_timeout:g} s."
        )
        yield _finding(TIMEOUT, message, limits.prefix + file.path)
    elif file.error is None and file.alone > limits.import_timeout / 2:
        message = f"Reading it takes {file.alone:.1f} s; the limit is {limits.import_timeout:g} s."
        yield _finding(SLOW, message, limits.prefix + file.path)
    yield from _dags(file, limits)


def _dags(file: FileResult, limits: DagLimits) -> Iterator[Finding]:
    path = limits.prefix + file.path
    for dag in file.dags:
        name = f"The DAG {dag.dag_id!r}"
        if dag.tasks_without_start:
            tasks = ", ".join(dag.tasks_without_start[:3])
            yield _finding(START_DATE, f"{name} has no start_date (tasks {tasks}).", path)
        if dag.owners and set(dag.owners) <= {"airflow", "Airflow"}:
            yield _finding(OWNER, f"{name} belongs to 'airflow', which is the default.", path)
        if dag.retries == (0,):
            yield _finding(RETRIES, f"{name} tries no task again when it fails.", path)
        strange = [queue for queue in dag.queues if queue not in ("default", limits.default_queue)]
        if strange:
            message = f"{name} has tasks for the queue {strange[0]!r}: they would fail on MWAA without a log."
            yield _finding(QUEUE, message, path)
        if dag.deferrable and not limits.version.triggerer:
            tasks = ", ".join(dag.deferrable[:3])
            yield _finding(DEFERRABLE, f"{name} has deferrable tasks ({tasks}), and no triggerer runs.", path)


def _read_error(file: FileResult, error: ReadError, limits: DagLimits) -> Finding:
    place = Location(limits.prefix + (error.file or file.path), error.line or 1)
    if error.file and error.file.startswith("/"):
        place = Location(error.file, error.line or 1)
    said = f"{error.type}: {error.message.splitlines()[0]}"
    line = f"  {error.text.strip()}" if error.text and error.text.strip() else ""
    through = f" (read by {limits.prefix}{file.path})" if error.file not in (None, file.path) else ""
    text = f"{said}{through}{line and chr(10) + '  ' + line}"
    rule, hint = _rule_for(file, error, limits)
    return Finding(rule.id, rule.severity, text, hint or rule.hint, place, rule.source)


def _rule_for(file: FileResult, error: ReadError, limits: DagLimits) -> tuple[Rule, str]:
    message = error.message.lower()
    if error.type == "timeout" or "timeout" in error.type.lower():
        return TIMEOUT, ""
    if error.type in ("crash", "SystemExit"):
        return CRASH, ""
    if error.missing:
        return MISSING_MODULE, _module_hint(error.missing, limits)
    if "cycle detected" in message:
        return CYCLE, ""
    if "timetable" in message or "cron expression" in message or "Timetable" in error.type:
        return SCHEDULE, ""
    if "cannot be stored" in message:
        return STORAGE, ""
    asked = [each for each in file.accesses if each.kind in ("variable", "connection")]
    if asked and any(each.name in error.message for each in asked):
        return MISSING_ENTRY, _entry_hint(asked[-1].kind, asked[-1].name)
    if any(each.kind in ("network", "database") for each in file.accesses):
        return (
            IMPORT_ERROR,
            "It reaches outside while it is parsed; do that inside a task (--network allows it).",
        )
    return IMPORT_ERROR, ""


def _module_hint(module: str, limits: DagLimits) -> str:
    known = limits.find_module(module)
    if known:
        return f"There is {known} in the project: import it by that name, from the DAGs folder."
    requirement = requirement_for(module, limits.constraints)
    if requirement is None:
        return f"Airflow {limits.version.airflow} has no {module}: it is of another version."
    return f"Add a line to requirements.txt: {requirement}"


def _entry_hint(kind: str, name: str) -> str:
    variable = f"AIRFLOW_{'VAR' if kind == 'variable' else 'CONN'}_{name.upper()}"
    return (
        f"Read it inside a task or in a template; or give it to the test: {variable}=..., or a secrets file."
    )


def _accesses(file: FileResult, limits: DagLimits) -> Iterator[Finding]:
    words = {
        "variable": "The Variable {0!r} is read",
        "connection": "The Connection {0!r} is read",
        "database": "The metadata database is used",
        "network": "The network is used ({0})",
    }
    for access in file.accesses:
        own = access.file and not access.file.startswith("/")
        where = f"{limits.prefix}{access.file}" if own else access.file or limits.prefix + file.path
        message = words[access.kind].format(access.name) + " whenever Airflow reads this file."
        yield Finding(
            OUTSIDE.id,
            OUTSIDE.severity,
            message,
            OUTSIDE.hint,
            Location(where, max(1, access.line)),
            OUTSIDE.source,
        )


def _duplicates(report: DagReport, limits: DagLimits) -> Iterator[Finding]:
    places: dict[str, list[str]] = defaultdict(list)
    for file in report.files:
        for dag in file.dags:
            places[dag.dag_id].append(limits.prefix + file.path)
    for dag_id, files in sorted(places.items()):
        for path in files[1:]:
            yield _finding(DUPLICATE_DAG, f"The DAG {dag_id!r} is made in {files[0]} too.", path)


def _capacity(report: DagReport, limits: DagLimits) -> Iterator[Finding]:
    number = sum(len(file.dags) for file in report.files)
    capacity = CAPACITIES[limits.environment_class]
    if number > capacity // 2:
        over = number > capacity
        message = f"{number} DAGs; {limits.environment_class} is made for up to {capacity}" + (
            "." if over else ", and more than half of that may already be much for its scheduler."
        )
        severity = CAPACITY.severity if over else Severity.INFO
        yield Finding(CAPACITY.id, severity, message, CAPACITY.hint, None, CAPACITY.source)


def _finding(rule: Rule, message: str, file: str) -> Finding:
    return Finding(rule.id, rule.severity, message, rule.hint, Location(file, 1), rule.source)
