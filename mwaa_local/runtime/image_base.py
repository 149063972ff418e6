"""Whether an image can be built on a base: it is asked before minutes are spent on it."""

from mwaa_local.docker_ports import ContainerOrder, DockerEngine
from mwaa_local.errors import ImageBuildError
from mwaa_local.runtime.image import ImageRecipe

_ASK = """\
command -v apt-get > /dev/null || echo apt-get: none
python3 -c 'import sys; print("python3: %d.%d" % sys.version_info[:2])' 2> /dev/null || echo python3: none
"""


def see_base(recipe: ImageRecipe, engine: DockerEngine) -> None:
    """Ask the base of a recipe for what is needed of it, where the engine has the base; ImageBuildError if it is wrong.

    Engines fetch a base while they build on it: the system, which is the base with more in it, is asked the same.
    """
    image = next((name for name in (recipe.system_tag, recipe.base_image) if engine.find_image(name)), None)
    if image is None:
        return
    lines: list[str] = []
    # As root, and without the entry program of the base: `sh` is all that is expected of it.
    outcome = engine.run(ContainerOrder(image, ("sh", "-c", _ASK), user="root", network=False), lines.append)
    told = dict(line.strip().split(": ", 1) for line in lines if ": " in line)
    version, base = recipe.version, recipe.base_image
    hint = f"--base-image takes a Debian with Python {version.python}, as {version.base_image.partition('@')[0]} is"
    if outcome.exit_code or "python3" not in told:
        raise ImageBuildError(f"The base image {base} does not answer: {' '.join(lines)}", hint=hint)
    if "apt-get" in told:
        raise ImageBuildError(f"The base image {base} is no Debian: it has no apt-get.", hint=hint)
    if told["python3"] != version.python:
        found = "no python3 on its PATH" if told["python3"] == "none" else f"Python {told['python3']}"
        raise ImageBuildError(
            f"The base image {base} has {found}; Airflow {version.airflow} runs on Python {version.python} on MWAA.",
            hint=hint,
        )
