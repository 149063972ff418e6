"""deployments: those of mwaa-local.toml, and new ones from live environments."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from mwaa_local.aws_ports import EnvironmentRecord, EnvironmentService
from mwaa_local.cli.entry import show_error
from mwaa_local.cli.look import open_environments
from mwaa_local.cli.options import json_option, project_option
from mwaa_local.cli.render import render_table
from mwaa_local.config import CONFIG_FILE, LoadedConfig, Origin, Project, Source
from mwaa_local.config_file import load_config_file, nearest, parse_config_file
from mwaa_local.config_loading import load_config
from mwaa_local.config_values import Given, check_name
from mwaa_local.deployment import Deployment
from mwaa_local.deployment_import import (
    Difference,
    Origins,
    append_section,
    compare_environment,
    render_section,
)
from mwaa_local.deployment_loading import (
    NAME_RULE,
    NO_PROFILE,
    TABLE,
    deployment_names,
    is_deployment_name,
    load_deployment,
    no_deployment,
)
from mwaa_local.errors import ConfigError, MwaaLocalError, UsageError
from mwaa_local.project import find_project
from mwaa_local.validation.reports import render_json


@click.group(invoke_without_command=True)
@click.pass_context
def deployments_command(ctx: click.Context) -> None:
    """List the deployments of mwaa-local.toml, or import one from a live environment."""
    if ctx.invoked_subcommand is None:
        ctx.exit(
            ctx.invoke(list_command, folder=Path(os.environ.get("MWAA_LOCAL_PROJECT", "")), as_json=False)
        )


@deployments_command.command("list")
@project_option
@json_option
def list_command(folder: Path, as_json: bool) -> int:
    """List the deployments of this project."""
    project = find_project(folder)
    loaded = load_config(project, {}, os.environ)
    read, broken = _read_all(project, loaded)
    if as_json:
        click.echo(render_json({"schema": 1, "deployments": [_document(each) for each in read]}), nl=False)
    elif read:
        rows = [
            (
                each.name,
                each.environment or "-",
                each.version,
                each.region,
                f"s3://{each.bucket}/{each.layout.dags}",
            )
            for each in read
        ]
        click.echo("\n".join(render_table(("NAME", "ENVIRONMENT", "VERSION", "REGION", "DAGS"), rows)))
    elif not broken:
        raise no_deployment(project, None)
    for error in broken:
        show_error(error.message, error.hint)
    return UsageError.exit_code if broken else 0


@deployments_command.command("import", short_help="Write a section for a live environment.")
@click.argument("environment")
@project_option
@click.option("--as", "name", metavar="NAME", help="Name of the deployment [default: the environment's].")
@click.option("--region", envvar="MWAA_LOCAL_REGION", help="Its region [default: the project's].")
@click.option("--profile", envvar="MWAA_LOCAL_PROFILE", help="Profile of the AWS configuration.")
@click.option("--yes", is_flag=True, envvar="MWAA_LOCAL_YES", help="Do not ask.")
@json_option
def import_command(environment: str, folder: Path, yes: bool, as_json: bool, **wishes: Any) -> None:
    """Write a deployment to a live ENVIRONMENT into mwaa-local.toml, and say how it differs from here."""
    project = find_project(folder)
    loaded = load_config(project, {"region": wishes["region"]}, os.environ)
    profile = None if wishes["profile"] == NO_PROFILE else wishes["profile"]
    origins = Origins(loaded.config.region, profile)
    found = prepare_import(
        project, loaded, ImportWish(environment, wishes["name"] or environment, origins), open_environments
    )
    if not as_json:
        click.echo("\n".join([found.section, *_difference_lines(found.differences)]))
    _confirm(project, yes=yes)
    _write(project.root / CONFIG_FILE, found.text)
    if as_json:
        shown = {name: value for name, value in asdict(found).items() if name != "text"}
        click.echo(render_json({"schema": 1, **shown}), nl=False)
    click.echo(f"Written to {CONFIG_FILE}. Next: mwaa-local plan {found.deployment}", err=True)


@dataclass(frozen=True, slots=True)
class ImportWish:
    """Which environment becomes which deployment."""

    environment: str
    deployment: str
    origins: Origins


@dataclass(frozen=True, slots=True)
class PreparedImport:
    """What an import will write."""

    deployment: str
    section: str
    differences: tuple[Difference, ...]
    text: str
    """The whole configuration file."""


def prepare_import(
    project: Project,
    loaded: LoadedConfig,
    wish: ImportWish,
    environments: Callable[[str | None, str], EnvironmentService],
) -> PreparedImport:
    """Look at the live environment and decide what to write; nothing is changed."""
    check_name(Given("the environment's name", wish.environment, Origin(Source.FLAG, "ENVIRONMENT"), Path()))
    _refuse_existing(project, wish.deployment)
    record = _live(wish, environments(wish.origins.profile, wish.origins.region))
    section = render_section(wish.deployment, record, wish.origins)
    return PreparedImport(
        wish.deployment,
        section,
        compare_environment(record, loaded.config),
        _new_text(project, wish.deployment, section),
    )


def _refuse_existing(project: Project, name: str) -> None:
    if not is_deployment_name(name):
        raise UsageError(
            f'A deployment cannot be named "{name}".', hint=f"Choose another name with --as. {NAME_RULE}"
        )
    if project.config_file and name in deployment_names(project):
        line = load_config_file(project.config_file).origin(TABLE, name)
        raise ConfigError(
            f'{line}: there is a deployment "{name}" already.',
            hint="Choose another name with --as, or remove the section first.",
        )


def _live(wish: ImportWish, service: EnvironmentService) -> EnvironmentRecord:
    record = service.get(wish.environment)
    if record is None:
        names = service.names()
        raise UsageError(
            f'{wish.origins.region} has no environment "{wish.environment}".',
            hint=nearest(wish.environment, names) if names else "It has none at all: is it another --region?",
        )
    return record


def _new_text(project: Project, name: str, section: str) -> str:
    path = project.root / CONFIG_FILE
    before = load_config_file(path) if project.config_file else None
    text = append_section(path.read_bytes().decode("utf-8") if before else "", section)
    try:
        after = parse_config_file(path, text.removeprefix("\ufeff"))
    except ConfigError as error:
        raise ConfigError(
            f"{CONFIG_FILE} has [{TABLE}] in a form that nothing can be added to.",
            hint=f"Write each deployment as a section of its own: [{TABLE}.NAME].",
        ) from error
    assert name in after.tables[TABLE]
    return text


def _difference_lines(differences: Sequence[Difference]) -> list[str]:
    if not differences:
        return ["The project's own environment is like it: version, class and Airflow options."]
    rows = [(each.name, _cell(each.here), _cell(each.there)) for each in differences]
    return [
        "The project's own environment differs:",
        *(f"  {line}" for line in render_table(("SETTING", "HERE", "THERE"), rows)),
    ]


def _cell(value: str | None) -> str:
    return "-" if value is None else value


def _confirm(project: Project, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("Nothing was written: there is no terminal to ask on.", hint="Add --yes.")
    if not click.confirm(f"Add this section to {project.root / CONFIG_FILE}?", err=True):
        raise MwaaLocalError("Nothing was written.")


def _write(path: Path, text: str) -> None:
    # Through a link, and with the rights that the file has: it is the user's.
    real = path.resolve()
    partial = real.with_name(f".{real.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(text.encode("utf-8"))
        if real.exists():
            partial.chmod(real.stat().st_mode & 0o7777)
        partial.replace(real)
    except OSError as error:
        raise MwaaLocalError(
            f"{path} cannot be written: {error.strerror or error}.",
            hint="Give yourself the right to write it.",
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _read_all(project: Project, loaded: LoadedConfig) -> tuple[list[Deployment], list[ConfigError]]:
    read, broken = [], []
    for name in deployment_names(project):
        try:
            read.append(load_deployment(project, loaded, name, os.environ))
        except ConfigError as error:
            broken.append(error)
    return read, broken


def _document(deployment: Deployment) -> dict[str, object]:
    layout = deployment.layout
    return {
        "name": deployment.name,
        "bucket": deployment.bucket,
        "region": deployment.region,
        "profile": deployment.profile,
        "environment": deployment.environment,
        "version": deployment.version,
        "dag_s3_path": layout.dags,
        "plugins_s3_path": layout.plugins,
        "requirements_s3_path": layout.requirements,
        "startup_script_s3_path": layout.startup_script,
        "dags": [{"source": str(tree.source), "key": tree.key} for tree in deployment.dags],
        "extras": [{"source": str(tree.source), "key": tree.key} for tree in deployment.extras],
        "lock": deployment.lock,
        "receipts": deployment.state,
    }
