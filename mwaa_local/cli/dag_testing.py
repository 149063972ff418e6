"""Prepares and runs the reading of DAG files for `test-dags` and the environment for `pytest`."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mwaa_local.cli.look import make_commands, tidy_at_exit
from mwaa_local.cli.progress import open_progress
from mwaa_local.config import LoadedConfig, Project
from mwaa_local.dag_report import DagReport, build_report
from mwaa_local.ports import CommandRunner
from mwaa_local.runtime.dag_tests import (
    SERVICE,
    DagTestEnvironment,
    ReadingLimits,
    load_environment,
    prepare_folders,
    read_dags,
    reading_variables,
    remember_environment,
    script_environment,
)
from mwaa_local.runtime.state import StateFolder

if TYPE_CHECKING:
    # The rules are imported while Airflow is, in its own process: that takes longer than all that comes before.
    from mwaa_local.validation.dag_report_rules import DagLimits
    from mwaa_local.validation.finding import Finding

KNOWN = "known-dag-failures.txt"


@dataclass(frozen=True, slots=True)
class DagTesting:
    """A project whose DAG files can be read in its environment."""

    project: Project
    loaded: LoadedConfig
    folder: StateFolder
    environment: DagTestEnvironment
    commands: CommandRunner

    def variables(self) -> dict[str, str]:
        """Return the variables of a program that reads the project's DAG files."""
        given = {**_secret_variables(self.loaded), **os.environ}
        return reading_variables(self.loaded, self.project, self.folder, self.environment, given)

    def limits(self, *, allow_network: bool, workers: int | None, watch: bool = False) -> ReadingLimits:
        """Return MWAA's limits, or what the project's options say instead."""
        options = dict(self.loaded.config.airflow_options)
        processor = options.get("dag_processor.dag_file_processor_timeout") or options.get(
            "core.dag_file_processor_timeout", "50"
        )
        return ReadingLimits(
            import_timeout=_number(options.get("core.dagbag_import_timeout"), 30.0),
            processor_timeout=_number(processor, 50.0),
            workers=workers or _cores(),
            safe_mode=options.get("core.dag_discovery_safe_mode", "True").lower() != "false",
            allow_network=allow_network,
            watch=watch,
        )

    def read(self, limits: ReadingLimits, on_event: Callable[[dict[str, Any]], None]) -> str:
        """Read the files and hand over each event; return what went wrong with the reading itself."""
        code, others = read_dags(
            self.project, self.environment, self.variables(), limits, self.commands, on_event
        )
        return "\n".join(others) if code else ""

    def report(self, limits: ReadingLimits) -> DagReport:
        """Read the files and return what came of them."""
        events: list[Mapping[str, Any]] = []
        said = self.read(limits, events.append)
        report = build_report(events)
        if report.failure and said:
            return replace(report, failure=f"{report.failure}\n{said}")
        return report

    def dag_limits(self, limits: ReadingLimits) -> "DagLimits":
        """Return what results are held against."""
        from mwaa_local.catalog import constraints_for
        from mwaa_local.validation.dag_report_rules import DagLimits
        from mwaa_local.validation.project_check import dags_prefix

        config, version = self.loaded.config, self.loaded.version
        pins = constraints_for(version, config.amazon_provider)
        options = dict(config.airflow_options)
        return DagLimits(
            version=version,
            environment_class=config.environment_class,
            import_timeout=limits.import_timeout,
            constraints={pin.name: pin.version for pin in pins},
            prefix=dags_prefix(self.project),
            find_module=lambda module: find_module(self.project.dags, module),
            default_queue=options.get("operators.default_queue", "default"),
        )

    def rule_findings(self) -> "tuple[Finding, ...]":
        """Return what the rules say of the DAG files without reading them in Airflow."""
        from mwaa_local.cli.checks import project_inputs
        from mwaa_local.validation.project_check import check_dags

        inputs = project_inputs(self.project, self.loaded)
        # In this process: it runs beside the reading, in a thread, from where one must not fork.
        return tuple(
            check_dags(replace(inputs, share_out=lambda check, files: [check(each) for each in files]))
        )


def open_dag_testing(project: Project, loaded: LoadedConfig) -> DagTesting:
    """Get the environment ready, in milliseconds if nothing has changed that goes into it."""
    folder = StateFolder(project.state)
    folder.create()
    prepare_folders(folder, project)
    tidy_at_exit(folder, SERVICE)
    environment = load_environment(loaded, project, folder) or _build(project, loaded, folder)
    return DagTesting(project, loaded, folder, environment, make_commands())


def _build(project: Project, loaded: LoadedConfig, folder: StateFolder) -> DagTestEnvironment:
    from mwaa_local.cli.app import make_app
    from mwaa_local.runtime.preparation import prepare_base, toolchain
    from mwaa_local.runtime.requirements_install import RequirementsOptions, ensure_project_environment
    from mwaa_local.runtime.sandbox import startup_sandbox
    from mwaa_local.runtime.startup_script import StartupOptions, run_startup_script

    host, progress = make_app().host, open_progress()
    tools = toolchain(host, progress)
    base = prepare_base(loaded, host, tools, progress)
    exports: tuple[tuple[str, str], ...] = ()
    if project.startup_script is not None and loaded.version.startup_script:
        with progress.step("Startup script"):
            seen = script_environment(loaded, folder, base.python, host.environ)
            with startup_sandbox(seen, host.commands) as sandbox:
                kept = StartupOptions(sandbox=sandbox)
                exports = run_startup_script(project.startup_script, seen, host.commands, kept).exports
    bare = DagTestEnvironment(base.python, exports)
    variables = reading_variables(loaded, project, folder, bare, host.environ)
    options = RequirementsOptions(
        loaded.config.amazon_provider, variables, loaded.config.ignore_requirements_failure
    )
    with progress.step("Requirements"):
        made = ensure_project_environment(base, project, loaded.version, options, tools)
    for warning in made.warnings:
        progress.warn(warning)
    environment = DagTestEnvironment(made.environment.python, exports)
    remember_environment(loaded, project, folder, environment)
    return environment


def _secret_variables(loaded: LoadedConfig) -> dict[str, str]:
    """Return the entries of the project's secrets file as Airflow takes them from variables."""
    if loaded.config.secrets_file is None:
        return {}
    from mwaa_local.aws.secrets import load_secrets

    found = {}
    for secret in load_secrets(loaded.config.secrets_file, loaded.version.airflow):
        for beginning, variable in (("airflow/connections/", "CONN"), ("airflow/variables/", "VAR")):
            if secret.name.startswith(beginning):
                found[f"AIRFLOW_{variable}_{secret.name.removeprefix(beginning).upper()}"] = secret.value
    return found


def find_module(dags: Path, module: str) -> str | None:
    """Return the full name of a module among the DAGs that was imported by its last part only."""
    first = module.partition(".")[0]
    for pattern in (f"*/**/{first}.py", f"*/**/{first}/__init__.py"):
        for path in sorted(dags.glob(pattern))[:1]:
            parts = path.relative_to(dags).with_suffix("").parts
            return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return None


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _number(text: str | None, default: float) -> float:
    try:
        return float(text) if text else default
    except ValueError:
        return default
