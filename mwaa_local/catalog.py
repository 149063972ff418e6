"""The MWAA versions: what each one runs, pins, and does differently.

Facts only, read from `images/<version>/`; nothing here knows about a project or a machine.
"""

import difflib
import re
import tomllib
from pathlib import Path
from typing import Literal

from mwaa_local.errors import CatalogError
from mwaa_local.mwaa_version import (
    AmazonOverlay,
    CompiledPackage,
    ConstraintsPolicy,
    Generation,
    MwaaVersion,
    Pin,
    Role,
    parse_version,
)

__all__ = [
    "DEFAULT_VERSION",
    "AmazonOverlay",
    "CompiledPackage",
    "ConstraintsPolicy",
    "Generation",
    "MwaaVersion",
    "Pin",
    "Role",
    "constraints_for",
    "data_folder",
    "difference_from_stock",
    "environment_pins",
    "essential_for",
    "is_resolved",
    "list_versions",
    "load_version",
    "parse_pins",
    "version_numbers",
]

DEFAULT_VERSION = "2.2.2"

_NEVER_OFFERED = {
    "1.10.15": "it exists only as a branch of AWS's local runner",
}

_AMAZON = "apache-airflow-providers-amazon"
_PIN = re.compile(r"([a-z0-9][a-z0-9-]*)==(\S+)")


def data_folder(name: Literal["images", "compose", "sample_dags"]) -> Path:
    """Return the folder of data files called `name`: the packaged one if it exists, else the checkout's."""
    package = Path(__file__).parent
    packaged = package / f"_{name}"
    return packaged if packaged.is_dir() else package.resolve().parent / name


def list_versions(images: Path | None = None) -> tuple[str, ...]:
    """Return the names of every version that MWAA has offered, oldest first."""
    folder = images or data_folder("images")
    try:
        names = [file.parent.name for file in folder.glob("*/version.toml")]
    except OSError as error:
        raise CatalogError(f"{folder}: cannot be read ({error.strerror}).") from error
    return tuple(sorted(names, key=version_numbers))


def version_numbers(name: str) -> tuple[int, ...]:
    """Return a version such as `2.10.3` as numbers, for ordering."""
    return tuple(int(part) for part in name.split("."))


def load_version(name: str, images: Path | None = None) -> MwaaVersion:
    """Read the version called `name`; CatalogError with the nearest names where MWAA never had it."""
    folder = images or data_folder("images")
    # Looking at the one file first keeps `status` from listing the folder.
    if not re.fullmatch(r"\d+(\.\d+)+", name) or not (folder / name / "version.toml").is_file():
        raise _unknown_version(name, list_versions(folder))
    file = folder / name / "version.toml"
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CatalogError(f"{file}: {error}.", hint="Reinstall mwaa-local.") from error
    return parse_version(file, values)


def constraints_for(
    version: MwaaVersion, amazon_provider: str | None, images: Path | None = None
) -> tuple[Pin, ...]:
    """Return the official constraints, changed so that `amazon_provider` can be installed under them.

    A provider that the catalogue has not resolved (`is_resolved`) takes watchtower's pin out as well: it
    belongs to the stock provider, and pip would refuse both together.
    """
    pins = _read_pins(version, "constraints", images)
    if amazon_provider == version.amazon_provider_stock or amazon_provider is None:
        return pins
    overlay = _overlay(version, amazon_provider)
    if overlay:
        return _overlaid(pins, overlay.constraints)
    freed = tuple(pin for pin in pins if pin.name != "watchtower")
    return _overlaid(freed, (Pin(_AMAZON, amazon_provider),))


def essential_for(version: MwaaVersion, images: Path | None = None) -> tuple[Pin, ...]:
    """Return the pins that MWAA lets no requirements.txt change; empty before 2.9.2."""
    if version.constraints_policy is not ConstraintsPolicy.ESSENTIAL:
        return ()
    return _read_pins(version, "essential", images)


