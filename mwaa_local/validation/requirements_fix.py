"""A way out for requirements that do not install, that break Airflow, or that leave versions open.

AWS documents two: use the versions of the constraints, or keep a changed copy of them in the dags folder. The copy is
preferred where Airflow works with it: it gives the user what was asked for. The user's own files stay.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mwaa_local.config import Project
from mwaa_local.requirements_files import OFFICIAL_CONSTRAINTS_URL, decode_requirements
from mwaa_local.validation.base_environment import BaseEnvironment
from mwaa_local.validation.conflict import diagnose
from mwaa_local.validation.environment_health import judge_environment
from mwaa_local.validation.finding import Location
from mwaa_local.validation.pip_choice import changed_packages
from mwaa_local.validation.requirement_line import RequirementLine
from mwaa_local.validation.requirement_options import LineError, parse_options
from mwaa_local.validation.requirements_file import RequirementsFile, logical_lines, shown_name
from mwaa_local.validation.resolution import Refusal, Resolution
from mwaa_local.validation.resolver import Question, Resolver

FIXED = "requirements.fixed.txt"
_MOST_ROUNDS = 10
MARK = "# Written by mwaa-local test-requirements --fix"


@dataclass(frozen=True, slots=True)
class FixedFile:
    """A file to write."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """Files that together are a way out, and what they change, in sentences."""

    files: tuple[FixedFile, ...]
    changes: tuple[str, ...]


def make_fix(
    project: Project, base: BaseEnvironment, file: RequirementsFile, resolver: Resolver
) -> Fix | None:
    """Return a way out; None where there is none (or a line cannot be read at all)."""
    lines = tuple(line for line in file.lines if line.name and not line.url)
    others = tuple(line.wanted for line in file.lines if line not in lines)
    official = {pin.name: pin.version for pin in base.constraints}
    essential = tuple(f"{pin.name}=={pin.version}" for pin in base.essential)
    kept = Question(
        (*(line.wanted for line in lines), *others), essential, file.options, soft=base.constraints
    )
    answer = _resolve_with_few_changes(resolver, kept, base, lines)
    if isinstance(answer, Resolution) and _works(base, answer):
        return _with_copy(project, base, file, answer, official)
    pins = tuple(
        RequirementLine(
            Location("constraints", number),
            f"{name}=={version}",
            name,
            (),
            f"=={version}",
            "",
            "",
            False,
            (),
            True,
        )
        for number, (name, version) in enumerate(official.items(), start=1)
    )
    strict = replace(kept, constraints=(*(pin.wanted for pin in pins), *essential), soft=())
    answer = resolver.resolve(strict)
    if isinstance(answer, Refusal):
        found = diagnose(strict, lines, pins, answer, resolver.resolve)
        names = {culprit.line.name for culprit in found.culprits if culprit.fits}
        relaxed = tuple(line.name if line.name in names else line.wanted for line in lines)
        answer = resolver.resolve(replace(strict, lines=(*relaxed, *others)))
    if isinstance(answer, Refusal) or not _works(base, answer):
        return None
    return _with_official(project, base, file, answer)


def _resolve_with_few_changes(
    resolver: Resolver, question: Question, base: BaseEnvironment, lines: tuple[RequirementLine, ...]
) -> Resolution | Refusal:
    """Give up only those constraints that are named as being in the way; where that leads nowhere, all of them."""
    official = {pin.name: f"{pin.name}=={pin.version}" for pin in base.constraints}
    freed = {line.name for line in lines if line.is_exact}
    for _ in range(_MOST_ROUNDS):
        kept = tuple(pin for name, pin in official.items() if name not in freed)
        answer = resolver.resolve(replace(question, constraints=(*question.constraints, *kept)))
        if isinstance(answer, Resolution):
            return answer
        named = {name for name, pin in official.items() if re.search(rf"\b{re.escape(pin)}\b", answer.output)}
        if named <= freed:
            break
        freed |= named
    return resolver.resolve(question)


def _works(base: BaseEnvironment, answer: Resolution) -> bool:
    changed = {each.name: each.version for each in changed_packages(answer, base)}
    return judge_environment(base, changed).works


def _with_copy(
    project: Project,
    base: BaseEnvironment,
    file: RequirementsFile,
    answer: Resolution,
    official: Mapping[str, str],
) -> Fix:
    versions = answer.versions()
    changed = {
        name: versions[name] for name, pin in official.items() if name in versions and versions[name] != pin
    }
    if not changed:
        return _with_official(project, base, file, answer)
    name = f"constraints-{base.version.python}-edited.txt"
    pins = {**official, **changed}
    header = [
        MARK,
        f"# The constraints of Airflow {base.version.airflow}, {len(changed)} of them changed for the requirements.",
    ]
    text = "\n".join([*header, *(f"{each}=={pins[each]}" for each in sorted(pins))]) + "\n"
    reference = f'--constraint "/usr/local/airflow/dags/{name}"'
    said = tuple(
        f"{each}: {official[each]} becomes {new} in the copy of the constraints"
        for each, new in changed.items()
    )
    requirements = _fixed_text(project, file, versions, reference)
    return Fix((requirements, FixedFile(project.dags / name, text)), said)


def _with_official(
    project: Project, base: BaseEnvironment, file: RequirementsFile, answer: Resolution
) -> Fix:
    url = OFFICIAL_CONSTRAINTS_URL.format(airflow=base.version.airflow, python=base.version.python)
    versions = answer.versions()
    said = tuple(
        f"{line.location}: {line.text} becomes {line.name}=={versions[line.name]}"
        for line in file.lines
        if line.name in versions and not line.url and _pinned(line, versions[line.name]) != line.wanted
    )
    return Fix((_fixed_text(project, file, versions, f'--constraint "{url}"'),), said)


def _fixed_text(
    project: Project, file: RequirementsFile, versions: Mapping[str, str], reference: str
) -> FixedFile:
    """Return the project's own file with every version fixed; nested files stay as they are."""
    assert project.requirements is not None
    shown = shown_name(project, project.requirements)
    own = {line.location.line: line for line in file.lines if line.location.file == shown}
    lines = [MARK, reference]
    for number, text in logical_lines(decode_requirements(project.requirements.read_bytes())):
        line = own.get(number)
        if line is not None and line.name in versions and not line.url:
            comment = re.search(r"\s+#.*$", text)
            marker = f"; {line.marker}" if line.marker else ""
            lines.append(f"{_pinned(line, versions[line.name])}{marker}{comment[0] if comment else ''}")
        elif not _is_constraint(text):
            lines.append(text)
    return FixedFile(project.requirements.parent / FIXED, "\n".join(lines) + "\n")


def _pinned(line: RequirementLine, version: str) -> str:
    extras = f"[{','.join(line.extras)}]" if line.extras else ""
    return f"{line.name}{extras}=={version}"


def _is_constraint(text: str) -> bool:
    try:
        return bool(parse_options(re.sub(r"(^|\s+)#.*$", "", text).strip()).constraint)
    except LineError:
        return False
