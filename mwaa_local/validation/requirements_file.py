"""requirements.txt as the pip of an MWAA version reads it: lines as values, each with its place in the user's files.

Reading only: nested files, constraints, options, markers, and what pip refuses before it looks for any package. What
the lines resolve to is `resolution`'s.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mwaa_local.config import Project
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
from mwaa_local.validation.requirement_line import (
    LineError,
    LineOptions,
    RequirementLine,
    Target,
    parse_requirement,
)
from mwaa_local.validation.requirement_options import FileOptions, parse_options

_COMMENT = re.compile(r"(^|\s+)#.*$")
_REMOTE = re.compile(r"(https?|ftp)://")


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
    options: FileOptions
    has_constraints: bool
    """As MWAA counts it: the project's own file mentions a constraint, be it in a comment."""
    texts: tuple[tuple[str, str], ...]
    """(file, text) of everything that was read, for digests."""
    findings: tuple[Finding, ...]
    """What pip refuses, and what it will not read as it was meant."""


@dataclass(slots=True)
class _Reading:
    project: Project
    environ: Mapping[str, str]
    target: Target
    lines: list[RequirementLine] = field(default_factory=list)
    constraints: list[RequirementLine] = field(default_factory=list)
    skipped: list[RequirementLine] = field(default_factory=list)
    remote: list[RemoteFile] = field(default_factory=list)
    options: FileOptions = field(default_factory=FileOptions)
    texts: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    reading: list[Path] = field(default_factory=list)

    def refuse(self, rule_id: str, location: Location, message: str, hint: str) -> None:
        self.findings.append(
            Finding(rule_id, Severity.ERROR, message, hint, location, f"pip {self.target.pip}")
        )


def load_requirements(project: Project, environ: Mapping[str, str], target: Target) -> RequirementsFile:
    """Read the project's requirements and everything they include; `environ` is what `${NAME}` stands for."""
    assert project.requirements is not None
    work = _Reading(project, environ, target)
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


def _read_file(work: _Reading, path: Path, text: str, *, constraint: bool) -> None:
    name = shown_name(work.project, path)
    work.texts[name] = text
    work.reading.append(path.resolve())
    for number, raw in logical_lines(text):
        line = _COMMENT.sub("", raw).strip()
        if line:
            _read_line(work, expand_variables(line, work.environ), Location(name, number), path, constraint)
    work.reading.pop()


def _read_line(work: _Reading, line: str, location: Location, path: Path, constraint: bool) -> None:
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


def _read_include(work: _Reading, value: str, location: Location, path: Path, *, constraint: bool) -> None:
    official = OFFICIAL_CONSTRAINTS.fullmatch(value)
    if official:
        text = official_constraints(official["airflow"], official["python"])
        if text is not None:
            name = f"constraints-{official['airflow']}/constraints-{official['python']}.txt"
            _read_file(work, Path(name), text, constraint=constraint)
            return
    if _REMOTE.match(value):
        work.remote.append(RemoteFile(value, constraint, location))
        return
    file = locate(work.project, value, path.parent)
    if file.resolve() in work.reading:
        work.refuse(
            "requirements-include-loop", location, f"{value} includes itself.", "Remove one of the two lines."
        )
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


def _find_links(work: _Reading, value: str, path: Path) -> str:
    if _REMOTE.match(value):
        return value
    beside = path.parent / value
    # pip: relative to the file if it is there, else to the current folder.
    return str(beside if beside.exists() else locate(work.project, value, work.project.root))


def shown_name(project: Project, path: Path) -> str:
    """Return a path as the user would name it: relative to the project where it lies in it."""
    try:
        return path.absolute().relative_to(project.root).as_posix()
    except ValueError:
        return str(path)
