"""The update of an environment: when MWAA accepts one, how to tell that it has ended, and following it to its end.

Nothing here begins an update; that is a step of a plan.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from mwaa_local.aws_ports import EnvironmentChange, EnvironmentRecord, EnvironmentService, S3Source
from mwaa_local.errors import AwsError
from mwaa_local.ports import Clock

UPDATABLE = frozenset({"AVAILABLE", "UPDATE_FAILED"})
"""After UPDATE_FAILED the environment runs as before the update, and takes the next one."""
PASSING = frozenset({"CREATING", "CREATING_SNAPSHOT", "MAINTENANCE", "PENDING", "ROLLING_BACK", "UPDATING"})

GRACE = 20.0
"""Seconds within which an accepted update may not show yet in what GetEnvironment answers."""
PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds between two looks; the last one is for all further ones."""
MISSES = 4
"""Looks in a row that may fail before the wait does: it lasts half an hour, and networks do not."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why MWAA would refuse an update now; `passes`: waiting helps."""

    message: str
    hint: str
    passes: bool


def refuse_update(environment: EnvironmentRecord) -> Refusal | None:
    """Return why an environment cannot be updated in its status, None if it can."""
    name, status = environment.name, environment.status
    if status in UPDATABLE:
        return None
    if status in PASSING:
        return Refusal(
            f"Environment {name} is {status}: MWAA takes an update only when that is over.",
            "Wait until it is over: `mwaa-local deploy` does so, unless --no-wait is given.",
            True,
        )
    reasons = {
        "CREATE_FAILED": "Environments with CREATE_FAILED status cannot be updated.",
        "DELETING": f"Environment {name} is being deleted.",
        "DELETED": f"Environment {name} has been deleted.",
        "UNAVAILABLE": f"Environment {name} is UNAVAILABLE: its last update could not be rolled back.",
    }
    hints = {
        "CREATE_FAILED": "Find out why (`aws mwaa get-environment`, LastUpdate), then delete it and make it anew.",
        "UNAVAILABLE": "Only AWS Support can bring it back.",
    }
    message = reasons.get(status, f"Environment {name} is {status or 'in no known status'}.")
    return Refusal(message, hints.get(status, "Name another environment, or make it anew."), False)


class Verdict(StrEnum):
    """Where an update stands."""

    GOING_ON = "going on"
    DONE = "done"
    FAILED = "failed"


def judge_update(environment: EnvironmentRecord, change: EnvironmentChange | None, *, moved: bool) -> Verdict:
    """Tell where an update stands, by what GetEnvironment says.

    `change` None: somebody else's update, of which only the status is known. `moved`: the update has been seen going
    on, or had the time to; until then an old status may be what it was before.
    """
    if environment.status in PASSING:
        return Verdict.GOING_ON
    update = environment.last_update
    failed = update is not None and update.status == "FAILED"
    if environment.status == "AVAILABLE" and (change is None or has_taken(environment, change)):
        return Verdict.FAILED if failed else Verdict.DONE
    if environment.status in UPDATABLE and not moved:
        return Verdict.GOING_ON
    return Verdict.FAILED


def has_taken(environment: EnvironmentRecord, change: EnvironmentChange) -> bool:
    """Tell whether an environment takes its files from where a change says."""
    return all(
        _is_same(have, want)
        for have, want in (
            (environment.plugins, change.plugins),
            (environment.requirements, change.requirements),
            (environment.startup_script, change.startup_script),
        )
        if want is not None
    )


def _is_same(have: S3Source | None, want: S3Source) -> bool:
    return have is not None and have.path == want.path and want.version in (None, have.version)


@dataclass(frozen=True, slots=True)
class Watch:
    """How to follow an update: whom to ask, how long, and whom to tell each status and the seconds so far."""

    service: EnvironmentService
    clock: Clock
    timeout: float
    show: Callable[[str, float], None]
    before: EnvironmentRecord | None = None
    """The environment as it was before the update, where that is known."""


@dataclass(frozen=True, slots=True)
class UpdateOutcome:
    """How an update ended; `verdict` is GOING_ON if the time was over first."""

    verdict: Verdict
    environment: EnvironmentRecord
    began: float
    seconds: float

    @property
    def error(self) -> str:
        """Return the service's words on why it failed; empty if it has none."""
        update = self.environment.last_update
        if update is None or update.status == "SUCCESS":
            return ""
        return ": ".join(part for part in (update.error_code, update.error_message) if part)


def wait_for_update(name: str, change: EnvironmentChange | None, watch: Watch) -> UpdateOutcome:
    """Follow an update that has been accepted to its end; `change` None: whatever update is going on."""
    began, start = watch.clock.now(), watch.clock.monotonic()
    looks, moved = 0, change is None
    while True:
        environment = _look(name, watch)
        waited = watch.clock.monotonic() - start
        watch.show(environment.status, waited)
        moved = moved or waited >= GRACE or _has_begun(environment, watch.before)
        verdict = judge_update(environment, change, moved=moved)
        if verdict is not Verdict.GOING_ON or waited >= watch.timeout:
            return UpdateOutcome(verdict, environment, began, waited)
        pause = PAUSES[min(looks, len(PAUSES) - 1)]
        watch.clock.sleep(min(pause, max(0.1, watch.timeout - waited)))
        looks += 1


def _has_begun(environment: EnvironmentRecord, before: EnvironmentRecord | None) -> bool:
    is_another = before is not None and environment.last_update != before.last_update
    return environment.status in PASSING or is_another


def _look(name: str, watch: Watch) -> EnvironmentRecord:
    for attempt in range(1, MISSES + 1):
        try:
            found = watch.service.get(name)
        except AwsError:
            if attempt == MISSES:
                raise
            watch.clock.sleep(PAUSES[-1])
            continue
        if found is None:
            raise AwsError(
                f"Environment {name} is gone: somebody has deleted it.",
                hint="Ask who may delete environments.",
            )
        return found
    raise AssertionError("every attempt returns or raises")
