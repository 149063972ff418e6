"""Where pip chooses otherwise than uv: each difference is a function here.

They were found by comparing both (tests/projects/pip-agreement); what both do alike is `resolver`'s.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from packaging.utils import canonicalize_name

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
_ATTEMPTS = 8


def resolve_as_pip(
    resolver: Resolver, question: Question, base: BaseEnvironment
) -> tuple[Question, Resolution | Refusal]:
    """Return pip's choice, and the question that it answers."""
    for _ in range(_ATTEMPTS):
        answer = resolver.resolve(question)
        if isinstance(answer, Refusal):
            wider = _widen(question, answer, base)
            if wider == question:
                return question, answer
            question = wider
            continue
        files = resolver.find_files(question, changed_packages(answer, base))
        unusable = _unusable(files, base)
        if not unusable:
            return _lift(resolver, question, answer, base)
        question = replace(question, constraints=(*question.constraints, *unusable))
    return question, resolver.resolve(question)


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


def _unusable(files: Iterable[PackageFiles], base: BaseEnvironment) -> tuple[str, ...]:
    """uv can be told of C libraries only in steps: versions whose wheels all need a newer one are excluded by hand."""
    return tuple(
        f"{each.name}!={each.version}"
        for each in files
        if each.wheels and not each.has_source and not each.has_wheel_for(base.version)
    )


def _lift(
    resolver: Resolver, question: Question, answer: Resolution, base: BaseEnvironment
) -> tuple[Question, Resolution]:
    """Where an installed package has to change, pip takes its newest version, and changes what that needs.

    uv would rather take an older one that leaves other packages alone.
    """
    pinned = {
        line.partition("==")[0].partition("[")[0]
        for line in (*question.lines, *question.constraints)
        if "==" in line
    }
    moved = {each.name for each in changed_packages(answer, base) if each.name in base.versions} - pinned
    needed = {each.name for each in answer.packages if moved & set(each.required_by)} - moved
    if not moved or not needed:
        return question, answer
    free = resolver.resolve(replace(question, unpreferred=tuple(sorted(needed))))
    if isinstance(free, Refusal):
        return question, answer
    wanted = free.versions()
    newest = tuple(f"{name}=={wanted[name]}" for name in sorted(moved) if name in wanted)
    if set(newest) <= {f"{each.name}=={each.version}" for each in answer.packages}:
        return question, answer
    lifted = resolver.resolve(replace(question, constraints=(*question.constraints, *newest)))
    return question, (answer if isinstance(lifted, Refusal) else lifted)
