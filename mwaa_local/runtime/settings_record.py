"""The Airflow settings of a start as a file, so that `settings` shows what runs and not what would."""

import json
from dataclasses import asdict

from mwaa_local.airflow_settings import Setting, SettingOrigin
from mwaa_local.runtime.state import StateFolder, read_json


def render_settings(settings: tuple[Setting, ...]) -> str:
    """Return the file's text; it holds secrets."""
    return json.dumps({"settings": [asdict(setting) for setting in settings]})


def load_settings(folder: StateFolder) -> tuple[Setting, ...] | None:
    """Return the settings of the last start; None if there was none or the file is damaged."""
    document = read_json(folder.settings)
    try:
        return None if document is None else tuple(_setting(item) for item in document["settings"])
    except (TypeError, KeyError, ValueError):
        return None


def _setting(document: dict[str, object]) -> Setting:
    overrides = document["overrides"]
    assert isinstance(overrides, list)
    return Setting(
        name=str(document["name"]),
        value=str(document["value"]),
        origin=SettingOrigin(int(str(document["origin"]))),
        secret=bool(document["secret"]),
        overrides=tuple((SettingOrigin(origin), str(value)) for origin, value in overrides),
        note=str(document["note"]),
    )
