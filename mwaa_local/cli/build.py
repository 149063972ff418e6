"""build: the image of an MWAA version on this machine's container engine."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import click

from mwaa_local.catalog import DEFAULT_VERSION, load_version
from mwaa_local.cli.app import make_app, make_engine
from mwaa_local.cli.image_push import push_image, remove_pushed
from mwaa_local.cli.image_set import BuiltImage, Workshop
from mwaa_local.cli.options import json_option, project_option
from mwaa_local.cli.progress import open_progress
from mwaa_local.cli.render import render_fact, render_table
from mwaa_local.config import LoadedConfig, Project
from mwaa_local.docker_ports import DockerEngine
from mwaa_local.errors import EngineError, ProjectError, UsageError
from mwaa_local.runtime.image import (
    DEFAULT_PLATFORM,
    DIGEST_LABEL,
    VERSION_LABEL,
    ImageRecipe,
    ImageWishes,
    describe_difference,
    make_recipe,
)
from mwaa_local.runtime.image_packages import PackageDifference, compare_packages, list_packages
from mwaa_local.runtime.image_registry import parse_repository

PLATFORMS = ("linux/amd64", "linux/arm64")
HEADER = ("PACKAGE", "DIFFERENCE", "PUBLISHED", "HERE")
MEGABYTE = 1e6


@click.command()
@project_option
@click.option("--version", envvar="MWAA_LOCAL_VERSION", help="MWAA version [default: the project's].")
@click.option("--amazon-provider", envvar="MWAA_LOCAL_AMAZON_PROVIDER", help="Its version, or `stock`.")
@click.option(
    "--platform",
    type=click.Choice(PLATFORMS),
    envvar="MWAA_LOCAL_PLATFORM",
    default=DEFAULT_PLATFORM,
    show_default=True,
    help="MWAA is amd64.",
)
@click.option(
    "--base-image",
    envvar="MWAA_LOCAL_BASE_IMAGE",
    default=None,
    help="Build on this instead of the catalogue's.",
)
@click.option(
    "--push",
    envvar="MWAA_LOCAL_PUSH",
    metavar="REPOSITORY",
    help="Push it there; an Amazon ECR repository is made if it is missing.",
)
@click.option(
    "--services",
    "with_services",
    is_flag=True,
    envvar="MWAA_LOCAL_SERVICES",
    help="The image of PostgreSQL and the AWS endpoint, too.",
)
@click.option(
    "--services-base-image",
    envvar="MWAA_LOCAL_SERVICES_BASE_IMAGE",
    default=None,
    help="Build that on this instead of the catalogue's.",
)
@click.option(
    "--requirements",
    "with_requirements",
    is_flag=True,
    envvar="MWAA_LOCAL_BUILD_REQUIREMENTS",
    help="The project's image, too: its requirements on top.",
)
@click.option("--no-cache", is_flag=True, envvar="MWAA_LOCAL_NO_CACHE", help="Build everything anew.")
@click.option("--remove", is_flag=True, help="Remove the images of the version; with --push, from ECR too.")
@click.option("--packages", is_flag=True, help="List how its packages differ from the set AWS published.")
@json_option
def build_command(
    folder: Path, no_cache: bool, remove: bool, packages: bool, as_json: bool, **wishes: Any
) -> int:
    """Build the image of an MWAA version: its Python, packages, paths and tools."""
    extras = wishes.pop("with_services"), wishes.pop("with_requirements")
    if remove and (packages or no_cache or any(extras)):
        raise UsageError("--remove goes with no other order.")
    choice = choose(folder, wishes)
    if extras[1]:
        # Before anything is built that takes long.
        choice.see_project()
    recipe = choice.recipe
    repository = parse_repository(wishes["push"]) if wishes["push"] else None
    engine = make_engine()
    if remove:
        removed = remove_pushed(recipe, repository) if repository else ()
        removed += remove_images(engine, recipe.version.airflow)
        click.echo(render_removed(removed, recipe.version.airflow, as_json=as_json))
        return 0
    workshop = Workshop(engine, make_app(), open_progress(), use_cache=not no_cache)
    made = workshop.airflow(recipe)
    others = tuple(build_others(workshop, choice, made, *extras))
    differences = compare_packages(recipe, list_packages(engine, recipe.tag)) if packages else None
    pushed = push_image(engine, recipe, repository) if repository else ""
    report = BuildReport(recipe, made, differences, pushed, others)
    click.echo(json.dumps(report.as_document(), indent=2) if as_json else render_report(report))
    return 0


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What came of a build."""

    recipe: ImageRecipe
    made: BuiltImage
    differences: tuple[PackageDifference, ...] | None = None
    """Of its packages from those that AWS published; None where nobody asked."""
    pushed: str = ""
    """Its address in a registry, by digest."""
    others: tuple[tuple[str, BuiltImage], ...] = ()
    """`services` and `project`, as far as they were asked for."""

    def as_document(self) -> dict[str, Any]:
        """Return the form that `--json` prints."""
        document: dict[str, Any] = {
            "image": self.recipe.tag,
            "id": self.made.image.id,
            "version": self.recipe.version.airflow,
            "amazon_provider": self.recipe.amazon_provider,
            "base_image": self.recipe.base_image,
            "platform": self.made.image.platform,
            "size": self.made.image.size,
            "built": self.made.built,
            "pushed": self.pushed or None,
            "differs": list(describe_difference(self.recipe)),
            **{name: each.as_document() for name, each in self.others},
        }
        if self.differences is not None:
            document["packages"] = [
                {"name": each.name, "difference": each.kind, "published": each.published, "found": each.found}
                for each in self.differences
            ]
        return document


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to be built, and for which project; None where there is none."""

    recipe: ImageRecipe
    services_base: str
    project: Project | None = None
    loaded: LoadedConfig | None = None

    def see_project(self) -> tuple[LoadedConfig, Project]:
        """Return the project with its configuration; UsageError where there is none."""
        if self.loaded is None or self.project is None:
            raise UsageError(
                "--requirements needs a project.", hint="run it in a project, or name one: --project"
            )
        return self.loaded, self.project


def choose(folder: Path, wishes: dict[str, Any]) -> Choice:
    """Return what was asked for, else what the project in `folder` runs, else the default."""
    names = ("version", "amazon_provider", "base_image", "services_base_image")
    flags = {name: wishes.get(name) for name in names}
    app, project, loaded = make_app(), None, None
    try:
        project = app.project(folder)
        loaded = app.load(project, flags)
        config = loaded.config
        version, provider, base, services_base = (
            load_version(config.version),
            config.amazon_provider,
            config.base_image,
            config.services_base_image,
        )
    except ProjectError:
        # No project is needed to build an image.
        version = load_version(flags["version"] or DEFAULT_VERSION)
        provider = flags["amazon_provider"] or version.amazon_provider_default
        provider = version.amazon_provider_stock if provider == "stock" else provider
        base, services_base = flags["base_image"] or "", flags["services_base_image"] or ""
    recipe = make_recipe(version, provider, ImageWishes(wishes["platform"], base), installed_version("uv"))
    return Choice(recipe, services_base, project, loaded)


def build_others(
    workshop: Workshop, choice: Choice, airflow: BuiltImage, services: bool, requirements: bool
) -> Iterator[tuple[str, BuiltImage]]:
    """Build what belongs to the version's image as far as it was asked for."""
    if services:
        yield "services", workshop.services(choice.recipe.platform, choice.services_base)
    if requirements:
        made = workshop.project(airflow, *choice.see_project())
        for warning in made.warnings:
            workshop.progress.warn(warning)
        yield "project", made


