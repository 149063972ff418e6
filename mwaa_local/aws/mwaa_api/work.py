"""Does in threads what statuses ask for: creates, updates, rolls back and deletes environments, one thread for each.

What follows an outcome is `lifecycle`'s decision. Work that a crash interrupted is begun again at the next start.
"""

import logging
import threading
from collections import defaultdict
from dataclasses import dataclass, replace

from mwaa_local.aws.mwaa_api.backend import BackendError, EnvironmentBackend, Wish
from mwaa_local.aws.mwaa_api.customer_endpoints import CustomerEndpoints
from mwaa_local.aws.mwaa_api.lifecycle import Outcome, finish
from mwaa_local.aws.mwaa_api.records import AT_WORK, USABLE, Environment, Status
from mwaa_local.aws.mwaa_api.store import EnvironmentStore

SERVICE_SECONDS = {
    Status.CREATING: 25 * 60.0,
    Status.UPDATING: 15 * 60.0,
    Status.ROLLING_BACK: 15 * 60.0,
    Status.DELETING: 10 * 60.0,
}
"""About how long MWAA takes (UG26), for `--realistic-times`."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long work lasts: as long as it takes, or so many times what the service needs (1.0: as there)."""

    realism: float = 0.0

    def seconds(self, status: Status) -> float:
        """Return how long work in a status lasts at least."""
        return self.realism * SERVICE_SECONDS.get(status, 0.0)


class Work:
    """The threads that bring environments to rest."""

    def __init__(
        self,
        store: EnvironmentStore,
        backend: EnvironmentBackend,
        pace: Pace,
        endpoints: CustomerEndpoints,
    ) -> None:
        self._store = store
        self._backend = backend
        self._pace = pace
        self._endpoints = endpoints
        self._ending = threading.Event()
        self._turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def begin(self, name: str) -> None:
        """Bring an environment from its status to one at rest, in a thread of its own."""
        turn = self._turns[name]
        threading.Thread(target=self._run, args=(name, turn), name=f"mwaa {name}", daemon=True).start()

    def resume(self) -> None:
        """Go on with what a stop or a crash interrupted, and start what had been started."""
        for name in self._store.names():
            environment = self._store.get(name)
            if self._store.is_home(name):
                continue
            if environment is not None and environment.status in AT_WORK | USABLE:
                self.begin(name)

    def end(self) -> None:
        """End what runs; work that is not done is taken up at the next start."""
        self._ending.set()
        self._backend.end()

    def _run(self, name: str, turn: threading.Lock) -> None:
        # One at a time: a start after a pause may still be going on when an update begins.
        with turn:
            while self._step(name):
                pass

    def _step(self, name: str) -> bool:
        """Do the work of an environment's status; tell whether there is more."""
        environment = self._store.get(name)
        if environment is None:
            return False
        outcome = self._do(environment)
        if self._ending.is_set():
            return False
        with self._store.locked():
            current = self._store.get(name)
            if current is None or current.status is not environment.status:
                return False  # something else has begun, and has a thread of its own
            # Tags may have been changed meanwhile.
            after = finish(replace(environment, tags=current.tags), outcome)
            if after is None:
                self._store.remove(name)
                return False
            self._store.put(after)
        return after.status in AT_WORK

    def _do(self, environment: Environment) -> Outcome:
        self._ending.wait(self._pace.seconds(environment.status))
        if self._ending.is_set():
            return Outcome()
        if environment.status is Status.CREATING and not self._endpoints.are_there(environment):
            return Outcome(waits=True)
        if environment.status is Status.PENDING:
            return self._endpoints.wait(environment, lambda: self._is_pending(environment.name), self._ending)
        try:
            if environment.status is Status.DELETING:
                self._backend.remove(environment.name)
                return Outcome()
            return Outcome(web_host=self._backend.apply(wish_of(environment)))
        except BackendError as error:
            log.warning("environment %s, %s: %s", environment.name, environment.status, error.message)
            return Outcome(error.code, error.message)

    def _is_pending(self, name: str) -> bool:
        environment = self._store.get(name)
        return environment is not None and environment.status is Status.PENDING


def wish_of(environment: Environment) -> Wish:
    """Return how an environment should be in its status: as wanted while it is updated, else as it was."""
    updating = environment.status is Status.UPDATING and environment.wanted is not None
    settings = environment.wanted if updating and environment.wanted else environment.settings
    strategy = environment.last_update.strategy if environment.last_update else ""
    name, rolls_back = environment.name, environment.status is Status.ROLLING_BACK
    return Wish(name, environment.environment_id, environment.region, settings, strategy, rolls_back)
