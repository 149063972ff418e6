"""Put the configuration together: a flag over an `MWAA_LOCAL_*` variable over the file over the default.

Which options there are and what they are without any wish; what a value may be is in `config_values.py`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mwaa_local.airflow_options import check_option, flatten_options, parse_option, parse_options_text
from mwaa_local.catalog import DEFAULT_VERSION, MwaaVersion
from mwaa_local.config import (
    AwsKind,
    AwsMode,
    ConfigWarning,
    EnvironmentClass,
    EnvironmentConfig,
    Executor,
    LoadedConfig,
    NetworkMode,
    Origin,
    Project,
    RuntimeKind,
    Source,
)
from mwaa_local.config_file import AIRFLOW_OPTIONS, ConfigFile, load_config_file
from mwaa_local.config_values import (
    MAX_WORKERS_DEFAULT,
    WORKERS_MAX,
    Given,
    check_aws,
    check_choice,
    check_class,
    check_file,
    check_name,
    check_provider,
    check_region,
    check_seconds,
    check_switch,
    check_text,
    check_version,
    check_whole,
)
from mwaa_local.errors import ConfigError

T = TypeVar("T")
FlagValue = str | int | float | bool | Path | Sequence[str] | None
"""What the command line hands over for an option; None: not given."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its field of EnvironmentConfig, and its name in the file, as a flag and as a variable."""

    field: str
    table: str
    key: str
    flag: str

    @property
    def variable(self) -> str:
        """Return the name of the environment variable."""
        return "MWAA_LOCAL_" + self.flag.removeprefix("--").replace("-", "_").upper()


OPTIONS: tuple[Option, ...] = (
    Option("name", "environment", "name", "--name"),
    Option("version", "environment", "version", "--version"),
    Option("environment_class", "environment", "class", "--class"),
    Option("amazon_provider", "environment", "amazon_provider", "--amazon-provider"),
    Option("schedulers", "environment", "schedulers", "--schedulers"),
    Option("workers", "environment", "workers", "--workers"),
    Option("autoscale", "environment", "autoscale", "--autoscale"),
    Option("min_workers", "environment", "min_workers", "--min-workers"),
    Option("max_workers", "environment", "max_workers", "--max-workers"),
    Option("region", "environment", "region", "--region"),
    Option("secrets_file", "paths", "secrets", "--secrets-file"),
    Option("webserver_port", "ports", "webserver", "--webserver-port"),
    Option("aws_port", "ports", "aws", "--aws-port"),
    Option("postgres_port", "ports", "postgres", "--postgres-port"),
    Option("base_image", "images", "base", "--base-image"),
    Option("services_base_image", "images", "services_base", "--services-base-image"),
    Option("runtime", "runtime", "kind", "--runtime"),
    Option("network_mode", "runtime", "network_mode", "--network-mode"),
    Option("executor", "runtime", "executor", "--executor"),
    Option("aws", "runtime", "aws", "--aws"),
    Option("live", "runtime", "live", "--live"),
    Option("mwaa_paths", "runtime", "mwaa_paths", "--mwaa-paths"),
    Option("python", "runtime", "python", "--python"),
    Option("wait", "runtime", "wait", "--wait"),
    Option(
        "ignore_requirements_failure",
        "runtime",
        "ignore_requirements_failure",
        "--ignore-requirements-failure",
    ),
)
"""Every option but the Airflow options: those are `--airflow-option section.key=value` (repeatable) and
`MWAA_LOCAL_AIRFLOW_OPTIONS` (a JSON object, or one section.key=value a line)."""

AIRFLOW_OPTION_FLAG = "--airflow-option"
AIRFLOW_OPTIONS_VARIABLE = "MWAA_LOCAL_AIRFLOW_OPTIONS"


