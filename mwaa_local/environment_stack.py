"""Builds the `Stack` of a native environment: from the version, the wishes and the runtime's places to processes.

Pure: interpreters, ports and the commands of PostgreSQL and the AWS endpoint are decided before and passed in.
"""

import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mwaa_local.catalog import Generation, MwaaVersion, Role
from mwaa_local.config import EnvironmentConfig
from mwaa_local.stack import (
    AliveProbe,
    BeatProbe,
    HttpProbe,
    LauncherSpec,
    PostgresProbe,
    Probe,
    ServiceSpec,
    Stack,
)
from mwaa_local.stack_workers import NO_ROLLOVER, Rollover, most_workers, worker_scaling

INHERITED = (
    "LANG",
    "LANGUAGE",
    "LOGNAME",
    "PATH",
    "USER",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
)
"""What a role takes over from the user's shell; nothing of AWS or Airflow, because MWAA would not have it either."""

READ_LATE = frozenset({"AIRFLOW__WEBSERVER__UPDATE_FAB_PERMS"})
"""Options that a role reads after it has been forked, so that they may differ from the launcher's."""

TRIGGERER_HEALTH_FROM = (2, 5, 2)
DAG_PROCESSOR_HEALTH_FROM = (2, 6, 3)


@dataclass(frozen=True, slots=True)
class Ports:
    """The environment's ports on 127.0.0.1."""

    webserver: int
    aws: int
    postgres: int
    doors: int = 0
    """Of the web server's own doors, over HTTPS; 0 in the record of an environment that had none."""


@dataclass(frozen=True, slots=True)
class OwnFolders:
    """Where each process has a HOME and a TMPDIR of its own."""

    homes: Path
    temporary: Path
    """Short on purpose: programs put sockets into TMPDIR, and a socket's path has about 100 characters at most."""

    def home(self, service: str) -> Path:
        """Return the HOME of a service."""
        return self.homes / service / "home"

    def tmp(self, service: str) -> Path:
        """Return the TMPDIR of a service."""
        return self.temporary / service


@dataclass(frozen=True, slots=True)
class Places:
    """Where things lie that the roles use."""

    inside: Path
    """The folder that goes on PYTHONPATH."""
    airflow_home: Path
    logs: Path
    own: OwnFolders
    run: Path


@dataclass(frozen=True, slots=True)
class RolePlan:
    """A role's interpreter and the variables that MWAA and the user give it."""

    python: Path
    variables: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class StackInputs:
    """Everything that a native stack is made of."""

    version: MwaaVersion
    config: EnvironmentConfig
    ports: Ports
    places: Places
    roles: Mapping[Role, RolePlan]
    postgres_command: tuple[str, ...]
    postgres_environment: Mapping[str, str]
    aws_command: tuple[str, ...]
    aws_environment: Mapping[str, str]
    web_variables: Mapping[str, str]
    """What only the web server gets: where commands are taken, and the key of sign-ins."""
    host_environment: Mapping[str, str]
    update_permissions: bool
    """Whether the web server writes its permissions to the database: needed once after plugins have changed."""
    can_fork: bool
    run_id: str
    figures_url: str = ""
    """Where the AWS endpoint tells how many tasks run and how many are queued."""
    rollover: Rollover = NO_ROLLOVER


def build_stack(inputs: StackInputs) -> Stack:
    """Return the stack: PostgreSQL and AWS first, then the roles that the version has."""
    services = [_postgres(inputs), _aws(inputs)]
    for role in inputs.version.roles:
        if role in inputs.roles:
            services += [_role(inputs, role, name) for name in _names(inputs, role)]
    scaling = worker_scaling(inputs.config, inputs.figures_url, inputs.host_environment)
    if not inputs.can_fork:
        return Stack(tuple(replace(each, forked=False) for each in services), None, inputs.run_id, scaling)
    launcher = _launcher(inputs, inputs.roles[Role.SCHEDULER])
    forked = tuple(_unforked_if_other(service, launcher) for service in services)
    return Stack(forked, launcher, inputs.run_id, scaling)


def _names(inputs: StackInputs, role: Role) -> tuple[str, ...]:
    usual = service_names(inputs.config, role)
    return inputs.rollover.workers or usual if role is Role.WORKER else usual


def service_names(config: EnvironmentConfig, role: Role) -> tuple[str, ...]:
    """Return the names of a role's processes: `worker`, or `worker-1`, `worker-2` when there are several."""
    count = {Role.SCHEDULER: config.schedulers, Role.WORKER: most_workers(config)}.get(role, 1)
    return (str(role),) if count == 1 else tuple(f"{role}-{number}" for number in range(1, count + 1))


def base_variables(
    host_environment: Mapping[str, str], own: OwnFolders, service: str, python: Path
) -> dict[str, str]:
    """Return the variables of a process before MWAA's own: a clean environment with a home of its own."""
    kept = {name: host_environment[name] for name in INHERITED if name in host_environment}
    home = own.home(service)
    path = [str(python.parent), str(home / ".local" / "bin"), kept.get("PATH", "/usr/bin:/bin")]
    return {
        **kept,
        "PATH": ":".join(path),
        "HOME": str(home),
        "TMPDIR": str(own.tmp(service)),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        # setproctitle would write its titles over what others can read of our environment, and with it over our mark.
        "SPT_NOENV": "1",
    }


def _service_variables(inputs: StackInputs, service: str, plan: RolePlan) -> dict[str, str]:
    base = base_variables(inputs.host_environment, inputs.places.own, service, plan.python)
    if inputs.rollover.generation:
        base["MWAA_LOCAL_GENERATION"] = inputs.rollover.generation
    return _marked(inputs, service, {**base, **dict(plan.variables)})


