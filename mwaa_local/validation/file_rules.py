"""The rules about the files that would be downloaded: wheels, sources, hashes, sizes."""

from collections.abc import Iterable, Iterator, Sequence

from mwaa_local.validation.base_environment import BaseEnvironment
from mwaa_local.validation.distribution_files import PackageFiles
from mwaa_local.validation.finding import Finding, Location, Severity
from mwaa_local.validation.package_verdict import PackageVerdict
from mwaa_local.validation.requirements_file import RequirementsFile
from mwaa_local.validation.requirements_time import LIMIT, LONG, estimate_seconds
from mwaa_local.validation.source_builds import BuildVerdict, judge_build

NEWER_SYSTEM = "requirements-newer-system"


def check_files(
    files: Sequence[PackageFiles],
    file: RequirementsFile,
    packages: Sequence[PackageVerdict],
    base: BaseEnvironment,
) -> tuple[Finding, ...]:
    """Return what the files of new and changed packages mean for the installation."""
    places = _places(file, packages)
    return (
        *_check_sources(files, places, base),
        *_check_hashes(files, places, file, packages),
        *_check_time(files, file, base),
        *_check_network(files, file, base),
    )


def _places(file: RequirementsFile, packages: Sequence[PackageVerdict]) -> dict[str, Location]:
    """Return the line that each package is there for: its own, or that of what needs it."""
    places = {line.name: line.location for line in reversed(file.lines) if line.name}
    for _ in range(len(packages)):
        missing = [each for each in packages if each.name not in places]
        found = {
            each.name: places[parent] for each in missing for parent in each.required_by if parent in places
        }
        if not found:
            break
        places |= found
    return places


def _check_sources(
    files: Iterable[PackageFiles], places: dict[str, Location], base: BaseEnvironment
) -> Iterator[Finding]:
    for each in files:
        if each.has_wheel_for(base.version):
            continue
        build = judge_build(each.name, base.version)
        if each.has_source and each.has_wheel_for_newer_system(base.version):
            yield _newer_system(each, build, places, base)
            continue
        fails = build.fails or not each.has_source
        yield Finding(
            "requirements-source-build",
            Severity.ERROR if fails else Severity.WARNING,
            f"{each.name} {each.version} has no wheel for Python {base.version.python} on {base.version.base_os}: "
            f"pip builds it from source{_needs(build)}.",
            "Pin a version that has a wheel, or build a wheel and put it into plugins.zip.",
            places.get(each.name),
            "MWAA-FACTS 3.4",
        )


def _newer_system(
    package: PackageFiles, build: BuildVerdict, places: dict[str, Location], base: BaseEnvironment
) -> Finding:
    """Such a build brings tools of its own, or fails: only MWAA can tell."""
    return Finding(
        NEWER_SYSTEM,
        Severity.WARNING,
        f"The wheels of {package.name} {package.version} are for newer systems than {base.version.base_os}: pip builds "
        f"it from source there{_needs(build)}{'. Expect that to fail' if build.fails else ''}.",
        "Pin an older version that has a wheel for it, or build a wheel and put it into plugins.zip.",
        places.get(package.name),
        "MWAA-FACTS 3.4",
    )


def _needs(build: BuildVerdict) -> str:
    if build.missing:
        return (
            f", which needs {' and '.join(build.needs)}; MWAA's image has no {' and no '.join(build.missing)}"
        )
    if build.slow:
        return f", which takes some {build.minutes:.0f} minutes; MWAA gives the whole installation nine"
    if build.needs:
        return f", which needs {' and '.join(build.needs)} (MWAA's image has them)"
    return ""


def _check_hashes(
    files: Iterable[PackageFiles],
    places: dict[str, Location],
    file: RequirementsFile,
    packages: Sequence[PackageVerdict],
) -> Iterator[Finding]:
    lines = (*file.lines, *file.constraints)
    if not file.options.require_hashes and not any(line.hashes for line in lines):
        return
    known = {each.name: each for each in files}
    for package in packages:
        if not package.is_changed:
            # What is installed is not downloaded, and only downloads are checked.
            continue
        own = [line for line in lines if line.name == package.name]
        allowed = {each for line in own for each in line.hashes}
        actual = known[package.name].hashes if package.name in known else ()
        if not allowed:
            problem = f"{package.name} has no hash, and one line with a hash makes pip demand them of all"
        elif not any(line.is_exact for line in own):
            problem = f"{package.name} has a hash, but no exact version"
        elif actual and not allowed.intersection(actual):
            problem = f"no file of {package.name} {package.version} has the hash that the line gives"
        else:
            continue
        yield Finding(
            "requirements-hash",
            Severity.ERROR,
            f"{problem[0].upper()}{problem[1:]}: pip installs nothing.",
            "Write the hashes of every package, dependencies too (uv pip compile --generate-hashes), or none.",
            places.get(package.name),
            "pip, hash-checking mode",
        )


def _check_time(
    files: Sequence[PackageFiles], file: RequirementsFile, base: BaseEnvironment
) -> Iterator[Finding]:
    seconds = estimate_seconds(files, base.version)
    if seconds < LONG:
        return
    size = sum(each.size for each in files)
    built = sum(not each.has_wheel_for(base.version) for each in files)
    compiled = f", {built} of them to be compiled" if built else ""
    verb = "would exceed" if seconds > LIMIT else "comes near"
    yield Finding(
        "requirements-slow",
        Severity.WARNING,
        f"{len(files)} packages ({size / 1e6:.0f} MB{compiled}) take about {seconds / 60:.0f} minutes on a small "
        f"environment class: that {verb} the nine minutes after which MWAA ends the installation.",
        "Leave out what tasks do not need, pin versions that have wheels, or run it elsewhere (ECS, EKS, Batch).",
        file.top,
        "MWAA-FACTS 3.1",
    )


def _check_network(
    files: Sequence[PackageFiles], file: RequirementsFile, base: BaseEnvironment
) -> Iterator[Finding]:
    named = {line.name for line in file.lines if line.url}
    fetched = [each for each in files if each.is_remote and each.name not in named]
    if file.options.no_index or not fetched:
        return
    number = f"{len(fetched)} package{'s' if len(fetched) > 1 else ''}"
    where = (
        "The web server installs the requirements too: if it is private and has no route to an index, this fails there."
        if base.version.requirements_on_webserver
        else "Workers and schedulers without a route to an index cannot install them."
    )
    yield Finding(
        "requirements-needs-index",
        Severity.INFO,
        f"{number} come{'' if len(fetched) > 1 else 's'} from a package index. {where}",
        "For such an environment: mwaa-local package-requirements puts wheels into plugins.zip.",
        file.top,
        "MWAA-FACTS 11.3 (1)",
    )
