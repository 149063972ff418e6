"""Why requirements cannot be installed: the lines at fault, the pins against them, and what would fit."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from mwaa_local.validation.environment_health import satisfies
from mwaa_local.validation.requirement_line import RequirementLine
from mwaa_local.validation.resolution import Refusal, Resolution
from mwaa_local.validation.resolver import Question

Ask = Callable[[Question], Resolution | Refusal]

_MOST_LINES = 40
"""How many lines are tried one by one; more would take longer than a person waits."""


@dataclass(frozen=True, slots=True)
class Culprit:
    """A line that must change."""

    line: RequirementLine
    pin: RequirementLine | None
    """The constraint that contradicts it, where one pin alone does."""
    fits: str
    """The newest version that can be installed; empty where none can."""
    alone: str = ""
    """Why the line cannot be installed even without the others, in the resolver's words; empty where it can."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is at fault."""

    culprits: tuple[Culprit, ...]
    told: str
    """The resolver's explanation."""


def direct_conflicts(
    lines: tuple[RequirementLine, ...], constraints: tuple[RequirementLine, ...]
) -> tuple[tuple[RequirementLine, RequirementLine], ...]:
    """Return each line with the pin that excludes it."""
    pins: dict[str, list[RequirementLine]] = {}
    for constraint in constraints:
        if constraint.is_exact and not constraint.url:
            pins.setdefault(constraint.name, []).append(constraint)
    found = []
    for line in lines:
        for pin in pins.get(line.name, ()):
            if line.specifier and not satisfies(line.specifiers, pinned_version(pin)):
                found.append((line, pin))
                break
    return tuple(found)


def pinned_version(line: RequirementLine) -> str:
    """Return the one version that an exact line takes."""
    return next((each.version for each in line.specifiers if each.operator in ("==", "===")), "")


def diagnose(
    question: Question,
    lines: tuple[RequirementLine, ...],
    constraints: tuple[RequirementLine, ...],
    refusal: Refusal,
    ask: Ask,
) -> Diagnosis:
    """Find the lines at fault by asking again without what they demand."""
    direct = direct_conflicts(lines, constraints)
    told = explanation(refusal.output)
    relaxed = {id(line): line.name for line, _ in direct}
    answer = ask(_with(question, lines, relaxed)) if direct else refusal
    if isinstance(answer, Resolution):
        return Diagnosis(
            tuple(Culprit(line, pin, answer.versions().get(line.name, "")) for line, pin in direct), told
        )
    single = _find_single(question, lines, relaxed, ask) or _find_impossible(question, lines, relaxed, ask)
    culprits = tuple(Culprit(line, pin, "") for line, pin in direct)
    return Diagnosis((*culprits, *(_look_alone(question, each, ask) for each in single)), told)


def _find_single(
    question: Question, lines: tuple[RequirementLine, ...], relaxed: dict[int, str], ask: Ask
) -> tuple[Culprit, ...]:
    """Return the one line whose demand, or whose presence, is too much."""
    others = [line for line in lines if id(line) not in relaxed][:_MOST_LINES]
    if len(others) == 1 and not relaxed:
        line = others[0]
        answer = ask(_with(question, lines, {id(line): line.name})) if line.specifier and line.name else None
        fits = answer.versions().get(line.name, "") if isinstance(answer, Resolution) else ""
        return (Culprit(line, None, fits),)
    for line in others:
        if line.specifier:
            answer = ask(_with(question, lines, relaxed | {id(line): line.name}))
            if isinstance(answer, Resolution):
                return (Culprit(line, None, answer.versions().get(line.name, "")),)
    for line in others:
        answer = ask(_with(question, lines, relaxed | {id(line): ""}))
        if isinstance(answer, Resolution):
            return (Culprit(line, None, ""),)
    return ()


def _find_impossible(
    question: Question, lines: tuple[RequirementLine, ...], relaxed: dict[int, str], ask: Ask
) -> tuple[Culprit, ...]:
    """Return the lines that cannot be installed for themselves, where there are several."""
    found = []
    for line in [line for line in lines if id(line) not in relaxed][:_MOST_LINES]:
        if isinstance(ask(_only(question, line.wanted, line.name)), Refusal):
            free = ask(_only(question, line.name, line.name)) if line.name and line.specifier else None
            fits = free.versions().get(line.name, "") if isinstance(free, Resolution) else ""
            found.append(Culprit(line, None, fits))
    return tuple(found)


def _look_alone(question: Question, culprit: Culprit, ask: Ask) -> Culprit:
    answer = ask(_only(question, culprit.line.wanted, culprit.line.name))
    return replace(culprit, alone=explanation(answer.output)) if isinstance(answer, Refusal) else culprit


def _only(question: Question, wanted: str, name: str) -> Question:
    return replace(
        question,
        lines=(wanted,),
        constraints=(),
        remote_lines=(),
        remote_constraints=(),
        no_deps=True,
        unpreferred=(*question.unpreferred, name),
    )


def _with(question: Question, lines: tuple[RequirementLine, ...], replaced: dict[int, str]) -> Question:
    wanted = [replaced.get(id(line), line.wanted) for line in lines]
    free = tuple(name for name in replaced.values() if name)
    # The newest that fits, not what happens to be installed.
    return replace(
        question,
        lines=tuple(each for each in wanted if each),
        unpreferred=(*question.unpreferred, *free),
    )


def explanation(output: str) -> str:
    """Return a resolver's reasons in one paragraph, without its frame."""
    kept = [
        re.sub(r"^\s*(cause:|×|╰─▶|hint:|error:)\s*", "", line).strip()
        for line in output.splitlines()
        if line.strip() and not line.lstrip().lower().startswith(("warning:", "hint:"))
    ]
    text = " ".join(line for line in kept if not line.startswith("No solution found"))
    return re.sub(r"(\w+://)[^/@\s]+@", r"\1***@", text)
