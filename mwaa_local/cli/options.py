"""Options that many commands share: the project's folder, the environment's options, `--json`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from mwaa_local.config import PATH_OPTIONS, path_flag
from mwaa_local.config_loading import AIRFLOW_OPTION_FLAG, OPTIONS

Command = TypeVar("Command", bound=Callable[..., Any])

HELP: dict[str, str] = {
    "name": "Environment name.",
    "version": "MWAA version (Airflow's number).",
    "environment_class": "Environment class, mw1.micro to mw1.2xlarge.",
    "amazon_provider": "Version of apache-airflow-providers-amazon, or `stock`.",
    "schedulers": "Number of schedulers.",
    "workers": "Number of workers.",
    "autoscale": "Let the number of workers follow the tasks, as MWAA does.",
    "min_workers": "With --autoscale: the fewest workers.",
    "max_workers": "With --autoscale: the most workers.",
    "region": "AWS region.",
    "secrets_file": "YAML or .env file of connections and variables to serve from Secrets Manager.",
    "webserver_port": "Port of the Airflow UI.",
    "aws_port": "Port of the local AWS endpoint.",
    "postgres_port": "Port of PostgreSQL.",
    "base_image": "What the image of Airflow is built on [default: the catalogue's].",
    "services_base_image": "What the image of PostgreSQL and AWS is built on [default: the catalogue's].",
    "runtime": "native, compose (containers), or auto: compose where an engine has the images.",
    "network_mode": "public, or private: the web server's container has no way out.",
    "executor": "celery (as on MWAA) or local (lighter).",
    "aws": "local, none or profile:NAME.",
    "live": "See saved DAGs in seconds, or at MWAA's own intervals.",
    "mwaa_paths": "Let tasks find their files at /usr/local/airflow, or not [default: where Linux lets us].",
    "python": "Interpreter for the environment.",
    "wait": "Seconds to wait until every role is healthy.",
    "ignore_requirements_failure": "Go on without the requirements if they cannot be installed, as MWAA does.",
}


def project_option(command: Command) -> Command:
    """Add `--project`: the folder to work in."""
    option = click.option(
        "--project",
        "folder",
        type=click.Path(path_type=Path),
        default=Path(),
        envvar="MWAA_LOCAL_PROJECT",
        help="Project folder [default: the current one].",
    )
    return option(command)


def json_option(command: Command) -> Command:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def environment_options(command: Command) -> Command:
    """Add one option for everything that `mwaa-local.toml` can set; a value that is not given stays None."""
    for name in reversed(PATH_OPTIONS):
        flag = path_flag(name)
        command = click.option(flag, name, type=click.Path(), help=f"Where the project's {flag[2:]} lies.")(
            command
        )
    command = click.option(
        AIRFLOW_OPTION_FLAG,
        "airflow_options",
        multiple=True,
        metavar="SECTION.KEY=VALUE",
        help="Airflow configuration option, as MWAA takes them. Can be repeated.",
    )(command)
    for option in reversed(OPTIONS):
        command = _add(command, option.field, option.flag)
    return command


def _add(command: Command, field: str, flag: str) -> Command:
    if field == "live":
        return click.option("--live/--faithful-intervals", "live", default=None, help=HELP[field])(command)
    if field in ("autoscale", "mwaa_paths"):
        return click.option(f"{flag}/--no-{flag[2:]}", field, default=None, help=HELP[field])(command)
    if field == "ignore_requirements_failure":
        return click.option(flag, field, is_flag=True, default=None, help=HELP[field])(command)
    return click.option(flag, field, default=None, metavar="VALUE", help=HELP[field])(command)