def remove_images(engine: DockerEngine, version: str) -> tuple[str, ...]:
    """Remove every image of a version that we have built, with the last one what lies below; return their names."""
    removed = _remove_labelled(engine, f"{VERSION_LABEL}={version}")
    return (
        removed if engine.list_images(VERSION_LABEL) else (*removed, *_remove_labelled(engine, DIGEST_LABEL))
    )


def _remove_labelled(engine: DockerEngine, label: str) -> tuple[str, ...]:
    names = tuple(name for image in engine.list_images(label) for name in image.tags or (image.id,))
    for name in names:
        engine.remove_image(name)
        if engine.find_image(name) is not None:
            raise EngineError(
                f"{name} is still there.", hint="another image is built on it: remove that first"
            )
    return names


def render_report(report: BuildReport) -> str:
    """Return what was built, in words."""
    recipe = report.recipe
    facts = [
        ("Image", _name(report.made)),
        ("Size", f"{_size(report.made)}, {report.made.image.platform}"),
        ("Base", recipe.base_image),
        *(("Differs", text) for text in describe_difference(recipe)),
        *((("Pushed", report.pushed),) if report.pushed else ()),
        *((name.capitalize(), f"{_name(each)}, {_size(each)}") for name, each in report.others),
    ]
    text = "\n".join(line[2:] for label, each in facts for line in render_fact(label, each, 12))
    if report.differences is None:
        return text
    return f"{text}\n\n{render_differences(recipe, report.differences)}"


def _name(made: BuiltImage) -> str:
    return made.name + ("" if made.built else " (was there)")


def _size(made: BuiltImage) -> str:
    return f"{made.image.size / MEGABYTE:,.0f} MB"


def render_differences(recipe: ImageRecipe, differences: Sequence[PackageDifference]) -> str:
    """Return the differences as a table."""
    if not differences:
        return f"Every package is as AWS published it for Airflow {recipe.version.airflow}."
    rows = [(each.name, each.kind, each.published or "-", each.found or "-") for each in differences]
    return "\n".join(render_table(HEADER, rows))


def render_removed(names: Sequence[str], version: str, *, as_json: bool) -> str:
    """Return what was removed."""
    if as_json:
        return json.dumps({"removed": list(names)})
    return "\n".join(f"Removed {name}" for name in names) or f"There is no image of Airflow {version}."
