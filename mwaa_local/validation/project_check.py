"""Checks a whole project without installing or importing anything: what `validate` shows and `deploy` runs first.

Files are checked in several processes if `share_out` does so; what it is, is decided by `cli`.
"""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from mwaa_local.config import LoadedConfig, Project
from mwaa_local.dag_files import python_files
from mwaa_local.settings_rules import option_variable
from mwaa_local.validation.dag_cache import (
    cache_key,
    content_digest,
    load_reports,
    pack_report,
    save_reports,
    unpack_report,
)
from mwaa_local.validation.dag_check import FileReport, check_dag_bytes, check_plugin_bytes
from mwaa_local.validation.dag_folder import (
    JUNK_FOLDERS,
    DagFolder,
    hidden_imports,
    ignore_dialect,
    list_dag_folder,
)
from mwaa_local.validation.finding import Finding, order_findings
from mwaa_local.validation.project_rules import check_dag_ids, check_folder, check_ignore_files
from mwaa_local.validation.rule import ProviderNames, Surroundings
from mwaa_local.validation.settings_rules_check import check_settings
from mwaa_local.validation.startup_text_rules import StartupScript, check_startup_text


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A Python file of the project."""

    path: Path
    shown: str
    """What the user calls it."""
    is_plugin: bool


NamedFile = tuple[SourceFile, bytes]
ShareOut = Callable[[Callable[[NamedFile], FileReport], Sequence[NamedFile]], list[FileReport]]
"""Applies a function to each of many values, in order."""


@dataclass(frozen=True, slots=True)
class ProjectInputs:
    """What a check of a project looks at."""

    project: Project
    loaded: LoadedConfig
    providers: ProviderNames
    stock_providers: ProviderNames | None
    """Those of MWAA, where the project uses others without asking for them in requirements.txt."""
    required_providers: Mapping[str, str]
    """Those that requirements.txt names, with their pinned versions (empty where not pinned)."""
    today: date
    share_out: ShareOut
    memory: Path | None
    """Where to remember what was found in unchanged files; None: nowhere."""


def check_project(inputs: ProjectInputs) -> tuple[Finding, ...]:
    """Return everything that is found, in reading order."""
    found = (
        *check_dags(inputs),
        *_check_settings(inputs),
        *_check_startup_script(inputs),
        *_check_requirements(inputs),
    )
    return order_findings(dict.fromkeys(found))


def check_dags(inputs: ProjectInputs) -> Iterator[Finding]:
    """Check the DAGs folder, every file in it that Airflow reads (directly or by an import), and the plugins' files."""
    dialect = ignore_dialect(inputs.loaded)
    root = inputs.project.dags
    folder = list_dag_folder(root, dialect)
    prefix = dags_prefix(inputs.project)
    catchup = dict(inputs.loaded.config.airflow_options).get("scheduler.catchup_by_default")
    version = inputs.loaded.version
    around = Surroundings(
        version,
        version.catchup_by_default if catchup is None else catchup.strip().lower() in ("true", "t", "1"),
        inputs.providers,
        inputs.stock_providers,
    )
    files = _Files(inputs, around)
    dags, plugins = _check_files(inputs.project, folder, files)
    yield from check_ignore_files(folder, prefix, dialect)
    yield from check_folder(folder, prefix)
    yield from check_dag_ids(dags)
    for report in (*dags, *plugins):
        yield from report.findings


class _Files:
    """Checks files, and remembers what it found."""

    def __init__(self, inputs: ProjectInputs, around: Surroundings) -> None:
        self._around, self._share_out, self._memory = around, inputs.share_out, inputs.memory
        facts = (
            around.version.airflow,
            around.catchup_by_default,
            sorted(around.providers.installed.items()),
        )
        self._key = cache_key(f"{inputs.project.root} {facts}")
        self._stored = load_reports(self._memory, self._key) if self._memory else {}
        self._kept: dict[str, object] = {}

    def check(self, files: Sequence[SourceFile]) -> list[FileReport]:
        """Return a report for each file that can be read."""
        reports: dict[str, FileReport] = {}
        fresh: list[NamedFile] = []
        digests = {}
        for file in files:
            try:
                content = file.path.read_bytes()
            except OSError:
                continue
            digest = digests[file.shown] = content_digest(content)
            known = self._stored.get(file.shown)
            report = unpack_report(file.shown, known) if known and known[0] == digest else None
            if report is None:
                fresh.append((file, content))
            else:
                reports[file.shown] = report
                self._kept[file.shown] = known
        check = functools.partial(_check, self._around)
        for (file, _), report in zip(fresh, self._share_out(check, fresh), strict=True):
            reports[file.shown] = report
            self._kept[file.shown] = pack_report(digests[file.shown], report)
        return [reports[file.shown] for file in files if file.shown in reports]

    def remember(self) -> None:
        """Keep what was found, if it is something else than before."""
        if self._memory and self._kept != self._stored:
            save_reports(self._memory, self._key, self._kept)


