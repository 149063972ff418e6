"""The image of a project: its requirements on top of its version's image, installed by that image's own pip.

They are installed in a container that is thrown away, with the variables that the lines may name, and only the files
that have changed get into the image: no password of an index stays anywhere.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mwaa_local.catalog import ConstraintsPolicy, constraints_for, data_folder, essential_for
from mwaa_local.config import LoadedConfig, Project
from mwaa_local.docker_ports import BuildOrder, ContainerOrder, DockerEngine, ImageRecord
from mwaa_local.errors import RequirementsError, StartupScriptError
from mwaa_local.requirements_files import (
    RequirementsFiles,
    find_variables,
    official_constraints,
    read_requirements,
)
from mwaa_local.runtime.image import DEFAULT_PLATFORM, DIGEST_LABEL, digest_parts, render_lines, write_context
from mwaa_local.runtime.image_build import BuildSite, follow_build, network_access
from mwaa_local.runtime.requirements_failure import requirements_failure
from mwaa_local.runtime.requirements_install import (
    MWAA_TIME_LIMIT,
    WATCHED,
    PackageChange,
    asks_for_something,
    describe_change,
)

REPOSITORY = "mwaa-local/project"
PROJECT_LABEL = "mwaa-local.project-image"
HOME = "/usr/local/airflow"
_FOLDER = "requirements"
"""Below the home, where MWAA has the file too; our own files lie beside it."""
_OUTPUTS = f"{HOME}/{_FOLDER}/out"
_SCRIPT = f"{HOME}/startup/startup.sh"
_TOO_LONG = 124
_STARTUP_FAILED = 97
_RECIPE = "1"
_DISTRIBUTIONS = (".whl", ".gz", ".zip")


@dataclass(frozen=True, slots=True)
class ProjectRecipe:
    """Everything that decides what is in the image, and the variables that the installation is given."""

    airflow_image: str
    files: RequirementsFiles
    """As the installer reads them: their paths are those of the container."""
    uploads: tuple[tuple[str, bytes], ...]
    """What the container gets, by its place below the home."""
    constraints: tuple[str, ...]
    """Files of constraints that MWAA adds."""
    watchtower: str
    """What MWAA puts back afterwards; "" where it does not."""
    dockerfile: str
    variables: Mapping[str, str] = field(repr=False, hash=False)
    platform: str = DEFAULT_PLATFORM

    @property
    def digest(self) -> str:
        """Digest all inputs; the values of variables stay out: tokens change without changing a package."""
        parts = [_RECIPE, self.airflow_image, self.dockerfile, self.watchtower, *self.constraints]
        for name, content in self.uploads:
            parts += [name, hashlib.sha256(content).hexdigest()]
        return digest_parts(*parts)

    @property
    def tag(self) -> str:
        """Return the image's name."""
        return f"{REPOSITORY}:{self.digest}"

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what should be said of the requirements before they are installed."""
        if self.files.has_constraints:
            return ()
        does = (
            "MWAA forces its own" if self.constraints else "without them a package may change Airflow's own"
        )
        return (f"{self.files.sources[0][1]} names no constraints; {does}.",)


@dataclass(frozen=True, slots=True)
class ProjectImage:
    """The image, and what the user should know of it."""

    image: ImageRecord
    changes: tuple[PackageChange, ...]
    """Packages of the version's own set that the requirements changed."""
    warnings: tuple[str, ...]


def make_project_recipe(
    airflow_image: str,
    loaded: LoadedConfig,
    project: Project,
    variables: Mapping[str, str],
    environ: Mapping[str, str],
) -> ProjectRecipe | None:
    """Return the recipe of a project's image; None for a project that asks for no packages.

    `variables` is what `${NAME}` in the files stands for; of the user's own (`environ`) those are added that the files
    name: tokens of an index. RequirementsError for a file that cannot be read.
    """
    if project.requirements is None:
        return None
    files = read_requirements(project, {**environ, **variables}, official_constraints)
    named = {name for _, text in files.texts for name in find_variables(text)}
    variables = {**{name: environ[name] for name in named & environ.keys()}, **variables}
    if not asks_for_something(files):
        return None
    version = loaded.version
    forces = version.constraints_policy is not ConstraintsPolicy.WARN and not files.has_constraints
    forced = constraints_for(version, loaded.config.amazon_provider) if forces else ()
    added = {"forced.txt": render_lines(forced), "essential.txt": render_lines(essential_for(version))}
    added = {name: text for name, text in added.items() if text}
    places = {path: _place(path, number, project) for number, path in enumerate(files.local_files)}
    texts = {name: _in_container(text, places) for name, text in files.texts}
    uploads = {f"{_FOLDER}/{name}": text.encode() for name, text in (*texts.items(), *added.items())}
    for path, place in places.items():
        uploads |= dict(_contents(path, place))
    if project.startup_script is not None and version.startup_script:
        uploads["startup/startup.sh"] = project.startup_script.read_bytes()
    return ProjectRecipe(
        airflow_image=airflow_image,
        files=files,
        uploads=tuple(sorted(uploads.items())),
        constraints=tuple(added),
        watchtower=version.watchtower if version.watchtower_reinstalled else "",
        dockerfile=(data_folder("images") / "project" / "Dockerfile").read_text(encoding="utf-8"),
        variables=variables,
    )


