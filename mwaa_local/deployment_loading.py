"""Reads `[deployments.NAME]` of `mwaa-local.toml` into a `Deployment`; every complaint names file, key and line.

[deployments.staging]
bucket = "orders-${ENV}"                      # ${VARIABLE} works in every text, $$ is a dollar
region = "eu-west-1"                          # default: that of [environment]; so is the version
profile = "staging"                           # default: the ordinary chain of credentials
environment = "orders-staging"                # leave it out, and no environment is updated
version = "2.2.2"
dag_s3_path = "airflow/dags"                  # the four are MWAA's own settings
plugins_s3_path = "airflow/plugins/plugins.zip"
requirements_s3_path = "airflow/dags/requirements.txt"
startup_script_s3_path = "startup.sh"
prefix = "etl"                                # only dags/etl is ours, and airflow/dags/etl
include = ["*.py", "*.sql"]                   # of that only these
plugins = "build/plugins.zip"                 # other sources than the project's, or false; so for
requirements = "requirements-mwaa.txt"        # requirements and startup_script
extras = { "config" = "airflow/config" }      # what else goes up: source = key
lock = false
receipts = ".mwaa-local/staging"

[[deployments.staging.dags]]                  # instead of prefix and include: several copies
source = "dags"
prefix = "orders_staging"
include = ["*.py"]
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from mwaa_local.config import CONFIG_FILE, LoadedConfig, Origin, Project, Source
from mwaa_local.config_file import ConfigFile, load_config_file, nearest
from mwaa_local.config_values import Given, check_name, check_region, check_switch, check_text, check_version
from mwaa_local.deployment import DeployedTree, Deployment, S3Layout
from mwaa_local.deployment_layout import check_layout
from mwaa_local.deployment_table import DeploymentTable, existing
from mwaa_local.deployment_values import check_bucket, check_key, check_patterns, check_profile_name
from mwaa_local.errors import ConfigError

TABLE = "deployments"
STATE = ".mwaa-local"
"""Where receipts and the lock lie in the bucket unless the deployment says otherwise."""

PROFILE_VARIABLE = "MWAA_LOCAL_PROFILE"
NO_PROFILE = "none"
"""As the variable's value: the ordinary chain of credentials."""

NAME_RULE = "Use letters, digits, dots, - and _, beginning with a letter or digit; at most 64."

_KEYS = (
    "bucket",
    "region",
    "profile",
    "environment",
    "version",
    "dag_s3_path",
    "plugins_s3_path",
    "requirements_s3_path",
    "startup_script_s3_path",
    "prefix",
    "include",
    "dags",
    "plugins",
    "requirements",
    "startup_script",
    "extras",
    "lock",
    "receipts",
)
_TREE_KEYS = ("source", "prefix", "include")
_COPIES = 'For example, twice: [[deployments.NAME.dags]] source = "dags" prefix = "orders_staging"'
_EXTRAS = 'For example: extras = { "config" = "airflow/config" }, source = key; or a list: ["config"].'
_AIRFLOW_IGNORE = ".airflowignore"
_ARCHIVE = "plugins.zip"


def deployment_names(project: Project) -> tuple[str, ...]:
    """Return the names of the project's deployments in the file's order."""
    file = _config_file(project)
    return tuple(file.tables.get(TABLE, {})) if file else ()


def load_deployment(
    project: Project, loaded: LoadedConfig, name: str | None, environ: Mapping[str, str]
) -> Deployment:
    """Read a deployment; without a name, the only one that there is."""
    file = _config_file(project)
    known = file.tables.get(TABLE, {}) if file else {}
    if file is None or not known:
        raise no_deployment(project, name)
    chosen = _choose(file, name)
    values = known[chosen]
    if not isinstance(values, dict):
        raise ConfigError(
            f'{file.origin(TABLE, chosen)}: "{chosen}" must be a table.',
            hint=f"Write it as [{TABLE}.{chosen}].",
        )
    return _Reader(project, DeploymentTable(file, (TABLE, chosen), values, environ)).read(loaded)


def minimal_section(name: str) -> str:
    """Return the smallest section that describes a deployment."""
    return (
        f"[{TABLE}.{name}]\n"
        'bucket = "my-airflow-bucket"\n'
        'region = "us-east-1"\n'
        'environment = "my-environment"    # leave it out to fill the bucket only'
    )


def is_deployment_name(name: str) -> bool:
    """Tell whether a deployment can have this name: it becomes part of keys and of file names."""
    plain = name.replace("-", "").replace("_", "").replace(".", "")
    return bool(plain) and plain.isascii() and plain.isalnum() and name[0].isalnum() and len(name) <= 64


