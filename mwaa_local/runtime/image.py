"""What the image of a version is made of, as a value: its inputs, the digest that names it, and the build context.

Pure but for the files it is told to read and the archive it is told to write; `image_build` talks to the engine.
"""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.catalog import (
    MwaaVersion,
    Pin,
    constraints_for,
    data_folder,
    environment_pins,
    essential_for,
    is_resolved,
)
from mwaa_local.errors import UsageError
from mwaa_local.runtime.image_base import BaseNeeds
from mwaa_local.runtime.inside_files import INSIDE

REPOSITORY = "mwaa-local/airflow"
SYSTEM_REPOSITORY = "mwaa-local/system"
VERSION_LABEL = "mwaa-local.version"
DIGEST_LABEL = "mwaa-local.digest"
DEFAULT_PLATFORM = "linux/amd64"
"""What MWAA is."""
_SYSTEM_BEGINS = "\nARG BASE_IMAGE"
_SYSTEM_ENDS = "\nFROM system AS airflow"
HOME = "usr/local/airflow"
PACKAGES = f"{HOME}/.local"
"""Places of an image, from its root."""
_OWNER = 1000


@dataclass(frozen=True, slots=True)
class ImageRecipe:
    """Everything that decides what is in an image."""

    version: MwaaVersion
    amazon_provider: str | None
    base_image: str
    platform: str
    dockerfile: str
    collector: str
    """The program that installs packages in a container of the system."""
    installer: str
    """The program that installs Debian's packages."""
    finisher: str
    """The program that makes what was installed smaller, and packs it."""
    schema: str
    """The program that makes the database's schema."""
    pins: tuple[Pin, ...]
    constraints: tuple[Pin, ...]
    essential: tuple[Pin, ...]
    uv: str
    """The version of uv that installs."""
    inside: tuple[tuple[str, str], ...] = ()
    """What mwaa-local runs in the image's containers: file name below `inside/`, text."""

    @property
    def system_digest(self) -> str:
        """Digest what lies below Airflow: equal ones share an image."""
        system = self.dockerfile.partition(_SYSTEM_BEGINS)[2].partition(_SYSTEM_ENDS)[0]
        return digest_parts(
            self.base_image, self.platform, system, self.installer, *self.version.system_packages
        )

    @property
    def packages_digest(self) -> str:
        """Digest what decides how a pin lies in the image: equal ones share a cache of packages."""
        programs = (self.collector, self.finisher)
        return digest_parts(self.system_digest, *programs, *self.build_constraints)

    @property
    def digest(self) -> str:
        """Digest all inputs."""
        pins = (render_lines(each) for each in (self.pins, self.constraints, self.essential))
        inside = (part for pair in self.inside for part in pair)
        return digest_parts(
            self.packages_digest, self.dockerfile, self.schema, self.version.airflow, self.uv, *pins, *inside
        )

    @property
    def tag(self) -> str:
        """Return the image's name: the same for the same inputs, on every machine."""
        return f"{REPOSITORY}:{self.version.airflow}-{self.digest}"

    @property
    def system_tag(self) -> str:
        """Return the name of the image below it."""
        return f"{SYSTEM_REPOSITORY}:{self.system_digest}"

    @property
    def bare_tag(self) -> str:
        """Return the name that the image has for a moment, while its packages are missing."""
        return f"{REPOSITORY}:{self.version.airflow}-{self.digest}-bare"

    @property
    def needs(self) -> BaseNeeds:
        """Return what the base must have."""
        version = self.version
        return BaseNeeds(
            base_image=self.base_image,
            python=version.python,
            purpose=f"on MWAA, Airflow {version.airflow} runs on",
            option="--base-image",
            example=version.base_image,
            built_on_it=self.system_tag,
        )

    @property
    def build_constraints(self) -> tuple[str, ...]:
        """Return what holds while a package is built."""
        return self.version.build_constraints

    @property
    def has_schema(self) -> bool:
        """Tell whether there is a database to prepare."""
        return any(pin.name == "apache-airflow" for pin in self.pins)

    @property
    def schema_digest(self) -> str:
        """Digest what decides the schema of the database."""
        program = dict(self.inside).get("mwaa_inside/create_schema.py", "")
        return digest_parts(
            self.base_image, self.schema, program, self.version.airflow, render_lines(self.pins)
        )

    @property
    def arguments(self) -> tuple[tuple[str, str], ...]:
        """Return the Dockerfile's arguments."""
        return (
            ("AIRFLOW_VERSION", self.version.airflow),
            ("BASE_IMAGE", self.base_image),
            ("SYSTEM_PACKAGES", " ".join(self.version.system_packages)),
        )

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """Return what the image says of itself."""
        return (
            ("mwaa-local.amazon-provider", self.amazon_provider or ""),
            ("mwaa-local.base-image", self.base_image),
            (DIGEST_LABEL, self.digest),
            (VERSION_LABEL, self.version.airflow),
        )

    def system_texts(self) -> dict[str, str]:
        """Return the files of the build context up to the system."""
        return {"Dockerfile": self.dockerfile, "install_system.sh": self.installer}

    def context_texts(self) -> dict[str, str]:
        """Return the files of the build context of the whole image."""
        return {**self.system_texts(), **{f"inside/{name}": text for name, text in self.inside}}

    def layer_texts(self) -> dict[str, str]:
        """Return the files that come with the packages, by their places in the image."""
        return {
            f"{PACKAGES}/etc/airflow_constraints.txt": render_lines(self.constraints),
            f"{PACKAGES}/etc/mwaa_essential_constraints.txt": render_lines(self.essential),
        }


