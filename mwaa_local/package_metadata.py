"""What packages of a version require: their metadata, as far as installers look at it.

Read from `images/<version>/requires.txt` (what is preinstalled) and `source_requires.txt` (pins of the constraints that
have no wheel), so that neither a network nor an installed environment nor a build is needed.
"""

from pathlib import Path

from mwaa_local.catalog import MwaaVersion, Pin, data_folder
from mwaa_local.errors import CatalogError

PackageRequires = tuple[tuple[Pin, tuple[str, ...]], ...]


def load_requires(version: MwaaVersion, images: Path | None = None) -> PackageRequires:
    """Return each stock package with the requirements that its metadata lists, extras among them."""
    return _load((images or data_folder("images")) / version.airflow / "requires.txt")


def load_source_requires(version: MwaaVersion, images: Path | None = None) -> PackageRequires:
    """Return those pins of the constraints that would have to be built, with what their metadata would list."""
    return _load((images or data_folder("images")) / version.airflow / "source_requires.txt")


def _load(file: Path) -> PackageRequires:
    try:
        return parse_requires(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError(f"{file}: cannot be read ({error}).", hint="Reinstall mwaa-local.") from error


def parse_requires(text: str, origin: str) -> PackageRequires:
    """Read `name==version` lines, each followed by its requirements, indented."""
    found: list[tuple[Pin, list[str]]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith(" ") and found:
            found[-1][1].append(line.strip())
            continue
        name, separator, version = line.partition("==")
        if not separator or line.startswith(" "):
            raise CatalogError(f"{origin}:{number}: not a pin: {line!r}.", hint="Reinstall mwaa-local.")
        found.append((Pin(name, version), []))
    return tuple((pin, tuple(lines)) for pin, lines in found)
