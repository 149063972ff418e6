"""Everything that `start` gets ready before a process runs: environment, database, startup script, ports, the stack.

Each part is made by its own module; this one knows the order and hands results on. Nothing here starts a service.
"""

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mwaa_local.airflow_settings import Setting, build_airflow_settings, role_variables
from mwaa_local.catalog import Generation, MwaaVersion, Role
from mwaa_local.config import EnvironmentConfig, LoadedConfig, Project
from mwaa_local.environment_stack import Places, Ports, RolePlan, StackInputs, base_variables, build_stack
from mwaa_local.ports import Clock, CommandRunner, HttpClient, Processes
from mwaa_local.runtime.airflow_home import prepare_home, prepare_own_folder, project_fingerprint
from mwaa_local.runtime.database import database_url, ensure_database, project_database
from mwaa_local.runtime.database_template import TemplateKey, airflow_migration, ensure_template
from mwaa_local.runtime.database_user import choose_database_user
from mwaa_local.runtime.installer import Toolchain
from mwaa_local.runtime.interpreters import Search, find_interpreter
from mwaa_local.runtime.leftovers import Watch
from mwaa_local.runtime.port_choice import PortFinder, choose_ports
from mwaa_local.runtime.postgres import ENVIRONMENT as POSTGRES_ENVIRONMENT
from mwaa_local.runtime.postgres import Machine, Postgres, postgres_command
from mwaa_local.runtime.postgres_binaries import BinarySearch, find_binaries, least_major
from mwaa_local.runtime.requirements_install import (
    ProjectEnvironment,
    RequirementsOptions,
    ensure_project_environment,
)
from mwaa_local.runtime.startup_script import StartupRun, run_startup_script
from mwaa_local.runtime.state import Secrets, StateFolder, ensure_secrets, read_json
from mwaa_local.runtime.venv import AirflowEnvironment, ensure_base_environment
from mwaa_local.settings_rules import RuntimeAddresses
from mwaa_local.stack import Stack

INSIDE = Path(__file__).parents[1] / "inside"


class Progress(Protocol):
    """Shows steps to the user."""

    def step(self, title: str) -> AbstractContextManager[None]:
        """Show that `title` is being done, then how long it took."""
        ...

    def note(self, text: str) -> None:
        """Say something that is not a step."""
        ...

    def warn(self, text: str) -> None:
        """Say something that the user should not miss."""
        ...


@dataclass(frozen=True, slots=True)
class AwsPlan:
    """How the local AWS endpoint is started, and what a service is told of AWS."""

    command: tuple[str, ...]
    endpoint_environment: tuple[tuple[str, str], ...]
    broker_url: str
    queue_name: str
    queue_url: str
    endpoint_url: str | None
    """None where tasks call the real AWS or none."""
    variables: tuple[tuple[str, str], ...]
    """For every role."""


class AwsPlanner(Protocol):
    """Plans the local AWS of an environment."""

    def plan(
        self,
        config: EnvironmentConfig,
        version: MwaaVersion,
        folder: StateFolder,
        port: int,
        secrets: Secrets,
    ) -> AwsPlan:
        """Return the plan; AwsError if a profile has no credentials."""
        ...


@dataclass(frozen=True, slots=True)
class Host:
    """This machine: its ports (in both senses), the user's variables and the user-wide cache."""

    commands: CommandRunner
    processes: Processes
    clock: Clock
    http: HttpClient
    environ: Mapping[str, str]
    cache: Path
    uv: Path
    lock: Callable[[Path], AbstractContextManager[None]]
    watch: Watch
    port_finder: PortFinder
    aws: AwsPlanner
    new_fernet_key: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A stack that can be started, and what is known about it."""

    stack: Stack
    environment: ProjectEnvironment
    ports: Ports
    secrets: Secrets
    database_url: str
    settings: tuple[Setting, ...]
    has_login: bool
    """Whether Airflow keeps its users in the database (before Airflow 3)."""
    fingerprint: str
    """Of plugins and packages: when it changes, the web server writes its permissions anew."""
    permissions: Path
    """Where the fingerprint is kept that the database has the permissions for."""


def prepare(
    loaded: LoadedConfig,
    project: Project,
    folder: StateFolder,
    host: Host,
    progress: Progress,
    *,
    run_id: str,
) -> Prepared:
    """Get everything ready; whatever is ready already costs next to nothing."""
    config, version = loaded.config, loaded.version
    folder.create()
    secrets = ensure_secrets(folder, host.new_fernet_key)
    tools = toolchain(host, progress)
    base = prepare_base(loaded, host, tools, progress)
    ports = choose_ports(config, folder, host.port_finder, progress.note)
    postgres = prepare_postgres(version, folder, host)
    url = database_url(secrets.database_password, ports.postgres)
    _prepare_database(loaded, base, postgres, secrets, progress)
    aws = host.aws.plan(config, version, folder, ports.aws, secrets)
    addresses = _addresses(loaded, folder, ports, secrets, url, aws)
    prepare_home(folder, project, version, secrets)
    startup = _Startup(loaded, project, folder, addresses, aws, base, host)
    exports = startup.run_all(progress)
    with progress.step("Requirements"):
        environment = ensure_project_environment(
            base,
            project,
            version,
            RequirementsOptions(
                config.amazon_provider, startup.install_variables(exports), config.ignore_requirements_failure
            ),
            tools,
        )
    for warning in environment.warnings:
        progress.warn(warning)
    settings = startup.settings(exports[Role.SCHEDULER])
    fingerprint = project_fingerprint(project, environment.environment.key)
    plain = project.plugins is None and environment.environment.key == base.key
    record = project_database(postgres.user.folder, version.airflow).home / "permissions.json"
    stack = build_stack(
        StackInputs(
            version=version,
            config=config,
            ports=ports,
            places=places(folder),
            roles=startup.role_plans(exports, environment.environment.python),
            postgres_command=tuple(
                postgres_command(
                    project_database(postgres.user.folder, version.airflow).data, postgres, ports.postgres
                )
            ),
            postgres_environment=POSTGRES_ENVIRONMENT,
            aws_command=aws.command,
            aws_environment=dict(aws.endpoint_environment),
            host_environment=host.environ,
            update_permissions=needs_permissions(record, fingerprint, plain=plain),
            can_fork=sys.platform == "linux",
            run_id=run_id,
        )
    )
    has_login = version.generation is not Generation.AIRFLOW_3
    return Prepared(stack, environment, ports, secrets, url, settings, has_login, fingerprint, record)


def toolchain(host: Host, progress: Progress) -> Toolchain:
    """Return what environments are built with."""
    return Toolchain(host.commands, host.uv, host.environ, progress.note)


def places(folder: StateFolder) -> Places:
    """Return where the roles find things."""
    return Places(INSIDE, folder.airflow_home, folder.logs, folder.root / "homes", folder.root / "run")


def prepare_base(
    loaded: LoadedConfig, host: Host, tools: Toolchain, progress: Progress
) -> AirflowEnvironment:
    """Return the version's environment, built if this machine has not got it yet."""
    with progress.step(f"Airflow {loaded.version.airflow} environment"):
        interpreter = find_interpreter(loaded.version, loaded.config.python, Search(tools, host.cache))
        base = ensure_base_environment(
            loaded.version, loaded.config.amazon_provider, interpreter, host.cache, tools
        )
    if interpreter.warning:
        progress.warn(interpreter.warning)
    return base


