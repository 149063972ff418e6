"""The environment that a visitor gets: a command, a Python or a shell that the user runs next to the services."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mwaa_local.catalog import Role
from mwaa_local.runtime.leftovers import RUN_VARIABLE
from mwaa_local.stack import ServiceSpec, Stack

OURS = frozenset({RUN_VARIABLE, "MWAA_LOCAL_SERVICE"})
"""The marks of our services: whoever carries them is ended by `stop`, and a user's shell must not be."""

TERMINAL = frozenset(
    {
        "TERM",
        "COLORTERM",
        "COLUMNS",
        "LINES",
        "NO_COLOR",
        "FORCE_COLOR",
        "PAGER",
        "EDITOR",
        "VISUAL",
        "PYTHONBREAKPOINT",
        "PYTHONUNBUFFERED",
    }
)
FOREIGN_PREFIXES = ("AIRFLOW", "AWS_", "CONDA", "MWAA_")
FOREIGN = frozenset({"PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "PYTHONSTARTUP"})
"""What the user's own shell may have set up for another Python, another Airflow or another AWS account."""


class Guest(StrEnum):
    """How much of the user's own variables comes along."""

    STRICT = "strict"
    """Only what a terminal needs: as on MWAA, nothing of the laptop is there to count on."""
    AT_HOME = "at home"
    """All but what belongs to another Python, Airflow or AWS: for editors, debuggers and shells."""


@dataclass(frozen=True, slots=True)
class Visit:
    """An interpreter and the variables to run it with."""

    python: Path
    variables: Mapping[str, str]

    @property
    def airflow(self) -> Path:
        """Return the airflow command of the environment."""
        return self.python.parent / "airflow"


def plan_visit(stack: Stack, environ: Mapping[str, str], guest: Guest) -> Visit:
    """Return what a visitor gets: the scheduler's environment, without its marks and with the visitor's terminal."""
    scheduler = _scheduler(stack)
    own = {name: value for name, value in scheduler.environment if name not in OURS}
    match guest:
        case Guest.STRICT:
            theirs = {name: value for name, value in environ.items() if name in TERMINAL}
        case Guest.AT_HOME:
            theirs = {name: value for name, value in environ.items() if not _is_foreign(name)}
            for name in ("HOME", "TMPDIR"):
                own.pop(name, None)
    return Visit(Path(scheduler.command[0]), {**theirs, **own})


def _is_foreign(name: str) -> bool:
    return name in FOREIGN or (name.startswith(FOREIGN_PREFIXES) and name != "MWAA_LOCAL_CACHE")


def _scheduler(stack: Stack) -> ServiceSpec:
    return next(service for service in stack.services if service.role == Role.SCHEDULER)
