"""Puts real adapters and pure code together: the one place that makes adapters for commands."""

import base64
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mwaa_local.adapters.clock import SystemClock
from mwaa_local.adapters.commands import SystemCommands
from mwaa_local.adapters.http import LocalHttp
from mwaa_local.adapters.locks import held_lock, is_locked
from mwaa_local.adapters.port_claims import PortClaims
from mwaa_local.adapters.processes import SystemProcesses, describe_processes
from mwaa_local.aws.access_keys import REQUIRE_VARIABLE, own_key
from mwaa_local.aws.account import (
    ATTACHED,
    CREDENTIALS_PATH,
    QUEUE_PATH,
    TOKEN_VARIABLE,
    bucket_name,
    celery_broker_url,
    celery_queue_name,
    celery_queue_url,
    environment_id_of,
    statsd_prefix,
)
from mwaa_local.aws.environment import aws_environment, celery_environment
from mwaa_local.aws.environment_settings import SETTINGS_VARIABLE, settings_text
from mwaa_local.aws.web_doors.settings import (
    AUTHORITY,
    KEY_VARIABLE,
    DoorSettings,
    command_socket,
    door_arguments,
    web_variables,
)
from mwaa_local.catalog import MwaaVersion, Role
from mwaa_local.cli.trust import TASK_VARIABLES, ensure_certificate, write_bundle
from mwaa_local.config import AwsKind, EnvironmentConfig, LoadedConfig, Project
from mwaa_local.config_loading import load_config
from mwaa_local.docker_ports import DockerEngine, ImageRegistry
from mwaa_local.environment_stack import Ports
from mwaa_local.project import find_project, path_overrides
from mwaa_local.runtime.cache_folder import cache_folder
from mwaa_local.runtime.host import AwsPlan, Host
from mwaa_local.runtime.image_registry import Repository
from mwaa_local.runtime.index_settings import uv_environ
from mwaa_local.runtime.leftovers import Watch
from mwaa_local.runtime.native import NativeRuntime
from mwaa_local.runtime.port_choice import PortFinder
from mwaa_local.runtime.state import Secrets, StateFolder, read_json
from mwaa_local.settings_rules import StatsdAddress


class LocalAws:
    """Plans the moto-based endpoint of an environment."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def plan(
        self,
        config: EnvironmentConfig,
        version: MwaaVersion,
        folder: StateFolder,
        ports: Ports,
        secrets: Secrets,
    ) -> AwsPlan:
        """Return the plan; AwsError if a profile has no credentials."""
        url = f"http://127.0.0.1:{ports.aws}"
        queue = celery_queue_name(secrets.environment_id)
        module, arguments = "mwaa_local.cli.endpoint", ["--region", config.region]
        arguments += ["--bucket", bucket_name(config.name, secrets.environment_id)]
        if config.secrets_file is not None:
            arguments += ["--secrets", str(config.secrets_file)]
        attached = read_json(folder.root / ATTACHED)
        if attached is not None:
            # An environment of the MWAA API: its AWS is the endpoint that made it.
            url, queue = str(attached["endpoint"]), str(attached["queue"])
            module, arguments = "mwaa_local.aws.attached", ["--endpoint", url]
        command = [sys.executable, "-m", module, "--port", str(ports.aws), "--state", str(folder.aws)]
        doors = self._doors(config, version, folder, ports)
        command += ["--queue", queue, "--airflow", version.airflow, *arguments, *door_arguments(doors)]
        environment = {**self._environ, KEY_VARIABLE: secrets.token_key}
        environment[SETTINGS_VARIABLE] = _settings(config)
        if config.aws.kind is AwsKind.PROFILE:
            from mwaa_local.aws.credentials import check_profile

            check_profile(config.aws.profile)
            command += ["--profile", config.aws.profile]
            environment[TOKEN_VARIABLE] = secrets.aws_token
        queue_url = celery_queue_url(url, queue)
        variables = aws_environment(config.aws, url, config.region, url + CREDENTIALS_PATH, secrets.aws_token)
        key = own_key(self._environ)
        if config.aws.kind is AwsKind.LOCAL:
            variables |= {"AWS_ACCESS_KEY_ID": key.id, "AWS_SECRET_ACCESS_KEY": key.secret}
        return AwsPlan(
            command=tuple(command),
            endpoint_environment=tuple(environment.items()),
            broker_url=celery_broker_url(url, key.id, key.secret),
            queue_name=queue,
            queue_url=queue_url,
            endpoint_url=url if config.aws.kind is AwsKind.LOCAL else None,
            variables=tuple({**variables, **celery_environment(queue, queue_url)}.items()),
            statsd=statsd_address(url, queue if attached is not None else ""),
            web_variables=web_variables(doors, secrets.token_key),
            figures_url=f"{url}{QUEUE_PATH}?queue={queue}",
            trust=self._trust(folder) if config.aws.kind is AwsKind.LOCAL else (),
        )

    def _trust(self, folder: StateFolder) -> tuple[tuple[str, str], ...]:
        """Have tasks trust the web servers of this machine's environments, as one may start DAGs in another."""
        bundle = folder.root / "run" / "trusted.pem"
        try:
            certificate = ensure_certificate(cache_folder(self._environ, Path.home()))
        except OSError:
            return ()  # then the endpoint's doors stay shut, and it says so
        write_bundle(bundle, self._environ, certificate, for_all=True)
        return tuple(dict.fromkeys(TASK_VARIABLES, str(bundle)).items())

    def _doors(
        self, config: EnvironmentConfig, version: MwaaVersion, folder: StateFolder, ports: Ports
    ) -> DoorSettings:
        return DoorSettings(
            environment=config.name,
            version=version.airflow,
            port=ports.doors,
            web_port=ports.webserver,
            authority=cache_folder(self._environ, Path.home()) / AUTHORITY,
            state=folder.aws,
            commands=command_socket(folder.own_folders.tmp(Role.WEBSERVER)),
        )


