"""Whether an MWAA environment still works after an installation that pip calls a success.

pip looks only at what it installs: it exits with 0 although packages that were there before are left without what they
need. Judged by the metadata of everything that is installed, and by breakages that no metadata tells of.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from mwaa_local.validation.base_environment import BaseEnvironment
from mwaa_local.validation.known_breakages import KNOWN_BREAKAGES, Breakage

_COMPATIBLE = frozenset(
    {
        "attrs",
        "certifi",
        "charset-normalizer",
        "click",
        "colorlog",
        "croniter",
        "docutils",
        "filelock",
        "flask-wtf",
        "humanize",
        "idna",
        "lockfile",
        "packaging",
        "pygments",
        "pyjwt",
        "python-daemon",
        "python-slugify",
        "pytz",
        "rich",
        "six",
        "tabulate",
        "termcolor",
        "text-unidecode",
        "typing-extensions",
        "tzdata",
    }
)
"""Packages whose newer releases keep what Airflow uses of older ones: the limit was set from caution."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A package that was installed before and has no longer what it needs."""

    package: str
    version: str
    requirement: str
    needed: str
    """Name of what it needs."""
    found: str | None
    """Its version afterwards; None where it is gone."""
    fatal: bool
    """Whether Airflow stands on the package: its commands cannot be expected to start."""


@dataclass(frozen=True, slots=True)
class Health:
    """An environment after an installation."""

    broken: tuple[Broken, ...]
    breakages: tuple[Breakage, ...]
    airflow: str | None
    """Version of Airflow if it is another than before."""

    @property
    def works(self) -> bool:
        """Return whether Airflow can be expected to start."""
        return not (self.airflow or self.breakages or any(each.fatal for each in self.broken))


def judge_environment(base: BaseEnvironment, changed: Mapping[str, str]) -> Health:
    """Judge the base environment with the packages of `changed` (name -> version) in place of its own."""
    after = {**base.versions, **changed}
    new = _no_longer_satisfied(base, after, changed)
    airflow = after["apache-airflow"]
    return Health(
        broken=tuple(_as_broken(base, after, name, requirement) for name, requirement in new),
        breakages=tuple(each for each in KNOWN_BREAKAGES if _happens(each, base.versions, after)),
        airflow=airflow if airflow != base.version.airflow else None,
    )


def satisfies(specifier: SpecifierSet, version: str) -> bool:
    """Return whether an installed version satisfies a requirement; pre-releases do, once they are installed."""
    try:
        return specifier.contains(Version(version), prereleases=True)
    except InvalidVersion:
        return False


def _no_longer_satisfied(
    base: BaseEnvironment, after: Mapping[str, str], changed: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield (package, requirement) for what was there before; the metadata of replaced packages is the resolver's."""
    for name, requirement in base.requirements_on(changed.keys()):
        if after[name] != base.versions[name]:
            continue
        before, now = (each.get(canonicalize_name(requirement.name)) for each in (base.versions, after))
        if _takes(requirement, before) and not _takes(requirement, now):
            yield name, str(requirement)


def _takes(requirement: Requirement, version: str | None) -> bool:
    return version is not None and satisfies(requirement.specifier, version)


def _as_broken(base: BaseEnvironment, after: Mapping[str, str], name: str, text: str) -> Broken:
    needed = canonicalize_name(Requirement(text).name)
    return Broken(
        package=name,
        version=after[name],
        requirement=text.partition(";")[0].strip(),
        needed=needed,
        found=after.get(needed),
        fatal=name in base.foundation and not _is_harmless(base, after, needed),
    )


def _is_harmless(base: BaseEnvironment, after: Mapping[str, str], needed: str) -> bool:
    if needed not in _COMPATIBLE or needed not in after or needed not in base.versions:
        return False
    return Version(after[needed]) > Version(base.versions[needed])


def _happens(breakage: Breakage, before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    changed, victim = after.get(breakage.package), after.get(breakage.victim)
    if changed is None or victim is None:
        return False
    if changed == before.get(breakage.package) and victim == before.get(breakage.victim):
        return False
    return satisfies(SpecifierSet(breakage.versions), changed) and satisfies(
        SpecifierSet(breakage.victim_versions), victim
    )
