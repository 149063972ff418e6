"""The project's file of connections and variables, as the secrets that Airflow's Secrets Manager backend looks up."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from mwaa_local.aws.connections import UnsupportedConnectionError, render_connection
from mwaa_local.aws.secrets_entries import ConnectionEntry, Entry, VariableEntry
from mwaa_local.aws.secrets_env import parse_env
from mwaa_local.aws.secrets_yaml import parse_yaml
from mwaa_local.errors import ConfigError

CONNECTIONS_PREFIX = "airflow/connections"
VARIABLES_PREFIX = "airflow/variables"
YAML_SUFFIXES = (".yaml", ".yml", ".json")
ALLOWED_NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,480}")


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret of Secrets Manager."""

    name: str
    value: str


def load_secrets(path: Path, airflow: str) -> tuple[Secret, ...]:
    """Read `path` (YAML, JSON or .env by its name) for the given Airflow version (`2.2.2`)."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text.", hint="Save the file as UTF-8.") from None
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}.", hint="Check `secrets_file` in mwaa-local.toml."
        ) from error
    return parse_secrets(path, text, airflow)


def parse_secrets(path: Path, text: str, airflow: str) -> tuple[Secret, ...]:
    """Return the secrets that `text` describes; a name that is given twice is an error."""
    version = tuple(int(part) for part in airflow.split("."))
    parse = parse_yaml if path.suffix.lower() in YAML_SUFFIXES else parse_env
    secrets: dict[str, Secret] = {}
    for entry in parse(path, text):
        secret = _secret(entry, version)
        if secret.name in secrets:
            raise entry.place.error(f"'{entry.key}' is there twice")
        secrets[secret.name] = secret
    return tuple(secrets.values())


def _secret(entry: Entry, airflow: tuple[int, ...]) -> Secret:
    if not ALLOWED_NAME.fullmatch(entry.key):
        raise entry.place.error(
            f"'{entry.key}' cannot be the name of a secret", hint="Letters, digits and /_+=.@- are allowed."
        )
    match entry:
        case VariableEntry():
            return Secret(f"{VARIABLES_PREFIX}/{entry.key}", entry.value)
        case ConnectionEntry(value=str() as uri):
            return Secret(f"{CONNECTIONS_PREFIX}/{entry.key}", uri)
        case ConnectionEntry(value=connection):
            assert not isinstance(connection, str)
            try:
                return Secret(f"{CONNECTIONS_PREFIX}/{entry.key}", render_connection(connection, airflow))
            except UnsupportedConnectionError as error:
                raise entry.place.error(f"connection '{entry.key}': {error}") from error
        case _ as unreachable:
            assert_never(unreachable)
