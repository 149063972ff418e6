"""The environment that a visitor gets: a command, a Python or a shell that the user runs next to the services."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mwaa_local.catalog import Role
from mwaa_local.docker_ports import ContainerRecord
from mwaa_local.errors import EngineError, RuntimeStateError
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


PASSED_ON = ("MWAA_LOCAL_REQUEST", "TERM", "COLUMNS", "LINES", "NO_COLOR")
"""What comes along into a container."""
ENTRY = ("python3", "-m", "mwaa_inside.container", "exec", "--")


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
    prefix: tuple[str, ...] = ()
    """What brings a command into a container."""

    @property
    def airflow(self) -> tuple[str, ...]:
        """Return the airflow command of the environment."""
        if self.prefix:
            return *self.prefix, "airflow"
        return str(self.python), str(self.python.parent / "airflow")

    @property
    def interpreter(self) -> tuple[str, ...]:
        """Return the command of the environment's Python."""
        return *self.prefix, str(self.python)


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


def visit_container(
    client: tuple[str, ...],
    containers: Sequence[ContainerRecord],
    environ: Mapping[str, str],
    *,
    terminal: bool,
) -> Visit:
    """Return what a visitor gets of an environment in containers: a place in the scheduler's."""
    command = container_command(client, containers, terminal=terminal)
    return Visit(Path("python3"), client_variables(environ), command)


def client_variables(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the variables of the program that brings a command into a container.

    What is passed on is there at least empty: Podman refuses a name that comes without a value.
    """
    return {**dict.fromkeys(PASSED_ON, ""), **environ}


def container_command(
    client: tuple[str, ...], containers: Sequence[ContainerRecord], *, terminal: bool
) -> tuple[str, ...]:
    """Return what a command is to begin with so that it runs as the user in a scheduler's container.

    RuntimeStateError if there is none, EngineError without a program that can do it.
    """
    if not client:
        raise EngineError(
            "There is no docker or podman command on this machine to run something in a container with.",
            hint="install one of them (Debian: docker.io); the engine itself may be elsewhere",
        )
    running = (each for each in containers if each.role == Role.SCHEDULER and each.state == "running")
    scheduler = next(running, None)
    if scheduler is None:
        raise RuntimeStateError(
            "The scheduler's container does not run.",
            hint="see why: mwaa-local status, mwaa-local logs scheduler",
        )
    # Only names: the client takes the values out of its own variables, so that no command line shows them.
    passed = [part for name in PASSED_ON for part in ("--env", name)]
    return (*client, "exec", "-it" if terminal else "-i", *passed, scheduler.name, *ENTRY)


def _is_foreign(name: str) -> bool:
    return name in FOREIGN or (name.startswith(FOREIGN_PREFIXES) and name != "MWAA_LOCAL_CACHE")


def _scheduler(stack: Stack) -> ServiceSpec:
    return next(service for service in stack.services if service.role == Role.SCHEDULER)
