"""The project's requirements files, rewritten so that an installer on this machine reads them as MWAA's would.

Paths of MWAA's container become the project's, the official constraints come from the catalogue, and files that are
included are rewritten too. Line numbers stay, `${VARIABLES}` stay (they may be secrets; the installer expands them).
"""

import codecs
import locale
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from mwaa_local.catalog import constraints_for, list_versions, load_version
from mwaa_local.config import Project
from mwaa_local.errors import RequirementsError

# amazon-mwaa-docker-images, user_requirements.py: any line counts, a comment too (it is the way to opt out).
HAS_CONSTRAINTS = re.compile(r"-c |--constraint ")
_INCLUDE = re.compile(r"^\s*(-r|--requirement|-c|--constraint)(?:\s*=\s*|\s+|(?<=-[rc]))(?P<value>.+?)\s*$")
_LINKS = re.compile(r"^(?P<option>\s*(?:-f|--find-links)(?:\s*=\s*|\s+))(?P<value>.+?)\s*$")
OFFICIAL_CONSTRAINTS_URL = (
    "https://raw.githubusercontent.com/apache/airflow/constraints-{airflow}/constraints-{python}.txt"
)
OFFICIAL_CONSTRAINTS = re.compile(
    r"https://raw\.githubusercontent\.com/apache/airflow/constraints-(?P<airflow>[\d.]+)/constraints-(?P<python>[\d.]+)\.txt"
)
_CONTAINER = re.compile(
    r"(?:file://)?/usr/local/airflow/(?P<folder>dags|plugins|requirements)(?P<rest>/[^\s;#\"']*)?(?=[\s;#\"']|$)"
)
_LOCAL = re.compile(r"^(?P<option>\s*(?:(?:-e|--editable)(?:\s*=\s*|\s+))?)(?P<path>\.{1,2}/[^\s;#]*)")
_NAME = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(?P<exact>===?)?")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")


@dataclass(frozen=True, slots=True)
class NamedRequirement:
    """A line that asks for a package by name."""

    name: str
    file: Path
    line: int
    text: str
    exact: bool


@dataclass(frozen=True, slots=True)
class RequirementsFiles:
    """What the installer is to read: texts by file name, and what is worth knowing about them."""

    texts: tuple[tuple[str, str], ...]
    """(file name, text), the project's requirements file first."""
    sources: tuple[tuple[str, Path], ...]
    """(file name, where it came from)."""
    requirements: tuple[NamedRequirement, ...]
    local_files: tuple[Path, ...]
    """Wheels and folders of wheels that lines refer to."""
    has_constraints: bool
    """As MWAA counts it: the project's own file mentions a constraint, be it in a comment."""
    has_extra_index: bool
    trusted_hosts: tuple[str, ...]
    prereleases: bool


@dataclass(slots=True)
class _Rewriting:
    project: Project
    environ: Mapping[str, str]
    official: Callable[[str, str], str | None]
    texts: dict[str, str] = field(default_factory=dict)
    sources: dict[str, Path] = field(default_factory=dict)
    names: dict[Path, str] = field(default_factory=dict)
    requirements: list[NamedRequirement] = field(default_factory=list)
    local_files: list[Path] = field(default_factory=list)


def read_requirements(
    project: Project, environ: Mapping[str, str], official: Callable[[str, str], str | None]
) -> RequirementsFiles:
    """Read the project's requirements and everything they include.

    `environ` is what MWAA's container would expand variables from; `official` gives the official constraints of an
    Airflow and a Python version, None where only the network has them.
    """
    assert project.requirements is not None
    work = _Rewriting(project, environ, official)
    _rewrite_file(work, project.requirements, "requirements.txt", named=True)
    own = decode_requirements(project.requirements.read_bytes())
    every = "\n".join(work.texts.values())
    return RequirementsFiles(
        texts=tuple(work.texts.items()),
        sources=tuple(work.sources.items()),
        requirements=tuple(work.requirements),
        local_files=tuple(work.local_files),
        has_constraints=any(HAS_CONSTRAINTS.search(line) for line in own.splitlines()),
        has_extra_index=bool(re.search(r"^\s*--extra-index-url\b", every, re.MULTILINE)),
        trusted_hosts=tuple(re.findall(r"^\s*--trusted-host(?:\s*=\s*|\s+)(\S+)", every, re.MULTILINE)),
        prereleases=bool(re.search(r"^\s*--pre\b", every, re.MULTILINE)),
    )


def official_constraints(airflow: str, python: str) -> str | None:
    """Return the constraints that Airflow published for two versions, None where only the network has them."""
    if airflow not in list_versions():
        return None
    version = load_version(airflow)
    if version.python != python:
        return None
    pins = constraints_for(version, version.amazon_provider_stock)
    return "".join(f"{pin.name}=={pin.version}\n" for pin in pins)


