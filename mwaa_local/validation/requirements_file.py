"""requirements.txt as the pip of an MWAA version reads it: lines as values, each with its place in the user's files.

Reading only: nested files, constraints, options, markers, and what pip refuses before it looks for any package. What
the lines resolve to is `resolution`'s.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urljoin

from mwaa_local.config import Project
from mwaa_local.errors import RequirementsError
from mwaa_local.ports import HttpAnswer
from mwaa_local.requirements_files import (
    HAS_CONSTRAINTS,
    OFFICIAL_CONSTRAINTS,
    decode_requirements,
    expand_variables,
    is_decodable,
    locate,
    official_constraints,
)
from mwaa_local.validation.finding import Finding, Location, Severity
from mwaa_local.validation.requirement_line import RequirementLine, Target, parse_requirement
from mwaa_local.validation.requirement_options import FileOptions, LineError, LineOptions, parse_options

_COMMENT = re.compile(r"(^|\s+)#.*$")
_REMOTE = re.compile(r"(https?|ftp)://")
_DEEPEST = 50

Fetch = Callable[[str], HttpAnswer]
"""An address -> its file; status 0 where nobody answers."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A requirements or constraints file that only the network has."""

    url: str
    constraint: bool
    location: Location


@dataclass(frozen=True, slots=True)
class RequirementsFile:
    """Everything that pip reads from the project's requirements, in its order."""

    lines: tuple[RequirementLine, ...]
    """Requirements that count: those whose marker is false are in `skipped`."""
    constraints: tuple[RequirementLine, ...]
    skipped: tuple[RequirementLine, ...]
    remote: tuple[RemoteFile, ...]
    """Files that were not fetched, because the reader was given nothing to fetch with."""
    options: FileOptions
    has_constraints: bool
    """As MWAA counts it: the project's own file mentions a constraint, be it in a comment."""
    texts: tuple[tuple[str, str], ...]
    """(file, text) of everything that was read, for digests."""
    findings: tuple[Finding, ...]
    """What pip refuses, and what it will not read as it was meant."""

    @property
    def top(self) -> Location:
        """Return the beginning of the project's own file: the place of what no single line is to blame for."""
        return Location(self.texts[0][0], 1)


@dataclass(slots=True)
class _Reading:
    project: Project
    environ: Mapping[str, str]
    target: Target
    fetch: Fetch | None = None
    lines: list[RequirementLine] = field(default_factory=list)
    constraints: list[RequirementLine] = field(default_factory=list)
    skipped: list[RequirementLine] = field(default_factory=list)
    remote: list[RemoteFile] = field(default_factory=list)
    options: FileOptions = field(default_factory=FileOptions)
    texts: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    reading: list[Path | str] = field(default_factory=list)

    def refuse(self, rule_id: str, location: Location, message: str, hint: str) -> None:
        self.findings.append(
            Finding(rule_id, Severity.ERROR, message, hint, location, f"pip {self.target.pip}")
        )


def load_requirements(
    project: Project, environ: Mapping[str, str], target: Target, fetch: Fetch | None = None
) -> RequirementsFile:
    """Read the project's requirements and everything they include; `environ` is what `${NAME}` stands for.

    RequirementsError where a file that only the network has cannot be fetched.
    """
    assert project.requirements is not None
    work = _Reading(project, environ, target, fetch)
    content = project.requirements.read_bytes()
    own = decode_requirements(content)
    if not is_decodable(content):
        place = Location(shown_name(project, project.requirements), _undecodable_line(content))
        message = "The file is not UTF-8: pip stops with an exception, and MWAA installs nothing."
        work.refuse("requirements-encoding", place, message, "Save it as UTF-8.")
    _read_file(work, project.requirements, own, constraint=False)
    return RequirementsFile(
        lines=tuple(work.lines),
        constraints=tuple(work.constraints),
        skipped=tuple(work.skipped),
        remote=tuple(work.remote),
        options=work.options,
        has_constraints=any(HAS_CONSTRAINTS.search(line) for line in own.splitlines()),
        texts=tuple(work.texts.items()),
        findings=tuple(work.findings),
    )


