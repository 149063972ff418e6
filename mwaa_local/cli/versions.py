"""versions: what MWAA offers, and one version in detail."""

import json
import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import click

from mwaa_local.catalog import (
    DEFAULT_VERSION,
    MwaaVersion,
    difference_from_stock,
    list_versions,
    load_version,
)
from mwaa_local.cli.options import json_option
from mwaa_local.cli.render import is_coloured, paint, render_fact, render_table
from mwaa_local.runtime.cache_folder import cache_folder
from mwaa_local.runtime.cached_environments import CachedEnvironment, list_cached

HEADER = ("VERSION", "PYTHON", "AMAZON", "SUPPORT ENDS", "INSTALLED", "")


@click.command()
@click.argument("version", required=False)
@json_option
def versions_command(version: str | None, as_json: bool) -> None:
    """List the MWAA versions and what each one runs; VERSION shows one in detail."""
    today = date.today()
    cached = list_cached(cache_folder(os.environ, Path.home()))
    if version is not None:
        shown = load_version(version)
        document = version_document(shown, cached, today)
        click.echo(json.dumps(document, indent=2) if as_json else render_version(shown, cached, today))
        return
    versions = [load_version(name) for name in list_versions()]
    if as_json:
        click.echo(json.dumps([version_document(each, cached, today) for each in versions], indent=2))
    else:
        click.echo(render_versions(versions, cached, today, coloured=is_coloured()))


def render_versions(
    versions: Sequence[MwaaVersion], cached: Sequence[CachedEnvironment], today: date, *, coloured: bool
) -> str:
    """Return the table of versions."""
    header, *lines = render_table(HEADER, [_row(version, cached, today) for version in versions])
    painted = [
        paint(line, "dim", coloured=coloured and is_over(version, today))
        for line, version in zip(lines, versions, strict=True)
    ]
    return "\n".join([header, *painted])


def render_version(version: MwaaVersion, cached: Sequence[CachedEnvironment], today: date) -> str:
    """Return one version in detail."""
    facts = [
        ("Version", f"Airflow {version.airflow}" + (", the default" if _is_default(version) else "")),
        ("Python", version.python),
        ("Available", f"{version.available}; support ends {_support(version, today)}"),
        ("System", version.base_os),
        ("Amazon", _amazon(version)),
        *(("Differs", text) for text in difference_from_stock(version, version.amazon_provider_default)),
        ("Roles", ", ".join(version.roles)),
        ("Schedulers", f"{version.schedulers_default} (at most {version.schedulers_max})"),
        ("Constraints", POLICIES[version.constraints_policy.value]),
        ("REST API", version.rest_api),
        ("Catchup", "on by default" if version.catchup_by_default else "off by default"),
        *(("Provider", f"{pin.name} {pin.version}") for pin in version.providers),
        *(("Installed", f"{each.folder} (Python {each.python})") for each in _of(version, cached)),
        *(("Uncertain", text) for text in version.uncertain),
    ]
    return "\n".join(line[2:] for label, text in facts for line in render_fact(label, text, 15))


POLICIES = {
    "warn": "a requirements.txt without constraints only gets a warning",
    "force": "the version's own are forced on a requirements.txt that names none",
    "essential": "forced, and the essential packages can never be changed",
}


def version_document(
    version: MwaaVersion, cached: Sequence[CachedEnvironment], today: date
) -> dict[str, Any]:
    """Return the form that `--json` prints."""
    return {
        "version": version.airflow,
        "default": _is_default(version),
        "python": version.python,
        "available": version.available.isoformat(),
        "end_of_support": version.end_of_support.isoformat() if version.end_of_support else None,
        "supported": not is_over(version, today),
        "amazon_provider": version.amazon_provider_default,
        "amazon_provider_stock": version.amazon_provider_stock,
        "roles": [role.value for role in version.roles],
        "constraints_policy": version.constraints_policy.value,
        "providers": {pin.name: pin.version for pin in version.providers},
        "installed": [str(each.folder) for each in _of(version, cached)],
        "uncertain": list(version.uncertain),
    }


def is_over(version: MwaaVersion, today: date) -> bool:
    """Tell whether AWS supports the version no longer."""
    return version.end_of_support is not None and version.end_of_support < today


def _row(version: MwaaVersion, cached: Sequence[CachedEnvironment], today: date) -> tuple[str, ...]:
    return (
        version.airflow,
        version.python,
        version.amazon_provider_default or "-",
        _support(version, today),
        "yes" if _of(version, cached) else "no",
        "default" if _is_default(version) else "",
    )


def _support(version: MwaaVersion, today: date) -> str:
    if version.end_of_support is None:
        return "not announced"
    return f"{version.end_of_support}{' (over)' if is_over(version, today) else ''}"


def _amazon(version: MwaaVersion) -> str:
    if version.amazon_provider_stock is None:
        return "none"
    stock, chosen = version.amazon_provider_stock, version.amazon_provider_default
    return f"{stock} on MWAA" + ("" if chosen == stock else f"; mwaa-local installs {chosen} (or `stock`)")


def _is_default(version: MwaaVersion) -> bool:
    return version.airflow == DEFAULT_VERSION


def _of(version: MwaaVersion, cached: Sequence[CachedEnvironment]) -> list[CachedEnvironment]:
    return [each for each in cached if each.version == version.airflow]
