"""A staged folder as a project that can be started: what would be deployed runs, not what lies in the checkout.

Beside `stage/staging` comes `stage/staging.environment`, a small project of its own: a `mwaa-local.toml` that points
into the staged folder, the plugins as MWAA unpacks them, and the environment's state. Every command works there with
--project.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mwaa_local.config import CONFIG_FILE, PATH_OPTIONS, AwsKind, EnvironmentConfig, Project, path_flag
from mwaa_local.config_loading import load_config
from mwaa_local.deploy.stage_folder import Stage, load_stage
from mwaa_local.deploy.unpacking import unpack_archive
from mwaa_local.errors import MwaaLocalError, ProjectError, UsageError
from mwaa_local.project import find_project
from mwaa_local.toml_text import Value, render_tables

_PLUGINS = "plugins"
_UNPACKED = "plugins.sha256"


def open_stage(folder: Path, project_folder: Path, flags: Mapping[str, Any]) -> Path:
    """Make (or refresh) the project that runs a staged folder, and return where it lies.

    Files come from the stage alone; the wishes for the environment come from `flags` and from the project at
    `project_folder`, if there is one; the version is the deployment's unless a flag says otherwise.
    """
    stage = load_stage(folder)
    _refuse_paths(flags)
    config = _wishes(stage, project_folder, flags)
    site = stage.folder.with_name(f"{stage.folder.name}.environment")
    try:
        site.mkdir(exist_ok=True)
        plugins = _plugins(stage, site)
        text = _render(config, _paths(stage, plugins, config))
        file = site / CONFIG_FILE
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise MwaaLocalError(
            f"{error.filename or site} cannot be written: {error.strerror or error}.",
            hint="Stage into a folder that you may write beside.",
        ) from error
    return site


def _refuse_paths(flags: Mapping[str, Any]) -> None:
    for name in PATH_OPTIONS:
        variable = f"MWAA_LOCAL_{name.upper()}"
        if flags.get(name) is not None or os.environ.get(variable):
            given = path_flag(name) if flags.get(name) is not None else variable
            raise UsageError(
                f"{given} and --from-stage exclude one another.",
                hint="A stage has its own files; stage again to change them.",
            )


def _wishes(stage: Stage, project_folder: Path, flags: Mapping[str, Any]) -> EnvironmentConfig:
    try:
        project = find_project(project_folder)
    except ProjectError:
        root = stage.folder
        project = Project(root, root, None, None, None, None)
    version = flags.get("version") or os.environ.get("MWAA_LOCAL_VERSION") or stage.version
    return load_config(project, {**flags, "version": version}, os.environ).config


def _plugins(stage: Stage, site: Path) -> Path | None:
    """Unpack plugins.zip as MWAA does, unless that has been done with the same one."""
    target, mark = site / _PLUGINS, site / _UNPACKED
    archive = stage.path(stage.layout.plugins)
    digest = next((each.sha256 for each in stage.files if each.key == stage.layout.plugins), "")
    if archive is None:
        shutil.rmtree(target, ignore_errors=True)
        mark.unlink(missing_ok=True)
        return None
    if mark.is_file() and mark.read_text(encoding="utf-8") == digest and target.is_dir():
        return target
    partial = site / f".{_PLUGINS}.{os.getpid()}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        unpack_archive(archive, partial)
        mark.unlink(missing_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    mark.write_text(digest, encoding="utf-8")
    return target


def _paths(stage: Stage, plugins: Path | None, config: EnvironmentConfig) -> dict[str, Value]:
    dags = stage.path(stage.layout.dags)
    if dags is None:
        raise UsageError(
            f"{stage.folder} has no {stage.layout.dags}: nothing would run.",
            hint="Stage a deployment that has DAG files.",
        )
    paths = {
        "dags": dags,
        "plugins": plugins,
        "requirements": stage.path(stage.layout.requirements),
        "startup_script": stage.path(stage.layout.startup_script),
        "secrets": config.secrets_file,
    }
    return {name: str(path) for name, path in paths.items() if path is not None}


def _render(config: EnvironmentConfig, paths: Mapping[str, Value]) -> str:
    environment: dict[str, Value] = {
        "name": config.name,
        "version": config.version,
        "class": config.environment_class.value,
        "schedulers": config.schedulers,
        "workers": config.workers,
        "autoscale": config.autoscale,
        "min_workers": config.min_workers,
        "max_workers": config.max_workers,
        "region": config.region,
    }
    if config.amazon_provider:
        environment["amazon_provider"] = config.amazon_provider
    aws = config.aws.kind.value
    runtime: dict[str, Value] = {
        "executor": config.executor.value,
        "aws": f"{aws}:{config.aws.profile}" if config.aws.kind is AwsKind.PROFILE else aws,
        "live": config.live,
        "wait": config.wait,
        "ignore_requirements_failure": config.ignore_requirements_failure,
    }
    if config.python:
        runtime["python"] = str(config.python)
    # No [ports]: the checkout's own environment may hold those.
    tables: dict[str, Mapping[str, Value]] = {
        "environment": environment,
        "airflow_options": dict(config.airflow_options),
        "paths": paths,
        "runtime": runtime,
    }
    return "# Made by: mwaa-local start --from-stage\n\n" + render_tables(tables)
