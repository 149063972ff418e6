"""Checks a whole project without installing or importing anything: what `validate` shows and `deploy` runs first.

Files are checked in several processes if `share_out` does so; what it is, is decided by `cli`.
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from mwaa_local.config import LoadedConfig, Project
from mwaa_local.validation.dag_check import FileReport, check_dag_bytes
from mwaa_local.validation.dag_folder import DagFolder, hidden_imports, list_dag_folder
from mwaa_local.validation.dag_rules import DAG_RULES, ENCODING, SYNTAX, UNKNOWN_IGNORE
from mwaa_local.validation.finding import Finding, order_findings
from mwaa_local.validation.ignore_file import IgnoreDialect, IgnoreSyntax
from mwaa_local.validation.project_rules import (
    PROJECT_RULES,
    check_dag_ids,
    check_folder,
    check_ignore_files,
)
from mwaa_local.validation.rule import ProviderNames, Rule, Surroundings
from mwaa_local.validation.settings_rules_check import SETTINGS_RULES, check_settings

CheckFile = Callable[[str], FileReport]
ShareOut = Callable[[CheckFile, Sequence[str]], list[FileReport]]
"""Applies a function to each of many values, in order."""


@dataclass(frozen=True, slots=True)
class ProjectInputs:
    """What a check of a project looks at."""

    project: Project
    loaded: LoadedConfig
    providers: ProviderNames
    required_providers: Mapping[str, str]
    """Those that requirements.txt names, with their pinned versions (empty where not pinned)."""
    today: date
    share_out: ShareOut


def every_rule() -> tuple[Rule, ...]:
    """Return all rules, in the order in which they are documented."""
    dag = tuple(each.rule for each in DAG_RULES)
    return (*dag, SYNTAX, ENCODING, UNKNOWN_IGNORE, *PROJECT_RULES, *SETTINGS_RULES)


def check_project(inputs: ProjectInputs) -> tuple[Finding, ...]:
    """Return everything that is found, in reading order."""
    return order_findings((*check_dags(inputs), *_check_settings(inputs)))


def ignore_dialect(loaded: LoadedConfig) -> IgnoreDialect:
    """Return how this version, with this configuration, reads `.airflowignore`."""
    number = loaded.version.number
    chosen = dict(loaded.config.airflow_options).get("core.dag_ignore_file_syntax", "").lower()
    default = IgnoreSyntax.GLOB if number >= (3,) else IgnoreSyntax.REGEXP
    known = number >= (2, 3) and chosen in list(IgnoreSyntax)
    return IgnoreDialect(IgnoreSyntax(chosen) if known else default, dotted=number < (2, 3))


def check_dags(inputs: ProjectInputs) -> Iterator[Finding]:
    """Check the DAGs folder and every file in it that Airflow reads, directly or by an import."""
    dialect = ignore_dialect(inputs.loaded)
    root = inputs.project.dags
    folder = list_dag_folder(root, dialect)
    prefix = _prefix(inputs.project)
    catchup = dict(inputs.loaded.config.airflow_options).get("scheduler.catchup_by_default")
    version = inputs.loaded.version
    around = Surroundings(
        version,
        version.catchup_by_default if catchup is None else catchup.strip().lower() in ("true", "t", "1"),
        inputs.providers,
    )
    reports = _check_files(folder, inputs.share_out, functools.partial(_check, root, prefix, around))
    yield from check_ignore_files(folder, prefix, dialect)
    yield from check_folder(folder, prefix)
    yield from check_dag_ids(reports)
    for report in reports:
        yield from report.findings


def _check_files(folder: DagFolder, share_out: ShareOut, check: CheckFile) -> list[FileReport]:
    reports = share_out(check, folder.python)
    done: set[str] = set()
    fresh = reports
    while folder.hidden and fresh:
        wanted = hidden_imports(folder, (name for report in fresh for name in report.imports))
        further = [path for path in wanted if path not in done]
        done.update(further)
        fresh = share_out(check, further) if further else []
        reports = [*reports, *fresh]
    return reports


def _check(root: Path, prefix: str, around: Surroundings, path: str) -> FileReport:
    try:
        content = (root / path).read_bytes()
    except OSError:
        return FileReport(prefix + path, (), (), ())
    return check_dag_bytes(prefix + path, content, around)


def _prefix(project: Project) -> str:
    """Return what goes before a path in the DAGs folder, so that the user recognises it."""
    if project.dags == project.root:
        return ""
    inside = project.dags.is_relative_to(project.root)
    return f"{project.dags.relative_to(project.root) if inside else project.dags}/"


def _check_settings(inputs: ProjectInputs) -> Iterator[Finding]:
    required = inputs.required_providers.get("apache-airflow-providers-amazon")
    yield from check_settings(inputs.loaded, inputs.project, inputs.today, required)
