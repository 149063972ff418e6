"""Puts the API together for the endpoint's process."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from mwaa_local.aws.access_keys import AccessKeys, role_of
from mwaa_local.aws.mwaa_api.backend import EnvironmentBackend
from mwaa_local.aws.mwaa_api.buckets import find_bucket
from mwaa_local.aws.mwaa_api.customer_endpoints import CustomerEndpoints, made_in_moto
from mwaa_local.aws.mwaa_api.doors import DoorsService
from mwaa_local.aws.mwaa_api.handler import MwaaApi
from mwaa_local.aws.mwaa_api.model import ApiModel
from mwaa_local.aws.mwaa_api.records import Environment
from mwaa_local.aws.mwaa_api.rules import World
from mwaa_local.aws.mwaa_api.service import EnvironmentsService, Surroundings
from mwaa_local.aws.mwaa_api.store import EnvironmentStore
from mwaa_local.aws.mwaa_api.work import Pace, Work
from mwaa_local.catalog import list_versions, load_version, version_numbers
from mwaa_local.errors import CatalogError
from mwaa_local.mwaa_version import MwaaVersion

RECORDS = "environments.json"


@dataclass(frozen=True, slots=True)
class ApiOptions:
    """How the API of one endpoint behaves."""

    state: Path
    region: str
    strict_support: bool
    pace: Pace
    access_keys: AccessKeys = field(default_factory=dict)
    """Whose requests are taken; none: anybody's."""
    home: Environment | None = None
    """The project's own environment."""
    no_creation: str = ""
    """Why no environment can be created here; "" where it can."""


def assemble(
    options: ApiOptions, backend: EnvironmentBackend, now: Callable[[], float]
) -> tuple[MwaaApi, Work]:
    """Return the API, and the work that goes on behind it: call its `resume` once the endpoint serves."""
    model = ApiModel()
    store = EnvironmentStore(options.state / RECORDS, options.home)
    work = Work(store, backend, options.pace, CustomerEndpoints(made_in_moto, now))

    def world() -> World:
        today = datetime.fromtimestamp(now(), UTC).date()
        return World(options.region, today, find_bucket, find_version, options.strict_support)

    around = Surroundings(world, latest_version, now, backend.answers, options.no_creation)
    environments = EnvironmentsService(model, store, work, around)
    doors = DoorsService(environments, backend, now, partial(role_of, keys=options.access_keys))
    api = MwaaApi(model, environments, doors, _is_bucket)
    return api, work


def _is_bucket(name: str) -> bool:
    return find_bucket(name) is not None


def find_version(number: str) -> MwaaVersion | None:
    """Return an MWAA version, None where MWAA never had it."""
    try:
        return load_version(number)
    except CatalogError:
        return None


def latest_version() -> str:
    """Return the newest version that MWAA offers: what it creates when the caller names none."""
    return max(list_versions(), key=version_numbers)
