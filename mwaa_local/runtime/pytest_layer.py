"""A pytest for an environment that has none: in a folder of its own in the cache, the environment stays as it is.

What the environment has already is left out of the folder, and the folder comes last on the path: the user's code sees
what MWAA would show it.
"""

import hashlib
import shutil
from pathlib import Path

from mwaa_local.catalog import Pin
from mwaa_local.errors import EnvironmentBuildError
from mwaa_local.runtime.cache_entry import Entry, Record, ensure_entry
from mwaa_local.runtime.environment_copy import installed_versions
from mwaa_local.runtime.installer import Toolchain, explain, pip_install
from mwaa_local.runtime.venv import write_pins

_PYTEST = {(3, 6): "7.0.1", (3, 7): "7.4.4", (3, 8): "8.3.5"}
_NEWEST = "8.4.2"
_CONCERNED = (
    "attrs",
    "colorama",
    "exceptiongroup",
    "importlib-metadata",
    "iniconfig",
    "packaging",
    "pluggy",
    "py",
    "pygments",
    "tomli",
    "typing-extensions",
    "zipp",
)
"""Everything that a pytest needs, in any version."""


def ensure_pytest(python: Path, minor: tuple[int, int], cache: Path, tools: Toolchain) -> Path | None:
    """Return the folder that adds pytest to an environment; None if that has one itself."""
    present = installed_versions(python.parent.parent)
    if "pytest" in present:
        return None
    kept = tuple(Pin(name, present[name]) for name in _CONCERNED if name in present)
    version = _PYTEST.get(minor, _NEWEST)
    key = hashlib.sha256(repr((1, version, minor, kept)).encode()).hexdigest()[:16]
    folder = cache / "pytest" / f"{version}-{key}"

    def build(partial: Path) -> Record:
        tools.notify(f"Installing pytest {version} beside the environment (once).")
        _install(python, version, kept, partial, tools)
        return {"pytest": version}

    return ensure_entry(folder, build, _is_usable, tools.locks).folder / "site"


def _is_usable(entry: Entry) -> bool:
    return (entry.folder / "site" / "pytest").is_dir()


def _install(python: Path, version: str, kept: tuple[Pin, ...], folder: Path, tools: Toolchain) -> None:
    site = folder / "site"
    constraints = write_pins(folder / "constraints.txt", kept)
    arguments = ["--target", str(site), f"pytest=={version}", "--constraints", str(constraints)]
    result = pip_install(tools, python, arguments, offline_first=True)
    if result.exit_code:
        # An old companion in the environment that this pytest cannot use: bring a newer one, for pytest alone.
        shutil.rmtree(site, ignore_errors=True)
        result = pip_install(tools, python, arguments[:-2], offline_first=True)
    if result.exit_code:
        raise explain(result.stderr, folder, f"pytest {version} cannot be installed")
    if not (site / "pytest").is_dir():
        raise EnvironmentBuildError(
            f"pytest {version} was not installed into {site}.", hint="Put pytest into requirements.txt."
        )