def _undecodable_line(content: bytes) -> int:
    valid = content.decode("utf-8", errors="replace").partition("\ufffd")[0]
    return valid.count("\n") + 1


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield (number of its first line, line) as pip joins them: continued lines are one, comments are gone."""
    parts: list[str] = []
    first = 0
    for number, line in enumerate(text.splitlines(), start=1):
        comment = bool(_COMMENT.match(line))
        if line.endswith("\\") and not comment:
            first = first or number
            parts.append(line.strip("\\"))
            continue
        # pip: a comment ends a continued line, and the blank before it keeps it a comment.
        parts.append(f" {line}" if comment else line)
        yield first or number, "".join(parts)
        parts, first = [], 0
    if parts:
        yield first, "".join(parts)


def _read_file(work: _Reading, path: Path | str, text: str, *, constraint: bool) -> None:
    """Read a file of this machine, or one that was fetched (its address)."""
    name = without_secret(path) if isinstance(path, str) else shown_name(work.project, path)
    work.texts[name] = text
    work.reading.append(path if isinstance(path, str) else path.resolve())
    for number, raw in logical_lines(text):
        line = _COMMENT.sub("", raw).strip()
        if line:
            _read_line(work, expand_variables(line, work.environ), Location(name, number), path, constraint)
    work.reading.pop()


def _read_line(work: _Reading, line: str, location: Location, path: Path | str, constraint: bool) -> None:
    try:
        options = parse_options(line)
    except LineError as error:
        work.refuse("requirements-syntax", location, str(error), error.hint)
        return
    if options.requirement or options.editable:
        _keep_requirement(work, options, location, constraint)
    elif options.include:
        _read_include(work, options.include, location, path, constraint=False)
    elif options.constraint:
        _read_include(work, options.constraint, location, path, constraint=True)
    else:
        work.options = work.options.with_line(options, lambda value: _find_links(work, value, path))


def _keep_requirement(work: _Reading, options: LineOptions, location: Location, constraint: bool) -> None:
    try:
        line = parse_requirement(options, location, work.project, work.target)
    except LineError as error:
        work.refuse("requirements-syntax", location, str(error), error.hint)
        return
    if constraint:
        line = replace(line, constraint=True)
        problem = _constraint_problem(line)
        if problem:
            work.refuse(
                "constraint-not-allowed",
                location,
                f"pip refuses {line.text!r} as a constraint: {problem}.",
                "Write name==version there, and nothing else.",
            )
            return
    if not line.applies(work.target):
        work.skipped.append(line)
    elif constraint:
        work.constraints.append(line)
    else:
        work.lines.append(line)


def _constraint_problem(line: RequirementLine) -> str:
    if not line.name:
        return "it has no name"
    if line.editable:
        return "it is editable"
    if line.extras:
        return "it has extras"
    return ""


def _read_include(
    work: _Reading, value: str, location: Location, path: Path | str, *, constraint: bool
) -> None:
    if isinstance(path, str) and not value.startswith("/usr/local/airflow/"):
        value = urljoin(path, value)
    official = OFFICIAL_CONSTRAINTS.fullmatch(value)
    if official:
        text = official_constraints(official["airflow"], official["python"])
        if text is not None:
            name = f"constraints-{official['airflow']}/constraints-{official['python']}.txt"
            _read_file(work, Path(name), text, constraint=constraint)
            return
    if _REMOTE.match(value):
        _read_remote(work, value, location, constraint=constraint)
        return
    file = locate(work.project, value, Path() if isinstance(path, str) else path.parent)
    if _is_loop(work, file.resolve(), value, location):
        return
    try:
        text = decode_requirements(file.read_bytes())
    except OSError as error:
        work.refuse(
            "requirements-include-missing",
            location,
            f"{value} cannot be read ({error.strerror}; looked for {shown_name(work.project, file)}).",
            "On MWAA the project lies under /usr/local/airflow: dags/, plugins/ and requirements/.",
        )
        return
    _read_file(work, file, text, constraint=constraint)


def _read_remote(work: _Reading, url: str, location: Location, *, constraint: bool) -> None:
    if work.fetch is None:
        work.remote.append(RemoteFile(url, constraint, location))
        return
    if _is_loop(work, url, without_secret(url), location):
        return
    answer = work.fetch(url)
    if answer.status == 0:
        raise RequirementsError(
            f"{location}: {without_secret(url)} cannot be fetched: nobody answers.",
            hint="Check the network and the proxy; MWAA needs the file too, each time a component starts.",
        )
    if answer.status >= 400:
        message = f"{without_secret(url)} cannot be fetched: the server answers with {answer.status}."
        hint = "Check the address and the credentials; without the file pip installs nothing."
        work.refuse("requirements-include-missing", location, message, hint)
        return
    _read_file(work, url, decode_requirements(answer.body), constraint=constraint)


def _is_loop(work: _Reading, file: Path | str, name: str, location: Location) -> bool:
    if file not in work.reading and len(work.reading) < _DEEPEST:
        return False
    work.refuse(
        "requirements-include-loop", location, f"{name} includes itself.", "Remove one of the two lines."
    )
    return True


def without_secret(url: str) -> str:
    """Return an address without the user and the password that it may name."""
    return re.sub(r"^(\w+://)[^/@\s]+@", r"\1***@", url)


def _find_links(work: _Reading, value: str, path: Path | str) -> str:
    if _REMOTE.match(value):
        return value
    if isinstance(path, str):
        return str(locate(work.project, value, work.project.root))
    beside = path.parent / value
    # pip: relative to the file if it is there, else to the current folder.
    return str(beside if beside.exists() else locate(work.project, value, work.project.root))


def shown_name(project: Project, path: Path) -> str:
    """Return a path as the user would name it: relative to the project where it lies in it."""
    place = path.absolute()
    if place.is_relative_to(project.root):
        return place.relative_to(project.root).as_posix()
    if project.plugins is not None and place.is_relative_to(project.plugins):
        return f"plugins/{place.relative_to(project.plugins).as_posix()}"
    return str(path)
