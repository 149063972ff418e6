"""One package that the requirements reach: its version before and after, and what decided it."""

from collections.abc import Mapping
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from mwaa_local.validation.finding import Location
from mwaa_local.validation.requirement_line import RequirementLine
from mwaa_local.validation.resolution import ResolvedPackage

ESSENTIAL_ORIGIN = "MWAA's essential constraints"


@dataclass(frozen=True, slots=True)
class PackageVerdict:
    """What becomes of one package."""

    name: str
    version: str
    before: str | None
    """Its version in the base environment."""
    decided_by: str
    """`line`, `constraint`, `essential`, `installed`, or `index`: the newest that lines and packages allow."""
    location: Location | None
    """Of the line or pin that decided, or of the line that asks for the newest."""
    required_by: tuple[str, ...]

    @property
    def is_changed(self) -> bool:
        """Return whether the installation brings it, or brings another version of it."""
        return self.version != self.before


def decide_package(
    package: ResolvedPackage,
    before: str | None,
    lines: Mapping[str, RequirementLine],
    pins: Mapping[str, RequirementLine],
) -> PackageVerdict:
    """Say what decided a package's version; `lines` and `pins` by name, exact ones first."""
    line, pin = lines.get(package.name), pins.get(package.name)
    if line is not None and line.is_exact:
        decided, location = "line", line.location
    elif pin is not None and pin.is_exact:
        essential = pin.location.file.startswith(ESSENTIAL_ORIGIN)
        decided, location = ("essential" if essential else "constraint"), pin.location
    elif package.version == before:
        decided, location = "installed", None
    else:
        decided, location = "index", (line.location if line else None)
    return PackageVerdict(package.name, package.version, before, decided, location, package.required_by)


def by_name(lines: tuple[RequirementLine, ...]) -> dict[str, RequirementLine]:
    """Return lines by the name they are about, an exact one rather than another."""
    found: dict[str, RequirementLine] = {}
    for line in lines:
        if line.name and (line.name not in found or (line.is_exact and not found[line.name].is_exact)):
            found[line.name] = line
    return found


def is_same_version(one: str, other: str) -> bool:
    """Return whether two texts name the same version: 1.0 is 1.0.0."""
    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return one == other
