"""build --push: an image on its way to a registry, and back out of it."""

from collections.abc import Callable

from mwaa_local.cli.app import make_registry
from mwaa_local.cli.progress import open_progress
from mwaa_local.docker_ports import DockerEngine
from mwaa_local.errors import UsageError
from mwaa_local.runtime.image import ImageRecipe
from mwaa_local.runtime.image_registry import Repository


def push_image(engine: DockerEngine, recipe: ImageRecipe, repository: Repository) -> str:
    """Push the recipe's image and return its address by digest; an ECR repository is made where it is missing."""
    progress = open_progress()
    login = None
    if repository.is_ecr:
        registry = make_registry(repository)
        if registry.ensure_repository(repository.name):
            progress.note(f"Made the repository {repository.name}.")
        login = registry.login()
    with progress.following(f"Pushing to {repository.address}") as say:
        digest = engine.push(recipe.tag, f"{repository.address}:{pushed_tag(recipe)}", login, _only_news(say))
    return f"{repository.address}@{digest}"


def remove_pushed(recipe: ImageRecipe, repository: Repository) -> tuple[str, ...]:
    """Remove what `push_image` has pushed, and return its name if it was there."""
    if not repository.is_ecr:
        raise UsageError(
            f"{repository.address} is not in Amazon ECR; images elsewhere are removed with the registry's own tools."
        )
    tag = pushed_tag(recipe)
    removed = make_registry(repository).remove_image(repository.name, tag)
    return (f"{repository.address}:{tag}",) if removed else ()


def pushed_tag(recipe: ImageRecipe) -> str:
    """Return the tag in a registry: as here, the version and the digest of the inputs."""
    return recipe.tag.rpartition(":")[2]


def _only_news(say: Callable[[str], None]) -> Callable[[str], None]:
    def on_line(line: str) -> None:
        if line.endswith(("Pushed", "Layer already exists", "Preparing")):
            say(line)

    return on_line
