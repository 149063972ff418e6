"""How commands run programs of ours in the environment, also in one that somebody replaces meanwhile."""

from pathlib import Path

from mwaa_local.cli.look import Look, look
from mwaa_local.errors import MwaaLocalError, RuntimeStateError
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


def wait_for_program(folder: Path, clock: Clock) -> AirflowProgram:
    """Return the same as soon as an environment that has gone away is healthy; RuntimeStateError if it stays away."""
    began = wanted = clock.monotonic()
    while clock.monotonic() - began < PATIENCE:
        # Whoever ends services needs a moment for it: what is healthy now may be what is about to go.
        clock.sleep(INTERVAL)
        seen = look(folder, asking=True)
        if seen.supervised or seen.is_changing():
            wanted = clock.monotonic()
        elif clock.monotonic() - wanted > STOPPED:
            raise RuntimeStateError(
                "The environment has been stopped, and nobody has started it again.",
                hint="what was running goes on with the next mwaa-local start",
            )
        staying = [service for service in seen.services if not service.leaving]
        if seen.supervised and staying and all(service.phase is Phase.HEALTHY for service in staying):
            try:
                return find_program(seen)
            except MwaaLocalError:
                continue  # the scheduler's container has gone since
    raise RuntimeStateError(
        f"The environment has not become healthy again within {PATIENCE:.0f} s.",
        hint="see why: mwaa-local status, mwaa-local logs",
    )
