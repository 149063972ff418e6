"""Reads a project's DAG files in its environment without starting anything: interpreter, variables, and the run.

There is no database, no network and no AWS; AIRFLOW_HOME is one of its own. The environment is the one that `start`
uses; what was found for it is remembered by a digest of everything that goes into it.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mwaa_local.airflow_settings import build_airflow_settings, role_variables
from mwaa_local.catalog import Role
from mwaa_local.config import LoadedConfig, Project
from mwaa_local.dag_report import parse_event
from mwaa_local.environment_stack import base_variables
from mwaa_local.ports import CommandRunner
from mwaa_local.runtime.airflow_home import point_link, prepare_own_folder, request_digest
from mwaa_local.runtime.inside_files import INSIDE
from mwaa_local.runtime.state import StateFolder, read_json, unwritable, write_private
from mwaa_local.settings_rules import RuntimeAddresses

_NOWHERE = "postgresql+psycopg2://nobody@127.0.0.1:1/none"
"""A database that nobody answers for: Airflow makes an engine of it and never connects."""

_LEFT_OUT = ("AIRFLOW__SECRETS__", "AIRFLOW__LOGGING__REMOTE", "AIRFLOW__CELERY__")
"""Settings that lead to services which are not there."""

SERVICE = "dag-tests"
REQUEST = "MWAA_LOCAL_REQUEST"


@dataclass(frozen=True, slots=True)
class DagTestEnvironment:
    """Where DAG files are read: the interpreter, and what the startup script exports."""

    python: Path
    exports: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """How long reading may take, and how much at once."""

    import_timeout: float
    processor_timeout: float
    workers: int
    safe_mode: bool
    allow_network: bool
    watch: bool = False


def load_environment(
    loaded: LoadedConfig, project: Project, folder: StateFolder
) -> DagTestEnvironment | None:
    """Return the environment that was prepared for exactly this configuration, if it is still there."""
    record = read_json(_record(folder))
    if not record or record.get("digest") != request_digest(loaded, project):
        return None
    python = Path(str(record["python"]))
    exports = record.get("exports")
    if not python.exists() or not isinstance(exports, dict):
        return None
    return DagTestEnvironment(python, tuple((str(name), str(value)) for name, value in exports.items()))


def remember_environment(
    loaded: LoadedConfig, project: Project, folder: StateFolder, environment: DagTestEnvironment
) -> None:
    """Keep an environment for the next time."""
    record = {
        "digest": request_digest(loaded, project),
        "python": str(environment.python),
        "exports": dict(environment.exports),
    }
    write_private(_record(folder), json.dumps(record))


def script_environment(
    loaded: LoadedConfig, folder: StateFolder, python: Path, environ: Mapping[str, str]
) -> dict[str, str]:
    """Return what the startup script sees."""
    return {
        **base_variables(environ, folder.own_folders, SERVICE, python),
        **_own_variables(loaded),
        "AIRFLOW_HOME": str(_home(folder)),
        "PIP_TARGET": str(folder.root / "startup-packages"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def reading_variables(
    loaded: LoadedConfig,
    project: Project,
    folder: StateFolder,
    environment: DagTestEnvironment,
    environ: Mapping[str, str],
) -> dict[str, str]:
    """Return the variables in which DAG files are read: MWAA's settings, exports, and AIRFLOW_VAR_*, AIRFLOW_CONN_*."""
    exports = dict(environment.exports)
    settings = build_airflow_settings(loaded.version, loaded.config, project, _nowhere(folder), exports)
    own = {each.name: each.value for each in settings if not each.name.startswith(_LEFT_OUT)}
    given = {
        name: value for name, value in environ.items() if name.startswith(("AIRFLOW_VAR_", "AIRFLOW_CONN_"))
    }
    further = [str(INSIDE)]
    if (folder.root / "startup-packages").is_dir():
        further.append(str(folder.root / "startup-packages"))
    variables = {
        **base_variables(environ, folder.own_folders, SERVICE, environment.python),
        **_own_variables(loaded),
        **{name: value for name, value in exports.items() if name not in own},
        **own,
        **given,
        "AIRFLOW_HOME": str(_home(folder)),
        **({"MWAA_LOCAL_HOME_VIEW": str(_home(folder))} if loaded.config.mwaa_paths else {}),
    }
    path = [*further, *filter(None, [variables.get("PYTHONPATH", "")])]
    # A test leaves nothing behind among the user's files.
    return {**variables, "PYTHONPATH": os.pathsep.join(path), "PYTHONDONTWRITEBYTECODE": "1"}


def prepare_folders(folder: StateFolder, project: Project) -> None:
    """Make the AIRFLOW_HOME of the readings, with `dags` and `plugins` where MWAA has them."""
    home = _home(folder)
    try:
        prepare_own_folder(folder, SERVICE)
        for made in (home, folder.root / "no-plugins"):
            made.mkdir(parents=True, exist_ok=True)
        point_link(home / "dags", project.dags)
        point_link(home / "plugins", project.plugins or folder.root / "no-plugins")
    except OSError as error:
        raise unwritable(home, error) from error


def read_dags(
    project: Project,
    environment: DagTestEnvironment,
    variables: Mapping[str, str],
    limits: ReadingLimits,
    commands: CommandRunner,
    on_event: Callable[[dict[str, Any]], None],
) -> tuple[int, tuple[str, ...]]:
    """Read the files; `on_event` gets each event. Returns the exit code and the last lines of other output."""
    request = {
        "dags": str(project.dags),
        "folders": [str(each) for each in (project.dags, project.plugins) if each],
        "workers": limits.workers,
        "import_timeout": limits.import_timeout,
        "processor_timeout": limits.processor_timeout,
        "safe_mode": limits.safe_mode,
        "allow_network": limits.allow_network,
        "watch": limits.watch,
    }
    others: list[str] = []

    def take(line: str) -> None:
        event = parse_event(line)
        if event is not None:
            on_event(event)
        else:
            others.append(line)
            del others[:-20]

    code = commands.stream(
        [str(environment.python), "-m", "mwaa_inside.dag_report"],
        take,
        env={**variables, REQUEST: json.dumps(request)},
        cwd=project.root,
    )
    return code, tuple(others)


def _own_variables(loaded: LoadedConfig) -> dict[str, str]:
    config = loaded.config
    return {
        "AIRFLOW_ENV_NAME": config.name,
        "AIRFLOW_VERSION": loaded.version.airflow,
        "AWS_REGION": config.region,
        "AWS_DEFAULT_REGION": config.region,
        **{setting.name: setting.value for setting in role_variables(Role.SCHEDULER)},
    }


def _nowhere(folder: StateFolder) -> RuntimeAddresses:
    return RuntimeAddresses(
        database_url=_NOWHERE,
        broker_url="memory://",
        queue_name="default",
        queue_url="http://127.0.0.1:1/none",
        fernet_key="",
        webserver_secret_key="none",  # noqa: S106
        webserver_host="127.0.0.1",
        webserver_port=1,
        base_url="http://127.0.0.1:1",
        aws_endpoint=None,
        airflow_home=_home(folder),
        logs=_home(folder) / "logs",
        cores=1,
    )


def _home(folder: StateFolder) -> Path:
    return folder.root / SERVICE / "airflow"


def _record(folder: StateFolder) -> Path:
    return folder.root / SERVICE / "environment.json"
