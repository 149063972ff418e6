"""What the catalogued versions of providers (and of Airflow itself) have: operators, sensors, hooks by module.

`images/providers/<distribution>.txt` is written by `images/update_provider_names.py`. Its first line lists versions;
each further line is a module, a name (`-`: the module itself) and a sign for each version: `+` there, `d` deprecated,
`.` not there; then what to use instead, if that is known.
"""

import bisect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mwaa_local.catalog import data_folder
from mwaa_local.validation.rule import NameState, ProviderNames

_PREFIX = "airflow.providers."


@dataclass(frozen=True, slots=True)
class NameTable:
    """One provider's names in all its catalogued versions."""

    package: str
    versions: tuple[str, ...]
    names: Mapping[tuple[str, str], tuple[str, str]]
    """(module, name or `-`) -> (signs, what to use instead)."""
    modules: frozenset[str]


def load_provider_names(installed: Mapping[str, str], folder: Path | None = None) -> ProviderNames:
    """Return the look-up for these providers; files are read when a name of theirs is asked for."""
    root = folder or data_folder("images") / "providers"

    @cache
    def table(package: str) -> NameTable | None:
        file = root / f"{package}.txt"
        return parse_name_table(package, file.read_text(encoding="utf-8")) if file.is_file() else None

    @cache
    def find(module: str, name: str) -> NameState | None:
        package = distribution_of(module, installed)
        version = installed.get(package, "")
        known = table(package) if version else None
        return find_name(known, version, module, name) if known else None

    return ProviderNames(find, installed)


def distribution_of(module: str, installed: Mapping[str, str]) -> str:
    """Return the distribution that brings a module of Airflow: the provider's with the longest fitting name."""
    if not module.startswith(_PREFIX):
        return "apache-airflow"
    parts = module.removeprefix(_PREFIX).split(".")
    names = ["apache-airflow-providers-" + "-".join(parts[:length]) for length in (3, 2, 1)]
    return next((name.replace("_", "-") for name in names if name.replace("_", "-") in installed), names[-1])


def parse_name_table(package: str, text: str) -> NameTable:
    """Read a table of names."""
    first, *lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    names = {}
    for line in lines:
        module, name, signs, *instead = line.split(" ", 3)
        names[module, name] = (signs, instead[0] if instead else "")
    return NameTable(package, tuple(first.split()), names, frozenset(module for module, _ in names))


def find_name(table: NameTable, version: str, module: str, name: str) -> NameState | None:
    """Say what a version has of a name; None where the table does not tell."""
    if module not in table.modules:
        return None
    signs, instead = table.names.get((module, name or "-"), ("", ""))
    whole, _ = table.names.get((module, "-"), ("", ""))
    sign = _sign_at(table, signs, version)
    if name and _sign_at(table, whole, version) == ".":
        # The module itself is not there (yet, or any more).
        sign = "."
    if not sign:
        return None
    present = sign != "."
    since = ""
    if not present:
        later = [known for known, each in zip(table.versions, signs or whole, strict=True) if each == "+"]
        since = next((each for each in later if _numbers(each) > _numbers(version)), "")
    return NameState(table.package, version, present, sign == "d", instead, since)


def _sign_at(table: NameTable, signs: str, version: str) -> str:
    """Return the sign of a version; between two catalogued ones only what both agree on."""
    if not signs:
        return ""
    if version in table.versions:
        return signs[table.versions.index(version)]
    at = bisect.bisect([_numbers(each) for each in table.versions], _numbers(version))
    if at in (0, len(table.versions)):
        return ""
    return signs[at] if signs[at] == signs[at - 1] else ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in version.split("."))
