"""What a start decided, kept in the state folder for `status`, for the next start and for commands that join in."""

from dataclasses import dataclass

from mwaa_local.config import RuntimeKind
from mwaa_local.environment_stack import Ports
from mwaa_local.errors import RuntimeStateError
from mwaa_local.runtime.state import StateFolder, read_json


@dataclass(frozen=True, slots=True)
class StartRecord:
    """What a start decided."""

    project: str
    environment: str
    version: str
    amazon_provider: str | None
    python: str
    """The environment's interpreter."""
    packages: str
    """The environment's folder."""
    ports: Ports
    request: str
    """A digest of what was asked for: as long as it is the same, a running environment is left alone."""
    executor: str
    aws: str
    generation: str = ""
    """A digest of what was asked for but for the number of workers: what its processes have been started for."""
    runtime: str = "native"
    compose_project: str = ""
    """Of the Compose runtime: the name by which its containers are found."""
    environment_class: str = ""
    engine: str = ""
    """Of the Compose runtime: where the engine listens."""

    @property
    def is_compose(self) -> bool:
        """Tell whether it runs in containers."""
        return self.runtime == RuntimeKind.COMPOSE.value


def load_record(folder: StateFolder) -> StartRecord | None:
    """Return what the last start decided; None if there was none or its record is damaged."""
    document = read_json(folder.start_record)
    try:
        return None if document is None else StartRecord(**{**document, "ports": Ports(**document["ports"])})
    except (TypeError, KeyError):
        return None


def not_running() -> RuntimeStateError:
    """Return the error of commands that need a running environment."""
    return RuntimeStateError("The environment is not running.", hint="start it: mwaa-local start")
