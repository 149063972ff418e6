"""The environment of a project: the shared one, or a copy of it with the project's requirements on top.

The copy lies in the project's state folder and is made again only when something changed that goes into it.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.catalog import (
    ConstraintsPolicy,
    MwaaVersion,
    constraints_for,
    essential_for,
)
from mwaa_local.config import Project
from mwaa_local.errors import RequirementsError
from mwaa_local.requirements_files import RequirementsFiles, official_constraints, read_requirements
from mwaa_local.runtime.cache_entry import Record, ensure_entry
from mwaa_local.runtime.environment_copy import (
    copy_environment,
    installed_versions,
    make_scripts_relocatable,
)
from mwaa_local.runtime.installer import Toolchain
from mwaa_local.runtime.requirements_layer import Layer, digest_layer, install_layer
from mwaa_local.runtime.venv import AirflowEnvironment, is_usable

IN_USE = ".in-use"
"""In a layer's folder: not to be removed."""
MWAA_TIME_LIMIT = 540.0
"""Nine minutes (amazon-mwaa-docker-images, user_requirements.py)."""

WATCHED = (
    "apache-airflow",
    "celery",
    "kombu",
    "flask",
    "flask-appbuilder",
    "sqlalchemy",
    "werkzeug",
    "apache-airflow-providers-amazon",
)
"""Packages whose change deserves a warning: Airflow stands on them."""


@dataclass(frozen=True, slots=True)
class RequirementsOptions:
    """How the requirements are to be installed."""

    amazon_provider: str | None
    variables: Mapping[str, str]
    """What `${NAME}` in the files stands for: the environment's own variables."""
    ignore_failure: bool = False
    """Go on without the requirements, as the service does."""
    timeout: float = MWAA_TIME_LIMIT


@dataclass(frozen=True, slots=True)
class PackageChange:
    """A package of the shared environment that the requirements changed; None where it is gone."""

    name: str
    before: str
    after: str | None


@dataclass(frozen=True, slots=True)
class ProjectEnvironment:
    """The environment that the project runs in, and what the user should know about it."""

    environment: AirflowEnvironment
    changes: tuple[PackageChange, ...]
    warnings: tuple[str, ...]


def ensure_project_environment(
    base: AirflowEnvironment,
    project: Project,
    version: MwaaVersion,
    options: RequirementsOptions,
    tools: Toolchain,
) -> ProjectEnvironment:
    """Return the project's own environment: a copy of `base` with the project's requirements, if it has any."""
    if project.requirements is None:
        return ProjectEnvironment(_ensure_copy(base, project.state, tools), (), ())
    files = read_requirements(project, {**tools.environ, **options.variables}, official_constraints)
    notes = _notes(files, base, version)
    if not asks_for_something(files):
        return ProjectEnvironment(_ensure_copy(base, project.state, tools), (), notes)
    forces = version.constraints_policy is not ConstraintsPolicy.WARN and not files.has_constraints
    layer = Layer(
        base=base,
        version=version,
        files=files,
        forced=constraints_for(version, options.amazon_provider) if forces else (),
        essential=essential_for(version),
        variables=options.variables,
        timeout=options.timeout,
        work=project.state / "requirements",
        tools=tools,
    )
    try:
        environment = _ensure_layer(layer, project.state)
    except RequirementsError as failure:
        if not options.ignore_failure:
            raise
        going_on = f"The requirements are NOT installed (MWAA, too, goes on without them): {failure.message}"
        return ProjectEnvironment(_ensure_copy(base, project.state, tools), (), (*notes, going_on))
    changes = _changes(base.root, environment.root)
    alarms = tuple(describe_change(each) for each in changes if each.name in WATCHED)
    return ProjectEnvironment(environment, changes, (*notes, *alarms))


def _ensure_layer(layer: Layer, state: Path) -> AirflowEnvironment:
    def install(partial: Path, python: Path) -> None:
        layer.tools.notify("Installing the project's requirements.")
        install_layer(layer, python)
        make_scripts_relocatable(partial)

    return _ensure_own(layer.base, digest_layer(layer), state, layer.tools, install)


def _ensure_copy(base: AirflowEnvironment, state: Path, tools: Toolchain) -> AirflowEnvironment:
    """Return a plain copy of `base`: what a user installs into it by hand must not reach other projects."""
    return _ensure_own(base, base.key, state, tools, lambda _partial, _python: None)


def _ensure_own(
    base: AirflowEnvironment, key: str, state: Path, tools: Toolchain, install: Callable[[Path, Path], None]
) -> AirflowEnvironment:
    folder = state / f"environment-{key}"

    def build(partial: Path) -> Record:
        python = copy_environment(base.root, partial)
        install(partial, python)
        _remove_old_layers(state)
        return {"base": base.key, "key": key}

    entry = ensure_entry(folder, build, is_usable, tools.locks)
    return AirflowEnvironment(
        folder, folder / "bin" / "python", key, base.interpreter, base.left_out, entry.built
    )


def _remove_old_layers(state: Path) -> None:
    """Remove all layers but the newest, which an environment that still runs may be using."""
    layers = sorted(
        (path for path in state.glob("environment-*") if path.is_dir()), key=lambda path: path.stat().st_mtime
    )
    for path in layers[:-1]:
        if not (path / IN_USE).exists():
            shutil.rmtree(path, ignore_errors=True)


def pin_layers(state: Path) -> None:
    """Keep the layers that there are: workers that have been replaced run on with them until their tasks end."""
    for path in state.glob("environment-*"):
        if path.is_dir():
            (path / IN_USE).touch()


def unpin_layers(state: Path) -> None:
    """Let layers go that nobody uses any more: nothing runs."""
    for mark in state.glob(f"environment-*/{IN_USE}"):
        mark.unlink(missing_ok=True)


def asks_for_something(files: RequirementsFiles) -> bool:
    """Return whether any line installs something; options and constraints alone do not."""
    for name, text in files.texts:
        if name.startswith("constraints-"):
            continue
        for line in (each.strip() for each in text.splitlines()):
            if line.startswith(("-e", "--editable", "-r http", "--requirement http")):
                return True
            if line and not line.startswith(("#", "-")):
                return True
    return False


def _notes(files: RequirementsFiles, base: AirflowEnvironment, version: MwaaVersion) -> tuple[str, ...]:
    notes = []
    if not files.has_constraints and asks_for_something(files):
        forced = version.constraints_policy is not ConstraintsPolicy.WARN
        does = "MWAA forces its own" if forced else "without them a package may change Airflow's own"
        notes.append(f"{files.sources[0][1]} names no constraints; {does}.")
    absent = {each.name: each.instead for each in base.left_out}
    for line in files.requirements:
        if line.name in absent:
            notes.append(
                f"{line.file}:{line.line}: {line.name} is not installed; {absent[line.name]} does its work."
            )
    return tuple(notes)


def _changes(base: Path, layer: Path) -> tuple[PackageChange, ...]:
    before, after = installed_versions(base), installed_versions(layer)
    return tuple(
        PackageChange(name, number, after.get(name))
        for name, number in sorted(before.items())
        if after.get(name) != number
    )


def describe_change(change: PackageChange) -> str:
    """Say that the requirements change a package that Airflow stands on."""
    return (
        f"The requirements change {change.name} from {change.before} to {change.after}: Airflow may not work with it. "
        "Use the version's constraints."
    )
