"""`mwaa-local.toml`: its layout, its text, and the line on which each key stands.

Every table and every key is optional. Paths are relative to the file.

    [environment]                       # what MWAA would be asked for
    name = "orders"                     # default: the project folder's name
    version = "2.2.2"                   # any version that MWAA has had
    class = "mw1.small"
    amazon_provider = "3.4.0"           # or "stock": the one that MWAA preinstalls
    schedulers = 1
    workers = 1
    autoscale = false                   # true: as many workers as the tasks need, between the next two
    min_workers = 1
    max_workers = 10
    region = "us-east-1"

    [airflow_options]                   # MWAA's AirflowConfigurationOptions, section.key
    "core.default_task_retries" = 3
    [airflow_options.celery]            # or one table for each section
    worker_autoscale = "10,10"

    [paths]
    dags = "dags"
    plugins = "plugins"
    requirements = "requirements.txt"
    startup_script = "startup.sh"
    secrets = "secrets.yaml"            # connections and variables to serve from Secrets Manager

    [ports]                             # default: free ones, remembered
    webserver = 8080
    aws = 5000
    postgres = 5432

    [images]                            # containers: what their images are built on; default: the official ones
    base = "registry.example.com/python:3.7"
    services_base = "registry.example.com/python:3.11"

    [runtime]                           # how it runs here
    kind = "native"                     # or "compose" (containers), or "auto"
    network_mode = "public"             # "private": the web server's container has no way out
    executor = "celery"                 # or "local"
    aws = "local"                       # or "none", or "profile:NAME"
    live = true                         # false: MWAA's own file intervals
    mwaa_paths = true                   # false: tasks do not find their files at /usr/local/airflow
    python = "/opt/python3.7/bin/python3"
    wait = 120                          # seconds
    ignore_requirements_failure = false

    [deployments.NAME]                  # where `deploy` puts the project: see deployment_loading.py
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mwaa_local.config import CONFIG_FILE, ConfigWarning, Origin, Source
from mwaa_local.errors import ConfigError, ProjectError
from mwaa_local.toml_lines import locate_keys

AIRFLOW_OPTIONS = "airflow_options"

TABLES: dict[str, tuple[str, ...]] = {
    "environment": (
        "name",
        "version",
        "class",
        "amazon_provider",
        "schedulers",
        "workers",
        "autoscale",
        "min_workers",
        "max_workers",
        "region",
    ),
    "paths": ("dags", "plugins", "requirements", "startup_script", "secrets"),
    "ports": ("webserver", "aws", "postgres"),
    "images": ("base", "services_base"),
    "runtime": (
        "kind",
        "network_mode",
        "executor",
        "aws",
        "live",
        "mwaa_paths",
        "python",
        "wait",
        "ignore_requirements_failure",
    ),
}
"""The tables with fixed keys."""

OPEN_TABLES = (AIRFLOW_OPTIONS, "deployments")
"""The tables whose keys are the user's own."""


@dataclass(frozen=True)
class ConfigFile:
    """A configuration file that is valid TOML and has only known tables and keys."""

    path: Path
    text: str
    tables: dict[str, dict[str, object]]

    @cached_property
    def _lines(self) -> dict[tuple[str, ...], int]:
        return locate_keys(self.text)

    def origin(self, *keys: str) -> Origin:
        """Return where a key stands, or the nearest thing around it."""
        while keys and keys not in self._lines:
            keys = keys[:-1]
        return Origin(Source.FILE, self.path.name, self._lines.get(keys))

    def get(self, table: str, key: str) -> object | None:
        """Return the value of a key as TOML has it, None if the file does not set it."""
        return self.tables.get(table, {}).get(key)

    def warn(self, message: str, hint: str, *keys: str) -> ConfigWarning:
        """Make a warning about a key of this file."""
        return ConfigWarning(message, hint, self.path, self.origin(*keys).line)


def load_config_file(path: Path) -> ConfigFile:
    """Read a configuration file and check its tables and keys (not yet their values)."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ProjectError(
            f"{path} cannot be read: {error.strerror}.", hint=f"Make {CONFIG_FILE} a readable file."
        ) from error
    return parse_config_file(path, _decode(path, raw))


def parse_config_file(path: Path, text: str) -> ConfigFile:
    """Turn the text of a configuration file into its tables."""
    try:
        document: dict[str, object] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _broken_toml(path, text, str(error)) from error
    except RecursionError as error:
        raise ConfigError(
            f"{path.name}: the values are nested too deeply.",
            hint="Tables in this file are at most two levels deep.",
        ) from error
    tables = {name: table for name, table in document.items() if isinstance(table, dict)}
    file = ConfigFile(path, text, tables)
    for name, value in document.items():
        _check_table(file, name, value)
    return file


def nearest(name: str, valid: tuple[str, ...]) -> str:
    """Return a hint that names the valid name nearest to `name`, or all of them when none is near."""
    # difflib is imported only when something is wrong: every start of the command line would pay for it.
    from difflib import get_close_matches

    close = get_close_matches(name.lower(), valid, n=1, cutoff=0.6)
    choices = ", ".join(f'"{choice}"' for choice in valid)
    return f'Did you mean "{close[0]}"? (Valid: {choices}.)' if close else f"Valid: {choices}."


def _check_table(file: ConfigFile, name: str, value: object) -> None:
    if name not in TABLES and name not in OPEN_TABLES:
        home = next((table for table, keys in TABLES.items() if name in keys), None)
        hint = f'"{name}" belongs in [{home}].' if home else nearest(name, (*TABLES, *OPEN_TABLES))
        what = "table" if isinstance(value, dict) else "key"
        raise ConfigError(f'{file.origin(name)}: unknown {what} "{name}".', hint=hint)
    if not isinstance(value, dict):
        raise ConfigError(f'{file.origin(name)}: "{name}" must be a table.', hint=f"Write it as [{name}].")
    for key in value if name in TABLES else ():
        if key not in TABLES[name]:
            raise _unknown_key(file, name, key)


def _unknown_key(file: ConfigFile, table: str, key: str) -> ConfigError:
    homes = [other for other, keys in TABLES.items() if key in keys]
    hint = f'"{key}" belongs in [{homes[0]}].' if homes else nearest(key, TABLES[table])
    return ConfigError(f'{file.origin(table, key)}: unknown key "{key}" in [{table}].', hint=hint)


def _decode(path: Path, raw: bytes) -> str:
    try:
        # utf-8-sig: editors on Windows put a byte order mark in front.
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path.name} line {line}: the file is not UTF-8 text (byte {raw[error.start]:#04x}).",
            hint="Save it as UTF-8.",
        ) from error


def _broken_toml(path: Path, text: str, message: str) -> ConfigError:
    # Python 3.14 gives the position as attributes, earlier ones only in the message.
    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", message, re.DOTALL)
    what = found[1] if found else message
    at_end = f"line {len(text.splitlines()) or 1}"
    place = f"line {found[2]}, column {found[3]}" if found and found[2] else at_end
    return ConfigError(
        f"{path.name} {place}: not valid TOML: {what}.",
        hint='Text values need quotes (name = "orders"); https://toml.io shows the rest.',
    )
