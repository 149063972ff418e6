"""MWAA's AirflowConfigurationOptions: `section.key` and a value, checked as the service does.

The patterns and lengths are those of its API model (MWAA-FACTS 6.1).
"""

import json
import re

from mwaa_local.config import Origin
from mwaa_local.errors import ConfigError

_KEY = re.compile(r"[a-z]+([a-z0-9._]*[a-z0-9_]+)?")
_KEY_LENGTH = 64
_VALUE_LENGTH = 65536


def flatten_options(table: dict[str, object]) -> list[tuple[tuple[str, ...], str, object]]:
    """Turn `"core.parallelism"` keys and `[airflow_options.core]` tables into one list.

    Each item is the keys as they stand in the file, `section.key`, and the value.
    """
    flat: list[tuple[tuple[str, ...], str, object]] = []
    pending: list[tuple[tuple[str, ...], object]] = [((key,), value) for key, value in table.items()]
    while pending:
        path, value = pending.pop(0)
        if isinstance(value, dict):
            pending = [((*path, key), inner) for key, inner in value.items()] + pending
        else:
            flat.append((path, ".".join(path), value))
    return flat


def check_option(origin: Origin, key: str, value: object) -> str:
    """Return the option's value as MWAA would hold it; ConfigError if MWAA would refuse it."""
    if not _KEY.fullmatch(key) or "." not in key.strip(".") or len(key) > _KEY_LENGTH:
        raise ConfigError(f"{origin}: MWAA takes no option named {key!r}.", hint=_key_hint(key))
    # TOML has no None; bool before int because it is one.
    match value:
        case str():
            text = value
        case bool() | int() | float():
            text = str(value)
        case _:
            raise ConfigError(
                f"{origin}: {key} must be a text, a number, true or false, not {value!r}.",
                hint="Write lists and objects as the text that airflow.cfg would hold, in quotes.",
            )
    if not text:
        raise ConfigError(
            f"{origin}: {key} is empty.", hint="MWAA takes no empty value: leave the option out."
        )
    if len(text) > _VALUE_LENGTH:
        raise ConfigError(
            f"{origin}: {key} has {len(text)} characters.", hint=f"MWAA takes at most {_VALUE_LENGTH}."
        )
    strange = re.search(r"[^ -~]", text)
    if strange:
        raise ConfigError(
            f"{origin}: {key} contains {strange[0]!r}.",
            hint="MWAA takes printable ASCII characters only, on one line.",
        )
    return text


def parse_option(origin: Origin, text: str) -> tuple[str, object]:
    """Split `section.key=value`, as a flag or a line of a variable has it."""
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"{origin}: {text!r} is not an option.", hint="Write section.key=value.")
    return key.strip(), value.strip()


def parse_options_text(origin: Origin, text: str) -> list[tuple[str, object]]:
    """Read the options of a variable: a JSON object as boto3 takes it, or one `section.key=value` a line."""
    if not text.lstrip().startswith("{"):
        return [parse_option(origin, line) for line in text.splitlines() if line.strip()]
    try:
        options = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"{origin}: not valid JSON: {error}.", hint='For example: {"core.default_task_retries": "3"}'
        ) from error
    return [(key, value) for _, key, value in flatten_options(options)]


def _key_hint(key: str) -> str:
    lowered = key.lower().replace("__", ".").replace("-", "_").removeprefix("airflow.")
    if lowered != key and _KEY.fullmatch(lowered) and "." in lowered:
        return f'Did you mean "{lowered}"? Option names are lower case: section.key.'
    if "." not in key.strip("."):
        return f'Name the section as well, for example "core.{key.strip(".")}".'
    return f"Option names are section.key: a-z, 0-9 and _, at most {_KEY_LENGTH} characters."
