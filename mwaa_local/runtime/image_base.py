"""Whether an image can be built on a base: it is asked before minutes are spent on it."""

from dataclasses import dataclass

from mwaa_local.docker_ports import ContainerOrder, DockerEngine
from mwaa_local.errors import ImageBuildError

_ASK = """\
command -v apt-get > /dev/null || echo apt-get: none
python3 -c 'import sys; print("python3: %d.%d" % sys.version_info[:2])' 2> /dev/null || echo python3: none
"""


@dataclass(frozen=True, slots=True)
class BaseNeeds:
    """What an image needs of its base, and how to talk about it."""

    base_image: str
    python: str
    purpose: str
    """What is to run on that Python."""
    option: str
    """How the user names another base."""
    example: str
    """A base that will do."""
    built_on_it: str = ""
    """The name of an image that consists of the base and more: it is asked instead where the engine has it.

    Engines fetch a base while they build on it, so that this may be the first that can be asked.
    """


def see_base(needs: BaseNeeds, engine: DockerEngine) -> None:
    """Ask a base for what is needed of it, where the engine has it; ImageBuildError if it is wrong."""
    names = filter(None, (needs.built_on_it, needs.base_image))
    image = next((name for name in names if engine.find_image(name)), None)
    if image is None:
        return
    lines: list[str] = []
    outcome = engine.run(ContainerOrder(image, ("sh", "-c", _ASK), user="root", network=False), lines.append)
    told = dict(line.strip().split(": ", 1) for line in lines if ": " in line)
    base = f"The base image {needs.base_image}"
    hint = (
        f"{needs.option} takes a Debian with Python {needs.python}, as {needs.example.partition('@')[0]} is"
    )
    if outcome.exit_code or "python3" not in told:
        raise ImageBuildError(f"{base} does not answer: {' '.join(lines)}", hint=hint)
    if "apt-get" in told:
        raise ImageBuildError(f"{base} is no Debian: it has no apt-get.", hint=hint)
    if told["python3"] != needs.python:
        found = "no python3 on its PATH" if told["python3"] == "none" else f"Python {told['python3']}"
        raise ImageBuildError(f"{base} has {found}; {needs.purpose} Python {needs.python}.", hint=hint)
