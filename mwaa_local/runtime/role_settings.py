"""The variables and the interpreter of each role: MWAA's settings, the startup script's exports, the AWS variables."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.airflow_settings import Setting, build_airflow_settings, role_variables
from mwaa_local.catalog import Role
from mwaa_local.config import LoadedConfig, Project
from mwaa_local.environment_stack import RolePlan, base_variables
from mwaa_local.runtime.airflow_home import prepare_own_folder
from mwaa_local.runtime.host import AwsPlan, Host, Progress
from mwaa_local.runtime.sandbox import startup_sandbox
from mwaa_local.runtime.startup_script import StartupOptions, StartupRun, run_startup_script
from mwaa_local.runtime.state import StateFolder
from mwaa_local.runtime.venv import AirflowEnvironment
from mwaa_local.settings_rules import RuntimeAddresses


@dataclass(frozen=True, slots=True)
class RoleSettings:
    """The startup script and the settings that depend on what it exports, per role."""

    loaded: LoadedConfig
    project: Project
    folder: StateFolder
    addresses: RuntimeAddresses
    aws: AwsPlan
    base: AirflowEnvironment
    host: Host

    def settings(self, exports: Mapping[str, str]) -> tuple[Setting, ...]:
        """Return the effective settings for what the script exported."""
        return build_airflow_settings(
            self.loaded.version, self.loaded.config, self.project, self.addresses, exports
        )

    def run_all(self, progress: Progress) -> dict[Role, Mapping[str, str]]:
        """Run the script for each component and return the exports by role."""
        script = self.project.startup_script
        roles = self.loaded.version.roles
        if script is None or not self.loaded.version.startup_script:
            return {role: {} for role in roles}
        found: dict[str, Mapping[str, str]] = {}
        varies = "MWAA_AIRFLOW_COMPONENT" in script.read_text(encoding="utf-8", errors="replace")
        for role in roles:
            component = component_of(role) if varies else "scheduler"
            if component not in found:
                with progress.step(f"Startup script ({component})" if varies else "Startup script"):
                    run = self._run(script, role)
                self._report(run, progress)
                found[component] = dict(run.exports)
        return {role: found[component_of(role) if varies else "scheduler"] for role in roles}

    def _run(self, script: Path, role: Role) -> StartupRun:
        seen = self._script_environment(role)
        with startup_sandbox(seen, self.host.commands) as sandbox:
            return run_startup_script(script, seen, self.host.commands, StartupOptions(sandbox=sandbox))

    def _report(self, run: StartupRun, progress: Progress) -> None:
        log = self.folder.log("startup_script")
        log.write_text(run.output + "\n", encoding="utf-8")
        if run.exit_code != 0:
            progress.warn(f"The startup script ended with exit code {run.exit_code}; its output is in {log}.")
        for command in run.recorded:
            progress.warn(f"The startup script's `{command}` was not run: it would change this machine.")

    def _script_environment(self, role: Role) -> dict[str, str]:
        base = base_variables(self.host.environ, self.folder.own_folders, "startup", self.base.python)
        prepare_own_folder(self.folder, "startup")
        variables = {**base, **self._variables(role, {})}
        variables.pop("PIP_USER", None)  # pip refuses it in a virtual environment
        packages = self.folder.root / "startup-packages"
        return {**variables, "PIP_TARGET": str(packages), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}

    def install_variables(self, exports: Mapping[Role, Mapping[str, str]]) -> dict[str, str]:
        """Return what `${NAME}` in requirements stands for."""
        return {
            **exports[Role.SCHEDULER],
            **{setting.name: setting.value for setting in self.settings(exports[Role.SCHEDULER])},
        }

    def role_plans(self, exports: Mapping[Role, Mapping[str, str]], python: Path) -> dict[Role, RolePlan]:
        """Return interpreter and variables of each role; the web server of old versions has the base only."""
        version = self.loaded.version
        plans = {}
        for role in version.roles:
            bare = role is Role.WEBSERVER and not version.requirements_on_webserver
            chosen = self.base.python if bare else python
            variables = self._variables(role, exports[role])
            if bare:
                variables["AIRFLOW__CORE__PLUGINS_FOLDER"] = str(self.folder.root / "no-plugins")
            plans[role] = RolePlan(chosen, tuple(sorted(variables.items())))
        return plans

    def _variables(self, role: Role, exports: Mapping[str, str]) -> dict[str, str]:
        own = {setting.name: setting.value for setting in self.settings(exports)}
        kept = {name: value for name, value in exports.items() if name not in own}
        packages = self.folder.root / "startup-packages"
        if packages.is_dir():
            kept["PYTHONPATH"] = os.pathsep.join(filter(None, (str(packages), kept.get("PYTHONPATH", ""))))
        return {
            **kept,
            **own,
            **dict(self.aws.variables),
            **{setting.name: setting.value for setting in role_variables(role)},
        }


def component_of(role: Role) -> str:
    """Return what MWAA_AIRFLOW_COMPONENT says where a role runs: the scheduler's container has several."""
    return str(role) if role in (Role.WORKER, Role.WEBSERVER) else "scheduler"
