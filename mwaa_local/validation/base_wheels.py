"""The preinstalled packages as wheels without content: metadata that a resolver can choose, with or without a network.

pip takes an installed package as a candidate even where the index has lost it, has yanked it, or has only its source.
"""

import zipfile
from pathlib import Path

from mwaa_local.validation.base_environment import BaseEnvironment

_BUILD_TOOLS = frozenset({"cython", "numpy", "pip", "setuptools", "wheel"})


def write_base_wheels(base: BaseEnvironment, folder: Path) -> Path:
    """Write one wheel for each package whose metadata is known into `folder`, unless they are there; return it."""
    marker = folder / "complete"
    if marker.exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    for pin, lines in base.requires:
        if pin.name in _BUILD_TOOLS:
            # Source packages are built with them: an empty one would do nothing.
            continue
        _write_wheel(folder, pin.name.replace("-", "_"), pin.version, lines)
    marker.touch()
    return folder


def _write_wheel(folder: Path, name: str, version: str, requires: tuple[str, ...]) -> None:
    info = f"{name}-{version}.dist-info"
    files = {
        f"{info}/METADATA": render_metadata(name, version, requires),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: mwaa-local\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{each},,\n" for each in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            # A fixed date: the same wheel every time.
            wheel.writestr(zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0)), text)


def render_metadata(name: str, version: str, requires: tuple[str, ...]) -> str:
    """Return the METADATA of a package."""
    extras = sorted({extra for line in requires for extra in extras_of(line)})
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Provides-Extra: {extra}" for extra in extras]
    lines += [f"Requires-Dist: {line}" for line in requires]
    return "\n".join(lines) + "\n"


def extras_of(line: str) -> tuple[str, ...]:
    """Return the extras that a requirement belongs to."""
    parts = line.replace('"', "'").split("extra == '")[1:]
    return tuple(part.partition("'")[0] for part in parts)
