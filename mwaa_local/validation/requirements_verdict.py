"""The verdict on a project's requirements: what pip on MWAA would do with them, and what it would leave behind."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mwaa_local.catalog import Pin
from mwaa_local.config import Project
from mwaa_local.errors import RequirementsError
from mwaa_local.validation.base_environment import BaseEnvironment
from mwaa_local.validation.conflict import Diagnosis, diagnose
from mwaa_local.validation.environment_health import Health, judge_environment
from mwaa_local.validation.file_rules import check_files
from mwaa_local.validation.finding import Finding, Location, has_errors, order_findings
from mwaa_local.validation.package_verdict import PackageVerdict, by_name, decide_package
from mwaa_local.validation.pip_choice import resolve_as_pip
from mwaa_local.validation.requirement_line import RequirementLine
from mwaa_local.validation.requirements_file import Fetch, RequirementsFile, load_requirements
from mwaa_local.validation.requirements_outcome import (
    conflict_findings,
    health_findings,
    watchtower_finding,
    withdrawn_findings,
)
from mwaa_local.validation.requirements_rules import check_lines
from mwaa_local.validation.requirements_time import estimate_seconds
from mwaa_local.validation.resolution import Refusal, Resolution
from mwaa_local.validation.resolver import Question, Resolver


@dataclass(frozen=True, slots=True)
class Verdict:
    """What pip on MWAA would do."""

    airflow: str
    amazon_provider: str | None
    python: str
    pip: str
    installs: bool
    """Whether pip exits with 0: all is installed. Otherwise nothing is."""
    works: bool
    """Whether Airflow can be expected to start afterwards."""
    forced_constraints: bool
    packages: tuple[PackageVerdict, ...]
    lines: tuple[tuple[RequirementLine, str], ...]
    """Each line with the version that it resolved to; empty where nothing is installed."""
    findings: tuple[Finding, ...]
    health: Health | None
    diagnosis: Diagnosis | None
    file: RequirementsFile
    """What was read."""
    watchtower_put_back: str = ""
    """The watchtower that MWAA installs again, where the requirements have changed it."""
    estimated_seconds: float = 0.0
    """Of the installation on a small environment class, roughly."""
    tried: tuple[tuple[str, bool], ...] = ()
    """Steps of a real installation, and whether each went well; none where nothing was installed."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a verdict is about."""

    project: Project
    base: BaseEnvironment
    variables: Mapping[str, str]
    """What `${NAME}` stands for on MWAA."""
    fetch: Fetch | None = None
    """Fetches the files that only the network has; None: they are left to the resolver."""


def judge_requirements(inputs: Inputs, resolver: Resolver) -> Verdict:
    """Return the verdict; RequirementsError where an index that is needed does not answer."""
    base = inputs.base
    file = load_requirements(inputs.project, inputs.variables, base.target, inputs.fetch)
    forced = base.forces_constraints and not file.has_constraints
    pins = _pins(base, file, forced=forced)
    checked = check_lines(file, base)
    if has_errors((*file.findings, *checked)):
        # pip reads everything before it installs anything.
        return _refused(base, (file, forced), (*file.findings, *checked), None)
    question = Question(
        lines=tuple(line.wanted for line in file.lines),
        constraints=tuple(pin.wanted for pin in pins),
        options=file.options,
        remote_lines=tuple(each.url for each in file.remote if not each.constraint),
        remote_constraints=tuple(each.url for each in file.remote if each.constraint),
    )
    choice = resolve_as_pip(resolver, question, base)
    question, answer = choice.question, choice.answer
    if isinstance(answer, Refusal):
        _raise_for_network(answer)
        diagnosis = diagnose(question, file.lines, pins, answer, resolver.resolve)
        found = conflict_findings(diagnosis, file, base, choice.passed_over)
        return _refused(base, (file, forced), (*file.findings, *checked, *found), diagnosis)
    accepted = _accepted(base, file, pins, answer, (forced, (*file.findings, *checked)))
    found = check_files(choice.files, file, accepted.packages, base)
    return replace(
        accepted,
        installs=not has_errors(found),
        works=accepted.works or has_errors(found),
        estimated_seconds=estimate_seconds(choice.files, base.version),
        findings=order_findings((*accepted.findings, *found)),
    )


def _raise_for_network(refusal: Refusal) -> None:
    if refusal.is_network_failure:
        raise RequirementsError(
            f"The package index, or a file that the requirements name, cannot be reached.\n{refusal.output.strip()}",
            hint="Check the network, the proxy, and the index (UV_DEFAULT_INDEX or PIP_INDEX_URL); then try again.",
        )


def _pins(base: BaseEnvironment, file: RequirementsFile, *, forced: bool) -> tuple[RequirementLine, ...]:
    version = base.version
    pins = list(file.constraints)
    if forced:
        pins += _as_lines(base.constraints, f"MWAA's constraints for {version.airflow}")
    pins += _as_lines(base.essential, f"MWAA's essential constraints for {version.airflow}")
    return tuple(pins)


def _as_lines(pins: tuple[Pin, ...], origin: str) -> list[RequirementLine]:
    return [
        RequirementLine(
            Location(origin, number),
            f"{pin.name}=={pin.version}",
            pin.name,
            (),
            f"=={pin.version}",
            "",
            "",
            False,
            (),
            True,
        )
        for number, pin in enumerate(pins, start=1)
    ]


def _refused(
    base: BaseEnvironment,
    read: tuple[RequirementsFile, bool],
    findings: tuple[Finding, ...],
    diagnosis: Diagnosis | None,
) -> Verdict:
    file, forced = read
    return Verdict(
        airflow=base.version.airflow,
        amazon_provider=base.amazon_provider,
        python=base.target.python,
        pip=base.target.pip,
        installs=False,
        # Nothing is installed, and MWAA goes on with what it had.
        works=True,
        forced_constraints=forced,
        packages=(),
        lines=(),
        findings=order_findings(findings),
        health=None,
        diagnosis=diagnosis,
        file=file,
    )


def _accepted(
    base: BaseEnvironment,
    file: RequirementsFile,
    pins: tuple[RequirementLine, ...],
    answer: Resolution,
    known: tuple[bool, tuple[Finding, ...]],
) -> Verdict:
    forced, checked = known
    exact_lines, exact_pins = by_name(file.lines), by_name(pins)
    packages = tuple(
        decide_package(each, base.versions.get(each.name), exact_lines, exact_pins)
        for each in answer.packages
    )
    changed = {each.name: each.version for each in packages if each.is_changed}
    replaced = [each for each in packages if each.name == "watchtower" and each.is_changed]
    put_back = replaced if base.version.watchtower_reinstalled else []
    if put_back:
        changed["watchtower"] = base.version.watchtower
    health = judge_environment(base, changed)
    found = (
        *health_findings(health, packages, file, base),
        *withdrawn_findings(answer.yanked, packages, file),
        *(watchtower_finding(each, base, file, packages) for each in put_back),
    )
    versions = {each.name: each.version for each in packages}
    return Verdict(
        airflow=base.version.airflow,
        amazon_provider=base.amazon_provider,
        python=base.target.python,
        pip=base.target.pip,
        installs=True,
        works=health.works,
        forced_constraints=forced,
        packages=packages,
        lines=tuple((line, versions.get(line.name, "")) for line in file.lines),
        findings=order_findings((*checked, *found)),
        health=health,
        diagnosis=None,
        file=file,
        watchtower_put_back=base.version.watchtower if put_back else "",
    )
