"""status and open: how the environment is, and its UI."""

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import click

from mwaa_local.catalog import difference_from_stock, load_version
from mwaa_local.cli.look import Look, look
from mwaa_local.cli.options import json_option, project_option
from mwaa_local.cli.render import is_coloured
from mwaa_local.cli.status_view import render_status
from mwaa_local.runtime.environment_status import EnvironmentStatus, Health, describe_running, judge
from mwaa_local.runtime.scaling_record import ScalingReport, load_scaling
from mwaa_local.runtime.state import read_json


@click.command()
@project_option
@click.option("--show-password", is_flag=True, help="Print the password of the user admin.")
@json_option
def status_command(folder: Path, show_password: bool, as_json: bool) -> int:
    """Show what runs, where, and how it is.

    The exit code is 0 if every service is healthy, else 1.
    """
    status = find_status(look(folder, asking=True), show_password=show_password)
    now = time.time()
    if as_json:
        click.echo(json.dumps(status.as_document(now), indent=2))
    else:
        click.echo(render_status(status, now, coloured=is_coloured()))
    return 0 if status.health is Health.HEALTHY else 1


@click.command()
@project_option
def open_command(folder: Path) -> None:
    """Open the Airflow UI in a browser, and print its address.

    Where there is no display, the address is only printed.
    """
    url = f"http://127.0.0.1:{look(folder).running().ports.webserver}"
    click.echo(url)
    if has_display():
        click.launch(url)


def has_display() -> bool:
    """Tell whether a browser could show itself: always on macOS, elsewhere if a display or Windows is there."""
    wanted = ("DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME", "BROWSER")
    return sys.platform == "darwin" or any(os.environ.get(name) for name in wanted)


def find_status(seen: Look, *, show_password: bool) -> EnvironmentStatus:
    """Return the status of an environment, from the record of its start or (stopped) from what is configured."""
    if seen.silence is not None:
        raise seen.silence
    health = judge(seen.services, supervised=seen.supervised)
    secrets = (read_json(seen.folder.secrets) or {}) if show_password else {}
    password = str(secrets["admin_password"]) if "admin_password" in secrets else None
    if seen.record is None or health is Health.STOPPED:
        return _stopped_status(seen, Health.STARTING if seen.supervised else Health.STOPPED, password)
    differences = difference_from_stock(load_version(seen.record.version), seen.record.amazon_provider)
    status = describe_running(seen.record, seen.services, health, differences, password)
    return replace(status, scaling=_load_scaling(seen))


def _load_scaling(seen: Look) -> ScalingReport | None:
    if seen.record is None or not seen.record.is_compose:
        return load_scaling(seen.folder)
    from mwaa_local.runtime.compose_project import ComposeProject
    from mwaa_local.runtime.worker_duties import load_roster

    roster = load_roster(ComposeProject(seen.folder).beats)
    return roster.report if roster is not None else None


def _stopped_status(seen: Look, health: Health, password: str | None) -> EnvironmentStatus:
    from mwaa_local.config_loading import load_config

    loaded = load_config(seen.project, {}, os.environ)
    config = loaded.config
    profile = f":{config.aws.profile}" if config.aws.profile else ""
    return EnvironmentStatus(
        name=config.name,
        project=str(seen.project.root),
        health=health,
        version=config.version,
        amazon_provider=config.amazon_provider,
        differences=difference_from_stock(loaded.version, config.amazon_provider),
        executor=config.executor.value,
        aws=f"{config.aws.kind.value}{profile}",
        url=None,
        aws_endpoint=None,
        services=(),
        password=password,
    )
