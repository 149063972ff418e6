"""What each option may be: one check per kind of value, the same wherever the value comes from.

A flag or a variable brings text, the file brings TOML's types; both leave here as the type of the field.
"""

import contextlib
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from mwaa_local.catalog import MwaaVersion, list_versions, load_version
from mwaa_local.config import AwsKind, AwsMode, EnvironmentClass, Origin, Source
from mwaa_local.config_file import nearest
from mwaa_local.errors import CatalogError, ConfigError

Choice = TypeVar("Choice", bound=StrEnum)

WORKERS_MAX = 50
"""MWAA's own limit is 25 and can be raised to 50 (MWAA-FACTS 6.6)."""

MAX_WORKERS_DEFAULT = 10
"""MWAA's own (MWAA-FACTS 6.6)."""

_YES = ("true", "yes", "on", "1")
_NO = ("false", "no", "off", "0")
_NAME = re.compile(r"[a-zA-Z][0-9a-zA-Z_-]{0,79}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_VERSION = re.compile(r"\d+(\.\d+)+((a|b|rc)\d+)?")


@dataclass(frozen=True, slots=True)
class Given:
    """A value that somebody gave for an option, not checked yet."""

    name: str
    """The option as the user wrote it, for example `webserver`."""
    value: object
    origin: Origin
    base: Path
    """Where a relative path starts."""

    def error(self, problem: str, hint: str) -> ConfigError:
        """Make the error that says where this value comes from and what is wrong with it."""
        return ConfigError(f"{self.origin}: {self.name} {problem}.", hint=hint)

    @property
    def is_text(self) -> bool:
        """Return whether the value had to be text: a flag's or a variable's."""
        return isinstance(self.value, str) and self.origin.source is not Source.FILE


def check_text(given: Given) -> str:
    """Return a text; the file must have it in quotes."""
    if not isinstance(given.value, str):
        raise given.error(f"must be a text, not {_shown(given.value)}", f'Put it in quotes: "{given.value}".')
    if not given.value.strip():
        raise given.error("is empty", "Leave it out for the default.")
    return given.value.strip()


def check_whole(given: Given, lowest: int, highest: int, why: str = "") -> int:
    """Return a whole number within bounds."""
    value = given.value
    if given.is_text and isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,9}\s*", value):
        value = int(value)
    hint = f"It can be {lowest} to {highest}{why}." if highest > lowest else f"It can only be {lowest}{why}."
    if isinstance(value, bool) or not isinstance(value, int):
        raise given.error(f"must be a whole number, not {_shown(value)}", hint)
    if not lowest <= value <= highest:
        raise given.error(f"cannot be {value}", hint)
    return value


def check_seconds(given: Given) -> float:
    """Return a number of seconds above zero."""
    value = given.value
    if given.is_text and isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise given.error(f"must be a number of seconds, not {_shown(value)}", "For example: 120.")
    if not 0 < value <= 86400:
        raise given.error(f"cannot be {value} seconds", "It can be more than 0 and at most 86400 (a day).")
    return float(value)


def check_switch(given: Given) -> bool:
    """Return true or false; a flag or a variable may say yes, on or 1 as well."""
    if isinstance(given.value, bool):
        return given.value
    if given.is_text and isinstance(given.value, str):
        word = given.value.strip().lower()
        if word in (*_YES, *_NO):
            return word in _YES
    raise given.error(
        f"must be true or false, not {_shown(given.value)}", "Write true or false, without quotes."
    )


def check_choice(given: Given, choices: type[Choice]) -> Choice:
    """Return one of an enumeration's values."""
    text = check_text(given)
    try:
        return choices(text.lower())
    except ValueError:
        raise given.error(f"cannot be {text!r}", nearest(text, tuple(choices))) from None


def check_name(given: Given) -> str:
    """Return a name that MWAA would take for an environment."""
    name = check_text(given)
    if not _NAME.fullmatch(name):
        raise given.error(
            f"cannot be {name!r}",
            "MWAA's names start with a letter; then letters, digits, - and _; at most 80.",
        )
    return name


def check_version(given: Given) -> MwaaVersion:
    """Return the version of the catalogue that is meant."""
    name = check_text(given)
    try:
        return load_version(name)
    except CatalogError as error:
        if name in list_versions():
            raise
        raise ConfigError(f"{given.origin}: {error.message}", hint=error.hint) from error


def check_class(given: Given) -> EnvironmentClass:
    """Return an environment class; `small` is taken for `mw1.small`."""
    text = check_text(given).lower()
    short = text if text.startswith("mw1.") else f"mw1.{text}"
    if short in tuple(EnvironmentClass):
        return EnvironmentClass(short)
    raise given.error(f"cannot be {text!r}", nearest(text, tuple(EnvironmentClass)))


def check_provider(given: Given, version: MwaaVersion) -> str | None:
    """Return the amazon provider's version; `stock` is the one that MWAA preinstalls."""
    text = check_text(given)
    if text == "stock":
        return version.amazon_provider_stock
    if version.amazon_provider_stock is None:
        raise given.error(
            f"cannot be {text!r}: Airflow {version.airflow} has no amazon provider",
            "Leave it out; requirements.txt can name apache-airflow-backport-providers-amazon.",
        )
    if not _VERSION.fullmatch(text):
        raise given.error(
            f"cannot be {text!r}", f'Give a version such as "{version.amazon_provider_stock}", or "stock".'
        )
    return text


def check_region(given: Given) -> str:
    """Return the name of a region; that it exists is AWS's to say."""
    text = check_text(given)
    if not _REGION.fullmatch(text):
        raise given.error(f"cannot be {text!r}", 'Give the name of an AWS region, such as "eu-west-1".')
    return text


def check_aws(given: Given) -> AwsMode:
    """Return where AWS calls go: `local`, `none` or `profile:NAME`."""
    text = check_text(given)
    kind, colon, profile = text.partition(":")
    if kind == AwsKind.PROFILE and profile.strip():
        return AwsMode(AwsKind.PROFILE, profile.strip())
    if kind in (AwsKind.LOCAL, AwsKind.NONE) and not colon:
        return AwsMode(AwsKind(kind))
    raise given.error(f"cannot be {text!r}", 'Give "local", "none" or "profile:NAME".')


def check_file(given: Given, what: str) -> Path:
    """Return the absolute path of a file that exists."""
    value = given.value
    path = given.base / Path(value if isinstance(value, Path) else check_text(given)).expanduser()
    if not path.is_file():
        problem = "is not a file" if path.exists() else "does not exist"
        raise given.error(f"names {path}, which {problem}", f"Give {what}, or leave it out.")
    return path


def _shown(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f'the text "{value}"'
        case dict():
            return "a table"
        case list():
            return "a list"
        case _:
            return str(value)