@dataclass(frozen=True, slots=True)
class ImageWishes:
    """What the user asks for instead of the catalogue's own."""

    platform: str = DEFAULT_PLATFORM
    base_image: str = ""


def make_recipe(
    version: MwaaVersion,
    amazon_provider: str | None,
    wishes: ImageWishes,
    uv: str,
    images: Path | None = None,
) -> ImageRecipe:
    """Return the recipe of a version; UsageError for an amazon provider whose needs the catalogue has not resolved."""
    if not is_resolved(version, amazon_provider):
        known = [each.amazon_provider for each in version.amazon_overlays]
        names = ", ".join(filter(None, ("stock", version.amazon_provider_stock, *known)))
        raise UsageError(
            f"No image of Airflow {version.airflow} can be built with amazon provider {amazon_provider}: "
            "what it needs has not been resolved in advance.",
            hint=f"--amazon-provider takes {names} here; put another one into requirements.txt",
        )
    folder = images or data_folder("images")
    return ImageRecipe(
        version=version,
        amazon_provider=amazon_provider,
        base_image=wishes.base_image or version.base_image,
        platform=wishes.platform,
        dockerfile=(folder / "Dockerfile").read_text(encoding="utf-8"),
        collector=(folder / "collect_wheels.py").read_text(encoding="utf-8"),
        installer=(folder / "install_system.sh").read_text(encoding="utf-8"),
        finisher=(folder / "finish_packages.py").read_text(encoding="utf-8"),
        schema=(folder / "make_schema.sh").read_text(encoding="utf-8"),
        pins=environment_pins(version, amazon_provider, images),
        constraints=constraints_for(version, amazon_provider, images),
        essential=essential_for(version, images),
        uv=uv,
        inside=read_inside(),
    )


def read_inside(folder: Path = INSIDE) -> tuple[tuple[str, str], ...]:
    """Return the files that run in an Airflow environment, by their names below `folder`."""
    return tuple(
        (path.relative_to(folder).as_posix(), path.read_text(encoding="utf-8"))
        for path in sorted(folder.rglob("*.py"))
    )


def describe_difference(recipe: ImageRecipe) -> tuple[str, ...]:
    """Say in sentences how the image differs from what MWAA runs."""
    said = [f"Debian 12 instead of {recipe.version.base_os}: startup scripts find apt-get, not yum or dnf."]
    if recipe.platform != DEFAULT_PLATFORM:
        said.append(
            f"{recipe.platform} instead of {DEFAULT_PLATFORM}: packages may have other wheels, or none, than on MWAA."
        )
    if recipe.base_image != recipe.version.base_image:
        said[:1] = [f"Built on {recipe.base_image}, which mwaa-local does not know."]
    return tuple(said)


def write_context(file: Path, texts: Mapping[str, str], folders: Mapping[str, Iterable[Path]]) -> None:
    """Write a build context that is the same for the same content: no times, no owners.

    `folders` are files, and folders with all that is in them, by the name of the folder that they are put into.
    """
    with tarfile.open(file, "w") as archive:
        for name, text in sorted(texts.items()):
            content = text.encode()
            archive.addfile(_entry(name, len(content)), io.BytesIO(content))
        for name, paths in sorted(folders.items()):
            folder = _entry(name, 0)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(folder)
            for path, place in sorted(_files(paths, name), key=lambda each: each[1]):
                with path.open("rb") as stream:
                    archive.addfile(_entry(place, path.stat().st_size), stream)


def write_layer(file: Path, texts: Mapping[str, str]) -> None:
    """Write the beginning of the layer of packages: an archive without an end, like those of the packages."""
    with file.open("wb") as plain, gzip.GzipFile("", "wb", fileobj=plain, mtime=0) as stream:
        archive = tarfile.open(fileobj=stream, mode="w")  # noqa: SIM115 (closing it would write an end)
        for folder in (PACKAGES, f"{PACKAGES}/etc"):
            # Everybody may write there: the container's user gets the number that it has on the host.
            archive.addfile(_owned(_entry(folder, 0), tarfile.DIRTYPE, 0o777))
        for name, text in sorted(texts.items()):
            content = text.encode()
            archive.addfile(_owned(_entry(name, len(content)), tarfile.REGTYPE, 0o666), io.BytesIO(content))


def _owned(entry: tarfile.TarInfo, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry.type, entry.mode, entry.uid, entry.gid = kind, mode, _OWNER, _OWNER
    return entry


def _files(paths: Iterable[Path], name: str) -> Iterator[tuple[Path, str]]:
    """Yield the files at and below `paths` with their places in a context."""
    for top in paths:
        for path in (top,) if top.is_file() else top.rglob("*"):
            if path.is_file():
                yield path, f"{name}/{path.relative_to(top.parent).as_posix()}"


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o644, 0
    return entry


def render_lines(pins: Iterable[Pin]) -> str:
    """Return pins as an installer reads them."""
    return "".join(f"{pin.name}=={pin.version}\n" for pin in pins)


def digest_parts(*parts: str) -> str:
    """Digest texts."""
    # With their lengths, so that no two lists of parts run into one text.
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