def load_config(project: Project, flags: Mapping[str, FlagValue], environ: Mapping[str, str]) -> LoadedConfig:
    """Read the project's configuration; `flags` by the fields of EnvironmentConfig."""
    file = load_config_file(project.config_file) if project.config_file else None
    asked = {
        option.field: given
        for option in OPTIONS
        if (given := _look_up(option, flags, environ, file)) is not None
    }
    version = check_version(
        asked.get("version") or Given("version", DEFAULT_VERSION, Origin(Source.DEFAULT), project.root)
    )
    options, option_origins = _airflow_options(flags, environ, file)
    config = _Values(asked).build(project, version, options)
    origins = [(option.field, _origin(asked, option.field)) for option in OPTIONS]
    origins += [(f"{AIRFLOW_OPTIONS}.{key}", origin) for key, origin in option_origins.items()]
    warnings = _warnings(version, config, option_origins, project) if option_origins else ()
    return LoadedConfig(config, version, tuple(origins), warnings)


def _warnings(
    version: MwaaVersion, config: EnvironmentConfig, origins: Mapping[str, Origin], project: Project
) -> tuple[ConfigWarning, ...]:
    # Every setting of MWAA's is imported for it.
    from mwaa_local.airflow_settings import warn_about_options

    return warn_about_options(version, config, origins, project.config_file)


def _look_up(
    option: Option, flags: Mapping[str, FlagValue], environ: Mapping[str, str], file: ConfigFile | None
) -> Given | None:
    here = Path.cwd()
    flag, variable = flags.get(option.field), environ.get(option.variable)
    if flag is not None:
        return Given(option.key, flag, Origin(Source.FLAG, option.flag), here)
    if variable:
        return Given(option.key, variable, Origin(Source.VARIABLE, option.variable), here)
    in_file = file.get(option.table, option.key) if file else None
    if file is None or in_file is None:
        return None
    return Given(option.key, in_file, file.origin(option.table, option.key), file.path.parent)


def _origin(asked: Mapping[str, Given], field: str) -> Origin:
    return asked[field].origin if field in asked else Origin(Source.DEFAULT)


@dataclass(frozen=True, slots=True)
class _Values:
    """The values that were asked for, on their way to becoming an EnvironmentConfig."""

    asked: Mapping[str, Given]

    def pick(self, field: str, check: Callable[[Given], T], default: T) -> T:
        given = self.asked.get(field)
        return default if given is None else check(given)

    def build(self, project: Project, version: MwaaVersion, options: Mapping[str, str]) -> EnvironmentConfig:
        environment_class = self.pick("environment_class", check_class, EnvironmentClass.SMALL)
        webserver_port, aws_port, postgres_port = self._ports()
        least, most = self._scale(environment_class)
        return EnvironmentConfig(
            name=self.pick("name", check_name, _name_of(project.root)),
            version=version.airflow,
            environment_class=environment_class,
            amazon_provider=self.pick(
                "amazon_provider",
                lambda given: check_provider(given, version),
                version.amazon_provider_default,
            ),
            airflow_options=tuple(options.items()),
            executor=self.pick("executor", lambda given: check_choice(given, Executor), Executor.CELERY),
            workers=self._workers(environment_class),
            schedulers=self._schedulers(environment_class, version),
            aws=self.pick("aws", check_aws, AwsMode(AwsKind.LOCAL)),
            region=self.pick("region", check_region, "us-east-1"),
            webserver_port=webserver_port,
            aws_port=aws_port,
            postgres_port=postgres_port,
            live=self.pick("live", check_switch, True),
            mwaa_paths=self.pick("mwaa_paths", check_switch, True),
            python=self.pick(
                "python", lambda given: check_file(given, "the path of a Python interpreter"), None
            ),
            secrets_file=self.pick(
                "secrets_file", lambda given: check_file(given, "a YAML or .env file"), None
            ),
            ignore_requirements_failure=self.pick("ignore_requirements_failure", check_switch, False),
            wait=self.pick("wait", check_seconds, 120.0),
            autoscale=self.pick("autoscale", check_switch, False),
            min_workers=least,
            max_workers=most,
            runtime=self.pick("runtime", lambda given: check_choice(given, RuntimeKind), RuntimeKind.NATIVE),
            network_mode=self.pick(
                "network_mode", lambda given: check_choice(given, NetworkMode), NetworkMode.PUBLIC
            ),
            base_image=self.pick("base_image", check_text, ""),
            services_base_image=self.pick("services_base_image", check_text, ""),
        )

    def _workers(self, environment_class: EnvironmentClass) -> int:
        micro = environment_class is EnvironmentClass.MICRO
        highest, why = (1, " in mw1.micro") if micro else (WORKERS_MAX, "")
        return self.pick("workers", lambda given: check_whole(given, 1, highest, why), 1)

    def _scale(self, environment_class: EnvironmentClass) -> tuple[int, int]:
        """Return MinWorkers and MaxWorkers by MWAA's own defaults (MWAA-FACTS 6.6)."""
        micro = environment_class is EnvironmentClass.MICRO
        highest, why = (1, " in mw1.micro") if micro else (WORKERS_MAX, "")
        least = self.pick("min_workers", lambda given: check_whole(given, 1, highest, why), 1)
        usual = 1 if micro else max(MAX_WORKERS_DEFAULT, least)
        over = f": not less than min_workers, which is {least}" if least > 1 else why
        return least, self.pick("max_workers", lambda given: check_whole(given, least, highest, over), usual)

    def _schedulers(self, environment_class: EnvironmentClass, version: MwaaVersion) -> int:
        # MWAA runs two or more from Airflow 2 on; one is the default because a laptop gains nothing from two.
        micro = environment_class is EnvironmentClass.MICRO
        highest = 1 if micro else version.schedulers_max
        why = " in mw1.micro" if micro else f" with Airflow {version.airflow}"
        return self.pick("schedulers", lambda given: check_whole(given, 1, highest, why), 1)

    def _ports(self) -> tuple[int | None, int | None, int | None]:
        ports: dict[str, int] = {}
        for field in ("webserver_port", "aws_port", "postgres_port"):
            if field not in self.asked:
                continue
            given = self.asked[field]
            port = check_whole(given, 1, 65535)
            taken = next((other for other, number in ports.items() if number == port), None)
            if taken:
                other = self.asked[taken]
                raise given.error(
                    f"is {port}, as {other.name} is ({other.origin})", "Give each its own port."
                )
            ports[field] = port
        return ports.get("webserver_port"), ports.get("aws_port"), ports.get("postgres_port")


