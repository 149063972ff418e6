"""Where pip chooses otherwise than uv: each difference is a function here.

They were found by comparing both (tests/projects/pip-agreement); what both do alike is `resolver`'s.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from packaging.utils import canonicalize_name
from packaging.version import Version

from mwaa_local.validation.base_environment import BaseEnvironment
from mwaa_local.validation.distribution_files import PackageFiles
from mwaa_local.validation.resolution import Refusal, Resolution, ResolvedPackage
from mwaa_local.validation.resolver import Question, Resolver

_YANKED = re.compile(r"(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>\S+) was yanked")
_PRERELEASE = re.compile(
    r"`?(?P<name>[a-z0-9][a-z0-9._-]*)`? was requested with a pre-release marker", re.IGNORECASE
)
_UNBUILDABLE = re.compile(
    r"[Ff]ailed to (?:download and )?build `(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^`\s]+)`"
)
_INVALID = "its metadata is not valid, which pip 24.1 and later do not forgive"
_ATTEMPTS = 12


@dataclass(frozen=True, slots=True)
class Choice:
    """What pip chooses."""

    question: Question
    """As it was put in the end."""
    answer: Resolution | Refusal
    files: tuple[PackageFiles, ...] = ()
    """Of what is new or changed."""
    passed_over: tuple[tuple[str, str], ...] = ()
    """(`name version`, why) of what the index has and pip does not take."""


def resolve_as_pip(resolver: Resolver, question: Question, base: BaseEnvironment) -> Choice:
    """Return pip's choice."""
    passed: dict[str, str] = {}
    answer: Resolution | Refusal = Refusal("")
    for _ in range(_ATTEMPTS):
        answer = resolver.resolve(question)
        if isinstance(answer, Refusal):
            wider = _widen(question, answer, base)
            if wider == question:
                break
            question = wider
            continue
        kept = _keep_installed(resolver, question, answer, base)
        if kept != question:
            question = kept
            continue
        files = resolver.find_files(question, changed_packages(answer, base))
        unusable = _unusable(files, base) | dict.fromkeys(resolver.find_invalid(files), _INVALID)
        if not unusable:
            wheels = _prefer_wheels(question, files, base)
            if wheels != question and isinstance(resolver.resolve(wheels), Resolution):
                question = wheels
                continue
            lifted = _lift(resolver, question, answer, base)
            if lifted != answer:
                files = resolver.find_files(question, changed_packages(lifted, base))
            return Choice(question, lifted, files, tuple(passed.items()))
        passed |= {f"{each.name} {each.version}": why for each, why in unusable.items()}
        excluded = tuple(f"{each.name}!={each.version}" for each in unusable)
        question = replace(question, constraints=(*question.constraints, *excluded))
    return Choice(question, answer, (), tuple(passed.items()))


def changed_packages(answer: Resolution, base: BaseEnvironment) -> tuple[ResolvedPackage, ...]:
    """Return the packages that are not in the base environment in that version."""
    return tuple(each for each in answer.packages if base.versions.get(each.name) != each.version)


def _widen(question: Question, refusal: Refusal, base: BaseEnvironment) -> Question:
    """Return the question with what pip would do next, or as it is."""
    if not question.base_wheels:
        return replace(question, base_wheels=True)
    further = _yanked(refusal, base) | _prereleases(refusal)
    failed = _UNBUILDABLE.search(refusal.output)
    if failed and base.target.pip_number < (25,) and not question.build_constraints:
        # Without pyproject.toml these pips build with the environment's setuptools, not with the newest.
        return replace(question, build_constraints=(f"setuptools=={base.version.setuptools}",))
    if failed and base.target.pip_number < (22,):
        # They pass over a version whose metadata cannot be made.
        further |= {f"{failed['name']}!={failed['version']}"}
    new = sorted(further - set(question.constraints))
    return replace(question, constraints=(*question.constraints, *new)) if new else question


