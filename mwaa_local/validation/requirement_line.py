"""One line of a requirements file that asks for a package, as pip reads it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from mwaa_local.catalog import MwaaVersion
from mwaa_local.config import Project
from mwaa_local.requirements_files import locate
from mwaa_local.validation.finding import Location
from mwaa_local.validation.requirement_options import LineError, LineOptions

_URL = re.compile(
    r"(?:(?P<name>[A-Za-z0-9][\w.-]*)\s*(?P<extras>\[[^\]]*\])?\s*@\s*)?(?P<url>[a-z][a-z0-9+.-]*:[^\s;]+)(?P<rest>.*)"
)
_ARCHIVES = (
    ".whl",
    ".zip",
    ".tar.gz",
    ".tgz",
    ".tar",
    ".tar.bz2",
    ".tbz",
    ".tar.xz",
    ".txz",
    ".tlz",
    ".tar.lz",
    ".tar.lzma",
)
_NAME = re.compile(r"[\w.-]*")
_PIN = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)"
    r"(?P<specifier>==\d+(?:\.\d+)*(?:(?:a|b|rc)\d+)?(?:\.post\d+)?(?:\.dev\d+)?)"
)
_EXTRAS = re.compile(r"^(?P<path>.+?)\[(?P<extras>[^\]]*)\]$")


@dataclass(frozen=True, slots=True)
class Target:
    """What lines are read for: MWAA's pip, and the answers to environment markers there."""

    pip: str
    python: str
    """In full."""
    markers: tuple[tuple[str, str], ...]

    @property
    def pip_number(self) -> tuple[int, ...]:
        """Return pip's version as numbers."""
        return tuple(int(part) for part in self.pip.split("."))

    def marker_environment(self, extra: str = "") -> dict[str, str]:
        """Return the values of environment markers, for one extra."""
        return dict(self.markers) | {"extra": extra}


def make_target(version: MwaaVersion) -> Target:
    """Return what a version's requirements are read for: its pip and its Python on Linux x86_64."""
    return Target(
        version.pip,
        version.python_full,
        (
            ("implementation_name", "cpython"),
            ("implementation_version", version.python_full),
            ("os_name", "posix"),
            ("platform_machine", "x86_64"),
            ("platform_python_implementation", "CPython"),
            ("platform_release", ""),
            ("platform_system", "Linux"),
            ("platform_version", ""),
            ("python_full_version", version.python_full),
            ("python_version", version.python),
            ("sys_platform", "linux"),
        ),
    )


@dataclass(frozen=True, slots=True)
class RequirementLine:
    """A requirement or a constraint: what it says, and where."""

    location: Location
    text: str
    """As the file says it, `${VARIABLES}` expanded, without comments and options."""
    name: str
    """Canonical; empty for a URL or a path that says none."""
    extras: tuple[str, ...]
    specifier: str
    marker: str
    url: str
    """Of a direct reference; a local file as file://."""
    editable: bool
    hashes: tuple[str, ...]
    constraint: bool = False

    @property
    def specifiers(self) -> SpecifierSet:
        """Return the versions that the line takes."""
        return SpecifierSet(self.specifier)

    @property
    def is_exact(self) -> bool:
        """Return whether the line takes one version only."""
        return bool(self.url) or any(
            each.operator in ("==", "===") and not each.version.endswith(".*") for each in self.specifiers
        )

    @property
    def wanted(self) -> str:
        """Return the line as a resolver takes it: without its marker, which is decided already."""
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        if self.url:
            return f"{self.name}{extras} @ {self.url}" if self.name else f"{self.url}{extras}"
        return f"{self.name}{extras}{self.specifier}"

    def applies(self, target: Target) -> bool:
        """Return whether the line's marker is true on MWAA."""
        if not self.marker:
            return True
        try:
            return Marker(self.marker).evaluate(target.marker_environment())
        except (UndefinedComparison, UndefinedEnvironmentName):
            return False


def parse_requirement(
    options: LineOptions, location: Location, project: Project, target: Target
) -> RequirementLine:
    """Read what a line asks for; LineError where pip refuses it."""
    text = options.requirement or options.editable
    hashes = tuple(value for name, value in options.values if name == "hash")
    place = _Place(location, project, hashes, bool(not options.requirement), target.pip_number < (24, 1))
    if place.editable:
        return _parse_editable(text, place)
    pin = _PIN.fullmatch(text)
    if pin is not None:
        # Constraints have hundreds of these: everything below is for others.
        name = canonicalize_name(pin["name"])
        return RequirementLine(
            location, text, name, (), pin["specifier"], "", "", editable=False, hashes=hashes
        )
    direct = _URL.fullmatch(text)
    if (direct and "://" in text) or text.startswith("file:"):
        if direct is None:
            raise LineError(f"pip cannot read {text!r}.", "An address is file:///PATH, or https://HOST/FILE.")
        return _parse_url(direct, text, place)
    path = _path_of(text)
    if path:
        return _parse_path(text, path, place)
    return _parse_name(text, place)


@dataclass(frozen=True, slots=True)
class _Place:
    location: Location
    project: Project
    hashes: tuple[str, ...]
    editable: bool
    legacy: bool
    """Whether pip is older than 24.1, and takes versions that are none."""


