"""What a rule of the settings table is: an Airflow option or a variable, its value, who sets it, and since when.

The table itself is in `mwaa_settings.py` (what MWAA sets) and `local_settings.py` (what differs on a laptop).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from mwaa_local.catalog import MwaaVersion
from mwaa_local.config import EnvironmentClass, EnvironmentConfig, Project

FOREVER = (99,)


class SettingOrigin(IntEnum):
    """Who sets a value; the highest wins (MWAA-FACTS 5, plus the two of our own)."""

    MWAA_DEFAULT = 0
    """MWAA's own value, which a startup script or an option may change."""
    LOCAL_DEFAULT = 1
    """What mwaa-local prefers on a laptop; still theirs to change."""
    STARTUP_SCRIPT = 2
    USER_OPTION = 3
    PROTECTED = 4
    """A variable of the environment that MWAA puts back."""
    ESSENTIAL = 5
    """What MWAA never lets anybody change."""
    LOCAL = 6
    """What must be so on a laptop: paths, ports, loopback."""

    @property
    def label(self) -> str:
        """Return the words for it."""
        return {
            SettingOrigin.MWAA_DEFAULT: "MWAA default",
            SettingOrigin.LOCAL_DEFAULT: "mwaa-local default",
            SettingOrigin.STARTUP_SCRIPT: "startup script",
            SettingOrigin.USER_OPTION: "user option",
            SettingOrigin.PROTECTED: "protected",
            SettingOrigin.ESSENTIAL: "essential",
            SettingOrigin.LOCAL: "mwaa-local",
        }[self]


@dataclass(frozen=True, slots=True)
class StatsdAddress:
    """Where Airflow sends its metrics, as UDP datagrams; port 0: nowhere."""

    host: str = "127.0.0.1"
    port: int = 0
    prefix: str = "airflow"
    """Of their names; by it the endpoint tells environments apart."""


NO_STATSD = StatsdAddress()


@dataclass(frozen=True, slots=True)
class RuntimeAddresses:
    """What only the runtime knows: where the parts of the environment are, and their keys."""

    database_url: str
    """`postgresql+psycopg2://...`"""
    broker_url: str
    queue_name: str
    queue_url: str
    fernet_key: str
    webserver_secret_key: str
    webserver_host: str
    webserver_port: int
    base_url: str
    """Of the web server, without a slash at the end."""
    aws_endpoint: str | None
    """The local AWS endpoint; None where tasks call the real AWS or none."""
    airflow_home: Path
    logs: Path
    cores: int
    jwt_secret: str = ""
    """Airflow 3: signs what tasks and the UI call the API server with."""
    passwords_file: Path | None = None
    """Airflow 3: where the simple auth manager keeps its passwords."""
    task_url: str = ""
    """Airflow 3: where tasks reach the web server, if not at `base_url`."""
    statsd: StatsdAddress = NO_STATSD


@dataclass(frozen=True, slots=True)
class SettingInputs:
    """Everything that a value can depend on."""

    version: MwaaVersion
    config: EnvironmentConfig
    project: Project
    addresses: RuntimeAddresses


@dataclass(frozen=True, slots=True)
class ClassSize:
    """What an environment class decides (MWAA-FACTS 6.4 and 6.6)."""

    tasks_per_worker: int
    parsing_processes: int
    """Two for each vCPU of the scheduler, minus one."""
    triggers: int | None
    """Of one triggerer; None where it is not published."""


CLASS_SIZES: dict[EnvironmentClass, ClassSize] = {
    EnvironmentClass.MICRO: ClassSize(3, 1, None),
    EnvironmentClass.SMALL: ClassSize(5, 1, 60),
    EnvironmentClass.MEDIUM: ClassSize(10, 3, 125),
    EnvironmentClass.LARGE: ClassSize(20, 7, 250),
    EnvironmentClass.XLARGE: ClassSize(40, 15, 500),
    EnvironmentClass.XXLARGE: ClassSize(80, 31, 1000),
}

Value = str | Callable[[SettingInputs], str | None]
"""A value, or how it follows from the inputs; None: not set."""


def _always(_config: EnvironmentConfig) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Rule:
    """One setting of one range of versions.

    `name` is `section.key` (lower case) for an Airflow option, else the variable. `former` are names by which this
    Airflow still takes the same option.
    """

    origin: SettingOrigin
    name: str
    value: Value
    since: tuple[int, ...] = ()
    until: tuple[int, ...] = FOREVER
    """The first version that no longer has it."""
    secret: bool = False
    former: tuple[str, ...] = ()
    note: str = ""
    when: Callable[[EnvironmentConfig], bool] = _always
    heeded: bool = False
    """Whether the user's value has its effect all the same, elsewhere than in Airflow."""

    @property
    def variable(self) -> str:
        """Return the environment variable."""
        return option_variable(self.name) if "." in self.name else self.name

    def applies(self, version: MwaaVersion) -> bool:
        """Return whether the version has this setting."""
        return self.since <= version.number < self.until


def option_variable(option: str) -> str:
    """Return `AIRFLOW__SECTION__KEY` for `section.key`, as Airflow itself forms it."""
    section, _, key = option.rpartition(".")
    return f"AIRFLOW__{section.replace('.', '_')}__{key}".upper()
