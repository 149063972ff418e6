"""What an environment consists of: the processes, in what order, with what environment, and how to tell that they work.

A `Stack` is everything a supervisor needs to know; it holds secrets (database URL, keys), so whoever stores one keeps
it private. Which values the services get is decided in `environment_stack`; this module is the shape and its file form.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, assert_never

from mwaa_local.errors import RuntimeStateError


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """Healthy when `url` answers 200 and, if `component` is named, its JSON says that this one is healthy too."""

    url: str
    component: str = ""


@dataclass(frozen=True, slots=True)
class PostgresProbe:
    """Healthy when a PostgreSQL server takes connections on the port of 127.0.0.1."""

    port: int


@dataclass(frozen=True, slots=True)
class BeatProbe:
    """Healthy while the process keeps touching the file at `path`: for roles that answer on no port."""

    path: str


@dataclass(frozen=True, slots=True)
class AliveProbe:
    """Healthy as soon as the process has lived for `seconds`: for roles of versions that report no heartbeat."""

    seconds: float


Probe = HttpProbe | PostgresProbe | BeatProbe | AliveProbe


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """One process of the environment.

    A `forked` service is forked from the Airflow launcher instead of starting `command`; both end in the same
    program. `stop_signal` asks it to end; after `stop_grace` seconds it is killed with all it started.
    """

    name: str
    role: str
    """The Airflow role, empty for PostgreSQL and the AWS endpoint."""
    command: tuple[str, ...]
    forked: bool
    environment: tuple[tuple[str, str], ...]
    cwd: str
    log: str
    probe: Probe
    needs: tuple[str, ...]
    stop_signal: int
    stop_grace: float


@dataclass(frozen=True, slots=True)
class LauncherSpec:
    """The process that imports Airflow once and forks the roles (Linux)."""

    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    cwd: str
    log: str


@dataclass(frozen=True, slots=True)
class WorkerScaling:
    """Between which bounds the number of workers follows the tasks; the stack has as many workers as `maximum`.

    The two times are MWAA's (its guide, "mwaa-autoscaling"; MWAA-FACTS 7): without a task for two minutes only the
    minimum stays, and a worker that goes has 120 seconds to end what it has begun.
    """

    minimum: int
    maximum: int
    tasks_per_worker: int
    figures_url: str
    """Where the AWS endpoint tells how many tasks run and how many are queued."""
    idle_seconds: float = 120.0
    grace: float = 120.0


@dataclass(frozen=True, slots=True)
class Stack:
    """An environment's processes in start order."""

    services: tuple[ServiceSpec, ...]
    launcher: LauncherSpec | None
    run_id: str
    """Random per start; every process carries it as MWAA_LOCAL_RUN, which is how leftovers are recognised."""
    scaling: WorkerScaling | None = None
    """None: all workers run all the time."""

    @property
    def digest(self) -> str:
        """Return a digest of everything but the run id: equal stacks need no restart."""
        plain = replace(self, run_id="")
        return hashlib.sha256(json.dumps(asdict(plain), sort_keys=True).encode()).hexdigest()


def render_stack(stack: Stack) -> str:
    """Return the JSON form of `stack`."""
    document = asdict(stack)
    for service, shape in zip(document["services"], stack.services, strict=True):
        service["probe"] = {"kind": probe_kind(shape.probe), **service["probe"]}
    return json.dumps(document, indent=1)


def probe_kind(probe: Probe) -> str:
    """Return the word that stands for the kind of `probe` in a stack file."""
    match probe:
        case HttpProbe():
            return "http"
        case PostgresProbe():
            return "postgres"
        case BeatProbe():
            return "beat"
        case AliveProbe():
            return "alive"
        case _:
            assert_never(probe)


PROBES: Mapping[str, type[HttpProbe | PostgresProbe | BeatProbe | AliveProbe]] = {
    "http": HttpProbe,
    "postgres": PostgresProbe,
    "beat": BeatProbe,
    "alive": AliveProbe,
}


def parse_stack(text: str) -> Stack:
    """Read the JSON form back; a damaged document raises RuntimeStateError."""
    try:
        document = json.loads(text)
        services = tuple(_parse_service(service) for service in document["services"])
        launcher, scaling = document["launcher"], document.get("scaling")
        return Stack(
            services,
            _parse_launcher(launcher) if launcher else None,
            document["run_id"],
            WorkerScaling(**scaling) if scaling else None,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise RuntimeStateError(
            f"The record of the running environment is damaged: {error}",
            hint="run `mwaa-local stop`, then `mwaa-local start`; the database is not affected",
        ) from error


def _pairs(items: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in items)


def _parse_service(document: dict[str, Any]) -> ServiceSpec:
    probe = dict(document["probe"])
    known = {field.name for field in fields(ServiceSpec)}
    values = {key: value for key, value in document.items() if key in known}
    values.update(
        probe=PROBES[probe.pop("kind")](**probe),
        command=tuple(document["command"]),
        environment=_pairs(document["environment"]),
        needs=tuple(document["needs"]),
    )
    return ServiceSpec(**values)


def _parse_launcher(document: dict[str, Any]) -> LauncherSpec:
    return LauncherSpec(
        command=tuple(document["command"]),
        environment=_pairs(document["environment"]),
        cwd=document["cwd"],
        log=document["log"],
    )
