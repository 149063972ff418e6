"""What the catalogued versions of providers (and of Airflow itself) have: operators, sensors, hooks by module.

`images/providers/<distribution>.txt` is written by `images/update_provider_names.py`. Its first line lists versions;
each further line is a module, a name (`-`: the module itself) and a sign for each version: `+` there, `d` deprecated,
`.` not there; then what to use instead, if that is known.
"""

import bisect
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mwaa_local.catalog import data_folder
from mwaa_local.validation.provider_modules import distribution_of
from mwaa_local.validation.rule import NameState, ProviderNames

_OPERATOR = re.compile(r"[A-Z]\w*(Operator|Sensor|Hook)(Async)?")


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
    if _sign_at(table, whole, version) == "." or (name and not signs and _OPERATOR.fullmatch(name)):
        # The module itself is not there (yet, or any more), or no version has such an operator.
        sign = "."
    if not sign:
        return None
    since = ""
    if sign == ".":
        having = zip(table.versions, signs, strict=True) if signs else ()
        since = next(
            (known for known, each in having if each != "." and _numbers(known) > _numbers(version)), ""
        )
        instead = _here(table, version, module, name, instead)
    return NameState(table.package, version, sign != ".", sign == "d", instead, since)


def _here(table: NameTable, version: str, module: str, name: str, instead: str) -> str:
    """Return what this version has for a name that it has not: the successor, the predecessor, or a like one."""
    if instead:
        successor, _, last = instead.rpartition(".")
        if _sign_at(table, table.names.get((successor, last), ("", ""))[0], version) not in ("", "."):
            return instead
    full = f"{module}.{name}"
    present = [
        (place, each, other)
        for (place, each), (signs, other) in table.names.items()
        if each != "-" and _sign_at(table, signs, version) not in ("", ".")
    ]
    for place, each, other in present:
        if other == full:
            return f"{place}.{each}"
    near = difflib.get_close_matches(
        name, [each for place, each, _ in present if place == module], n=1, cutoff=0.8
    )
    return near[0] if near else ""


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
