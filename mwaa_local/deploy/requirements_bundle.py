"""Decides what an offline bundle of a project's requirements holds, and writes the files that go with the wheels. Pure.

A bundle has what the requirements need and MWAA's own environment lacks, for Linux x86_64 and MWAA's Python only.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_version

from mwaa_local.catalog import MwaaVersion
from mwaa_local.deploy.lock_file import LockedFile, LockedPackage
from mwaa_local.wheel_tags import best_wheel

CONSTRAINTS_FILE = "constraints.txt"
PACKAGED_FILE = "packaged_requirements.txt"
PLUGINS = "/usr/local/airflow/plugins"


@dataclass(frozen=True, slots=True)
class ChosenWheel:
    """A wheel to be fetched."""

    package: LockedPackage
    file: LockedFile


@dataclass(frozen=True, slots=True)
class BundlePlan:
    """What to fetch, what to build, and what is in MWAA's environment already."""

    fetch: tuple[ChosenWheel, ...]
    build: tuple[LockedPackage, ...]
    present: tuple[tuple[str, str], ...]
    """(name, version)."""
    changes: tuple[tuple[str, str, str], ...]
    """(name, MWAA's version, the bundle's) of packages that MWAA has in another version."""


@dataclass(frozen=True, slots=True)
class BundledWheel:
    """A wheel of the finished bundle."""

    name: str
    version: str
    file: str
    built: bool
    """Made here, from source."""


def plan_bundle(
    packages: Iterable[LockedPackage],
    base: Mapping[str, str],
    version: MwaaVersion,
    *,
    complete: bool = False,
) -> BundlePlan:
    """Decide for each package; `base` is MWAA's environment (versions by name), `complete` bundles that too."""
    fetch, build, present, changes = [], [], [], []
    for package in packages:
        there = base.get(package.name)
        is_there = there is not None and _is_same(there, package.version)
        if is_there and not (complete and package.name != "apache-airflow"):
            present.append((package.name, package.version))
            continue
        if there is not None and not is_there:
            changes.append((package.name, there, package.version))
        names = {file.name: file for file in package.wheels}
        best = best_wheel(names, version)
        if best is not None:
            fetch.append(ChosenWheel(package, names[best]))
        else:
            build.append(package)
    return BundlePlan(tuple(fetch), tuple(build), tuple(present), tuple(changes))


def _is_same(one: str, other: str) -> bool:
    """Compare versions by meaning: 1.0 is 1.0.0."""
    return canonicalize_version(one) == canonicalize_version(other)


def render_packaged_requirements(
    wheels: Sequence[BundledWheel], present: Sequence[tuple[str, str]], version: MwaaVersion
) -> str:
    """Return packaged_requirements.txt: what MWAA installs from the wheels in plugins.zip, without a network.

    The constraints lie in the bundle too: a file that names none would, from 2.7.2 on, be given MWAA's own.
    """
    lines = [
        f"# For MWAA {version.airflow} (Python {version.python}). Made by mwaa-local package-requirements.",
        "# The wheels and the constraints are in plugins.zip; no package index is asked.",
        f"--constraint {PLUGINS}/{CONSTRAINTS_FILE}",
        f"--find-links {PLUGINS}",
        "--no-index",
        "",
        *(f"{wheel.name}=={wheel.version}" for wheel in _by_name(wheels)),
    ]
    if present:
        lines += ["", "# In MWAA's own environment already:"]
        lines += [f"# {name}=={number}" for name, number in sorted(present)]
    return "\n".join(lines) + "\n"


def render_constraints(wheels: Sequence[BundledWheel], version: MwaaVersion) -> str:
    """Return the constraints of the bundle: its own pins, and Airflow's.

    Not all of the version's constraints: the bundle was resolved under them, and what is not in it is MWAA's own, which
    a constraint could only make pip replace, from an index that is not there.
    """
    pins = {"apache-airflow": version.airflow} | {wheel.name: wheel.version for wheel in wheels}
    head = f"# Resolved under the constraints of Airflow {version.airflow} for Python {version.python}."
    return "\n".join([head, *(f"{name}=={number}" for name, number in sorted(pins.items()))]) + "\n"


def _by_name(wheels: Iterable[BundledWheel]) -> list[BundledWheel]:
    return sorted(wheels, key=lambda wheel: wheel.name)
