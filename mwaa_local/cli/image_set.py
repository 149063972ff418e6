"""The images that belong to a version's own in an environment of containers: the services', and the project's."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version as installed_version

from mwaa_local.airflow_settings import build_airflow_settings, role_variables
from mwaa_local.catalog import Role
from mwaa_local.cli.app import App
from mwaa_local.cli.progress import Progress
from mwaa_local.cli.startup_lab import PLACEHOLDERS
from mwaa_local.config import LoadedConfig, Project
from mwaa_local.docker_ports import DockerEngine, ImageRecord
from mwaa_local.runtime.image import DEFAULT_PLATFORM, ImageRecipe, ImageWishes, make_recipe
from mwaa_local.runtime.image_build import BuildSite, build_image, find_built
from mwaa_local.runtime.preparation import toolchain
from mwaa_local.runtime.project_image import build_project_image, find_project_image, make_project_recipe
from mwaa_local.runtime.services_image import build_services_image, find_services_image, make_services_recipe


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image, whether it had to be built, and what should be said of it."""

    name: str
    image: ImageRecord
    built: bool
    warnings: tuple[str, ...] = ()

    def as_document(self) -> dict[str, object]:
        """Return the form that `--json` prints."""
        document = {"image": self.name, "id": self.image.id, "size": self.image.size, "built": self.built}
        return {**document, "warnings": list(self.warnings)}


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where images are built, and whether what is there already counts."""

    engine: DockerEngine
    app: App
    progress: Progress
    use_cache: bool = True

    @property
    def site(self) -> BuildSite:
        """Return it as the builders want it."""
        host = self.app.host
        return BuildSite(self.engine, host.cache, host.lock, self.app.environ, self.progress)

    def airflow(self, recipe: ImageRecipe) -> BuiltImage:
        """Return the image of a version."""
        found = find_built(self.engine, recipe) if self.use_cache else None
        image = found or build_image(recipe, self.site, use_cache=self.use_cache)
        return BuiltImage(recipe.tag, image, found is None)

    def services(self, platform: str, base_image: str) -> BuiltImage:
        """Return the image of PostgreSQL and the AWS endpoint."""
        recipe = make_services_recipe(platform, base_image)
        found = find_services_image(self.engine, recipe) if self.use_cache else None
        if found is not None:
            return BuiltImage(recipe.tag, found, built=False)
        tools = toolchain(self.app.host, self.progress)
        return BuiltImage(
            recipe.tag, build_services_image(recipe, self.site, tools, use_cache=self.use_cache), built=True
        )

    def project(self, airflow: BuiltImage, loaded: LoadedConfig, project: Project) -> BuiltImage:
        """Return the image with the project's requirements: the version's own where there are none."""
        recipe = make_project_recipe(
            airflow.name, loaded, project, requirements_variables(loaded, project), self.app.environ
        )
        if recipe is None:
            return BuiltImage(airflow.name, airflow.image, built=False)
        recipe = replace(recipe, platform=airflow.image.platform)
        found = find_project_image(self.engine, recipe) if self.use_cache else None
        if found is not None:
            return BuiltImage(recipe.tag, found, built=False)
        made = build_project_image(recipe, self.site)
        return BuiltImage(recipe.tag, made.image, built=True, warnings=made.warnings)


def image_of(engine: DockerEngine, app: App, loaded: LoadedConfig, progress: Progress) -> str:
    """Return the name of the image of a project's version, built if the engine has not got it."""
    return Workshop(engine, app, progress).airflow(recipe_of(loaded)).name


def recipe_of(loaded: LoadedConfig, platform: str = DEFAULT_PLATFORM) -> ImageRecipe:
    """Return the recipe of the image that a configuration asks for."""
    wishes = ImageWishes(platform, loaded.config.base_image)
    return make_recipe(loaded.version, loaded.config.amazon_provider, wishes, installed_version("uv"))


def requirements_variables(loaded: LoadedConfig, project: Project) -> Mapping[str, str]:
    """Return what `${NAME}` in requirements stands for: the options are settings, as MWAA has them."""
    settings = build_airflow_settings(loaded.version, loaded.config, project, PLACEHOLDERS, {})
    return {each.name: each.value for each in (*settings, *role_variables(Role.SCHEDULER))}