def is_decodable(content: bytes) -> bool:
    """Return whether pip can read a file in MWAA's containers, where the locale's encoding is UTF-8."""
    declared = re.search(rb"\A(?:[^\n]*\n)?#.*?coding[:=]\s*([-\w.]+)", content)
    if declared or content.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def decode_requirements(content: bytes) -> str:
    """Decode a requirements file as pip does: a byte order mark, a coding line, UTF-8, the locale's encoding."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, errors="replace")
    declared = re.search(rb"\A(?:[^\n]*\n)?#.*?coding[:=]\s*([-\w.]+)", content)
    encodings = [declared[1].decode("ascii")] if declared else []
    for encoding in (*encodings, "utf-8", locale.getpreferredencoding(False)):
        try:
            return content.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return content.decode("latin-1")


def _rewrite_file(work: _Rewriting, source: Path, name: str, *, named: bool) -> None:
    try:
        text = decode_requirements(source.read_bytes())
    except OSError as error:
        raise RequirementsError(
            f"{source}: cannot be read ({error.strerror}).", hint="Check the path and who may read it."
        ) from error
    work.names[source.resolve()] = name
    work.sources[name] = source
    work.texts[name] = ""
    lines = []
    for number, line in enumerate(text.splitlines(), start=1):
        lines.append(_rewrite_line(work, line.rstrip(), source, number, named=named))
    work.texts[name] = "\n".join(lines) + "\n"


def _rewrite_line(work: _Rewriting, line: str, source: Path, number: int, *, named: bool) -> str:
    if not line.strip() or line.lstrip().startswith("#"):
        return line
    include = _INCLUDE.match(line)
    if include:
        value = _unquoted(_without_comment(include["value"]))
        return _rewrite_include(work, include[1], value, (source, number), named=named)
    links = _LINKS.match(line)
    if links:
        return f"{links['option']}{_rewrite_paths(work, _unquoted(_without_comment(links['value'])))}"
    name = _NAME.match(line)
    if named and name and "://" not in line.split("@")[0]:
        work.requirements.append(
            NamedRequirement(canonical(name[1]), source, number, line.strip(), bool(name["exact"]))
        )
    return _rewrite_paths(work, line)


def _rewrite_include(
    work: _Rewriting, option: str, value: str, place: tuple[Path, int], *, named: bool
) -> str:
    expanded = expand_variables(value, work.environ)
    official = OFFICIAL_CONSTRAINTS.fullmatch(expanded)
    if official:
        text = work.official(official["airflow"], official["python"])
        if text is not None:
            name = f"constraints-{official['airflow']}-{official['python']}.txt"
            work.texts[name] = text
            return f"{option} {name}"
    if re.match(r"https?://", expanded):
        return f"{option} {value}"
    path = _local_path(work, expanded, place[0])
    if not path.is_file():
        raise RequirementsError(
            f"{place[0]}:{place[1]}: {value} does not exist (looked for {path}).",
            hint="On MWAA the project lies under /usr/local/airflow: dags/, plugins/ and requirements/.",
        )
    if path.resolve() not in work.names:
        kind = "requirements" if option in ("-r", "--requirement") else "constraints"
        _rewrite_file(work, path, f"{kind}-{len(work.names)}.txt", named=named and kind == "requirements")
    return f"{option} {work.names[path.resolve()]}"


def _local_path(work: _Rewriting, value: str, source: Path) -> Path:
    # pip looks beside the file that includes.
    return locate(work.project, value, source.parent)


def locate(project: Project, value: str, folder: Path) -> Path:
    """Return where a path of a requirements file lies here; a relative one starts at `folder`."""
    container = _CONTAINER.fullmatch(value)
    if container:
        return _in_project(project, container["folder"], container["rest"])
    path = Path(value.removeprefix("file://"))
    return path if path.is_absolute() else folder / path


def _in_project(project: Project, folder: str, rest: str | None) -> Path:
    home = project.requirements.parent if project.requirements else project.root
    root = {
        "dags": project.dags,
        "plugins": project.plugins or project.root / "plugins",
        "requirements": home,
    }
    return root[folder] / (rest or "").strip("/")


def _rewrite_paths(work: _Rewriting, line: str) -> str:
    """Replace paths of MWAA's container, and paths that start at its working directory."""

    def from_container(match: re.Match[str]) -> str:
        return _url(work, _in_project(work.project, match["folder"], match["rest"]))

    def from_root(match: re.Match[str]) -> str:
        return match["option"] + _url(work, (work.project.root / match["path"]).absolute())

    return _LOCAL.sub(from_root, _CONTAINER.sub(from_container, line))


def _url(work: _Rewriting, path: Path) -> str:
    work.local_files.append(path)
    return f"file://{quote(str(path))}"


def _without_comment(value: str) -> str:
    return re.sub(r"\s+#.*$", "", value)


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def expand_variables(value: str, environ: Mapping[str, str]) -> str:
    """Replace `${NAME}` by its value, as pip does; a variable without a value stays."""
    return _VARIABLE.sub(lambda match: environ.get(match[1]) or match[0], value)


def find_variables(text: str) -> frozenset[str]:
    """Return the names of the variables that a file mentions."""
    return frozenset(_VARIABLE.findall(text))


def canonical(name: str) -> str:
    """Return a package name in its canonical form."""
    return re.sub(r"[-_.]+", "-", name).lower()
