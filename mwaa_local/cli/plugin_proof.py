"""Proves a plugins.zip in the version's own environment: as it is, and with the project's requirements."""

from dataclasses import dataclass
from pathlib import Path

from mwaa_local.airflow_settings import role_variables
from mwaa_local.catalog import Role
from mwaa_local.cli.app import make_app
from mwaa_local.cli.progress import Progress
from mwaa_local.config import LoadedConfig, Project
from mwaa_local.deploy.plugin_proof import load_plugins, unpacked_archive
from mwaa_local.errors import RequirementsError
from mwaa_local.plugin_report import PluginReport
from mwaa_local.runtime.inside_files import INSIDE
from mwaa_local.runtime.preparation import prepare_base, toolchain
from mwaa_local.runtime.requirements_install import RequirementsOptions, ensure_project_environment
from mwaa_local.runtime.state import StateFolder
from mwaa_local.runtime.venv import AirflowEnvironment
from mwaa_local.settings_rules import option_variable
from mwaa_local.validation.plugin_load_rules import PluginLoads

_NOT_FOR_A_PROOF = ("secrets.", "logging.", "database.", "core.sql_alchemy_conn", "core.plugins_folder")
"""Options that would make Airflow look for services that are not there."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What to prove, and for whom."""

    archive: Path
    project: Project | None
    """None where there is no project: then there are no requirements."""
    loaded: LoadedConfig
    folder: str | None
    """What the user calls the folder that the archive is made of."""


def prove_plugins(proof: Proof, progress: Progress) -> PluginLoads:
    """Load the plugins of an archive in the environments that MWAA's components have."""
    host = make_app().host
    base = prepare_base(proof.loaded, host, toolchain(host, progress), progress)
    variables = proof_variables(proof.loaded)
    with unpacked_archive(proof.archive) as site:

        def load(python: Path, title: str) -> PluginReport:
            with progress.step(title):
                return load_plugins(site, python, INSIDE, host.commands, variables)

        if proof.project is None or proof.project.requirements is None:
            full, bare = load(base.python, "Plugins loaded"), None
        else:
            bare = load(base.python, "Plugins loaded without the requirements")
            python = _with_requirements(proof, proof.project, base, progress)
            full = load(python, "Plugins loaded with the requirements") if python else bare
    return PluginLoads(full, bare, proof.loaded.version, proof.folder, lazy=loads_lazily(proof.loaded))


def loads_lazily(loaded: LoadedConfig) -> bool:
    """Tell whether this environment loads plugins only when something asks for them (Airflow 2's default)."""
    chosen = dict(loaded.config.airflow_options).get("core.lazy_load_plugins", "True")
    return loaded.version.number >= (2,) and chosen.strip().lower() not in ("false", "f", "0")


def proof_variables(loaded: LoadedConfig) -> dict[str, str]:
    """Return what plugins may look at while they are imported: MWAA's names, and the user's own options."""
    config = loaded.config
    options = {
        option_variable(option): value
        for option, value in config.airflow_options
        if not option.startswith(_NOT_FOR_A_PROOF)
    }
    return {
        **options,
        "AIRFLOW_ENV_NAME": config.name,
        "AIRFLOW_VERSION": loaded.version.airflow,
        "AWS_REGION": config.region,
        "AWS_DEFAULT_REGION": config.region,
        **{setting.name: setting.value for setting in role_variables(Role.SCHEDULER)},
    }


def _with_requirements(
    proof: Proof, project: Project, base: AirflowEnvironment, progress: Progress
) -> Path | None:
    """Return the interpreter with the project's requirements; None if they cannot be installed."""
    tools = toolchain(make_app().host, progress)
    options = RequirementsOptions(proof.loaded.config.amazon_provider, proof_variables(proof.loaded))
    StateFolder(project.state).create()
    try:
        with progress.step("Requirements"):
            made = ensure_project_environment(base, project, proof.loaded.version, options, tools)
    except RequirementsError as error:
        progress.warn(
            f"The requirements cannot be installed; see mwaa-local test-requirements. {error.message}"
        )
        return None
    return made.environment.python
