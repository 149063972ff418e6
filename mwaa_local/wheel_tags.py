"""Which wheels an MWAA version can install: its Python, on Linux x86_64, with its C library."""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from mwaa_local.catalog import MwaaVersion

_GLIBC = {"Amazon Linux 2": 26, "Amazon Linux 2023": 34}
"""Minor version of the C library of MWAA's operating system: a wheel may ask for an older one, not for a newer."""

_C_LIBRARY = re.compile(r"manylinux_2_(\d{1,3})_x86_64")
_LEGACY = {17: "manylinux2014_x86_64", 12: "manylinux2010_x86_64", 5: "manylinux1_x86_64"}


def wheel_problem(file_name: str, version: MwaaVersion) -> str:
    """Say why MWAA cannot install the wheel of this name; empty if it can."""
    try:
        *_, tags = parse_wheel_filename(file_name)
    except InvalidWheelFilename:
        return "its name is not that of a wheel (name-version-python-abi-platform.whl)"
    if any(tag in _ranks(version) for tag in tags):
        return ""
    asked = sorted(str(tag) for tag in tags)
    return f"it is for {', '.join(asked[:3])}{', ...' if len(asked) > 3 else ''}"


def needs_newer_system(file_name: str, version: MwaaVersion) -> bool:
    """Return whether a wheel is for MWAA's Python and processor, but for a newer C library than it has."""
    try:
        *_, tags = parse_wheel_filename(file_name)
    except InvalidWheelFilename:
        return False
    numbers = {minor for tag in tags for minor in _C_LIBRARY.findall(tag.platform)}
    return any(
        int(minor) > _GLIBC[version.base_os] and any(tag in _ranks(version, int(minor)) for tag in tags)
        for minor in numbers
    )


def best_wheel(file_names: Iterable[str], version: MwaaVersion) -> str | None:
    """Return the wheel that pip on MWAA would choose; None if it can install none of them."""
    ranks = _ranks(version)
    found = []
    for name in file_names:
        with suppress(InvalidWheelFilename):
            *_, build, tags = parse_wheel_filename(name)
            known = [ranks[tag] for tag in tags if tag in ranks]
            if known:
                found.append((min(known), [-build[0]] if build else [0], name))
    return min(found)[2] if found else None


@lru_cache(maxsize=32)
def _ranks(version: MwaaVersion, c_library: int | None = None) -> dict[Tag, int]:
    """Return the tags that pip on MWAA accepts, the best first; `c_library`: if it had another."""
    platforms = list(supported_platforms(version, c_library))
    numbers = tuple(int(part) for part in version.python.split("."))
    ordered = (
        *cpython_tags(numbers, [python_abi(version)], platforms),
        *compatible_tags(numbers, f"cp{numbers[0]}{numbers[1]}", platforms),
    )
    return {tag: rank for rank, tag in enumerate(ordered)}


def supported_platforms(version: MwaaVersion, c_library: int | None = None) -> Iterator[str]:
    """Yield the platform tags that pip on MWAA accepts, the newest C library first; it may be asked for another one."""
    for minor in range(c_library or _GLIBC[version.base_os], 4, -1):
        yield f"manylinux_2_{minor}_x86_64"
        if minor in _LEGACY:
            yield _LEGACY[minor]
    yield "linux_x86_64"


def python_abi(version: MwaaVersion) -> str:
    """Return the ABI tag of MWAA's Python, as pip's `--abi` takes it."""
    name = f"cp{version.python.replace('.', '')}"
    # The m stands for pymalloc; CPython dropped it with 3.8.
    return f"{name}m" if tuple(int(part) for part in version.python.split(".")) < (3, 8) else name
