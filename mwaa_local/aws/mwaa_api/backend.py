"""What the API needs of whoever runs environments, and what it tells them.

The real one, which starts Airflow, is composed in `cli`; a scripted one serves tests and a look at the API alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from mwaa_local.aws.mwaa_api.records import Settings
from mwaa_local.mwaa_tokens import AirflowRole


@dataclass(frozen=True, slots=True)
class Wish:
    """How an environment should be: everything that running it needs."""

    name: str
    environment_id: str
    region: str
    settings: Settings
    strategy: str = ""
    """WorkerReplacementStrategy of the update that asks for it."""
    rolls_back: bool = False
    """Whether this is how it was before an update that failed: with the metadata of then."""


class BackendError(Exception):
    """An environment could not be made so: an error code as LastUpdate has it, and a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ThrottledError(Exception):
    """More calls of the REST API in a second than the service takes."""


@dataclass(frozen=True, slots=True)
class RestCall:
    """A call of Airflow's REST API on behalf of a role."""

    path: str
    method: str
    query: Mapping[str, Any]
    body: Any
    role: AirflowRole
    user: str


@dataclass(frozen=True, slots=True)
class RestAnswer:
    """What Airflow answered: JSON, or None where it answered nothing."""

    status: int
    content: Any


class EnvironmentBackend(Protocol):
    """Runs environments. `apply` and `remove` take as long as they need; doing them twice equals doing them once."""

    def apply(self, wish: Wish) -> str:
        """Make the environment what is wished, whatever it is now; return HOST:PORT of its web server.

        Raises BackendError; the environment may then be in any state, until `apply` succeeds with another wish.
        """
        ...

    def remove(self, name: str) -> None:
        """Stop an environment and remove all that is kept for it; BackendError if that fails."""
        ...

    def token_key(self, name: str) -> bytes:
        """Return the key with which tokens for the environment are signed."""
        ...

    def answers(self, name: str) -> bool:
        """Tell whether the environment's web server answers, at once."""
        ...

    def call_rest_api(self, wish: Wish, call: RestCall) -> RestAnswer:
        """Call the environment's REST API; BackendError if it does not answer in time."""
        ...

    def end(self) -> None:
        """Stop all environments, as the endpoint ends; the next start applies their wishes again."""
        ...
