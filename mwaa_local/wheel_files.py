"""Which file of a folder is the archive of a pin: names are compared as the packaging standards say."""

from collections.abc import Iterable

from packaging.utils import InvalidSdistFilename, canonicalize_version, parse_sdist_filename

from mwaa_local.catalog import Pin


def archive_of(pin: Pin, file_names: Iterable[str]) -> str | None:
    """Return the first archive (NAME-VERSION.tar.gz) of exactly this version, None if there is none."""
    wanted = (pin.name, canonicalize_version(pin.version))
    return next((name for name in sorted(file_names) if _identity(name) == wanted), None)


def _identity(file_name: str) -> tuple[str, str] | None:
    try:
        name, version = parse_sdist_filename(file_name)
    except InvalidSdistFilename:
        return None
    return str(name), canonicalize_version(version)
