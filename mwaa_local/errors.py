"""What can go wrong in a way that a user can cause or fix: a sentence, a hint and an exit code.

Only `cli/` turns these into output. Anything else that is raised is a bug of ours and is reported as one.
"""

from typing import ClassVar


class MwaaLocalError(Exception):
    """A failure that a user can understand: what happened and where, and in `hint` what to do next."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(MwaaLocalError):
    """The command line, a variable or a configuration file asks for something that cannot be."""

    exit_code = 2


class ConfigError(UsageError):
    """`mwaa-local.toml` (or a flag or variable that stands for one of its keys) is not valid."""


class ProjectError(UsageError):
    """The project folder lacks something that the command needs, or it cannot be read."""


class CatalogError(UsageError):
    """A version that MWAA never had, or catalogue data that is damaged."""


class FindingsError(MwaaLocalError):
    """Checks found errors; the findings have been shown."""

    exit_code = 3


class CommandError(MwaaLocalError):
    """A program that we ran failed, could not be started, or took too long."""


class InterpreterError(MwaaLocalError):
    """No Python interpreter can run the version's Airflow."""


class EnvironmentBuildError(MwaaLocalError):
    """The Airflow environment could not be installed."""


class RequirementsError(MwaaLocalError):
    """The project's requirements cannot be installed as MWAA would install them."""


class StartupScriptError(MwaaLocalError):
    """The startup script failed or took longer than MWAA allows."""


class DatabaseError(MwaaLocalError):
    """PostgreSQL could not be found, prepared or started."""


class RuntimeStateError(MwaaLocalError):
    """The environment is not in the state that the command needs (not running, already starting, ...)."""


class RoleFailedError(MwaaLocalError):
    """A role of the environment did not become healthy."""


class AwsError(MwaaLocalError):
    """AWS, or the local endpoint that stands for it, refused a request or cannot be reached."""


class ConflictError(AwsError):
    """The object was changed by somebody else between our look and our write."""


class EngineError(MwaaLocalError):
    """The container engine cannot be reached, or refused what it was asked."""


class ImageBuildError(EngineError):
    """A step of an image build failed."""
