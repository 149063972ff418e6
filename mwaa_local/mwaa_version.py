"""One MWAA version as a value, and its schema: how `version.toml` becomes that value.

Which versions there are, and their pins, is `catalog`'s; import the names of this module from there.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from mwaa_local.toml_table import TomlTable


class Generation(StrEnum):
    """The three generations of Airflow that MWAA has offered: other commands, other roles."""

    AIRFLOW_1 = "1.10"
    AIRFLOW_2 = "2"
    AIRFLOW_3 = "3"


class Role(StrEnum):
    """An Airflow process of an environment, by MWAA's name for it."""

    SCHEDULER = "scheduler"
    WORKER = "worker"
    WEBSERVER = "webserver"
    """The API server from Airflow 3 on; MWAA keeps the name."""
    TRIGGERER = "triggerer"
    DAG_PROCESSOR = "dag-processor"


class ConstraintsPolicy(StrEnum):
    """What MWAA does with a requirements.txt that names no constraints (MWAA-FACTS 3.1)."""

    WARN = "warn"
    """Up to 2.6.3: a warning, then a plain pip install."""
    FORCE = "force"
    """2.7.2 and 2.8.1: the version's own constraints are added."""
    ESSENTIAL = "essential"
    """2.9.2 on: as FORCE, and the essential packages can never be changed."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One exact version of one package; `name` is canonical (lower case, hyphens)."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class CompiledPackage:
    """A package of the environment that has no wheel for this Python on Linux and needs a C compiler."""

    name: str
    needs: str
    """What must be installed to build it, in words."""
    instead: str
    """What does its work where it cannot be built: a package, or `mwaa-local` (our own code)."""


@dataclass(frozen=True, slots=True)
class AmazonOverlay:
    """What another amazon provider than the stock one changes and adds, resolved in advance."""

    amazon_provider: str
    constraints: tuple[Pin, ...]
    environment: tuple[Pin, ...]


@dataclass(frozen=True, slots=True)
class MwaaVersion:
    """One Airflow version as MWAA offers it."""

    airflow: str
    """For example `2.2.2`."""
    generation: Generation
    python: str
    """Minor version, for example `3.7`."""
    python_full: str
    """A patch version to resolve for, for example `3.7.16` (MWAA's own where it is known)."""
    base_os: str
    postgres_major: int
    """Of AWS's own local tools; the service's is not published."""
    amazon_provider_stock: str | None
    """What MWAA preinstalls; None for 1.10.12."""
    amazon_provider_default: str | None
    """What `mwaa-local` installs unless told otherwise: 3.4.0 for 2.2.2, stock for every other version."""
    providers: tuple[Pin, ...]
    """Preinstalled providers other than amazon."""
    watchtower: str
    watchtower_reinstalled: bool
    """MWAA puts its watchtower back after the project's requirements (1.3)."""
    available: date
    end_of_support: date | None
    roles: tuple[Role, ...]
    """The processes of an environment, in start order."""
    constraints_policy: ConstraintsPolicy
    pip: str
    """The pip that MWAA installs requirements with."""
    requirements_on_webserver: bool
    startup_script: bool
    rest_api: str
    """`none`, `v1` or `v2`: which REST API the service answers on."""
    triggerer: bool
    catchup_by_default: bool
    schedulers_default: int
    schedulers_max: int
    webserver_autoscaling: bool
    local_tool_executor: str
    """What AWS's own local tool runs tasks with; the service always runs Celery over SQS."""
    setuptools: str
    """The setuptools of the environment: old Airflow imports its pkg_resources."""
    build_constraints: tuple[str, ...]
    """Requirements that hold while a source package is built, for example `setuptools<58`."""
    compiled: tuple[CompiledPackage, ...]
    base_image: str
    """What images of the version are built on, by digest."""
    system_packages: tuple[str, ...]
    """Debian's names of what MWAA's container brings besides Python."""
    amazon_overlays: tuple[AmazonOverlay, ...]
    known_conflicts: tuple[str, ...]
    """Packages that MWAA's own set leaves unsatisfied: `pip check` names them, and no project is to blame."""
    uncertain: tuple[str, ...]
    """Facts of this version that are uncertain or where sources conflict, in words."""

    @property
    def number(self) -> tuple[int, ...]:
        """Return the version as numbers, for ordering."""
        return tuple(int(part) for part in self.airflow.split("."))


E = TypeVar("E", bound=StrEnum)


def parse_version(file: Path, values: dict[str, object]) -> MwaaVersion:
    """Turn the content of `file` into a version; CatalogError names the key that breaks the schema."""
    table = TomlTable(file, values)
    support, switches = table.take_table("support"), table.take_table("switches")
    python = table.take("python", str)
    version = MwaaVersion(
        airflow=table.take("airflow", str),
        generation=_choice(table, "generation", Generation),
        python=python,
        python_full=table.take("python_full", str),
        base_os=table.take("base_os", str),
        postgres_major=table.take("postgres_major", int),
        amazon_provider_stock=table.take_optional("amazon_provider_stock", str),
        amazon_provider_default=table.take_optional("amazon_provider_default", str),
        providers=_pins(table, "providers"),
        watchtower=table.take("watchtower", str),
        watchtower_reinstalled=switches.take("watchtower_reinstalled", bool),
        available=support.take("available", date),
        end_of_support=support.take_optional("end", date),
        roles=tuple(_member(table, "roles", each, Role) for each in table.take_texts("roles")),
        constraints_policy=_choice(switches, "constraints_policy", ConstraintsPolicy),
        pip=table.take("pip", str),
        requirements_on_webserver=switches.take("requirements_on_webserver", bool),
        startup_script=switches.take("startup_script", bool),
        rest_api=switches.take("rest_api", str),
        triggerer=switches.take("triggerer", bool),
        catchup_by_default=switches.take("catchup_by_default", bool),
        schedulers_default=switches.take("schedulers_default", int),
        schedulers_max=switches.take("schedulers_max", int),
        webserver_autoscaling=switches.take("webserver_autoscaling", bool),
        local_tool_executor=switches.take("local_tool_executor", str),
        setuptools=table.take("setuptools", str),
        build_constraints=table.take_texts("build_constraints"),
        compiled=tuple(_compiled(name, each) for name, each in table.take_tables("compiled")),
        base_image=table.take("base_image", str),
        system_packages=table.take_texts("system_packages"),
        amazon_overlays=tuple(_overlay(name, each) for name, each in table.take_tables("amazon_provider")),
        known_conflicts=table.take_texts("known_conflicts"),
        uncertain=table.take_texts("uncertain"),
    )
    for each in (table, support, switches):
        each.finish()
    _check_together(table, file, version)
    return version


def _compiled(name: str, table: TomlTable) -> CompiledPackage:
    package = CompiledPackage(name, needs=table.take("needs", str), instead=table.take("instead", str))
    table.finish()
    return package


def _overlay(name: str, table: TomlTable) -> AmazonOverlay:
    overlay = AmazonOverlay(name, _pins(table, "constraints"), _pins(table, "environment"))
    table.finish()
    return overlay


def _pins(table: TomlTable, key: str) -> tuple[Pin, ...]:
    return tuple(Pin(name, version) for name, version in table.take_pairs(key))


def _choice(table: TomlTable, key: str, kind: type[E]) -> E:
    return _member(table, key, table.take(key, str), kind)


def _member(table: TomlTable, key: str, value: str, kind: type[E]) -> E:
    if value not in list(kind):
        raise table.error(key, f"must be one of {', '.join(kind)}, not {value!r}")
    return kind(value)


def _check_together(table: TomlTable, file: Path, version: MwaaVersion) -> None:
    """Complain where two keys contradict each other."""
    if version.airflow != file.parent.name:
        raise table.error("airflow", f"is {version.airflow!r} in the folder of another version")
    if version.triggerer != (Role.TRIGGERER in version.roles):
        raise table.error("roles", "and switches.triggerer contradict each other")
    if version.rest_api not in ("none", "v1", "v2"):
        raise table.error("switches.rest_api", f"must be one of none, v1, v2, not {version.rest_api!r}")
    if not version.python_full.startswith(f"{version.python}."):
        raise table.error("python_full", f"is not a Python {version.python}")
