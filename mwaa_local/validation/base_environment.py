"""What requirements are installed on: MWAA's preinstalled packages with their metadata, and the pins that MWAA adds."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mwaa_local.catalog import (
    ConstraintsPolicy,
    MwaaVersion,
    Pin,
    constraints_for,
    environment_pins,
    essential_for,
)
from mwaa_local.package_metadata import PackageRequires, load_requires, load_source_requires
from mwaa_local.validation.requirement_line import Target, evaluate, make_target, name_of


@dataclass(frozen=True)
class BaseEnvironment:
    """An MWAA environment before the project's requirements."""

    version: MwaaVersion
    amazon_provider: str | None
    target: Target
    pins: tuple[Pin, ...]
    requires: PackageRequires
    """Of the packages whose metadata is known: all of them, unless another amazon provider was asked for."""
    source_requires: PackageRequires
    """Of the constraints' pins that have no wheel: what a build would find."""
    constraints: tuple[Pin, ...]
    """The version's own."""
    essential: tuple[Pin, ...]

    @cached_property
    def versions(self) -> Mapping[str, str]:
        """Return what is installed, by name."""
        return {pin.name: pin.version for pin in self.pins}

    def requirements_on(self, names: Collection[str]) -> Iterator[tuple[str, Requirement]]:
        """Yield (package, what it needs on MWAA) for each requirement that is about one of `names`."""
        environment = self.target.marker_environment()
        for pin, lines in self.requires:
            for line in _plain(lines):
                if name_of(line) in names:
                    requirement = Requirement(line)
                    if evaluate(requirement, environment):
                        yield pin.name, requirement

    @cached_property
    def foundation(self) -> frozenset[str]:
        """Return Airflow and everything that it needs, directly or not."""
        needs: dict[str, list[str]] = {}
        for name, requirement in self.requirements_on(self.versions):
            needs.setdefault(name, []).append(canonicalize_name(requirement.name))
        found: set[str] = set()
        waiting = ["apache-airflow", "apache-airflow-providers-celery"]
        while waiting:
            name = waiting.pop()
            if name in self.versions and name not in found:
                found.add(name)
                waiting += needs.get(name, ())
        return frozenset(found)

    @property
    def forces_constraints(self) -> bool:
        """Return whether MWAA adds its constraints to a file without any."""
        return self.version.constraints_policy is not ConstraintsPolicy.WARN


def make_base(version: MwaaVersion, amazon_provider: str | None) -> BaseEnvironment:
    """Return the environment of a version, with MWAA's stock amazon provider or another."""
    pins = environment_pins(version, amazon_provider)
    present = set(pins)
    return BaseEnvironment(
        version=version,
        amazon_provider=amazon_provider,
        target=make_target(version),
        pins=pins,
        requires=tuple((pin, lines) for pin, lines in load_requires(version) if pin in present),
        source_requires=tuple(each for each in load_source_requires(version) if each[0] not in present),
        constraints=constraints_for(version, version.amazon_provider_stock),
        essential=essential_for(version),
    )


def _plain(lines: tuple[str, ...]) -> tuple[str, ...]:
    # Most lines of Airflow's metadata belong to extras; not parsing them saves a tenth of a second.
    return tuple(line for line in lines if "extra ==" not in line or " or " in line)
