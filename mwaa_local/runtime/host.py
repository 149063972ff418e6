"""What the native runtime needs from outside: this machine behind its ports, the user's variables, the plan of AWS."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mwaa_local.catalog import MwaaVersion
from mwaa_local.config import EnvironmentConfig
from mwaa_local.environment_stack import Ports
from mwaa_local.ports import Clock, CommandRunner, HttpClient, Processes
from mwaa_local.runtime.cache_entry import Locks
from mwaa_local.runtime.leftovers import Watch
from mwaa_local.runtime.port_choice import PortFinder
from mwaa_local.runtime.state import Secrets, StateFolder
from mwaa_local.settings_rules import NO_STATSD, StatsdAddress


class Progress(Protocol):
    """Shows steps to the user."""

    def step(self, title: str) -> AbstractContextManager[None]:
        """Show that `title` is being done, then how long it took."""
        ...

    def note(self, text: str) -> None:
        """Say something that is not a step."""
        ...

    def warn(self, text: str) -> None:
        """Say something that the user should not miss."""
        ...


@dataclass(frozen=True, slots=True)
class AwsPlan:
    """How the local AWS endpoint is started, and what a service is told of AWS."""

    command: tuple[str, ...]
    endpoint_environment: tuple[tuple[str, str], ...]
    broker_url: str
    queue_name: str
    queue_url: str
    endpoint_url: str | None
    """None where tasks call the real AWS or none."""
    variables: tuple[tuple[str, str], ...]
    """For every role."""
    web_variables: tuple[tuple[str, str], ...]
    """For the web server on top of them."""
    figures_url: str = ""
    """Where the endpoint tells how many tasks run and how many are queued."""
    trust: tuple[tuple[str, str], ...] = ()
    """Certificates that every role trusts, in place of the user's variables of these names."""
    statsd: StatsdAddress = NO_STATSD
    """Where Airflow sends its metrics."""


class AwsPlanner(Protocol):
    """Plans the local AWS of an environment."""

    def plan(
        self,
        config: EnvironmentConfig,
        version: MwaaVersion,
        folder: StateFolder,
        ports: Ports,
        secrets: Secrets,
    ) -> AwsPlan:
        """Return the plan; AwsError if a profile has no credentials."""
        ...


@dataclass(frozen=True, slots=True)
class Host:
    """This machine: its ports (in both senses), the user's variables and the user-wide cache."""

    commands: CommandRunner
    processes: Processes
    clock: Clock
    http: HttpClient
    environ: Mapping[str, str]
    cache: Path
    uv: Path
    lock: Callable[[Path], AbstractContextManager[None]]
    watch: Watch
    port_finder: PortFinder
    aws: AwsPlanner
    new_fernet_key: Callable[[], str]

    @property
    def locks(self) -> Locks:
        """Return the locks of the user-wide cache."""
        return Locks(self.lock, self.watch.is_locked)