def environment_pins(
    version: MwaaVersion, amazon_provider: str | None, images: Path | None = None
) -> tuple[Pin, ...]:
    """Return what is preinstalled, `apache-airflow`, pip and setuptools included.

    Where `is_resolved` is true the pins are complete and are installed without resolving. Otherwise only the
    amazon pin was replaced: install `apache-airflow` and the providers of this list under `constraints_for`,
    and let the installer find what the provider needs.
    """
    pins = _read_pins(version, "environment", images)
    if amazon_provider == version.amazon_provider_stock or amazon_provider is None:
        return pins
    overlay = _overlay(version, amazon_provider)
    return _overlaid(pins, overlay.environment if overlay else (Pin(_AMAZON, amazon_provider),))


def is_resolved(version: MwaaVersion, amazon_provider: str | None) -> bool:
    """Return whether `environment_pins` is complete for this provider, so that nothing needs resolving."""
    stock = amazon_provider in (None, version.amazon_provider_stock)
    return stock or _overlay(version, amazon_provider) is not None


def difference_from_stock(
    version: MwaaVersion, amazon_provider: str | None, images: Path | None = None
) -> tuple[str, ...]:
    """Say in sentences how the environment differs from the one that MWAA runs; empty for the stock one."""
    stock = version.amazon_provider_stock
    if amazon_provider in (None, stock):
        return ()
    if stock is None:
        return (f"amazon provider {amazon_provider} is installed; MWAA preinstalls none.",)
    first = f"amazon provider {amazon_provider} instead of the {stock} that MWAA preinstalls."
    if not is_resolved(version, amazon_provider):
        return (first, "What that provider needs was chosen by the installer, not by MWAA's set.")
    before = {pin.name: pin.version for pin in _read_pins(version, "environment", images)}
    after = {pin.name: pin.version for pin in environment_pins(version, amazon_provider, images)}
    added = [f"{name} {number}" for name, number in after.items() if name not in before]
    changed = [
        f"{name} {after[name]} instead of {number}"
        for name, number in before.items()
        if name != _AMAZON and after[name] != number
    ]
    return (
        first,
        *((f"Added for it: {', '.join(added)}.",) if added else ()),
        *((f"Changed for it: {', '.join(changed)}.",) if changed else ()),
    )


def parse_pins(text: str, origin: str) -> tuple[Pin, ...]:
    """Read `name==version` lines (canonical names; `#` comments and empty lines are skipped)."""
    pins = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        match = _PIN.fullmatch(line)
        if not match:
            raise CatalogError(f"{origin}:{number}: not a pin: {line!r}.", hint="Reinstall mwaa-local.")
        pins.append(Pin(match[1], match[2]))
    return tuple(pins)


def _read_pins(
    version: MwaaVersion, what: Literal["constraints", "essential", "environment"], images: Path | None
) -> tuple[Pin, ...]:
    file = (images or data_folder("images")) / version.airflow / f"{what}.txt"
    try:
        return parse_pins(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError(f"{file}: cannot be read ({error}).", hint="Reinstall mwaa-local.") from error


def _overlaid(pins: tuple[Pin, ...], changes: tuple[Pin, ...]) -> tuple[Pin, ...]:
    merged = {pin.name: pin for pin in pins} | {pin.name: pin for pin in changes}
    return tuple(merged[name] for name in sorted(merged))


def _overlay(version: MwaaVersion, amazon_provider: str | None) -> AmazonOverlay | None:
    return next((each for each in version.amazon_overlays if each.amazon_provider == amazon_provider), None)


def _unknown_version(name: str, known: tuple[str, ...]) -> CatalogError:
    if name in _NEVER_OFFERED:
        message = f"MWAA never offered Airflow {name}: {_NEVER_OFFERED[name]}."
    else:
        message = f"MWAA never offered Airflow {name!r}."
    return CatalogError(
        message, hint=f"Nearest: {', '.join(_nearest(name, known))}. `mwaa-local versions` lists all."
    )


def _nearest(name: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return up to three known versions: those of the same minor (`2.10`), then those written alike."""
    minor = ".".join(name.split(".")[:2])
    same = [each for each in known if each.startswith(f"{minor}.")]
    alike = [each for each in difflib.get_close_matches(name, known, n=3, cutoff=0.0) if each not in same]
    return tuple((same + alike)[:3])
