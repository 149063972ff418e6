"""Puts the checks of a project together: what `validate` shows, and what a deployment runs first."""

import hashlib
import os
import re
from datetime import UTC, datetime
from pathlib import Path

from mwaa_local.adapters.parallel import share_out
from mwaa_local.catalog import environment_pins
from mwaa_local.config import LoadedConfig, Project
from mwaa_local.runtime.cache_folder import cache_folder
from mwaa_local.validation.finding import Finding
from mwaa_local.validation.project_check import ProjectInputs, check_project
from mwaa_local.validation.provider_names import load_provider_names

_AMAZON = "apache-airflow-providers-amazon"
_EXACT = re.compile(
    r"^\s*(apache[-_.]airflow[-_.]providers[-_.][\w.-]+?)\s*(?:\[[^\]]*\])?\s*(===?\s*([\w.+!]+))?\s*(?:[;#].*)?$"
)
_NAMED = re.compile(r"^\s*(apache[-_.]airflow[-_.]providers[-_.][\w-]+)")


def check_everything(project: Project, loaded: LoadedConfig) -> tuple[Finding, ...]:
    """Run every check that needs no installation."""
    return check_project(project_inputs(project, loaded))


def project_inputs(project: Project, loaded: LoadedConfig) -> ProjectInputs:
    """Return what the checks of a project look at."""
    required = required_providers(project)
    stock = loaded.version.amazon_provider_stock
    asked = loaded.config.amazon_provider == stock or _AMAZON in required
    return ProjectInputs(
        project,
        loaded,
        load_provider_names(installed_providers(loaded, loaded.config.amazon_provider) | required),
        None if asked else load_provider_names(installed_providers(loaded, stock) | required),
        required,
        datetime.now(UTC).date(),
        share_out,
        _memory(project),
    )


def _memory(project: Project) -> Path:
    """Return where this project's findings are remembered: outside of it, so that a check changes nothing there."""
    name = hashlib.sha256(str(project.dags).encode()).hexdigest()[:16]
    return cache_folder(os.environ, Path.home()) / "validate" / f"{name}.json"


def installed_providers(loaded: LoadedConfig, amazon: str | None) -> dict[str, str]:
    """Return the providers of an environment by distribution name, with their versions."""
    pins = environment_pins(loaded.version, amazon)
    return {pin.name: pin.version for pin in pins if pin.name.startswith("apache-airflow")}


def required_providers(project: Project) -> dict[str, str]:
    """Return the providers that requirements.txt names; an empty version where it does not pin one."""
    if project.requirements is None:
        return {}
    try:
        text = project.requirements.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return {}
    found: dict[str, str] = {}
    for line in text.splitlines():
        exact, named = _EXACT.match(line), _NAMED.match(line)
        if exact or named:
            name = (exact or named)[1]  # type: ignore[index]
            found[re.sub(r"[-_.]+", "-", name).lower()] = (exact[3] or "") if exact else ""
    return found
