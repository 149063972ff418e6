"""What the user has and asks for: `Project` (where things are) and `EnvironmentConfig` (the wishes).

Values only. `project.py` finds a project, `config_file.py` reads `mwaa-local.toml`, `config_loading.py` puts
flags, variables, file and defaults together.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mwaa_local.catalog import MwaaVersion

CONFIG_FILE = "mwaa-local.toml"
STATE_FOLDER = ".mwaa-local"
PATH_OPTIONS = ("dags", "plugins", "requirements", "startup_script")
"""The paths that a flag (`--dags`), a variable (`MWAA_LOCAL_DAGS`) or the file can set."""


def path_flag(name: str) -> str:
    """Return the flag of one of PATH_OPTIONS."""
    return f"--{name.replace('_', '-')}"


class Executor(StrEnum):
    """How tasks run: MWAA's Celery over SQS, or Airflow's LocalExecutor as the lighter choice."""

    CELERY = "celery"
    LOCAL = "local"


class RuntimeKind(StrEnum):
    """What runs the environment."""

    NATIVE = "native"
    """Plain processes of this machine (the default)."""
    COMPOSE = "compose"
    """Containers, with an engine and Compose."""
    AUTO = "auto"
    """Compose where an engine answers and has the images, else native."""


class NetworkMode(StrEnum):
    """Whether the web server can reach the world: MWAA's access modes, for containers."""

    PUBLIC = "public"
    PRIVATE = "private"


class AwsKind(StrEnum):
    """Where AWS calls of tasks go."""

    LOCAL = "local"
    """The environment's own endpoint (the default)."""
    PROFILE = "profile"
    """The real AWS, with short-lived credentials of a named profile."""
    NONE = "none"
    """Nowhere: no credentials, no endpoint."""


@dataclass(frozen=True, slots=True)
class AwsMode:
    """`local`, `none` or `profile:NAME`."""

    kind: AwsKind
    profile: str = ""


class EnvironmentClass(StrEnum):
    """MWAA's environment classes (MWAA-FACTS 6.6)."""

    MICRO = "mw1.micro"
    SMALL = "mw1.small"
    MEDIUM = "mw1.medium"
    LARGE = "mw1.large"
    XLARGE = "mw1.xlarge"
    XXLARGE = "mw1.2xlarge"


@dataclass(frozen=True, slots=True)
class Project:
    """A project folder and what was found in it; every path is absolute."""

    root: Path
    dags: Path
    plugins: Path | None
    requirements: Path | None
    startup_script: Path | None
    config_file: Path | None

    @property
    def state(self) -> Path:
        """Return the folder that holds everything mwaa-local keeps for this project."""
        return self.root / STATE_FOLDER


@dataclass(frozen=True, slots=True)
class EnvironmentConfig:
    """What the user asked for, every default filled in."""

    name: str
    version: str
    environment_class: EnvironmentClass
    amazon_provider: str | None
    """A version, or None where the version has no amazon provider; `stock` is resolved already."""
    airflow_options: tuple[tuple[str, str], ...]
    """MWAA's AirflowConfigurationOptions, (`section.key`, value), in the file's order."""
    executor: Executor
    workers: int
    schedulers: int
    aws: AwsMode
    region: str
    webserver_port: int | None
    """None: any free port, remembered."""
    aws_port: int | None
    postgres_port: int | None
    live: bool
    """Short file intervals, so that a saved DAG is visible in seconds."""
    python: Path | None
    """An interpreter to use instead of looking for one."""
    secrets_file: Path | None
    """Connections and variables to serve from Secrets Manager."""
    ignore_requirements_failure: bool
    wait: float
    """Seconds that `start` waits for every role to be healthy."""
    mwaa_paths: bool = True
    """Whether processes find AIRFLOW_HOME at MWAA's path too, where this system can do that."""
    runtime: RuntimeKind = RuntimeKind.NATIVE
    network_mode: NetworkMode = NetworkMode.PUBLIC
    base_image: str = ""
    """What the image of Airflow is built on; "" for the catalogue's."""
    services_base_image: str = ""
    """What the image of PostgreSQL and the AWS endpoint is built on; "" for the catalogue's."""
    autoscale: bool = False
    """Let the number of workers follow the tasks, as MWAA does; `workers` then says nothing."""
    min_workers: int = 1
    max_workers: int = 10


class Source(StrEnum):
    """Where a value comes from; the first one that has a value wins."""

    FLAG = "flag"
    VARIABLE = "variable"
    FILE = "file"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one value comes from: `name` is the flag, the variable or the file."""

    source: Source
    name: str = ""
    line: int | None = None

    def __str__(self) -> str:
        match self.source:
            case Source.FLAG | Source.VARIABLE:
                return f"{self.source} {self.name}"
            case Source.FILE:
                return f"{self.name} line {self.line}" if self.line else self.name
            case Source.DEFAULT:
                return "default"


@dataclass(frozen=True, slots=True)
class ConfigWarning:
    """Something that is allowed but will not do what it seems to; `file` and `line` where a file says it."""

    message: str
    hint: str
    file: Path | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """The configuration, its version, where each value comes from, and what the user should know."""

    config: EnvironmentConfig
    version: MwaaVersion
    origins: tuple[tuple[str, Origin], ...]
    """By field of EnvironmentConfig, and one `airflow_options.SECTION.KEY` for each option."""
    warnings: tuple[ConfigWarning, ...]

    def origin_of(self, name: str) -> Origin:
        """Return where the value of a field (or of `airflow_options.SECTION.KEY`) comes from."""
        return dict(self.origins).get(name, Origin(Source.DEFAULT))