def name_of(text: str) -> str:
    """Return the canonical name that a requirement begins with, without reading the rest of it."""
    return canonicalize_name(_NAME.match(text)[0])  # type: ignore[index] # an empty text matches


def _parse_name(text: str, place: _Place) -> RequirementLine:
    try:
        # >=1.3.* is compared as a text by old pips; for all that matters it is >=1.3.
        requirement = Requirement(re.sub(r"([<>]=?\s*[\d.]+)\.\*", r"\1", text) if place.legacy else text)
    except InvalidRequirement as error:
        raise LineError(f"pip cannot read {text!r}.", _syntax_hint(text)) from error
    return RequirementLine(
        place.location,
        text,
        canonicalize_name(requirement.name),
        tuple(sorted(requirement.extras)),
        str(requirement.specifier),
        str(requirement.marker or ""),
        requirement.url or "",
        place.editable,
        place.hashes,
    )


def _syntax_hint(text: str) -> str:
    if re.fullmatch(r"[\w.-]+\s*=[^=].*", text):
        return "= is not an operator. Did you mean == ?"
    if re.match(r"(apt|yum|dnf|pip3?|conda|sudo|python3?)\b", text):
        return "requirements.txt lists Python packages; commands belong into the startup script."
    return "A line is a name, extras in brackets, and versions: pandas[excel]>=1.3,<2"


def _parse_url(match: re.Match[str], text: str, place: _Place) -> RequirementLine:
    name = canonicalize_name(match["name"]) if match["name"] else ""
    marker = _read_marker(match["rest"].strip().removeprefix(";").strip(), text)
    url = match["url"]
    file = re.sub(r"[#?].*", "", url).rsplit("/", 1)[-1]
    if url.startswith("file:"):
        path = locate(place.project, re.sub(r"#.*", "", url), place.project.root)
        if not path.exists():
            raise _missing(text, path, place)
        url = path.absolute().as_uri()
    egg = re.search(r"[#&]egg=([\w.-]+)", match["url"])
    name = name or (canonicalize_name(egg[1]) if egg else _wheel_name(file))
    extras = tuple(each.strip() for each in (match["extras"] or "").strip("[]").split(",") if each.strip())
    return RequirementLine(place.location, text, name, extras, "", marker, url, place.editable, place.hashes)


def _read_marker(marker: str, text: str) -> str:
    try:
        return marker and str(Marker(marker))
    except InvalidMarker as error:
        raise LineError(
            f"pip cannot read the marker of {text!r}.", "A marker is, for example: python_version < '3.8'"
        ) from error


def _wheel_name(file: str) -> str:
    try:
        return str(parse_wheel_filename(file)[0])
    except InvalidWheelFilename:
        return ""


def _path_of(text: str) -> str:
    """Return the path that a line names: pip takes what has a slash, begins with a dot, or ends as an archive."""
    path = _split_extras(text)[0]
    if "@" in path and not path.startswith((".", "/")):
        return ""
    return path if "/" in path or path.startswith(".") or path.lower().endswith(_ARCHIVES) else ""


def _split_extras(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the path of a line, and the extras in brackets behind it."""
    path = text.split(";")[0].strip()
    bare = _EXTRAS.match(path)
    if bare is None or "/" not in path:
        return path, ()
    return bare["path"], tuple(sorted(each.strip() for each in bare["extras"].split(",") if each.strip()))


def _parse_path(text: str, path: str, place: _Place) -> RequirementLine:
    found = locate(place.project, path, place.project.root)
    if not found.exists():
        raise _missing(text, found, place)
    if found.is_dir() and not any((found / each).is_file() for each in ("setup.py", "pyproject.toml")):
        raise LineError(
            f"{text!r} is a folder without setup.py and pyproject.toml.",
            "Name a wheel, or a package's folder.",
        )
    marker = _read_marker(text.partition(";")[2].strip(), text)
    return RequirementLine(
        place.location,
        text,
        _wheel_name(found.name),
        _split_extras(text)[1],
        "",
        marker,
        found.absolute().as_uri(),
        place.editable,
        place.hashes,
    )


def _parse_editable(text: str, place: _Place) -> RequirementLine:
    direct = _URL.fullmatch(text)
    if direct and "://" in text:
        return _parse_url(direct, text, place)
    return _parse_path(text, _split_extras(text)[0], place)


def _missing(text: str, path: Path, place: _Place) -> LineError:
    plugins = place.project.plugins
    inside = (
        plugins is not None and path.is_relative_to(plugins) and not path.is_relative_to(place.project.root)
    )
    shown = f"plugins/{path.relative_to(plugins)}" if plugins is not None and inside else str(path)
    return LineError(
        f"{text!r}: there is no {shown}.",
        "On MWAA the project lies under /usr/local/airflow: dags/, plugins/ and requirements/.",
    )


def evaluate(requirement: Requirement, environment: Mapping[str, str]) -> bool:
    """Return whether a requirement of a package counts in an environment."""
    return requirement.marker is None or requirement.marker.evaluate(dict(environment))
