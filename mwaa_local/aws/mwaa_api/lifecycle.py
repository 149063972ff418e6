"""The life of an environment as a state machine: which statuses allow what, and what follows the end of some work.

Pure; `work` does the work and asks here what comes next.
"""

from dataclasses import dataclass, replace

from mwaa_local.aws.mwaa_api.errors import invalid
from mwaa_local.aws.mwaa_api.records import USABLE, Environment, Settings, Status, Update

LONGEST_MESSAGE = 1024
"""Characters of ErrorMessage in the service model."""

DELETABLE = USABLE | {Status.CREATE_FAILED, Status.PENDING, Status.UNAVAILABLE}
"""UG26: an environment that is being created, updated or deleted cannot be deleted."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How work ended: `error_code` is empty when it succeeded, `web_host` is then where the web server is."""

    error_code: str = ""
    error_message: str = ""
    web_host: str = ""
    waits: bool = False
    """It cannot go on before its owner has made endpoints."""

    @property
    def is_success(self) -> bool:
        """Tell whether the work was done."""
        return not self.error_code


@dataclass(frozen=True, slots=True)
class Request:
    """What an update asks for, every setting filled in."""

    wanted: Settings
    strategy: str


def begin_update(environment: Environment, request: Request, now: float) -> Environment:
    """Return the environment at the start of an update; ApiError where its status refuses one."""
    _refuse_unless(environment, USABLE, "updated")
    return replace(
        environment,
        status=Status.UPDATING,
        stable=environment.status,
        wanted=request.wanted,
        last_update=Update("PENDING", now, strategy=request.strategy),
    )


def begin_delete(environment: Environment) -> Environment:
    """Return the environment at the start of its deletion; ApiError where its status refuses that."""
    _refuse_unless(environment, DELETABLE, "deleted")
    return replace(environment, status=Status.DELETING, stable=environment.status)


def finish(environment: Environment, outcome: Outcome) -> Environment | None:
    """Return the environment after the work of its status has ended; None when it is deleted."""
    match environment.status:
        case Status.CREATING if outcome.waits:
            return replace(environment, status=Status.PENDING)
        case Status.PENDING if outcome.is_success:
            return replace(environment, status=Status.CREATING)
        case Status.CREATING | Status.PENDING:
            if outcome.is_success:
                return _settled(environment, Status.AVAILABLE, outcome, "SUCCESS")
            return _settled(environment, Status.CREATE_FAILED, outcome, "FAILED")
        case Status.UPDATING:
            if outcome.is_success:
                updated = replace(environment, settings=environment.wanted or environment.settings)
                return _settled(updated, Status.AVAILABLE, outcome, "SUCCESS")
            failed = _settled(environment, Status.ROLLING_BACK, outcome, "FAILED")
            return replace(failed, wanted=environment.wanted)
        case Status.ROLLING_BACK:
            if outcome.is_success:
                # LastUpdate keeps what the update failed of.
                return replace(
                    environment, status=Status.UPDATE_FAILED, wanted=None, web_host=outcome.web_host
                )
            return replace(environment, status=Status.UNAVAILABLE, wanted=None)
        case Status.DELETING:
            return (
                None if outcome.is_success else _settled(environment, Status.UNAVAILABLE, outcome, "FAILED")
            )
    # Work on a stable environment is its start after a pause.
    if outcome.is_success:
        return replace(environment, web_host=outcome.web_host)
    return replace(environment, status=Status.UNAVAILABLE, web_host="")


def _settled(environment: Environment, status: Status, outcome: Outcome, result: str) -> Environment:
    began = environment.last_update
    return replace(
        environment,
        status=status,
        wanted=None,
        web_host=outcome.web_host or environment.web_host,
        last_update=Update(
            result,
            began.created_at if began else environment.created_at,
            outcome.error_code,
            outcome.error_message[:LONGEST_MESSAGE],
            began.strategy if began else "",
        ),
    )


def _refuse_unless(environment: Environment, allowed: frozenset[Status], what: str) -> None:
    if environment.status not in allowed:
        # The wording that users of the service have seen.
        raise invalid(f"Environments with {environment.status} status cannot be {what}.")
