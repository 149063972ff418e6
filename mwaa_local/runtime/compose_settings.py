"""What the containers of an environment are told in private files: settings, keys, and who they are to be.

Pure. The settings are those of the native runtime with the paths and addresses that hold inside the containers. Startup
scripts run there, so the settings go in two parts: what a script may change, and what it may not.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mwaa_local.airflow_settings import (
    RESERVED_PREFIXES,
    Setting,
    build_airflow_settings,
    former_names,
    reserved_exports,
    role_variables,
)
from mwaa_local.catalog import Generation, Role
from mwaa_local.class_limits import container_size
from mwaa_local.config import LoadedConfig, Project
from mwaa_local.environment_stack import Ports
from mwaa_local.runtime.database import database_url
from mwaa_local.runtime.host import AwsPlan
from mwaa_local.runtime.state import Secrets
from mwaa_local.settings_rules import RuntimeAddresses, SettingOrigin

HOME = Path("/usr/local/airflow")
PASSWORDS = HOME / ".passwords.json"
POSTGRES_PORT = 5432
AIRFLOW_USER = 1000
"""The id of the user `airflow`, where the host's own user is root."""


@dataclass(frozen=True, slots=True)
class ContainerUser:
    """Whose files the containers write."""

    uid: int
    gid: int

    def as_document(self) -> dict[str, int]:
        """Return the form that containers read."""
        return {"uid": self.uid, "gid": self.gid}


@dataclass(frozen=True, slots=True)
class ContainerSettings:
    """What settings and private files are made of."""

    loaded: LoadedConfig
    project: Project
    ports: Ports
    secrets: Secrets
    aws: AwsPlan
    user: ContainerUser
    update_permissions: bool = True
    """Whether the web server writes its permissions to the database: needed once after plugins have changed."""
    adopted: str = ""
    """The cluster that PostgreSQL is to put in the place of its own: one that was carried over."""

    def settings(self) -> tuple[Setting, ...]:
        """Return the effective settings, but for what a startup script exports."""
        loaded = self.loaded
        project = container_project(self.project)
        return build_airflow_settings(loaded.version, loaded.config, project, self._addresses(), {})

    def install_variables(self) -> dict[str, str]:
        """Return what `${NAME}` in requirements stands for; a startup script adds to that where it runs."""
        settings = (*self.settings(), *role_variables(Role.SCHEDULER))
        return {setting.name: setting.value for setting in settings}

    def airflow_orders(self) -> dict[str, Any]:
        """Return what the containers of the roles are told."""
        version, config = self.loaded.version, self.loaded.config
        settings = self.settings()
        changeable = {each.name: each.value for each in settings if is_changeable(each)}
        fixed = {each.name: each.value for each in settings if not is_changeable(each)}
        if config.live:
            fixed["MWAA_LOCAL_LIVE"] = "1"
        has_script = self.project.startup_script is not None and version.startup_script
        prefixes = (f"{prefix}*" for prefix in RESERVED_PREFIXES)
        return {
            "user": self.user.as_document(),
            "defaults": changeable,
            "fixed": {**fixed, **dict(self.aws.variables)},
            "reserved": [*sorted(reserved_exports(version)), *prefixes],
            "former": former_names(version, config),
            "roles": {str(role): self._role_variables(role) for role in version.roles},
            "database_url": self._database_url,
            "admin_password": self.secrets.admin_password,
            "startup_script": has_script,
        }

    def postgres_orders(self) -> dict[str, Any]:
        """Return what PostgreSQL's container is told."""
        told = {"user": self.user.as_document(), "database_password": self.secrets.database_password}
        return {**told, "adopt": self.adopted} if self.adopted else told

    def aws_orders(self) -> dict[str, Any]:
        """Return what the container of the AWS endpoint is told."""
        variables = dict(self.aws.endpoint_environment)
        return {"user": self.user.as_document(), "endpoint_environment": variables}

    @property
    def _database_url(self) -> str:
        return database_url(self.secrets.database_password, POSTGRES_PORT, "postgres")

    def _role_variables(self, role: Role) -> dict[str, str]:
        variables = {setting.name: setting.value for setting in role_variables(role)}
        if role is not Role.WEBSERVER:
            return variables
        if self.loaded.version.generation is not Generation.AIRFLOW_3:
            variables["AIRFLOW__WEBSERVER__UPDATE_FAB_PERMS"] = str(self.update_permissions)
        if not self.loaded.version.requirements_on_webserver:
            variables["AIRFLOW__CORE__PLUGINS_FOLDER"] = str(HOME / "no-plugins")
        address = {"MWAA_LOCAL_WEB_HOST": "0.0.0.0", "MWAA_LOCAL_WEB_PORT": str(self.ports.webserver)}  # noqa: S104
        return {**variables, **dict(self.aws.web_variables), **address}

    def _addresses(self) -> RuntimeAddresses:
        config, ports, secrets = self.loaded.config, self.ports, self.secrets
        three = self.loaded.version.generation is Generation.AIRFLOW_3
        return RuntimeAddresses(
            database_url=self._database_url,
            broker_url=self.aws.broker_url,
            queue_name=self.aws.queue_name,
            queue_url=self.aws.queue_url,
            fernet_key=secrets.fernet_key,
            webserver_secret_key=secrets.webserver_secret,
            webserver_host="0.0.0.0",  # noqa: S104 (of the container; it is published on 127.0.0.1)
            webserver_port=ports.webserver,
            base_url=f"http://127.0.0.1:{ports.webserver}",
            aws_endpoint=self.aws.endpoint_url,
            airflow_home=HOME,
            logs=HOME / "logs",
            cores=container_size(config.environment_class, Role.SCHEDULER).cpus,
            jwt_secret=secrets.jwt_secret,
            passwords_file=PASSWORDS if three else None,
            task_url=f"http://webserver:{ports.webserver}",
            statsd=self.aws.statsd,
        )


def container_project(project: Project) -> Project:
    """Return the project as it lies in the containers."""
    return replace(
        project,
        root=HOME,
        dags=HOME / "dags",
        plugins=HOME / "plugins" if project.plugins else None,
        requirements=HOME / "requirements" / "requirements.txt" if project.requirements else None,
        startup_script=HOME / "startup" / "startup.sh" if project.startup_script else None,
    )


def is_changeable(setting: Setting) -> bool:
    """Tell whether a startup script may set another value."""
    return setting.origin in (SettingOrigin.MWAA_DEFAULT, SettingOrigin.LOCAL_DEFAULT)


def choose_user(uid: int, gid: int, *, rootless: bool) -> ContainerUser:
    """Return whose files the containers write: the host user's, so that they stay the user's own.

    Root's containers have the user `airflow` all the same. In those of a rootless engine, root is the host's user.
    """
    if rootless:
        return ContainerUser(0, 0)
    return ContainerUser(AIRFLOW_USER, AIRFLOW_USER) if uid == 0 else ContainerUser(uid, gid)
