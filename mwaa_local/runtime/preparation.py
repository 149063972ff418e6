"""Everything that `start` gets ready before a process runs: environment, database, startup script, ports, the stack.

Each part is made by its own module; this one knows the order and hands results on. Nothing here starts a service.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mwaa_local.airflow_settings import Setting
from mwaa_local.catalog import Generation, Role
from mwaa_local.config import LoadedConfig, Project
from mwaa_local.environment_stack import Places, Ports, RolePlan, StackInputs, build_stack
from mwaa_local.project import path_variables
from mwaa_local.runtime.airflow_home import prepare_home, project_fingerprint
from mwaa_local.runtime.database import ProjectDatabase, database_url
from mwaa_local.runtime.database_preparation import DatabaseOrder, prepare_database, prepare_postgres
from mwaa_local.runtime.host import AwsPlan, Host, Progress
from mwaa_local.runtime.inside_files import INSIDE
from mwaa_local.runtime.installer import Toolchain
from mwaa_local.runtime.interpreters import Search, find_interpreter
from mwaa_local.runtime.port_choice import choose_ports
from mwaa_local.runtime.postgres import ENVIRONMENT as POSTGRES_ENVIRONMENT
from mwaa_local.runtime.postgres import Postgres, postgres_command
from mwaa_local.runtime.requirements_install import (
    ProjectEnvironment,
    RequirementsOptions,
    ensure_project_environment,
)
from mwaa_local.runtime.requirements_log import failure_logged, forget_installation, log_installation
from mwaa_local.runtime.role_settings import RoleSettings
from mwaa_local.runtime.state import Secrets, StateFolder, ensure_secrets, read_json, require_room
from mwaa_local.runtime.venv import AirflowEnvironment, ensure_base_environment
from mwaa_local.settings_rules import RuntimeAddresses
from mwaa_local.stack import Stack
from mwaa_local.stack_workers import NO_ROLLOVER, Rollover


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


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the stack is built from, found or made in order."""

    base: AirflowEnvironment
    environment: ProjectEnvironment
    ports: Ports
    database: ProjectDatabase
    postgres: Postgres
    aws: AwsPlan


def prepare(
    loaded: LoadedConfig,
    project: Project,
    folder: StateFolder,
    host: Host,
    progress: Progress,
    *,
    run_id: str,
    rollover: Rollover = NO_ROLLOVER,
    carry: bool | None = None,
) -> Prepared:
    """Get everything ready; whatever is ready already costs next to nothing."""
    version = loaded.version
    folder.create()
    require_room(folder)
    secrets = ensure_secrets(folder, host.new_fernet_key)
    tools = toolchain(host, progress)
    base = prepare_base(loaded, host, tools, progress)
    ports = choose_ports(loaded.config, folder, host.port_finder, progress.note)
    postgres = prepare_postgres(version, folder, host)
    url = database_url(secrets.database_password, ports.postgres)
    order = DatabaseOrder(version, folder, secrets.database_password, carry, base.root.parent)
    database = prepare_database(order, base, postgres, progress)
    aws = host.aws.plan(loaded.config, version, folder, ports, secrets)
    addresses = _addresses(loaded, folder, ports, secrets, url, aws)
    prepare_home(folder, project, version, secrets)
    startup = RoleSettings(loaded, project, folder, addresses, aws, base, host)
    exports = startup.run_all(progress)
    environment = _prepare_requirements(
        loaded, base, project, startup.install_variables(exports), tools, progress
    )
    plans = startup.role_plans(exports, environment.environment.python)
    parts = _Parts(base, environment, ports, database, postgres, aws)
    fingerprint = project_fingerprint(project, environment.environment.key)
    inputs = _stack_inputs(loaded, folder, host, parts, plans, run_id)
    record = database.home / "permissions.json"
    update = needs_permissions(record, fingerprint, plain=_is_plain(project, parts))
    endpoint = {**inputs.aws_environment, **path_variables(project)}
    inputs = replace(inputs, update_permissions=update, aws_environment=endpoint, rollover=rollover)
    return Prepared(
        stack=build_stack(inputs),
        environment=environment,
        ports=ports,
        secrets=secrets,
        database_url=url,
        settings=startup.settings(exports[Role.SCHEDULER]),
        has_login=version.generation is not Generation.AIRFLOW_3,
        fingerprint=fingerprint,
        permissions=record,
    )


def _is_plain(project: Project, parts: _Parts) -> bool:
    return project.plugins is None and parts.environment.environment.key == parts.base.key


def _stack_inputs(
    loaded: LoadedConfig,
    folder: StateFolder,
    host: Host,
    parts: _Parts,
    plans: Mapping[Role, RolePlan],
    run_id: str,
) -> StackInputs:
    return StackInputs(
        version=loaded.version,
        config=loaded.config,
        ports=parts.ports,
        places=places(folder),
        roles=plans,
        postgres_command=tuple(postgres_command(parts.database.data, parts.postgres, parts.ports.postgres)),
        postgres_environment=POSTGRES_ENVIRONMENT,
        aws_command=parts.aws.command,
        aws_environment=dict(parts.aws.endpoint_environment),
        web_variables=dict(parts.aws.web_variables),
        host_environment={**host.environ, **dict(parts.aws.trust)},
        update_permissions=False,
        can_fork=sys.platform == "linux",
        run_id=run_id,
        figures_url=parts.aws.figures_url,
    )


def _prepare_requirements(
    loaded: LoadedConfig,
    base: AirflowEnvironment,
    project: Project,
    variables: Mapping[str, str],
    tools: Toolchain,
    progress: Progress,
) -> ProjectEnvironment:
    config = loaded.config
    options = RequirementsOptions(config.amazon_provider, variables, config.ignore_requirements_failure)
    folder = StateFolder(project.state)
    with progress.step("Requirements"), failure_logged(folder):
        environment = ensure_project_environment(base, project, loaded.version, options, tools)
    if project.requirements is None:
        forget_installation(folder)
    else:
        log_installation(folder, base.root, environment.environment.root, environment.warnings)
    for warning in environment.warnings:
        progress.warn(warning)
    return environment


def toolchain(host: Host, progress: Progress) -> Toolchain:
    """Return what environments are built with."""
    return Toolchain(host.commands, host.uv, host.environ, progress.note, host.locks)


def places(folder: StateFolder) -> Places:
    """Return where the roles find things."""
    return Places(INSIDE, folder.airflow_home, folder.logs, folder.own_folders, folder.root / "run")


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
        statsd=aws.statsd,
    )


def needs_permissions(record: Path, fingerprint: str, *, plain: bool) -> bool:
    """Tell whether the web server has to write permissions: its views may have changed since it last did.

    `record` lies with the database. The template holds the permissions of Airflow itself, which is all that a `plain`
    project needs: one without plugins and requirements.
    """
    return not plain and (read_json(record) or {}).get("fingerprint") != fingerprint