def _with_inside(variables: dict[str, str], inside: Path) -> dict[str, str]:
    """Put our folder first on PYTHONPATH, before what a startup script may have exported."""
    further = variables.get("PYTHONPATH")
    return {**variables, "PYTHONPATH": f"{inside}:{further}" if further else str(inside)}


def role_environment(inputs: StackInputs, role: Role, service: str) -> dict[str, str]:
    """Return the whole environment of a role's process."""
    plan = inputs.roles[role]
    variables = _service_variables(inputs, service, plan)
    if inputs.config.live:
        variables["MWAA_LOCAL_LIVE"] = "1"
    if role is Role.WORKER:
        variables["MWAA_LOCAL_BEAT"] = str(inputs.places.run / f"{service}.beat")
    if role is Role.WEBSERVER:
        variables.update(inputs.web_variables)
        variables["MWAA_LOCAL_WEB_HOST"] = "127.0.0.1"
        variables["MWAA_LOCAL_WEB_PORT"] = str(inputs.ports.webserver)
        if inputs.version.generation is not Generation.AIRFLOW_3:
            variables["AIRFLOW__WEBSERVER__UPDATE_FAB_PERMS"] = str(inputs.update_permissions)
    return _with_inside(variables, inputs.places.inside)


def _postgres(inputs: StackInputs) -> ServiceSpec:
    return ServiceSpec(
        name="postgres",
        role="",
        command=inputs.postgres_command,
        forked=False,
        environment=_sorted(_marked(inputs, "postgres", inputs.postgres_environment)),
        cwd=str(inputs.places.run),
        log=str(inputs.places.logs / "postgres.log"),
        probe=PostgresProbe(inputs.ports.postgres),
        needs=(),
        stop_signal=signal.SIGINT,  # fast shutdown: does not wait for clients
        stop_grace=20.0,
    )


def _aws(inputs: StackInputs) -> ServiceSpec:
    return ServiceSpec(
        name="aws",
        role="",
        command=inputs.aws_command,
        forked=False,
        environment=_sorted(_marked(inputs, "aws", inputs.aws_environment)),
        cwd=str(inputs.places.run),
        log=str(inputs.places.logs / "aws.log"),
        probe=HttpProbe(f"http://127.0.0.1:{inputs.ports.aws}/_mwaa_local/health"),
        needs=(),
        stop_signal=signal.SIGTERM,
        stop_grace=30.0,  # it stops the environments of the MWAA API first
    )


def _marked(inputs: StackInputs, service: str, variables: Mapping[str, str]) -> dict[str, str]:
    """Add our mark, by which leftovers are recognised."""
    return {**variables, "MWAA_LOCAL_RUN": inputs.run_id, "MWAA_LOCAL_SERVICE": service}


def _role(inputs: StackInputs, role: Role, name: str) -> ServiceSpec:
    python = inputs.roles[role].python
    return ServiceSpec(
        name=name,
        role=str(role),
        command=(str(python), "-m", "mwaa_inside.roles", str(role)),
        forked=True,
        environment=_sorted(role_environment(inputs, role, name)),
        cwd=str(inputs.places.airflow_home),
        log=str(inputs.places.logs / f"{name}.log"),
        probe=role_probe(inputs.version, inputs.ports, inputs.places.run, role, name),
        needs=("postgres", "aws"),
        stop_signal=signal.SIGTERM,
        stop_grace=10.0,
    )


def role_probe(version: MwaaVersion, ports: Ports, beats: Path, role: Role, name: str) -> Probe:
    """Return how a role's health is asked: the web server reports what other roles' heartbeats say."""
    three = version.generation is Generation.AIRFLOW_3
    url = f"http://127.0.0.1:{ports.webserver}" + ("/api/v2/monitor/health" if three else "/health")
    match role:
        case Role.WORKER:
            return BeatProbe(str(beats / f"{name}.beat"))
        case Role.WEBSERVER:
            return HttpProbe(url)
        case Role.SCHEDULER:
            return HttpProbe(url, "scheduler")
        case Role.TRIGGERER:
            reported = version.number >= TRIGGERER_HEALTH_FROM
            return HttpProbe(url, "triggerer") if reported else AliveProbe(5.0)
        case Role.DAG_PROCESSOR:
            reported = version.number >= DAG_PROCESSOR_HEALTH_FROM
            return HttpProbe(url, "dag_processor") if reported else AliveProbe(5.0)


def _launcher(inputs: StackInputs, plan: RolePlan) -> LauncherSpec:
    variables = _with_inside(_service_variables(inputs, "launcher", plan), inputs.places.inside)
    return LauncherSpec(
        command=(str(plan.python), "-m", "mwaa_inside.launcher"),
        environment=_sorted(variables),
        cwd=str(inputs.places.airflow_home),
        log=str(inputs.places.logs / "launcher.log"),
    )


def _unforked_if_other(service: ServiceSpec, launcher: LauncherSpec) -> ServiceSpec:
    """Have a role started on its own where importing Airflow would go differently than in the launcher."""
    if not service.forked:
        return service
    same_python = service.command[0] == launcher.command[0]
    if same_python and _import_variables(service.environment) == _import_variables(launcher.environment):
        return service
    return replace(service, forked=False)


def _import_variables(environment: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Return the variables that may change what importing Airflow does."""
    return {
        name: value
        for name, value in environment
        if name.startswith(("AIRFLOW_", "PYTHON", "LD_", "DYLD_")) and name not in READ_LATE
    }


def _sorted(variables: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(variables.items()))