def prepare_postgres(version: MwaaVersion, folder: StateFolder, host: Host) -> Postgres:
    """Return PostgreSQL as this machine can run it for this project."""
    folder.database.mkdir(mode=0o700, exist_ok=True)
    host.cache.mkdir(parents=True, exist_ok=True)
    user = choose_database_user(host.commands, os.getuid(), folder.database, host.cache)
    explicit = host.environ.get("MWAA_LOCAL_POSTGRES")
    search = BinarySearch(
        explicit=Path(explicit) if explicit else None,
        path=tuple(Path(part) for part in host.environ.get("PATH", "").split(os.pathsep) if part),
        cache=user.cache,
        uv=(str(host.uv),),
        preferred=version.postgres_major,
        least=least_major(version.number),
        required=project_database(user.folder, version.airflow).major,
    )
    binaries = find_binaries(search, host.commands, host.lock)
    return Postgres(binaries, user, Machine(host.commands, host.processes, host.clock, host.lock))


def _prepare_database(
    loaded: LoadedConfig,
    base: AirflowEnvironment,
    postgres: Postgres,
    secrets: Secrets,
    progress: Progress,
) -> None:
    version = loaded.version
    with progress.step(f"PostgreSQL {postgres.binaries.major} database"):
        template = ensure_template(
            TemplateKey(version.airflow, base.key),
            postgres,
            airflow_migration(
                base.python, {"PATH": f"{base.python.parent}:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}, postgres
            ),
            lambda: progress.note(
                f"Creating the metadata database schema of Airflow {version.airflow} (once)."
            ),
        )
        database = project_database(postgres.user.folder, version.airflow)
        ensure_database(database, template, secrets.database_password, postgres)


def _addresses(
    loaded: LoadedConfig, folder: StateFolder, ports: Ports, secrets: Secrets, url: str, aws: AwsPlan
) -> RuntimeAddresses:
    three = loaded.version.generation is Generation.AIRFLOW_3
    return RuntimeAddresses(
        database_url=url,
        broker_url=aws.broker_url,
        queue_name=aws.queue_name,
        queue_url=aws.queue_url,
        fernet_key=secrets.fernet_key,
        webserver_secret_key=secrets.webserver_secret,
        webserver_host="127.0.0.1",
        webserver_port=ports.webserver,
        base_url=f"http://127.0.0.1:{ports.webserver}",
        aws_endpoint=aws.endpoint_url,
        airflow_home=folder.airflow_home,
        logs=folder.airflow_home / "logs",
        cores=os.cpu_count() or 1,
        jwt_secret=secrets.jwt_secret,
        passwords_file=folder.root / "passwords.json" if three else None,
    )


def needs_permissions(record: Path, fingerprint: str, *, plain: bool) -> bool:
    """Tell whether the web server has to write permissions: its views may have changed since it last did.

    `record` lies with the database. The template holds the permissions of Airflow itself, which is all that a `plain`
    project needs: one without plugins and requirements.
    """
    return not plain and (read_json(record) or {}).get("fingerprint") != fingerprint


@dataclass(frozen=True, slots=True)
class _Startup:
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
                    run = run_startup_script(script, self._script_environment(role), self.host.commands)
                self._report(run, progress)
                found[component] = dict(run.exports)
        return {role: found[component_of(role) if varies else "scheduler"] for role in roles}

    def _report(self, run: StartupRun, progress: Progress) -> None:
        log = self.folder.log("startup_script")
        log.write_text(run.output + "\n", encoding="utf-8")
        if run.exit_code != 0:
            progress.warn(f"The startup script ended with exit code {run.exit_code}; its output is in {log}.")
        for command in run.recorded:
            progress.warn(f"The startup script's `{command}` was not run: it would change this machine.")

    def _script_environment(self, role: Role) -> dict[str, str]:
        base = base_variables(self.host.environ, places(self.folder).homes, "startup", self.base.python)
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
