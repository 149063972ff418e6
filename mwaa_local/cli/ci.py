"""ci: a pipeline file for the project."""

import os
from collections.abc import Iterable
from pathlib import Path

import click

from mwaa_local.ci_pipeline import (
    CiSystem,
    Pipeline,
    PipelineDeployment,
    default_branch,
    find_variables,
    is_branch,
    render_pipeline,
)
from mwaa_local.cli.options import project_option
from mwaa_local.config import Project
from mwaa_local.config_file import load_config_file, nearest
from mwaa_local.config_loading import load_config
from mwaa_local.deployment_loading import TABLE, deployment_names, no_deployment
from mwaa_local.errors import MwaaLocalError, UsageError
from mwaa_local.project import find_project

_NEXT = {
    CiSystem.GITHUB: "Commit it; its first lines say what the repository's environments need.",
    CiSystem.GITLAB: "Commit it; its first lines say which CI/CD variables it needs.",
    CiSystem.CODEBUILD: "Commit it; its first lines say what the build project needs. Its buildspec name is: {file}",
}


@click.command()
@click.argument("system", type=click.Choice([each.value for each in CiSystem]))
@project_option
@click.option(
    "--output",
    envvar="MWAA_LOCAL_CI_OUTPUT",
    metavar="FILE",
    help="Where to write it; - for stdout [default: where the system looks for it].",
)
@click.option(
    "--deployment",
    "wanted",
    multiple=True,
    envvar="MWAA_LOCAL_CI_DEPLOYMENT",
    metavar="NAME=BRANCH",
    help="Deploy NAME when BRANCH is pushed. Can be repeated [default: each from the branch of its name; production, "
    "or a deployment that is the only one, from main].",
)
@click.option(
    "--package",
    default="mwaa-local",
    envvar="MWAA_LOCAL_CI_PACKAGE",
    show_default=True,
    help="What pip installs there: a pinned version, an address, ...",
)
def ci_command(system: str, folder: Path, output: str | None, wanted: tuple[str, ...], package: str) -> None:
    """Write a pipeline for SYSTEM: checks, the plan on pull requests, a deploy on each push to a branch.

    A file that is there is never overwritten.
    """
    chosen = CiSystem(system)
    project = find_project(folder)
    repository = _repository(project.root)
    pipeline = _pipeline(project, repository, wanted, package)
    text = render_pipeline(chosen, pipeline)
    if output == "-":
        click.echo(text, nl=False)
        return
    path = Path(output) if output else repository / chosen.file
    _write_new(path, text)
    shown = os.path.relpath(path)
    click.echo(f"Written: {shown}")
    for each in pipeline.deployments:
        click.echo(f"{each.name} is deployed when {each.branch} is pushed.", err=True)
    click.echo(_NEXT[chosen].format(file=os.path.relpath(path, repository)), err=True)


def _pipeline(project: Project, repository: Path, wanted: Iterable[str], package: str) -> Pipeline:
    tests = project.root / "tests"
    has_tests = any(tests.rglob("test_*.py")) if tests.is_dir() else False
    if not package.strip() or any(character in package for character in "'\n"):
        raise UsageError(f"--package cannot be {package!r}.", hint="Give what pip install takes.")
    return Pipeline(
        folder=_inside(project.root, repository),
        requirements=project.requirements is not None,
        tests=_inside(tests, repository) if has_tests else None,
        deployments=_deployments(project, tuple(wanted)),
        package=package.strip(),
    )


def _deployments(project: Project, wanted: tuple[str, ...]) -> tuple[PipelineDeployment, ...]:
    names = deployment_names(project)
    if project.config_file is None or not names:
        raise no_deployment(project, None)
    pairs = [_parse(each, names) for each in wanted]
    pairs = pairs or [(name, default_branch(name, len(names) == 1)) for name in names]
    if len({name for name, _ in pairs}) < len(pairs):
        raise UsageError("--deployment names a deployment twice.", hint="Give each one branch.")
    tables = load_config_file(project.config_file).tables[TABLE]
    region = load_config(project, {}, os.environ).config.region
    return tuple(_describe(name, branch, tables[name], region) for name, branch in pairs)


def _parse(text: str, names: tuple[str, ...]) -> tuple[str, str]:
    name, equals, branch = text.partition("=")
    if name not in names:
        raise UsageError(f'--deployment: there is no deployment "{name}".', hint=nearest(name, names))
    if not equals or not is_branch(branch):
        raise UsageError(
            f"--deployment cannot be {text!r}.", hint=f"Name the branch too: --deployment {name}=main"
        )
    return name, branch


def _describe(name: str, branch: str, section: object, usual_region: str) -> PipelineDeployment:
    values = section if isinstance(section, dict) else {}
    region = values.get("region", usual_region)
    return PipelineDeployment(
        name,
        branch,
        region if isinstance(region, str) and "$" not in region else None,
        find_variables({key: value for key, value in values.items() if key != "profile"}),
        "profile" in values,
    )


def _repository(root: Path) -> Path:
    """Return the top of the repository that a project lies in; the project's own folder where there is none."""
    return next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)


def _inside(path: Path, repository: Path) -> str:
    relative = path.relative_to(repository).as_posix()
    return "" if relative == "." else relative


def _write_new(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(
            f"{path} is there already; nothing was written.",
            hint="Look at ours first: --output - prints it; or write it elsewhere with --output FILE.",
        ) from error
    except OSError as error:
        raise MwaaLocalError(
            f"{path} cannot be written: {error.strerror}.", hint="Choose another place with --output."
        ) from error
