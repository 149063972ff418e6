"""Which wheels an MWAA version can install: its Python, on Linux x86_64, with its C library."""

from collections.abc import Iterator
from functools import lru_cache

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from mwaa_local.catalog import MwaaVersion

_GLIBC = {"Amazon Linux 2": 26, "Amazon Linux 2023": 34}
"""Minor version of the C library of MWAA's operating system: a wheel may ask for an older one, not for a newer."""

_LEGACY = {17: "manylinux2014_x86_64", 12: "manylinux2010_x86_64", 5: "manylinux1_x86_64"}


def wheel_problem(file_name: str, version: MwaaVersion) -> str:
    """Say why MWAA cannot install the wheel of this name; empty if it can."""
    try:
        *_, tags = parse_wheel_filename(file_name)
    except InvalidWheelFilename:
        return "its name is not that of a wheel (name-version-python-abi-platform.whl)"
    if tags & supported_tags(version):
        return ""
    asked = sorted(str(tag) for tag in tags)
    return f"it is for {', '.join(asked[:3])}{', ...' if len(asked) > 3 else ''}"


@lru_cache(maxsize=32)
def supported_tags(version: MwaaVersion) -> frozenset[Tag]:
    """Return the tags that pip on MWAA accepts."""
    platforms = list(supported_platforms(version))
    numbers = tuple(int(part) for part in version.python.split("."))
    interpreter = f"cp{numbers[0]}{numbers[1]}"
    return frozenset(
        (
            *cpython_tags(numbers, platforms=platforms, abis=list(_abis(interpreter, numbers))),
            *compatible_tags(numbers, interpreter, platforms),
        )
    )


def supported_platforms(version: MwaaVersion) -> Iterator[str]:
    """Yield the platform tags that pip on MWAA accepts, the newest C library first."""
    for minor in range(_GLIBC[version.base_os], 4, -1):
        yield f"manylinux_2_{minor}_x86_64"
        if minor in _LEGACY:
            yield _LEGACY[minor]
    yield "linux_x86_64"


def _abis(interpreter: str, python: tuple[int, ...]) -> Iterator[str]:
    # The m stands for pymalloc; CPython dropped it with 3.8.
    yield f"{interpreter}m" if python < (3, 8) else interpreter