def find_project_image(engine: DockerEngine, recipe: ProjectRecipe) -> ImageRecord | None:
    """Return the image if the engine has it."""
    image = engine.find_image(recipe.tag)
    return image if image is not None and image.label(DIGEST_LABEL) == recipe.digest else None


def build_project_image(recipe: ProjectRecipe, site: BuildSite) -> ProjectImage:
    """Install the requirements and build the image; RequirementsError says which line failed."""
    with tempfile.TemporaryDirectory(prefix="mwaa-local-project-") as scratch:
        out = Path(scratch, "out")
        _install(recipe, site, out)
        changes = tuple(PackageChange(*each) for each in json.loads((out / "changes.json").read_text()))
        context = Path(scratch, "context.tar")
        texts = {"Dockerfile": recipe.dockerfile, "removed.txt": (out / "removed.txt").read_text()}
        write_context(context, texts, {"installed": [out / "packages.tar"]})
        order = BuildOrder(
            context=context,
            target="project",
            tag=recipe.tag,
            arguments=(("AIRFLOW_IMAGE", recipe.airflow_image),),
            labels=((DIGEST_LABEL, recipe.digest), (PROJECT_LABEL, "yes")),
            platform=recipe.platform,
        )
        image = follow_build(order, "Image of the project", site)
    changed = tuple(each for each in changes if each.before is not None)
    alarms = tuple(describe_change(each) for each in changed if each.name in WATCHED)
    return ProjectImage(image, changed, (*recipe.notes, *alarms))


def installation_orders(recipe: ProjectRecipe) -> dict[str, Any]:
    """Return what `mwaa_inside.container_requirements` is told."""
    script = _SCRIPT if any(name == "startup/startup.sh" for name, _ in recipe.uploads) else ""
    arguments = ["--requirement", f"{HOME}/{_FOLDER}/requirements.txt"]
    for name in recipe.constraints:
        arguments += ["--constraint", f"{HOME}/{_FOLDER}/{name}"]
    return {
        "variables": dict(recipe.variables),
        "startup_script": script,
        "arguments": arguments,
        "watchtower": recipe.watchtower,
        "limit": MWAA_TIME_LIMIT,
    }


def _install(recipe: ProjectRecipe, site: BuildSite, out: Path) -> None:
    orders = json.dumps(installation_orders(recipe)).encode()
    access = network_access(site.environ, HOME)
    files = {f"{_FOLDER}/orders.json": orders, f"{_FOLDER}/out/.keep": b"", **dict(recipe.uploads)}
    order = ContainerOrder(
        image=recipe.airflow_image,
        command=("python3", "-m", "mwaa_inside.container_requirements", f"{HOME}/{_FOLDER}"),
        environment=access.environment,
        folder=HOME,
        # Nobody can ask the engine for the content of a file, as for the variables of a container.
        files=(*access.files, *files.items()),
        outputs=_OUTPUTS,
        outputs_to=out,
    )
    lines: list[str] = []
    with site.progress.following("The project's requirements") as say:

        def on_line(line: str) -> None:
            lines.append(line)
            if line.startswith(("Collecting ", "Building ", "Installing ")):
                say(line[:100])

        outcome = site.engine.run(order, on_line)
    if outcome.exit_code:
        raise _failure(recipe, outcome.exit_code, lines)


def _failure(recipe: ProjectRecipe, code: int, lines: list[str]) -> Exception:
    source = recipe.files.sources[0][1]
    if code == _TOO_LONG:
        return RequirementsError(
            f"{source}: not installed after {MWAA_TIME_LIMIT:g} seconds.",
            hint="MWAA gives up after nine to ten minutes: pin versions (constraints help), or use wheels.",
        )
    if code == _STARTUP_FAILED:
        shown = "".join(f"\n    {line}" for line in lines[-10:])
        return StartupScriptError(
            f"The startup script did not come to its end, so that the requirements were not installed:{shown}",
            hint="on MWAA the component would never become healthy; try it: mwaa-local test-startup-script",
        )
    return requirements_failure("\n".join(lines), recipe.files, Path(HOME, _FOLDER))


def _place(path: Path, number: int, project: Project) -> str:
    """Return where a local file or folder lies in the container, below the home: where MWAA has it, if it does."""
    for name, folder in (("dags", project.dags), ("plugins", project.plugins)):
        if folder is not None and path.is_relative_to(folder):
            return (Path(name) / path.relative_to(folder)).as_posix()
    return f"{_FOLDER}/local/{number}/{path.name}"


def _in_container(text: str, places: Mapping[Path, str]) -> str:
    # The longest first: one path may be the beginning of another.
    for path in sorted(places, key=lambda each: len(str(each)), reverse=True):
        text = text.replace(f"file://{quote(str(path))}", f"file://{quote(f'{HOME}/{places[path]}')}")
    return text


def _contents(path: Path, place: str) -> Iterator[tuple[str, bytes]]:
    """Yield the files to be had at a local path: of a folder of distributions those only, else everything."""
    if path.is_file():
        yield place, path.read_bytes()
    elif path.is_dir():
        is_source = any((path / name).is_file() for name in ("setup.py", "pyproject.toml", "setup.cfg"))
        for each in sorted(path.rglob("*") if is_source else path.iterdir()):
            if each.is_file() and (is_source or each.suffix in _DISTRIBUTIONS):
                yield f"{place}/{each.relative_to(path).as_posix()}", each.read_bytes()
