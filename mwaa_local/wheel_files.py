"""Which file of a folder is the wheel of a pin: names are compared as the packaging standards say."""

from collections.abc import Iterable

from packaging.utils import InvalidWheelFilename, canonicalize_version, parse_wheel_filename

from mwaa_local.catalog import Pin


def wheel_of(pin: Pin, file_names: Iterable[str]) -> str | None:
    """Return the first wheel of exactly this version, None if there is none."""
    wanted = (pin.name, canonicalize_version(pin.version))
    return next((name for name in sorted(file_names) if _identity(name) == wanted), None)


def _identity(file_name: str) -> tuple[str, str] | None:
    try:
        name, version, *_ = parse_wheel_filename(file_name)
    except InvalidWheelFilename:
        return None
    return str(name), canonicalize_version(version)
