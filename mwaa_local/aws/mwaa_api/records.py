"""An environment as the API keeps it, and its form on disk and in GetEnvironment's answer."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

Settings = Mapping[str, Any]
"""Members of the service model's Environment, by their names there, as the caller and the defaults have set them."""


class Status(StrEnum):
    """The statuses of the service model that a local environment can be in."""

    CREATING = "CREATING"
    PENDING = "PENDING"
    """It waits for endpoints that its owner makes."""
    CREATE_FAILED = "CREATE_FAILED"
    AVAILABLE = "AVAILABLE"
    UPDATING = "UPDATING"
    UPDATE_FAILED = "UPDATE_FAILED"
    ROLLING_BACK = "ROLLING_BACK"
    UNAVAILABLE = "UNAVAILABLE"
    DELETING = "DELETING"
    MAINTENANCE = "MAINTENANCE"
    """Shown of an environment that is being started again, in place of its status."""


AT_WORK = frozenset({Status.CREATING, Status.PENDING, Status.UPDATING, Status.ROLLING_BACK, Status.DELETING})
USABLE = frozenset({Status.AVAILABLE, Status.UPDATE_FAILED})
"""An environment whose update failed has been rolled back and is ready to use."""


@dataclass(frozen=True, slots=True)
class Update:
    """LastUpdate: SUCCESS, PENDING or FAILED."""

    status: str
    created_at: float
    error_code: str = ""
    error_message: str = ""
    strategy: str = ""


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment; `wanted` are the settings of an update that has begun and not yet succeeded."""

    name: str
    environment_id: str
    region: str
    created_at: float
    status: Status
    settings: Settings
    wanted: Settings | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    last_update: Update | None = None
    web_host: str = ""
    """HOST:PORT of its web server, once there is one."""
    stable: Status = Status.AVAILABLE
    """The status before the work that is going on."""


def to_json(environment: Environment) -> dict[str, Any]:
    """Return the environment for the disk."""
    return asdict(environment)


def from_json(document: Mapping[str, Any]) -> Environment:
    """Return the environment that `to_json` wrote; KeyError, TypeError or ValueError if it did not."""
    values = dict(document)
    update = values.pop("last_update", None)
    return Environment(
        **{
            **values,
            "status": Status(values["status"]),
            "stable": Status(values.get("stable", Status.AVAILABLE)),
            "last_update": Update(**update) if update else None,
        }
    )


def describe(environment: Environment, arn: str) -> dict[str, Any]:
    """Return the members of GetEnvironment's Environment, those without a value left out by the model."""
    return {
        **environment.settings,
        "Name": environment.name,
        "Arn": arn,
        "Status": str(environment.status),
        "CreatedAt": environment.created_at,
        "WebserverUrl": environment.web_host or None,
        "Tags": dict(environment.tags) or None,
        "LastUpdate": _describe_update(environment.last_update),
    }


def _describe_update(update: Update | None) -> dict[str, Any] | None:
    if update is None:
        return None
    error = {"ErrorCode": update.error_code, "ErrorMessage": update.error_message or update.error_code}
    return {
        "Status": update.status,
        "CreatedAt": update.created_at,
        "Error": error if update.error_code else None,
        "WorkerReplacementStrategy": update.strategy or None,
    }
