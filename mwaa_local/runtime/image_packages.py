"""What is in an image, compared with what AWS published for the version: every difference, one by one."""

import json
from dataclasses import dataclass
from enum import StrEnum

from mwaa_local.catalog import Pin, environment_pins
from mwaa_local.docker_ports import ContainerOrder, DockerEngine
from mwaa_local.errors import ImageBuildError
from mwaa_local.requirements_files import canonical
from mwaa_local.runtime.image import ImageRecipe

# Asks the files themselves: the first folder of sys.path that has a package is the one that is imported from.
_LIST = """
import glob, itertools, json, os, sys
found = {}
for folder in sys.path:
    for file in glob.glob(os.path.join(folder, "*.dist-info", "METADATA")):
        with open(file, encoding="utf-8", errors="replace") as stream:
            headers = itertools.takewhile(str.strip, stream)
            fields = dict(line.rstrip("\\n").split(": ", 1) for line in headers if line[:5] in ("Name:", "Versi"))
        found.setdefault(fields["Name"], fields["Version"])
print("MWAA-LOCAL " + json.dumps(found))
"""
_MARK = "MWAA-LOCAL "


class Difference(StrEnum):
    """How a package differs from the published set."""

    MISSING = "missing"
    ADDED = "added"
    OTHER_VERSION = "other version"


@dataclass(frozen=True, slots=True)
class PackageDifference:
    """One package that is not as published; "" for a version that there is not."""

    name: str
    kind: Difference
    published: str
    found: str


def list_packages(engine: DockerEngine, image: str) -> tuple[Pin, ...]:
    """Return the Python packages of an image by canonical name."""
    lines: list[str] = []
    order = ContainerOrder(image, ("python3", "-c", _LIST), network=False)
    outcome = engine.run(order, lines.append)
    document = next((line for line in lines if line.startswith(_MARK)), None)
    if outcome.exit_code or document is None:
        shown = "\n".join(f"    {line}" for line in lines[-10:])
        raise ImageBuildError(f"The packages of {image} cannot be listed:\n{shown}")
    found = {canonical(name): str(version) for name, version in json.loads(document[len(_MARK) :]).items()}
    return tuple(Pin(name, found[name]) for name in sorted(found))


def compare_packages(recipe: ImageRecipe, found: tuple[Pin, ...]) -> tuple[PackageDifference, ...]:
    """Return how the packages differ from what AWS published for the version, by name."""
    published = {
        pin.name: pin.version
        for pin in environment_pins(recipe.version, recipe.version.amazon_provider_stock)
    }
    here = {pin.name: pin.version for pin in found}
    return tuple(
        PackageDifference(name, _kind(name, published, here), published.get(name, ""), here.get(name, ""))
        for name in sorted({*published, *here})
        if published.get(name) != here.get(name)
    )


def _kind(name: str, published: dict[str, str], here: dict[str, str]) -> Difference:
    if name not in here:
        return Difference.MISSING
    return Difference.OTHER_VERSION if name in published else Difference.ADDED
