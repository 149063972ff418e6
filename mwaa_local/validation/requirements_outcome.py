"""What comes of requirements on MWAA, as findings: a conflict with its cause, or what an installation leaves behind."""

from collections.abc import Iterator, Mapping

from mwaa_local.validation.base_environment import BaseEnvironment
from mwaa_local.validation.conflict import Culprit, Diagnosis, pinned_version
from mwaa_local.validation.environment_health import Broken, Health
from mwaa_local.validation.finding import Finding, Location, Severity
from mwaa_local.validation.package_verdict import ESSENTIAL_ORIGIN, PackageVerdict
from mwaa_local.validation.requirements_absence import absence_finding
from mwaa_local.validation.requirements_file import RequirementsFile

_WATCHED = (
    "apache-airflow-providers-amazon",
    "celery",
    "connexion",
    "flask",
    "flask-appbuilder",
    "gunicorn",
    "kombu",
    "sqlalchemy",
    "watchtower",
    "werkzeug",
)
"""Packages of MWAA's whose change deserves a loud warning although their requirements are met."""


def conflict_findings(
    diagnosis: Diagnosis,
    file: RequirementsFile,
    base: BaseEnvironment,
    passed_over: tuple[tuple[str, str], ...] = (),
) -> tuple[Finding, ...]:
    """Return what is to be said of requirements that cannot be installed together."""
    said = " ".join(f"pip passes over {package}: {why}." for package, why in passed_over)
    told = f"{said} {diagnosis.told}".strip()
    found = [_culprit_finding(each, told, base) for each in diagnosis.culprits]
    if found:
        return tuple(found)
    return (
        Finding(
            "requirements-conflict",
            Severity.ERROR,
            f"The requirements cannot be installed together. {told}",
            "Change one of the versions that are named, or the constraints that pin them.",
            file.top,
            f"pip {base.target.pip}",
        ),
    )


def _culprit_finding(culprit: Culprit, told: str, base: BaseEnvironment) -> Finding:
    line, pin = culprit.line, culprit.pin
    if pin is not None:
        essential = pin.location.file.startswith(ESSENTIAL_ORIGIN)
        rule = "requirements-essential" if essential else "requirements-constraint-conflict"
        number = pinned_version(pin)
        message = f"{line.text} contradicts {pin.text} ({pin.location}): pip installs nothing."
        hint = f"Use {line.name}=={culprit.fits or number}" + (
            "; MWAA lets nobody change this package."
            if essential
            else ", or change the pin in a copy of the constraints in dags/ (--fix writes both)."
        )
        return Finding(rule, Severity.ERROR, message, hint, line.location, "MWAA-FACTS 3.1")
    absent = absence_finding(culprit, base)
    if absent is not None:
        return absent
    if culprit.fits:
        hint = f"The newest version that fits is {line.name}=={culprit.fits}."
    else:
        hint = "No version of it fits; remove it, or change what contradicts it."
    return Finding(
        "requirements-conflict",
        Severity.ERROR,
        f"{line.text} cannot be installed. {culprit.alone or told}",
        hint,
        line.location,
        f"pip {base.target.pip}",
    )


def health_findings(
    health: Health, packages: tuple[PackageVerdict, ...], file: RequirementsFile, base: BaseEnvironment
) -> tuple[Finding, ...]:
    """Return what is to be said of an environment after pip has succeeded."""
    changed = {each.name: each for each in packages if each.is_changed}
    lines = {line.name: line.location for line in file.lines}
    guilty = _Guilt(changed, lines, {each.name: each for each in packages})
    found = []
    if health.airflow:
        found.append(
            Finding(
                "requirements-airflow-changed",
                Severity.ERROR,
                f"Airflow itself becomes {health.airflow} instead of {base.version.airflow}; "
                f"{guilty.why('apache-airflow')}.",
                "Use the version's constraints, and packages that work with this Airflow.",
                guilty.place("apache-airflow"),
                "MWAA-FACTS 3.4",
            )
        )
    found += [_broken_finding(each, guilty) for each in health.broken if not _follows(each, health)]
    for breakage in health.breakages:
        found.append(
            Finding(
                "requirements-airflow-broken",
                Severity.ERROR,
                f"{breakage.package} {changed[breakage.package].version if breakage.package in changed else ''} "
                f"breaks {breakage.victim}: {breakage.reason}; no airflow command will start.",
                f"Pin {breakage.package} to the version of the constraints.",
                guilty.place(breakage.package),
                "known breakage",
            )
        )
    named = {each.needed for each in health.broken} | {each.package for each in health.breakages}
    found += [
        _changed_finding(changed[name], guilty)
        for name in _WATCHED
        if name in changed
        and not (name == "watchtower" and base.version.watchtower_reinstalled)
        and name not in named
        and changed[name].before
    ]
    return tuple(found)


