"""Builds the Compose file of an environment: from the version, the wishes and the places to services. Pure.

The same inputs give the same containers as the native `Stack` gives processes. What is the same for every environment
is in `compose/services.yml`; secrets are not in the file, but in private files that it names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mwaa_local.catalog import Generation, Role, data_folder
from mwaa_local.class_limits import container_size
from mwaa_local.config import EnvironmentConfig, LoadedConfig, NetworkMode, Project
from mwaa_local.environment_stack import Ports, service_names
from mwaa_local.stack_workers import NO_ROLLOVER, Rollover

PROJECT_LABEL = "mwaa-local.project"
ROLE_LABEL = "mwaa-local.role"
SERVICE_LABEL = "mwaa-local.service"
RUN_LABEL = "mwaa-local.run"
SECRETS = ("roles", "postgres", "aws")
INSIDE = "/opt/mwaa-local/inside"
LOGS = "/var/log/mwaa-local"
HOME = "/usr/local/airflow"
ALIASES = ("api.aws", "env.aws", "ops.aws")
"""Names by which boto3 looks for the endpoint of MWAA's API when it puts prefixes before the host's name."""
SCALED = "MWAA_LOCAL_SCALED"
"""Tells a worker's container that it works only when it is wanted."""
INNER, OUTER = "inner", "outer"
GIB = 1 << 30
HEADER = """\
# Written by mwaa-local for {name}: Airflow {version} as MWAA {environment_class} runs it. Secrets lie beside it.
"""


@dataclass(frozen=True, slots=True)
class ComposeImages:
    """The images of an environment."""

    airflow: str
    """Of the version."""
    project: str
    """With the project's requirements; the same where there are none."""
    services: str
    """Of PostgreSQL and the AWS endpoint."""


@dataclass(frozen=True, slots=True)
class ComposePlaces:
    """Where things lie on the host."""

    state: Path
    """What the containers write, in the layout of a state folder."""
    secrets: Path
    """The folder of the private files."""
    authority: Path
    """The local authority, whose certificates the doors show."""


@dataclass(frozen=True, slots=True)
class ComposeInputs:
    """Everything that the file is made of."""

    loaded: LoadedConfig
    project: Project
    name: str
    """Of the Compose project."""
    ports: Ports
    images: ComposeImages
    places: ComposePlaces
    aws_arguments: tuple[str, ...]
    aws_mounts: tuple[tuple[Path, str], ...]
    """What of the host the endpoint reads, and where in its container."""
    cpus: int
    """What the engine's machine has: it refuses a container that asks for more."""
    run_id: str
    rollover: Rollover = NO_ROLLOVER