class _Reader:
    """Turns the table of one deployment into values."""

    def __init__(self, project: Project, table: DeploymentTable) -> None:
        self._project = project
        self._table = table
        self._name = table.path[-1]

    def read(self, loaded: LoadedConfig) -> Deployment:
        table = self._table
        table.check_keys(_KEYS)
        project = self._project
        plugins = self._source("plugins", _default_plugins(project))
        requirements = self._source("requirements", project.requirements, kind=Path.is_file)
        startup_script = self._source("startup_script", project.startup_script, kind=Path.is_file)
        layout = S3Layout(
            dags=table.pick("dag_s3_path", check_key, "dags"),
            plugins=self._key("plugins_s3_path", plugins, _ARCHIVE),
            requirements=self._key("requirements_s3_path", requirements, "requirements.txt"),
            startup_script=self._key("startup_script_s3_path", startup_script, "startup.sh"),
        )
        deployment = Deployment(
            name=self._name,
            bucket=table.require("bucket", check_bucket, 'Name the bucket: bucket = "my-airflow-bucket"'),
            region=table.pick("region", check_region, loaded.config.region),
            profile=self._profile(),
            environment=table.pick("environment", check_name, None),
            version=table.pick("version", lambda given: check_version(given).airflow, loaded.config.version),
            layout=layout,
            dags=self._dags(layout.dags),
            plugins=plugins,
            requirements=requirements,
            startup_script=startup_script,
            extras=self._extras(),
            lock=table.pick("lock", check_switch, True),
            state=table.pick("receipts", check_key, f"{STATE}/{self._name}"),
        )
        check_layout(deployment, table)
        return deployment

    def _profile(self) -> str | None:
        """Return the profile; the file's is for people, and a pipeline says otherwise with the variable."""
        variable = self._table.environ.get(PROFILE_VARIABLE)
        if variable:
            given = Given(PROFILE_VARIABLE, variable, Origin(Source.VARIABLE, PROFILE_VARIABLE), Path())
            return None if variable == NO_PROFILE else check_profile_name(given)
        return self._table.pick("profile", check_profile_name, None)

    def _source(
        self, key: str, default: Path | None, kind: Callable[[Path], bool] = Path.exists
    ) -> Path | None:
        given = self._table.given(key)
        if given is None:
            return default
        if given.value is False:
            return None
        path = existing(given, _path(given))
        if not kind(path):
            raise given.error(f"names {path}, which is not a file", "Name a file.")
        return path

    def _key(self, key: str, source: Path | None, default: str) -> str | None:
        return self._table.pick(key, check_key, default if source else None)

    def _dags(self, base: str) -> tuple[DeployedTree, ...]:
        copies = self._table.tables("dags", _COPIES)
        if not copies:
            return self._one_tree(base)
        for key in ("prefix", "include"):
            given = self._table.given(key)
            if given:
                raise given.error(
                    "cannot stand beside [[dags]]", f"Give each [[{self._table.title}.dags]] its own {key}."
                )
        return tuple(self._copy(table, base) for table in copies)

    def _copy(self, table: DeploymentTable, base: str) -> DeployedTree:
        table.check_keys(_TREE_KEYS)
        given = table.given("source")
        source = existing(given, _path(given)) if given else self._project.dags
        prefix = table.pick("prefix", check_key, "")
        name = "" if source.is_dir() else source.name
        return DeployedTree(source, _join(base, prefix, name), _include(table))

    def _one_tree(self, base: str) -> tuple[DeployedTree, ...]:
        dags = self._project.dags
        include = _include(self._table)
        given = self._table.given("prefix")
        if given is None:
            return (DeployedTree(dags, base, include),)
        prefix = check_key(given)
        source = dags / prefix
        if not source.is_dir():
            raise given.error(
                f"names {source}, which is not a folder",
                f"To put the whole dags folder there instead: [[{self._table.title}.dags]] "
                f'prefix = "{prefix}"',
            )
        trees = (DeployedTree(source, _join(base, prefix), include),)
        ignore = dags / _AIRFLOW_IGNORE
        # Airflow reads the one at the DAG base: it belongs to what is deployed, though it lies beside it.
        return (*trees, DeployedTree(ignore, _join(base, _AIRFLOW_IGNORE))) if ignore.is_file() else trees

    def _extras(self) -> tuple[DeployedTree, ...]:
        trees = []
        for given in self._table.entries("extras", _EXTRAS):
            source = Path(os.path.normpath(given.base / Path(given.name).expanduser()))
            is_listed = given.name == given.value
            key = Given(given.name, given.name.rstrip("/"), given.origin, given.base) if is_listed else given
            trees.append(DeployedTree(existing(given, source), check_key(key)))
        return tuple(trees)


def _config_file(project: Project) -> ConfigFile | None:
    return load_config_file(project.config_file) if project.config_file else None


def _choose(file: ConfigFile, name: str | None) -> str:
    names = tuple(file.tables[TABLE])
    for each in names:
        if not is_deployment_name(each):
            raise ConfigError(
                f'{file.origin(TABLE, each)}: a deployment cannot be named "{each}".',
                hint=NAME_RULE,
            )
    if name is None and len(names) > 1:
        listed = ", ".join(names)
        raise ConfigError(
            f"{file.path.name} has {len(names)} deployments: {listed}.",
            hint="Name the one that you mean.",
        )
    if name is not None and name not in names:
        raise ConfigError(f'{file.path.name} has no deployment "{name}".', hint=nearest(name, names))
    return name or names[0]


def no_deployment(project: Project, name: str | None) -> ConfigError:
    """Return the error that shows how to describe a deployment."""
    section = minimal_section(name if name and is_deployment_name(name) else "staging")
    lines = "".join(f"\n    {line}" for line in section.splitlines())
    return ConfigError(
        f"{project.root / CONFIG_FILE} describes no deployment.",
        hint=f"Add a section, or let one be written: mwaa-local deployments import ENVIRONMENT\n{lines}",
    )


def _default_plugins(project: Project) -> Path | None:
    """Return the plugins folder; or a plugins.zip, where it is all that there is."""
    lone = project.root / _ARCHIVE
    if project.plugins is None:
        return lone if lone.is_file() else None
    inside = project.plugins / _ARCHIVE
    others = (each for each in project.plugins.iterdir() if not each.name.startswith(".") and each != inside)
    return inside if inside.is_file() and next(others, None) is None else project.plugins


def _include(table: DeploymentTable) -> tuple[str, ...]:
    given = table.given("include")
    return check_patterns(given) if given else ()


def _path(given: Given) -> Path:
    return Path(os.path.normpath(given.base / Path(check_text(given)).expanduser()))


def _join(*parts: str) -> str:
    return "/".join(part for part in parts if part)