def _check_files(
    project: Project, folder: DagFolder, files: _Files
) -> tuple[list[FileReport], list[FileReport]]:
    """Check what Airflow reads, and then what is hidden from it but imported; and the plugins."""
    prefix = dags_prefix(project)

    def sources(paths: Iterable[str]) -> list[SourceFile]:
        return [SourceFile(project.dags / path, prefix + path, is_plugin=False) for path in paths]

    first = sources(folder.python)
    fresh = files.check([*first, *_plugin_files(project)])
    known = {file.shown for file in first}
    reports = [each for each in fresh if each.path in known]
    plugins = [each for each in fresh if each.path not in known]
    done: set[str] = set()
    while folder.hidden and fresh:
        wanted = hidden_imports(folder, (name for report in fresh for name in report.imports))
        further = [path for path in wanted if path not in done]
        done.update(further)
        fresh = files.check(sources(further)) if further else []
        reports += fresh
    files.remember()
    return reports, plugins


def _plugin_files(project: Project) -> list[SourceFile]:
    """Return the Python files of the plugins folder, which every process of Airflow may import."""
    plugins = project.plugins
    if plugins is None or plugins == project.dags:
        return []
    skip = JUNK_FOLDERS | {"__pycache__"}
    return [
        SourceFile(plugins / file.path, _shown(project, plugins / file.path), is_plugin=True)
        for file in sorted(python_files(plugins, skip), key=lambda each: each.path)
    ]


def _check(around: Surroundings, named: NamedFile) -> FileReport:
    file, content = named
    check = check_plugin_bytes if file.is_plugin else check_dag_bytes
    return check(file.shown, content, around)


def dags_prefix(project: Project) -> str:
    """Return what goes before a path in the DAGs folder, so that the user recognises it."""
    if project.dags == project.root:
        return ""
    inside = project.dags.is_relative_to(project.root)
    return f"{project.dags.relative_to(project.root) if inside else project.dags}/"


def _check_settings(inputs: ProjectInputs) -> Iterator[Finding]:
    required = inputs.required_providers.get("apache-airflow-providers-amazon")
    yield from check_settings(inputs.loaded, inputs.project, inputs.today, required)


def _check_startup_script(inputs: ProjectInputs) -> Iterator[Finding]:
    script = inputs.project.startup_script
    if script is None or not inputs.loaded.version.startup_script:
        return
    try:
        content = script.read_bytes()
    except OSError:
        return
    yield from check_startup_text(
        StartupScript(content, _shown(inputs.project, script), inputs.loaded.version)
    )


def _check_requirements(inputs: ProjectInputs) -> Iterator[Finding]:
    """Say what the lines alone tell; what they resolve to is `test-requirements`'s."""
    if inputs.project.requirements is None:
        return
    # Only where they are needed: they take longer to import than a small project takes to be checked.
    from mwaa_local.validation.base_environment import make_base
    from mwaa_local.validation.requirements_file import load_requirements
    from mwaa_local.validation.requirements_rules import check_lines

    base = make_base(inputs.loaded.version, inputs.loaded.config.amazon_provider)
    options = {option_variable(option): value for option, value in inputs.loaded.config.airflow_options}
    try:
        file = load_requirements(inputs.project, options, base.target)
    except OSError:
        return
    yield from file.findings
    yield from check_lines(file, base)


def _shown(project: Project, path: Path) -> str:
    return str(path.relative_to(project.root)) if path.is_relative_to(project.root) else str(path)
