"""settings: every effective Airflow setting, who set it and what that overrode."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from mwaa_local.airflow_settings import Setting, SettingOrigin, build_airflow_settings
from mwaa_local.aws.account import celery_broker_url, celery_queue_name, celery_queue_url
from mwaa_local.catalog import Generation
from mwaa_local.cli.look import Look, look
from mwaa_local.cli.options import json_option, project_option
from mwaa_local.cli.render import is_coloured, paint
from mwaa_local.config import AwsKind, LoadedConfig, Source
from mwaa_local.config_file import AIRFLOW_OPTIONS
from mwaa_local.config_loading import load_config
from mwaa_local.runtime.database import database_url
from mwaa_local.runtime.port_choice import WEBSERVER_FAVOURITE
from mwaa_local.runtime.settings_record import load_settings
from mwaa_local.runtime.state import read_json
from mwaa_local.settings_rules import RuntimeAddresses, StatsdAddress

STATSD_PORT = 8125
"""On MWAA; the likely one of an environment that was never started."""

MASK = "********"


@dataclass(frozen=True, slots=True)
class ShownSetting:
    """A setting as it is shown: secrets masked, the origin in words."""

    name: str
    value: str
    origin: str
    overrides: tuple[tuple[str, str], ...]
    note: str

    def as_document(self) -> dict[str, Any]:
        """Return the form that `--json` prints."""
        overrides = [{"origin": origin, "value": value} for origin, value in self.overrides]
        return {
            "name": self.name,
            "value": self.value,
            "origin": self.origin,
            "overrides": overrides,
            "note": self.note,
        }


@click.command()
@click.argument("filter_text", required=False, metavar="[TEXT]")
@project_option
@json_option
def settings_command(filter_text: str | None, folder: Path, as_json: bool) -> None:
    """Show every effective Airflow setting and where it comes from; with TEXT, those whose name has it.

    Of a running environment, these are the ones that it runs with. Secrets are masked.
    """
    seen = look(folder)
    loaded = load_config(seen.project, {}, os.environ)
    settings = load_settings(seen.folder) if seen.supervised else None
    if settings is None:
        settings = plan_settings(seen, loaded)
        click.echo(
            "The environment is stopped: these are the settings that a start would use, with the ports of",
            err=True,
        )
        click.echo("the last one (or likely ones), and without what a startup script exports.", err=True)
    wanted = (filter_text or "").replace(".", "__").upper()
    shown = [show_setting(setting, loaded) for setting in settings if wanted in setting.name.upper()]
    if as_json:
        click.echo(json.dumps([setting.as_document() for setting in shown], indent=2))
    else:
        click.echo(render_settings(shown, coloured=is_coloured()), nl=bool(shown))


def show_setting(setting: Setting, loaded: LoadedConfig) -> ShownSetting:
    """Return a setting as it is shown; a user's option comes with the line that sets it."""
    return ShownSetting(
        name=setting.name,
        value=MASK if setting.secret else setting.value,
        origin=_origin(setting, loaded),
        overrides=tuple(
            (origin.label, MASK if setting.secret else value) for origin, value in setting.overrides
        ),
        note=setting.note,
    )


def render_settings(settings: Sequence[ShownSetting], *, coloured: bool) -> str:
    """Return `NAME=value`, and below it who set it and what that overrode."""
    lines = []
    for setting in settings:
        value = setting.value.replace("\n", "\\n")
        lines.append(f"{paint(setting.name, 'bold', coloured=coloured)}={value}")
        overrides = [f"overrides {origin}: {value or 'empty'}" for origin, value in setting.overrides]
        said = "; ".join(filter(None, [setting.origin, *overrides, setting.note]))
        lines.append(paint(f"    # {said}", "dim", coloured=coloured))
    return "\n".join(lines)


def plan_settings(seen: Look, loaded: LoadedConfig) -> tuple[Setting, ...]:
    """Return the settings that a start would use; keys and passwords, which are masked, are left empty."""
    return build_airflow_settings(
        loaded.version, loaded.config, seen.project, planned_addresses(seen, loaded), {}
    )


def planned_addresses(seen: Look, loaded: LoadedConfig) -> RuntimeAddresses:
    """Return the addresses that are asked for, else those of the last start, else likely ones."""
    config, kept = loaded.config, read_json(seen.folder.ports) or {}
    webserver = config.webserver_port or int(kept.get("webserver", WEBSERVER_FAVOURITE))
    endpoint = f"http://127.0.0.1:{config.aws_port or kept.get('aws', 'PORT')}"
    postgres = config.postgres_port or int(kept.get("postgres", 5432))
    queue = celery_queue_name(str((read_json(seen.folder.secrets) or {}).get("environment_id", "ID")))
    three = loaded.version.generation is Generation.AIRFLOW_3
    return RuntimeAddresses(
        database_url=database_url("", postgres),
        broker_url=celery_broker_url(endpoint),
        queue_name=queue,
        queue_url=celery_queue_url(endpoint, queue),
        fernet_key="",
        webserver_secret_key="",
        webserver_host="127.0.0.1",
        webserver_port=webserver,
        base_url=f"http://127.0.0.1:{webserver}",
        aws_endpoint=endpoint if config.aws.kind is AwsKind.LOCAL else None,
        airflow_home=seen.folder.airflow_home,
        logs=seen.folder.airflow_home / "logs",
        cores=os.cpu_count() or 1,
        passwords_file=seen.folder.root / "passwords.json" if three else None,
        statsd=StatsdAddress(port=config.aws_port or int(kept.get("aws", STATSD_PORT))),
    )


def _origin(setting: Setting, loaded: LoadedConfig) -> str:
    if setting.origin is not SettingOrigin.USER_OPTION or setting.option is None:
        return setting.origin.label
    origin = loaded.origin_of(f"{AIRFLOW_OPTIONS}.{setting.option}")
    return setting.origin.label + ("" if origin.source is Source.DEFAULT else f" ({origin})")