def _keep_installed(
    resolver: Resolver, question: Question, answer: Resolution, base: BaseEnvironment
) -> Question:
    """pip keeps what is installed although the index has it no longer; uv has to be given it as a file."""
    changed = _replaced(answer, base) - _pinned_names(question)
    if question.base_wheels or not changed:
        return question
    offered = replace(question, base_wheels=True)
    other = resolver.resolve(offered)
    return (
        offered
        if isinstance(other, Resolution) and _replaced(other, base) < _replaced(answer, base)
        else question
    )


def _replaced(answer: Resolution, base: BaseEnvironment) -> set[str]:
    return {each.name for each in changed_packages(answer, base) if each.name in base.versions}


def _yanked(refusal: Refusal, base: BaseEnvironment) -> frozenset[str]:
    """pip takes a yanked version that a package pins exactly; before 22 also one that alone is in a range."""
    found = set()
    for match in _YANKED.finditer(refusal.output):
        pin = f"{match['name']}=={match['version']}"
        if base.target.pip_number < (22,) or f"depends on {pin}" in refusal.output:
            found.add(pin)
    return frozenset(found)


def _prereleases(refusal: Refusal) -> frozenset[str]:
    """pip takes a pre-release wherever any requirement names one; uv only where the user's own lines do."""
    return frozenset(
        f"{canonicalize_name(match['name'])}>=0.dev0" for match in _PRERELEASE.finditer(refusal.output)
    )


def _unusable(files: Iterable[PackageFiles], base: BaseEnvironment) -> dict[PackageFiles, str]:
    """uv can be told of C libraries only in steps: versions whose wheels all need a newer one are excluded by hand."""
    return {
        each: f"its wheels need a newer C library than that of {base.version.base_os}"
        for each in files
        if each.wheels and not each.has_source and not each.has_wheel_for(base.version)
    }


def _prefer_wheels(question: Question, files: Iterable[PackageFiles], base: BaseEnvironment) -> Question:
    """With --prefer-binary pip takes an older version that has a wheel rather than a newer one that has none."""
    options = question.options
    sources = [each.name for each in files if each.has_source and not each.has_wheel_for(base.version)]
    new = tuple(name for name in sources if name not in options.only_binary)
    if not options.prefer_binary or not new:
        return question
    return replace(question, options=replace(options, only_binary=(*options.only_binary, *new)))


def _is_new(package: ResolvedPackage, base: BaseEnvironment) -> bool:
    return package.name not in base.versions and bool(package.version) and not package.url


def _pinned_names(question: Question) -> set[str]:
    return {
        line.partition("==")[0].partition("[")[0]
        for line in (*question.lines, *question.constraints)
        if "==" in line
    }


def _lift(resolver: Resolver, question: Question, answer: Resolution, base: BaseEnvironment) -> Resolution:
    """Where an installed package has to change, pip takes its newest version, and changes what that needs.

    uv would rather take an older one that leaves other packages alone.
    """
    moved = _replaced(answer, base) - _pinned_names(question)
    needed = {each.name for each in answer.packages if moved & set(each.required_by)} - moved
    if not moved or not needed:
        return answer
    free = resolver.resolve(replace(question, unpreferred=tuple(sorted(needed | moved))))
    if isinstance(free, Refusal):
        return answer
    wanted = free.versions()
    newest = tuple(f"{name}=={wanted[name]}" for name in sorted(moved) if name in wanted)
    if set(newest) <= {f"{each.name}=={each.version}" for each in answer.packages}:
        return answer
    lifted = resolver.resolve(replace(question, constraints=(*question.constraints, *newest)))
    return answer if isinstance(lifted, Refusal) or _has_older(lifted, answer, base) else lifted


def _has_older(lifted: Resolution, answer: Resolution, base: BaseEnvironment) -> bool:
    """Return whether something new would pay for it with an older version: pip takes the newest of what is new."""
    before = {each.name: Version(each.version) for each in answer.packages if _is_new(each, base)}
    return any(Version(each.version) < before[each.name] for each in lifted.packages if each.name in before)