def _name_of(root: Path) -> str:
    """Make a name that MWAA would take out of the folder's name."""
    name = re.sub(r"[^0-9a-zA-Z_-]+", "-", root.name).strip("-")[:80]
    return name if re.match(r"[a-zA-Z]", name) else f"environment-{name}"[:80].rstrip("-")


def _airflow_options(
    flags: Mapping[str, FlagValue], environ: Mapping[str, str], file: ConfigFile | None
) -> tuple[dict[str, str], dict[str, Origin]]:
    """Merge the options of the three sources, the strongest last, each with where it comes from."""
    given = _options_of_file(file) if file else []
    variable = Origin(Source.VARIABLE, AIRFLOW_OPTIONS_VARIABLE)
    given += [
        (variable, key, value)
        for key, value in parse_options_text(variable, environ.get(AIRFLOW_OPTIONS_VARIABLE, ""))
    ]
    flag = Origin(Source.FLAG, AIRFLOW_OPTION_FLAG)
    wanted = flags.get("airflow_options")
    lines = [wanted] if isinstance(wanted, str) else wanted if isinstance(wanted, Sequence) else []
    given += [(flag, *parse_option(flag, line)) for line in lines]
    options: dict[str, str] = {}
    origins: dict[str, Origin] = {}
    for origin, key, value in given:
        options[key] = check_option(origin, key, value)
        origins[key] = origin
    return options, origins


def _options_of_file(file: ConfigFile) -> list[tuple[Origin, str, object]]:
    found: dict[str, tuple[Origin, str, object]] = {}
    for path, key, value in flatten_options(file.tables.get(AIRFLOW_OPTIONS, {})):
        origin = file.origin(AIRFLOW_OPTIONS, *path)
        if key in found:
            raise ConfigError(
                f'{origin}: "{key}" is set on line {found[key][0].line} already.', hint="Keep one of the two."
            )
        found[key] = (origin, key, value)
    return list(found.values())
