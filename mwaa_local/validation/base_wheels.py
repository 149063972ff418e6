"""The preinstalled packages as wheels without content: metadata that a resolver can choose, with or without a network.

pip takes an installed package as a candidate even where the index has lost it, has yanked it, or has only its source.
"""

import shutil
import tempfile
import zipfile
from pathlib import Path

from mwaa_local.validation.base_environment import BaseEnvironment

_BUILD_TOOLS = frozenset({"cython", "numpy", "pip", "setuptools", "wheel"})
"""Left out: source packages are built with them, and an empty one would do nothing."""


def write_base_wheels(base: BaseEnvironment, folder: Path) -> Path:
    """Write one wheel for each package whose metadata is known into `folder`, unless they are there; return it."""
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix="base-", dir=folder.parent))
    for pin, lines in base.requires:
        if pin.name not in _BUILD_TOOLS:
            _write_wheel(partial, pin.name.replace("-", "_"), pin.version, lines)
    try:
        partial.rename(folder)
    except OSError:
        # Another command was quicker; what it wrote is the same.
        shutil.rmtree(partial, ignore_errors=True)
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
