"""Tries requirements out in a container of the version's image: with MWAA's pip, and compilers and libraries.

The same steps as `requirements_trial` takes in a copy of the environment on this machine.
"""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mwaa_local.catalog import Generation, MwaaVersion
from mwaa_local.config import LoadedConfig, Project
from mwaa_local.docker_ports import ContainerOrder
from mwaa_local.errors import RequirementsError
from mwaa_local.ports import CommandResult
from mwaa_local.runtime.image_build import BuildSite, network_access
from mwaa_local.runtime.project_image import HOME, ProjectRecipe, installation_orders, make_project_recipe
from mwaa_local.runtime.requirements_trial import (
    ALIVE,
    DAG_ERRORS,
    STEP_SECONDS,
    Trial,
    TrialStep,
    judge_dags,
    judge_imports,
    make_step,
    migration,
)
from mwaa_local.runtime.startup_container import folder_files

_FOLDER = f"{HOME}/requirements"
_PROBE = "/opt/mwaa-local/inside/requirements_probe.py"
_SETTINGS = {
    "AIRFLOW__CORE__DAGS_FOLDER": f"{HOME}/dags",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__PLUGINS_FOLDER": f"{HOME}/plugins",
    "AIRFLOW__WEBSERVER__RBAC": "True",
}
_ELSEWHERE = ("__SQL_ALCHEMY_CONN", "__EXECUTOR", "__RESULT_BACKEND", "__FERNET_KEY")
"""How options end that name what a container by itself has not got: it has a database file of its own."""


def try_in_container(
    image: str, loaded: LoadedConfig, project: Project, variables: Mapping[str, str], site: BuildSite
) -> Trial:
    """Install the project's requirements in a container of `image` and try what they leave."""
    kept = {name: value for name, value in variables.items() if not name.endswith(_ELSEWHERE)}
    recipe = make_project_recipe(image, loaded, project, {**kept, **_SETTINGS}, site.environ)
    if recipe is None:
        return Trial((TrialStep("install", True, ""),), ())
    lines: list[str] = []
    with (
        tempfile.TemporaryDirectory(prefix="mwaa-local-trial-") as scratch,
        site.progress.following("Requirements, installed and tried out in a container") as say,
    ):

        def on_line(line: str) -> None:
            lines.append(line)
            if line.startswith(("Collecting ", "Building ", "Installing ")):
                say(line[:100])

        outcome = site.engine.run(_order(recipe, loaded.version, project, site, Path(scratch)), on_line)
        results = Path(scratch, "results.json")
        if outcome.exit_code or not results.is_file():
            shown = "".join(f"\n    {line}" for line in lines[-10:])
            raise RequirementsError(f"The requirements could not be tried out in a container:{shown}")
        return _trial(json.loads(results.read_text(encoding="utf-8")), "\n".join(lines))


def _order(
    recipe: ProjectRecipe, version: MwaaVersion, project: Project, site: BuildSite, out: Path
) -> ContainerOrder:
    orders = {**installation_orders(recipe), "steps": _steps(version, project), "step_limit": STEP_SECONDS}
    folders = (("dags", project.dags), ("plugins", project.plugins))
    files = {
        **{name: content for place, folder in folders for name, content in folder_files(folder, place)},
        **dict(recipe.uploads),
        "requirements/orders.json": json.dumps(orders).encode(),
        "requirements/out/.keep": b"",
    }
    access = network_access(site.environ, HOME)
    return ContainerOrder(
        image=recipe.airflow_image,
        command=("python3", "-m", "mwaa_inside.container_requirements_trial", _FOLDER),
        environment=access.environment,
        folder=HOME,
        files=(*access.files, *files.items()),
        outputs=f"{_FOLDER}/out",
        outputs_to=out,
    )


def _steps(version: MwaaVersion, project: Project) -> list[tuple[str, list[str]]]:
    """Return what is tried out once the requirements are installed, by name."""
    one = version.generation is Generation.AIRFLOW_1
    steps = [
        ("cli", ["airflow", "version"]),
        ("imports", ["python3", _PROBE, "{new}"]),
        ("database", ["airflow", *migration(version)]),
        ("scheduler", ["airflow", "scheduler", "--num_runs" if one else "--num-runs", "1"]),
        ("webserver", ["python3", "-c", ALIVE[version.generation]]),
    ]
    if project.dags.is_dir():
        steps.append(("dags", ["python3", "-c", DAG_ERRORS]))
    return steps if one else [*steps, ("plugins", ["airflow", "plugins"])]


def _trial(results: Mapping[str, Any], output: str) -> Trial:
    steps = [make_step("install", CommandResult(int(results["install"]), "", output))]
    if steps[0].ok:
        complaints = [str(each) for each in results["complaints"]]
        steps.append(TrialStep("pip-check", not complaints, "\n".join(complaints)))
    judges = {"imports": judge_imports, "dags": judge_dags}
    for name, said in results["steps"].items():
        result = CommandResult(int(said["exit_code"]), str(said["stdout"]), str(said["stderr"]))
        steps.append(judges[name](result) if name in judges else make_step(name, result))
    changes = tuple((str(name), before, str(after)) for name, before, after in results["changes"])
    return Trial(tuple(steps), changes)
