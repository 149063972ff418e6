"""A live environment as a section of `mwaa-local.toml`, and how the project's own environment differs from it. Pure."""

from dataclasses import dataclass

from mwaa_local.airflow_settings import is_secret_name
from mwaa_local.aws_ports import EnvironmentRecord, S3Source
from mwaa_local.config import EnvironmentConfig
from mwaa_local.deployment_loading import TABLE
from mwaa_local.toml_text import Value, render_entry, render_key

_HIDDEN = "(hidden)"


@dataclass(frozen=True, slots=True)
class Origins:
    """How a live environment was reached."""

    region: str
    profile: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting that is not the same here and there; None: not set."""

    name: str
    here: str | None
    there: str | None


def render_section(name: str, record: EnvironmentRecord, origins: Origins) -> str:
    """Return the section that describes a deployment to this environment."""
    entries: dict[str, Value | None] = {
        "bucket": _plain(record.bucket),
        "region": origins.region,
        "profile": _plain(origins.profile) if origins.profile else None,
        "environment": record.name,
        "version": record.airflow_version,
        "dag_s3_path": _key(record.dags_path),
        "plugins_s3_path": _path(record.plugins),
        "requirements_s3_path": _path(record.requirements),
        "startup_script_s3_path": _path(record.startup_script),
    }
    lines = [render_entry(key, value) for key, value in entries.items() if value is not None]
    return "\n".join([f"[{TABLE}.{render_key(name)}]", *lines]) + "\n"


def append_section(text: str, section: str) -> str:
    """Return the text of a configuration file with a section more at its end; nothing else changes."""
    newline = "\r\n" if "\r\n" in text else "\n"
    gap = "" if not text else newline if text.endswith("\n") else newline * 2
    return text + gap + section.replace("\n", newline)


def compare_environment(record: EnvironmentRecord, config: EnvironmentConfig) -> tuple[Difference, ...]:
    """Return what differs: version, class, and the Airflow options by name; secret values are not shown."""
    pairs: list[tuple[str, str | None, str | None]] = [
        ("version", config.version, record.airflow_version),
        ("class", config.environment_class.value, record.environment_class),
    ]
    here, there = dict(config.airflow_options), dict(record.airflow_options)
    pairs += [(name, here.get(name), there.get(name)) for name in sorted({*here, *there})]
    return tuple(
        Difference(name, _shown(name, ours), _shown(name, theirs))
        for name, ours, theirs in pairs
        if ours != theirs
    )


def _shown(name: str, value: str | None) -> str | None:
    section, _, key = name.partition(".")
    is_secret = bool(key) and is_secret_name(f"AIRFLOW__{section.upper()}__{key.upper()}")
    return _HIDDEN if is_secret and value is not None else value


def _path(source: S3Source | None) -> str | None:
    return _key(source.path) if source else None


def _key(path: str) -> str:
    """Return a path as `[deployments]` takes it: MWAA lets slashes at either end pass."""
    return _plain(path.strip("/"))


def _plain(text: str) -> str:
    """Return a text that stays what it is when variables are replaced."""
    return text.replace("$$", "$$$$").replace("${", "$${")