def build_compose(inputs: ComposeInputs, template: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the document: services, networks, volumes and secrets."""
    pattern = load_template() if template is None else template
    common = _common_values(inputs)
    services = {name: _fill(service, common) for name, service in pattern["services"].items()}
    services["aws"]["command"] += inputs.aws_arguments
    services["aws"]["volumes"] += [_mount(source, target) for source, target in inputs.aws_mounts]
    is_private = inputs.loaded.config.network_mode is NetworkMode.PRIVATE
    if not is_private:
        del services["gateway"]
    documents = {name: _labelled(service, inputs, name, "") for name, service in services.items()}
    for role in inputs.loaded.version.roles:
        for name in role_names(inputs, role):
            filled = _role(inputs, pattern, role, name)
            documents[name] = _labelled(filled, inputs, name, str(role))
    _join_networks(documents, private=is_private)
    volumes: dict[str, Any] = {common["database volume"]: {}, "commands": {}}
    labels = {PROJECT_LABEL: inputs.name}
    return {
        "services": documents,
        **({"networks": {INNER: {"internal": True}, OUTER: {}}} if is_private else {}),
        "volumes": {name: {"labels": labels} for name in volumes},
        "secrets": {name: {"file": str(inputs.places.secrets / f"{name}.json")} for name in SECRETS},
    }


def role_names(inputs: ComposeInputs, role: Role) -> tuple[str, ...]:
    """Return the names of a role's services: of workers other ones than usual where those may still run."""
    usual = service_names(inputs.loaded.config, role)
    return inputs.rollover.workers or usual if role is Role.WORKER else usual


def render_compose(document: Mapping[str, Any], config: EnvironmentConfig) -> str:
    """Return the file's text, in which no value is taken for a variable of Compose's."""
    header = HEADER.format(
        name=config.name, version=config.version, environment_class=config.environment_class
    )
    return header + yaml.safe_dump(_escape(document), sort_keys=False, width=120, allow_unicode=True)


def load_template(folder: Path | None = None) -> dict[str, Any]:
    """Return the pattern of all environments."""
    text = ((folder or data_folder("compose")) / "services.yml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    return document


def database_volume(airflow: str) -> str:
    """Return the name of the volume that holds a version's database: each version keeps its own."""
    return f"postgres-{airflow}"


def _common_values(inputs: ComposeInputs) -> dict[str, str]:
    version = inputs.loaded.version
    three = version.generation is Generation.AIRFLOW_3
    return {
        "services image": inputs.images.services,
        "airflow image": inputs.images.airflow,
        "project image": inputs.images.project,
        "postgres port": str(inputs.ports.postgres),
        "aws port": str(inputs.ports.aws),
        "doors port": str(inputs.ports.doors),
        "web port": str(inputs.ports.webserver),
        "database volume": database_volume(version.airflow),
        "state": str(inputs.places.state),
        "authority": str(inputs.places.authority),
        "dags": str(inputs.project.dags),
        "health path": "/api/v2/monitor/health" if three else "/health",
    }


def _role(inputs: ComposeInputs, pattern: Mapping[str, Any], role: Role, name: str) -> dict[str, Any]:
    """Return the service of a role: the pattern, what the role has of its own, and what the project has."""
    config, version, project = inputs.loaded.config, inputs.loaded.version, inputs.project
    size = container_size(config.environment_class, role)
    own = {
        "role": str(role),
        "service": name,
        "memory": str(size.memory * GIB),
        "cpus": str(min(size.cpus, inputs.cpus)),
    }
    values = {**_common_values(inputs), **own}
    service: dict[str, Any] = _fill(pattern["role"], values)
    service["mem_limit"], service["memswap_limit"] = size.memory * GIB, size.memory * GIB
    service["cpus"] = float(values["cpus"])
    special = _fill(pattern["roles"].get(str(role), {}), values)
    volumes = [*service["volumes"], *special.pop("volumes", ())]
    bare = role is Role.WEBSERVER and not version.requirements_on_webserver
    if bare:
        service["image"] = inputs.images.airflow
    elif project.plugins is not None:
        volumes.append(_mount(project.plugins, f"{HOME}/plugins"))
    if project.startup_script is not None and version.startup_script:
        volumes.append(_mount(project.startup_script, f"{HOME}/startup/startup.sh"))
    return {**service, **special, "volumes": volumes}


def _labelled(service: dict[str, Any], inputs: ComposeInputs, name: str, role: str) -> dict[str, Any]:
    """Add what every service says of itself: to people who look at the engine, and to its own program."""
    variables = {
        "MWAA_LOCAL_SERVICE": name,
        "MWAA_LOCAL_RUN": inputs.run_id,
        "MWAA_LOCAL_LOG": f"{LOGS}/{name}.log",
    }
    if role or name == "migrate":
        variables |= {"MWAA_LOCAL_ROLE": role or name, "PYTHONPATH": INSIDE}
    if role and inputs.rollover.generation:
        # Compose sees by it that what is in the private files has changed.
        variables["MWAA_LOCAL_GENERATION"] = inputs.rollover.generation
    if role == Role.WORKER and inputs.loaded.config.autoscale:
        variables[SCALED] = "1"
    labels = {PROJECT_LABEL: inputs.name, ROLE_LABEL: role, SERVICE_LABEL: name, RUN_LABEL: inputs.run_id}
    if "healthcheck" in service:
        service["healthcheck"] |= {"interval": "30s", "timeout": "10s", "retries": 3, "start_period": "120s"}
    return {**service, "user": "0:0", "environment": variables, "labels": labels}


def _join_networks(documents: dict[str, dict[str, Any]], *, private: bool) -> None:
    """Let boto3 find the endpoint under each of its names, and keep a private web server from the world."""
    for name, service in documents.items():
        networks = [INNER, OUTER] if private and name != "webserver" else [INNER] if private else []
        if name == "aws":
            aliased = networks or ["default"]
            service["networks"] = {each: {"aliases": list(ALIASES)} for each in aliased}
        elif networks:
            service["networks"] = networks
    if private:
        documents["webserver"].pop("ports")
        documents["gateway"]["depends_on"] = ["webserver"]


def _mount(source: Path, target: str) -> dict[str, Any]:
    return {"type": "bind", "source": str(source), "target": target, "read_only": True}


def _fill(pattern: Any, values: Mapping[str, str]) -> Any:
    """Replace `<name>` in every text: after the YAML was read, so that no value can be taken for YAML."""
    if isinstance(pattern, Mapping):
        return {key: _fill(value, values) for key, value in pattern.items()}
    if isinstance(pattern, list):
        return [_fill(value, values) for value in pattern]
    if not isinstance(pattern, str):
        return pattern
    for name, value in values.items():
        pattern = pattern.replace(f"<{name}>", value)
    return pattern


def _escape(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _escape(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_escape(each) for each in value]
    return value.replace("$", "$$") if isinstance(value, str) else value
