"""The packages that mwaa-local itself needs, as they are installed here: what another machine has to install."""

from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement

from mwaa_local.requirements_files import canonical

OWN = "mwaa-local"
TARGET: Mapping[str, str] = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "sys_platform": "linux",
    "extra": "",
}
"""Where they are to be installed, as far as it may differ from here; Python's version is added."""


def needed_packages(
    python: str,
    without: Iterable[str] = (),
    find: Callable[[str], Distribution] = distribution,
) -> tuple[str, ...]:
    """Return what to install for a Python on Linux: pins, and plain requirements of what is not needed here.

    `without` are packages that are left out, with what only they need.
    """
    left_out = {canonical(name) for name in without}
    target = {**TARGET, "python_version": python, "python_full_version": f"{python}.0"}
    found: dict[str, str] = {}
    waiting = [Requirement(OWN)]
    while waiting:
        wanted = waiting.pop()
        name = canonical(wanted.name)
        key = f"{name}[{','.join(sorted(wanted.extras))}]"
        if key in found or name in left_out:
            continue
        try:
            here = find(wanted.name)
        except PackageNotFoundError:
            found[key] = f"{wanted.name}{wanted.specifier}"
            continue
        found[key] = f"{name}=={here.version}"
        waiting += _requirements(here, wanted.extras, target)
    return tuple(sorted({text for key, text in found.items() if not key.startswith(f"{OWN}[")}))


def _requirements(here: Distribution, extras: Iterable[str], target: Mapping[str, str]) -> list[Requirement]:
    """Return what a package needs there, with some of its extras."""
    chosen = []
    for text in here.requires or ():
        each = Requirement(text)
        if each.marker is None or any(
            each.marker.evaluate({**target, "extra": extra}) for extra in ("", *extras)
        ):
            chosen.append(each)
    return chosen