def _settings(config: EnvironmentConfig) -> str:
    least, most = (config.min_workers, config.max_workers) if config.autoscale else (config.workers, 0)
    return settings_text(
        dict(config.airflow_options), config.environment_class, least, config.schedulers, most
    )


def statsd_address(endpoint_url: str, queue: str) -> StatsdAddress:
    """Return where an environment sends metrics: its endpoint's port; `queue` is that of one of the MWAA API."""
    address = urlsplit(endpoint_url)
    prefix = statsd_prefix(environment_id_of(queue))
    return StatsdAddress(address.hostname or "", address.port or 0, prefix)


@dataclass(frozen=True, slots=True)
class App:
    """A command's view of the world: the user's variables and this machine."""

    environ: Mapping[str, str]
    host: Host

    def project(self, folder: Path, flags: Mapping[str, Any] | None = None) -> Project:
        """Find the project at, or above, a folder."""
        return find_project(folder, path_overrides(flags or {}, self.environ))

    def load(self, project: Project, flags: Mapping[str, Any] | None = None) -> LoadedConfig:
        """Load a project's configuration; flags by field name."""
        return load_config(project, flags or {}, self.environ)

    def runtime(self, project: Project) -> NativeRuntime:
        """Return the project's runtime."""
        return NativeRuntime(project, self.host)


def make_app() -> App:
    """Return the app on this machine."""
    environ = dict(os.environ)
    if environ.get(REQUIRE_VARIABLE):
        # The endpoint and the environments that it makes have other working directories.
        environ[REQUIRE_VARIABLE] = str(Path(environ[REQUIRE_VARIABLE]).absolute())
    processes = SystemProcesses()
    clock = SystemClock()
    cache = cache_folder(environ, Path.home())
    ports = PortClaims(cache / "ports")
    from uv import find_uv_bin

    host = Host(
        commands=SystemCommands(),
        processes=processes,
        clock=clock,
        http=LocalHttp(),
        environ=uv_environ(environ),
        cache=cache,
        uv=Path(find_uv_bin()),
        lock=_lock,
        watch=Watch(processes, clock, is_locked),
        port_finder=PortFinder(ports.is_free, ports.pick),
        aws=LocalAws(environ),
        new_fernet_key=new_fernet_key,
    )
    return App(environ, host)


def make_engine() -> DockerEngine:
    """Return the container engine of this machine; EngineError if none answers."""
    # The SDK takes a moment to import, which only commands about images should wait for.
    from mwaa_local.adapters.docker_engine import connect_engine

    return connect_engine(os.environ, Path.home(), os.getuid())


def make_registry(repository: Repository) -> ImageRegistry:
    """Return the Amazon ECR that a repository lies in, reached with the user's own credentials."""
    from mwaa_local.adapters.ecr import EcrRegistry

    return EcrRegistry(repository.account, repository.region)


def path_mentions() -> Callable[[Path], bool]:
    """Return what tells whether a process that runs now names a path: in its command line or its variables."""
    texts = describe_processes()
    return lambda path: any(str(path) in text for text in texts)


def new_fernet_key() -> str:
    """Return a random key in the form that Fernet takes: 32 bytes, URL-safe base64."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode("ascii")


def _lock(path: Path) -> AbstractContextManager[None]:
    def say() -> None:
        print("Another mwaa-local command is at work here; waiting for it.", file=sys.stderr)

    return held_lock(path, on_wait=say)
