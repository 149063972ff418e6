"""How commands run programs of ours in the environment, also in one that somebody replaces meanwhile."""

from pathlib import Path

from mwaa_local.cli.look import Look, look
from mwaa_local.errors import MwaaLocalError
from mwaa_local.ports import Clock
from mwaa_local.runtime.convergence import Phase
from mwaa_local.runtime.objects import AirflowProgram
from mwaa_local.runtime.visitor import Guest

PATIENCE = 300.0
STOPPED = 10.0
"""Seconds after which an environment that nobody starts is not expected any more: `restart` begins with a stop."""
INTERVAL = 0.5


def find_program(seen: Look) -> AirflowProgram:
    """Return what reaches the environment; RuntimeStateError if it does not run."""
    seen.running()
    visit = seen.visit(Guest.STRICT)
    return AirflowProgram(visit.python, visit.variables, prefix=visit.prefix)


def wait_for_program(folder: Path, clock: Clock) -> AirflowProgram | None:
    """Return the same as soon as an environment that has gone away is healthy; None if it does not come back."""
    began = wanted = clock.monotonic()
    while clock.monotonic() - began < PATIENCE:
        # Whoever ends services needs a moment for it: what is healthy now may be what is about to go.
        clock.sleep(INTERVAL)
        seen = look(folder, asking=True)
        if seen.supervised or seen.is_changing():
            wanted = clock.monotonic()
        elif clock.monotonic() - wanted > STOPPED:
            return None
        staying = [service for service in seen.services if not service.leaving]
        if seen.supervised and staying and all(service.phase is Phase.HEALTHY for service in staying):
            try:
                return find_program(seen)
            except MwaaLocalError:
                continue  # the scheduler's container has gone since
    return None
