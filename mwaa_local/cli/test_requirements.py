"""test-requirements: what pip on MWAA would do with requirements.txt, in seconds."""

import os
import sys
from pathlib import Path
from typing import Any

import click

from mwaa_local.cli.finding_report import exit_code, print_json, report_options, write_reports
from mwaa_local.cli.options import HELP, project_option
from mwaa_local.cli.render import is_coloured
from mwaa_local.cli.requirements_view import render_verdict, verdict_fields
from mwaa_local.config import LoadedConfig, Project
from mwaa_local.errors import ProjectError
from mwaa_local.validation.requirements_verdict import Inputs, Verdict, judge_requirements


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@project_option
@click.option("--version", default=None, metavar="VALUE", help=HELP["version"])
@click.option(
    "--amazon-provider",
    default=None,
    metavar="VALUE",
    help="Version of the amazon provider that is preinstalled [default: MWAA's own].",
)
@report_options
def test_requirements_command(file: Path | None, folder: Path, **wishes: Any) -> int:
    """Say what pip on MWAA would do with FILE [default: the project's requirements.txt].

    Resolves for MWAA's Python on Linux x86_64, on top of MWAA's own packages, with the constraints that MWAA adds, and
    says whether Airflow still works afterwards. Nothing is installed. The exit code is 3 if it would fail.
    """
    as_json, sarif, junit = (wishes.pop(name) for name in ("as_json", "sarif", "junit"))
    project = _find_project(file, folder)
    verdict = _judge(project, wishes)
    write_reports("requirements", verdict.findings, sarif, junit)
    if as_json:
        print_json(verdict.findings, verdict_fields(verdict))
    elif "-" not in (str(sarif), str(junit)):
        click.echo(render_verdict(verdict, coloured=is_coloured()))
    return exit_code(verdict.findings)


def _find_project(file: Path | None, folder: Path) -> Project:
    """Return the project, or a bare one around FILE where that lies in none."""
    from mwaa_local.project import find_project, path_overrides

    if file is not None and not file.is_file():
        raise ProjectError(f"{file} does not exist.", hint="Name a requirements file.")
    overrides = path_overrides({"requirements": file}, os.environ)
    try:
        project = find_project(file.absolute().parent if file and folder == Path() else folder, overrides)
    except ProjectError:
        if file is None:
            raise
        root = file.absolute().parent
        return Project(root, root / "dags", None, file.absolute(), None, None)
    if project.requirements is None:
        raise ProjectError(
            f"{project.root} has no requirements.txt.", hint="Name one: mwaa-local test-requirements FILE"
        )
    return project


def _judge(project: Project, wishes: dict[str, Any]) -> Verdict:
    from mwaa_local.cli.resolver_tools import make_resolver
    from mwaa_local.config_loading import load_config
    from mwaa_local.validation.base_environment import make_base

    loaded = load_config(project, wishes, os.environ)
    # The truth is MWAA's own provider, whatever the environment on this machine runs.
    wished = wishes.get("amazon_provider") is not None
    provider = loaded.config.amazon_provider if wished else loaded.version.amazon_provider_stock
    base = make_base(loaded.version, provider)
    return judge_requirements(Inputs(project, base, _variables(loaded)), make_resolver(base, sys.executable))


def _variables(loaded: LoadedConfig) -> dict[str, str]:
    """Return what `${NAME}` stands for on MWAA: the configuration options, and what is set here."""
    options = {
        f"AIRFLOW__{name.partition('.')[0]}__{name.partition('.')[2]}".upper(): value
        for name, value in loaded.config.airflow_options
    }
    return {**os.environ, **options}
