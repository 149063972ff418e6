"""The MWAA versions: what each one runs, pins, and does differently.

Facts only, read from `images/<version>/`; nothing here knows about a project or a machine.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


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
    uncertain: tuple[str, ...]
    """Facts of this version that are uncertain or where sources conflict, in words."""

    @property
    def number(self) -> tuple[int, ...]:
        """Return the version as numbers, for ordering."""
        return tuple(int(part) for part in self.airflow.split("."))


DEFAULT_VERSION = "2.2.2"
