"""What Airflow's own plugin manager made of a plugins folder: values that the proof brings and that rules judge."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImportFailure:
    """Why a module could not be executed."""

    kind: str
    """The exception's class."""
    message: str
    missing: str | None
    """The module that was not found."""
    exits: bool
    """It ends the process (`sys.exit()`), so that no Airflow process would start."""
    file: str | None
    """The last file of the plugins in the traceback; it may be another one."""
    line: int | None

    @property
    def needs_database(self) -> bool:
        """Return whether it failed only because the proof has no metadata database."""
        return "no such table" in self.message

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}" if self.message else self.kind


@dataclass(frozen=True, slots=True)
class PluginModule:
    """A file of the plugins folder that Airflow executed."""

    name: str
    seconds: float
    failure: ImportFailure | None
    defines: tuple[tuple[str, tuple[str, ...]], ...]
    """(what they are for Airflow, names of classes)."""


@dataclass(frozen=True, slots=True)
class RegisteredPlugin:
    """A plugin that Airflow registered."""

    name: str
    file: str
    registers: tuple[tuple[str, tuple[str, ...]], ...]
    """(attribute of AirflowPlugin, names)."""


@dataclass(frozen=True, slots=True)
class PluginProblem:
    """What failed without an exception in a module: no name, registered twice, a link that is no link."""

    message: str
    file: str | None


@dataclass(frozen=True, slots=True)
class PluginReport:
    """The outcome of loading a plugins folder in one environment."""

    modules: tuple[PluginModule, ...] = ()
    plugins: tuple[RegisteredPlugin, ...] = ()
    problems: tuple[PluginProblem, ...] = ()
    fatal: ImportFailure | None = None
    """What ended the loading of all plugins."""
    died: str = ""
    """Why there is no report: it took too long, or the process ended."""

    @property
    def failures(self) -> dict[str, ImportFailure]:
        """Return why modules failed, by file."""
        return {module.name: module.failure for module in self.modules if module.failure}
