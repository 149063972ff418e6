"""What the user has and what the user asked for: `Project` (where things are) and `EnvironmentConfig` (the wishes).

Reads the project folder and `mwaa-local.toml`; nothing here starts anything.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Executor(StrEnum):
    """How tasks run: MWAA's Celery over SQS, or Airflow's LocalExecutor as the lighter choice."""

    CELERY = "celery"
    LOCAL = "local"


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
        return self.root / ".mwaa-local"


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
