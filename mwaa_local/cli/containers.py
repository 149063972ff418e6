"""The composition of what runs in containers: the engine, Compose, the images, and the runtime made of them."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import version as installed_version
from pathlib import Path

from mwaa_local.adapters.clock import SystemClock
from mwaa_local.adapters.compose_command import find_client, find_compose
from mwaa_local.adapters.docker_containers import SdkContainers
from mwaa_local.adapters.docker_engine import SdkEngine, connect_client
from mwaa_local.adapters.http import LocalHttp
from mwaa_local.adapters.postgres_probe import postgres_accepts
from mwaa_local.cli.container_aws import ContainerAws
from mwaa_local.config import LoadedConfig, Project
from mwaa_local.docker_ports import ComposeProgram, ContainerRecord, DockerEngine
from mwaa_local.errors import EngineError, RequirementsError
from mwaa_local.runtime.backend import StartProgress
from mwaa_local.runtime.compose import ComposeRuntime
from mwaa_local.runtime.compose_file import ComposeImages
from mwaa_local.runtime.compose_preparation import ComposeSite, ProjectOrder
from mwaa_local.runtime.compose_watch import ComposeWatch
from mwaa_local.runtime.host import Host
from mwaa_local.runtime.image import DEFAULT_PLATFORM, VERSION_LABEL, ImageRecipe, ImageWishes, make_recipe
from mwaa_local.runtime.image_build import BuildSite, build_image, find_built
from mwaa_local.runtime.preparation import toolchain
from mwaa_local.runtime.project_image import REPOSITORY as PROJECT_REPOSITORY
from mwaa_local.runtime.project_image import build_project_image, find_project_image, make_project_recipe
from mwaa_local.runtime.readiness import Prober
from mwaa_local.runtime.services_image import (
    ServicesRecipe,
    build_services_image,
    find_services_image,
    make_services_recipe,
)
from mwaa_local.runtime.start_record import StartRecord, load_record
from mwaa_local.runtime.state import StateFolder


def make_compose_runtime(project: Project, host: Host) -> ComposeRuntime:
    """Return the Compose runtime of a project; EngineError if no engine answers."""
    record = load_record(StateFolder(project.state))
    client, address = connect_client(_on_engine_of(record, host.environ), Path.home(), os.getuid())
    engine = SdkEngine(client, address)
    site = ComposeSite(
        address=address,
        containers=SdkContainers(client),
        compose=lambda: find_compose(host.commands, host.environ, address),
        images=BuiltImages(engine, host),
        aws=ContainerAws(host.environ),
        client=find_client(host.environ, address) or (),
        postgres_answers=postgres_accepts,
        user=(os.getuid(), os.getgid()),
    )
    return ComposeRuntime(project, host, site)


def connect_compose(host: Host) -> tuple[ComposeProgram, str]:
    """Return Compose and where its engine listens; EngineError if either is missing."""
    _, address = connect_client(host.environ, Path.home(), os.getuid())
    return find_compose(host.commands, host.environ, address), address


def list_containers(record: StartRecord, environ: Mapping[str, str]) -> tuple[ContainerRecord, ...]:
    """Return the containers of an environment, on the engine that it was started on; EngineError if it is silent."""
    client, _ = connect_client(_on_engine_of(record, environ), Path.home(), os.getuid())
    return SdkContainers(client).list(record.compose_project)


def make_watch(folder: StateFolder) -> ComposeWatch:
    """Return what judges the containers of an environment."""
    clock = SystemClock()
    return ComposeWatch(folder, Prober(LocalHttp(), clock, postgres_accepts).is_healthy, clock.now)


def find_container_client(record: StartRecord, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the program with which commands are run in an environment's containers; empty if there is none."""
    return find_client(environ, record.engine) or ()


def _on_engine_of(record: StartRecord | None, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return variables that lead to the engine of the last start, unless the user names another one."""
    if record is None or not record.engine or environ.get("DOCKER_HOST"):
        return environ
    return {**environ, "DOCKER_HOST": record.engine}


@dataclass(frozen=True, slots=True)
class BuiltImages:
    """ImageSource: what this machine's engine has, and what can be built there."""

    engine: DockerEngine
    host: Host

    def missing(self, loaded: LoadedConfig) -> tuple[str, ...]:
        """Return which of the images that take minutes are missing."""
        absent = []
        if find_built(self.engine, self._airflow(loaded)) is None:
            absent.append(f"of Airflow {loaded.version.airflow}")
        if find_services_image(self.engine, self._services(loaded)) is None:
            absent.append("of PostgreSQL and the AWS endpoint")
        return tuple(absent)

    def ensure(self, loaded: LoadedConfig, progress: StartProgress) -> ComposeImages:
        """Return the images without a project's requirements, built where they are missing."""
        airflow, services = self._airflow(loaded), self._services(loaded)
        site = self._site(progress)
        if find_built(self.engine, airflow) is None:
            build_image(airflow, site)
        if find_services_image(self.engine, services) is None:
            build_services_image(services, site, toolchain(self.host, progress))
        return ComposeImages(airflow.tag, airflow.tag, services.tag)

    def ensure_project(self, airflow: str, order: ProjectOrder, progress: StartProgress) -> str:
        """Return the image with the project's requirements, built where it is missing."""
        recipe = make_project_recipe(airflow, order.loaded, order.project, order.variables, self.host.environ)
        if recipe is None:
            return airflow
        recipe = replace(recipe, platform=self._platform)
        if find_project_image(self.engine, recipe) is not None:
            return recipe.tag
        try:
            built = build_project_image(recipe, self._site(progress))
        except RequirementsError as failure:
            if not order.loaded.config.ignore_requirements_failure:
                raise
            progress.warn(
                f"The requirements are NOT installed (MWAA, too, goes on without them): {failure.message}"
            )
            return airflow
        for warning in built.warnings:
            progress.warn(warning)
        return recipe.tag

    def find_version(self, airflow: str) -> str | None:
        """Return an image with this Airflow, None if there is none."""
        tags = (tag for image in self.engine.list_images(f"{VERSION_LABEL}={airflow}") for tag in image.tags)
        return next(tags, None)

    def discard(self, image: str) -> None:
        """Remove the image of a project; one that another project uses stays."""
        if image.startswith(f"{PROJECT_REPOSITORY}:"):
            with suppress(EngineError):
                self.engine.remove_image(image)

    def _site(self, progress: StartProgress) -> BuildSite:
        return BuildSite(self.engine, self.host.cache, self.host.lock, self.host.environ, progress)

    def _airflow(self, loaded: LoadedConfig) -> ImageRecipe:
        wishes = ImageWishes(self._platform, loaded.config.base_image)
        return make_recipe(loaded.version, loaded.config.amazon_provider, wishes, installed_version("uv"))

    def _services(self, loaded: LoadedConfig) -> ServicesRecipe:
        return make_services_recipe(self._platform, loaded.config.services_base_image)

    @property
    def _platform(self) -> str:
        return self.host.environ.get("MWAA_LOCAL_PLATFORM") or DEFAULT_PLATFORM
