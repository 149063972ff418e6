"""The rules about lines of requirements; those about what comes of them are in `requirements_outcome`."""

import re
from collections.abc import Iterator
from urllib.parse import unquote

from mwaa_local.requirements_files import OFFICIAL_CONSTRAINTS_URL
from mwaa_local.validation.base_environment import BaseEnvironment
from mwaa_local.validation.finding import Finding, Severity
from mwaa_local.validation.requirement_line import RequirementLine
from mwaa_local.validation.requirements_file import RequirementsFile
from mwaa_local.validation.requirements_system import missing_system_need
from mwaa_local.validation.source_builds import has_git
from mwaa_local.wheel_tags import wheel_problem

_OS_PACKAGES = {
    "libpq-dev": "psycopg2-binary is installed already",
    "postgresql-devel": "psycopg2-binary is installed already",
    "build-essential": "choose packages that have wheels",
    "gcc": "choose packages that have wheels",
    "openjdk": "Java comes from the startup script",
    "java-1.8.0-openjdk": "Java comes from the startup script",
    "unixodbc": "install unixODBC in the startup script",
    "unixodbc-dev": "install unixODBC in the startup script",
    "default-jdk": "Java comes from the startup script",
    "python3-dev": "it is part of the image",
    "libaio": "put its .so into plugins.zip, or install it in the startup script",
}


def check_lines(file: RequirementsFile, base: BaseEnvironment) -> tuple[Finding, ...]:
    """Return what can be said of the lines before anything is resolved."""
    return (
        *_check_constraints(file, base),
        *_check_pins(file, base),
        *_check_sources(file, base),
        *_check_names(file),
        *_check_system(file, base),
        *_check_skipped(file),
    )


def _check_constraints(file: RequirementsFile, base: BaseEnvironment) -> Iterator[Finding]:
    if file.has_constraints or not file.lines:
        return
    version = base.version
    url = OFFICIAL_CONSTRAINTS_URL.format(airflow=version.airflow, python=version.python)
    hint = f'Begin the file with: --constraint "{url}"'
    if base.forces_constraints:
        message, severity = (
            f"The file names no constraints: MWAA {version.airflow} forces its own.",
            Severity.INFO,
        )
    else:
        message = f"The file names no constraints: on MWAA {version.airflow} any package may then change Airflow's own."
        severity = Severity.WARNING
    yield Finding("requirements-no-constraint", severity, message, hint, file.top, "MWAA-FACTS 3.1")


def _check_pins(file: RequirementsFile, base: BaseEnvironment) -> Iterator[Finding]:
    pinned = {line.name for line in file.constraints if line.is_exact}
    if base.forces_constraints and not file.has_constraints:
        pinned |= {pin.name for pin in base.constraints}
    for line in file.lines:
        if line.name and not line.is_exact and line.name not in pinned:
            yield Finding(
                "requirements-unpinned",
                Severity.WARNING,
                f"{line.text} has no fixed version, and no constraint pins it: every day may bring another.",
                "Write name==version.",
                line.location,
                "MWAA-FACTS 3.3",
            )


def _check_sources(file: RequirementsFile, base: BaseEnvironment) -> Iterator[Finding]:
    for line in file.lines:
        yield from _check_wheel(line, base)
        if line.url.startswith("git+") and not has_git(base.version):
            yield Finding(
                "requirements-no-git",
                Severity.ERROR,
                f"{line.text}: MWAA's image for {base.version.airflow} has no git.",
                "Build a wheel of it and put it into plugins.zip, or name an archive's https address.",
                line.location,
                "MWAA-FACTS 3.4",
            )
        elif line.url.startswith(("hg+", "svn+", "bzr+")):
            yield Finding(
                "requirements-no-git",
                Severity.ERROR,
                f"{line.text}: MWAA's image has no {line.url.partition('+')[0]}.",
                "Build a wheel of it and put it into plugins.zip, or name an archive's https address.",
                line.location,
                "MWAA-FACTS 3.4",
            )
        elif line.url and not line.url.startswith("file:"):
            yield Finding(
                "requirements-needs-network",
                Severity.WARNING,
                f"{line.text} comes from the network: a private web server has none, nor has a subnet without NAT.",
                "Put a wheel into plugins.zip and name /usr/local/airflow/plugins/FILE.whl.",
                line.location,
                "MWAA-FACTS 11.3 (1)",
            )
        if line.editable:
            yield Finding(
                "requirements-editable",
                Severity.WARNING,
                f"-e {line.text}: MWAA's documentation knows no editable installs.",
                "Build a wheel and put it into plugins.zip, or put the package into dags/ or plugins/.",
                line.location,
                "MWAA-FACTS 3.4",
            )


def _check_wheel(line: RequirementLine, base: BaseEnvironment) -> Iterator[Finding]:
    name = unquote(re.sub(r"[#?].*", "", line.url).rsplit("/", 1)[-1])
    if not name.endswith(".whl"):
        return
    problem = wheel_problem(name, base.version)
    if problem:
        yield Finding(
            "requirements-wrong-wheel",
            Severity.ERROR,
            f"{name} is no wheel for MWAA {base.version.airflow}: {problem}; pip installs nothing.",
            f"Build it on Linux x86_64 with Python {base.version.python}, or for any (py3-none-any).",
            line.location,
            "MWAA-FACTS 3.4",
        )


def _check_names(file: RequirementsFile) -> Iterator[Finding]:
    for line in file.lines:
        advice = _OS_PACKAGES.get(line.name)
        if advice:
            yield Finding(
                "requirements-os-package",
                Severity.WARNING,
                f"{line.name} is a package of the operating system, not of Python.",
                f"Remove it; {advice}.",
                line.location,
                "MWAA-FACTS 3.4",
            )


def _check_system(file: RequirementsFile, base: BaseEnvironment) -> Iterator[Finding]:
    for line in file.lines:
        need = missing_system_need(line.name, base.version)
        if need is not None:
            yield Finding(
                "requirements-system-library",
                Severity.WARNING,
                f"{line.name} needs {need.thing}, which MWAA's image for {base.version.airflow} has not: "
                "it installs, and fails when it is used.",
                f"{need.way[0].upper()}{need.way[1:]}.",
                line.location,
                "MWAA-FACTS 3.4",
            )


def _check_skipped(file: RequirementsFile) -> Iterator[Finding]:
    for line in file.skipped:
        yield Finding(
            "requirements-skipped",
            Severity.INFO,
            f"{line.text} is not installed on MWAA: its marker is false there.",
            "",
            line.location,
            "PEP 508",
        )
