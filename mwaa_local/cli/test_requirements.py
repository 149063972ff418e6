"""test-requirements: what pip on MWAA would do with requirements.txt, in seconds."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from mwaa_local.cli.finding_report import exit_code, print_json, report_options, write_reports
from mwaa_local.cli.options import HELP, project_option
from mwaa_local.cli.render import is_coloured
from mwaa_local.cli.requirements_check import RequirementsWork, prepare_check
from mwaa_local.cli.requirements_view import conclusion, render_verdict, verdict_fields
from mwaa_local.config import Project
from mwaa_local.errors import ProjectError
from mwaa_local.validation.requirements_file import shown_name
from mwaa_local.validation.requirements_fix import MARK, FixedFile, make_fix
from mwaa_local.validation.requirements_verdict import Verdict, judge_requirements


def _print_schema(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from mwaa_local.cli.requirements_schema import make_schema
        from mwaa_local.validation.reports import render_json

        click.echo(render_json(make_schema()), nl=False)
        context.exit()


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
@click.option(
    "--fix",
    "fixes",
    is_flag=True,
    envvar="MWAA_LOCAL_FIX",
    help="Write requirements.fixed.txt (and constraints) as a way out.",
)
@click.option(
    "--install",
    "installs",
    is_flag=True,
    envvar="MWAA_LOCAL_INSTALL",
    help="Install too, into a throw-away environment, and try it out.",
)
@click.option(
    "--in-container",
    is_flag=True,
    envvar="MWAA_LOCAL_IN_CONTAINER",
    help="Install in a container of the version's image, with MWAA's own pip, and try it out there.",
)
@click.option(
    "--refresh",
    is_flag=True,
    envvar="MWAA_LOCAL_REFRESH",
    help="Ask the index anew; answers are remembered for a day.",
)
@click.option(
    "--json-schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_schema,
    help="Print the schema of --json and stop.",
)
@report_options
def test_requirements_command(
    file: Path | None, folder: Path, fixes: bool, installs: bool, in_container: bool, **wishes: Any
) -> int:
    """Say what pip on MWAA would do with FILE [default: the project's requirements.txt].

    Resolves for MWAA's Python on Linux x86_64, on top of MWAA's own packages, with the constraints that MWAA adds, and
    says whether Airflow still works afterwards. Nothing is installed without --install or --in-container. The exit code
    is 3 if it would fail, or break Airflow.
    """
    as_json, sarif, junit = (wishes.pop(name) for name in ("as_json", "sarif", "junit"))
    project = _find_project(file, folder)
    work = _prepare(project, wishes)
    verdict = judge_requirements(work.inputs, work.resolver)
    if in_container:
        from mwaa_local.cli.requirements_trial import with_container_trial

        verdict = with_container_trial(verdict, work.inputs)
    elif installs:
        from mwaa_local.cli.requirements_trial import with_trial

        verdict = with_trial(verdict, work.inputs)
    write_reports("requirements", verdict.findings, sarif, junit)
    if as_json:
        print_json(verdict.findings, verdict_fields(verdict, work.resolver.asked))
    elif "-" not in (str(sarif), str(junit)):
        click.echo(render_verdict(verdict, work.asked_before, coloured=is_coloured()))
    if fixes:
        click.echo(_fix(work, verdict), err=True)
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


def _prepare(project: Project, wishes: dict[str, Any]) -> RequirementsWork:
    from mwaa_local.config_loading import load_config

    refresh = wishes.pop("refresh")
    loaded = load_config(project, wishes, os.environ)
    # The truth is MWAA's own provider, whatever the environment on this machine runs.
    wished = wishes.get("amazon_provider") is not None
    provider = loaded.config.amazon_provider if wished else loaded.version.amazon_provider_stock
    return prepare_check(project, loaded, provider, refresh=refresh)


def _fix(work: RequirementsWork, verdict: Verdict) -> str:
    """Write a way out and judge it; the user's own files stay."""
    project = work.inputs.project
    fix = make_fix(project, work.inputs.base, verdict.file, work.resolver)
    if fix is None:
        return "No way out was found: no versions of these packages work with this Airflow."
    for each in fix.files:
        _write(each)
    fixed = replace(work.inputs, project=replace(project, requirements=fix.files[0].path))
    after = judge_requirements(fixed, work.resolver)
    lines = [f"Wrote {shown_name(project, each.path)}" for each in fix.files]
    return "\n".join([*lines, *(f"  {each}" for each in fix.changes), conclusion(after, coloured=False)])


def _write(file: FixedFile) -> None:
    if file.path.exists() and MARK not in file.path.read_text(encoding="utf-8", errors="replace"):
        raise ProjectError(
            f"{file.path} exists and is not mwaa-local's.",
            hint="Move it away, or keep it and do without --fix.",
        )
    try:
        file.path.parent.mkdir(parents=True, exist_ok=True)
        partial = file.path.with_name(f"{file.path.name}.partial")
        partial.write_text(file.text, encoding="utf-8")
        partial.replace(file.path)
    except OSError as error:
        raise ProjectError(
            f"{file.path} cannot be written: {error.strerror}.", hint="Check who may write there."
        ) from error