def withdrawn_findings(
    yanked: tuple[tuple[str, str, str], ...], packages: tuple[PackageVerdict, ...], file: RequirementsFile
) -> Iterator[Finding]:
    """Yield what is to be said of versions that were withdrawn from the index and are installed all the same."""
    changed = {each.name: each for each in packages if each.is_changed}
    guilty = _Guilt(
        changed, {line.name: line.location for line in file.lines}, {each.name: each for each in packages}
    )
    for name, version, reason in yanked:
        if name in changed:
            yield Finding(
                "requirements-yanked",
                Severity.WARNING,
                f"{name} {version} was withdrawn by its authors"
                + (f" ({reason.strip().rstrip('.')})" if reason.strip() else "")
                + "; pip installs it, because it is pinned.",
                "Take another version: a withdrawn one may be removed from the index.",
                guilty.place(name),
                "PEP 592",
            )


def watchtower_finding(
    package: PackageVerdict,
    base: BaseEnvironment,
    file: RequirementsFile,
    packages: tuple[PackageVerdict, ...],
) -> Finding:
    """Say that MWAA puts its watchtower back."""
    places = {line.name: line.location for line in file.lines}
    guilty = _Guilt({package.name: package}, places, {each.name: each for each in packages})
    return Finding(
        "requirements-watchtower",
        Severity.WARNING,
        f"watchtower {package.version} is installed ({guilty.why('watchtower')}), "
        f"and then MWAA puts watchtower {base.version.watchtower} back: logs depend on it.",
        f"Do not count on another watchtower than {base.version.watchtower}.",
        guilty.place("watchtower"),
        "MWAA-FACTS 1.3",
    )


def _follows(broken: Broken, health: Health) -> bool:
    return broken.package == "apache-airflow" and health.airflow is not None


def _broken_finding(broken: Broken, guilty: "_Guilt") -> Finding:
    found = f"becomes {broken.found}" if broken.found else "is gone"
    return Finding(
        "requirements-airflow-broken" if broken.fatal else "requirements-package-broken",
        Severity.ERROR if broken.fatal else Severity.WARNING,
        f"{broken.package} {broken.version} needs {broken.requirement}, but {broken.needed} {found}; "
        f"{guilty.why(broken.needed)}. pip installs this and exits with 0"
        + ("; Airflow cannot be expected to start." if broken.fatal else "."),
        f"Pin {broken.needed} to the version of the constraints.",
        guilty.place(broken.needed),
        "metadata of the base environment",
    )


def _changed_finding(package: PackageVerdict, guilty: "_Guilt") -> Finding:
    return Finding(
        "requirements-core-changed",
        Severity.WARNING,
        f"{package.name} changes from {package.before} to {package.version}; {guilty.why(package.name)}.",
        "Airflow stands on it: test the environment with --install before you deploy.",
        guilty.place(package.name),
        "MWAA-FACTS 11.3 (3)",
    )


class _Guilt:
    """Follows a changed package back to the line that brought it."""

    def __init__(
        self,
        changed: Mapping[str, PackageVerdict],
        lines: Mapping[str, Location],
        packages: Mapping[str, PackageVerdict],
    ) -> None:
        self._changed, self._lines, self._packages = changed, lines, packages

    def place(self, name: str) -> Location | None:
        """Return the line that brought a package."""
        path = self._path(name)
        return self._lines.get(path[-1]) if path else None

    def why(self, name: str) -> str:
        """Say which line brought a package, in words."""
        path = self._path(name)
        if not path:
            return "another package needs it"
        place = self._lines[path[-1]]
        return f"{place} asks for it" if len(path) == 1 else f"{' for '.join(path[1:])} ({place}) needs it"

    def _path(self, name: str) -> tuple[str, ...]:
        """Return the shortest way from a package to one that a line names, by way of changed packages first."""
        ways: list[tuple[str, ...]] = [(name,)]
        seen = {name}
        while ways:
            way = ways.pop(0)
            if way[-1] in self._lines:
                return way
            package = self._packages.get(way[-1])
            parents = package.required_by if package else ()
            for parent in sorted(parents, key=lambda each: each not in self._changed):
                if parent not in seen:
                    seen.add(parent)
                    ways.append((*way, parent))
        return ()
