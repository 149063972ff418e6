"""Resolves a project's requirements for MWAA's Python on Linux x86_64, whatever this machine is."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.catalog import MwaaVersion, Pin
from mwaa_local.deploy.lock_file import LockedPackage, parse_lock
from mwaa_local.errors import RequirementsError
from mwaa_local.package_metadata import load_requires
from mwaa_local.ports import CommandResult
from mwaa_local.requirements_files import RequirementsFiles

RunUv = Callable[[Sequence[str], Mapping[str, str]], CommandResult]
"""Runs uv with arguments, and variables on top of the user's."""

_PLATFORM = {"Amazon Linux 2": "x86_64-manylinux_2_17", "Amazon Linux 2023": "x86_64-manylinux_2_34"}
_INDEX_OPTION = re.compile(
    r"^\s*(-i|--index-url|--extra-index-url|-f|--find-links|--trusted-host|--no-index|--pre)\b", re.IGNORECASE
)


_CONSTRAINTS, _LEFT_OUT, _BUILD = "constraints-of-mwaa.txt", "left-out.txt", "build.txt"
_LOCK = "pylock.toml"
_PATIENCE = 10
"""Changed packages that are looked at one by one."""
_VALID_SINCE = (2,)
"""The first Airflow whose metadata uv can read."""
_PINNED_TWICE = re.compile(r"you require (?P<name>[\w.-]+)==(?P<one>\S+) and (?P=name)==(?P<other>[^\s,]+)")


@dataclass(frozen=True, slots=True)
class BundleRequest:
    """What is to be resolved, and under which pins."""

    files: RequirementsFiles
    version: MwaaVersion
    constraints: tuple[tuple[Pin, ...], ...]
    """Sets of pins of the version, where the project's file names no constraints: the first set that works counts."""
    essential: tuple[Pin, ...]
    left_out: tuple[str, ...]
    """Packages of MWAA's environment whose metadata cannot be had without a compiler; MWAA has them."""
    present: Mapping[str, str]
    """MWAA's environment: versions by name."""


def resolve_bundle(
    request: BundleRequest, run_uv: RunUv, python: Path, work: Path
) -> tuple[LockedPackage, ...]:
    """Return every package that the requirements come to; RequirementsError with uv's explanation if they clash."""
    _write_inputs(request, work)
    arguments = _arguments(request, python, work)
    variables = {"UV_INDEX_STRATEGY": "unsafe-best-match"} if request.files.has_extra_index else {}
    airflow = Pin("apache-airflow", request.version.airflow)
    said = ""

    def attempt(pins: Iterable[Pin]) -> tuple[LockedPackage, ...] | None:
        nonlocal said
        _write_pins(work / _CONSTRAINTS, pins)
        result = run_uv(arguments, variables)
        said = result.stderr
        return parse_lock((work / _LOCK).read_text(encoding="utf-8")) if result.exit_code == 0 else None

    for pins in request.constraints or ((),):
        fixed = (*pins, *request.essential, airflow)
        packages = attempt(fixed)
        if packages is not None:
            return _less_changed(packages, fixed, request.present, attempt)
    raise RequirementsError(
        f"{request.files.sources[0][1]} cannot be resolved for MWAA {request.version.airflow}.\n"
        + _explanation(said, request.files, work),
        hint=_hint(said, request.files),
    )


def _arguments(request: BundleRequest, python: Path, work: Path) -> list[str]:
    arguments = ["pip", "compile", "--quiet", "--no-header", "--python", str(python)]
    arguments += ["--output-file", str(work / _LOCK), "--format", "pylock.toml"]
    arguments += ["--python-version", request.version.python_full]
    arguments += ["--python-platform", _PLATFORM[request.version.base_os]]
    arguments += ["--constraints", str(work / _CONSTRAINTS), "--build-constraints", str(work / _BUILD)]
    arguments += ["--excludes", str(work / _LEFT_OUT)]
    if request.version.number < _VALID_SINCE:
        arguments += ["--config-file", str(_write_metadata(request.version, work / "uv.toml"))]
    for host in request.files.trusted_hosts:
        arguments += ["--allow-insecure-host", host]
    if request.files.prereleases:
        arguments += ["--prerelease", "allow"]
    return [*arguments, str(work / "requirements.txt")]


def _less_changed(
    packages: tuple[LockedPackage, ...],
    fixed: tuple[Pin, ...],
    present: Mapping[str, str],
    attempt: Callable[[Iterable[Pin]], tuple[LockedPackage, ...] | None],
) -> tuple[LockedPackage, ...]:
    """Leave what MWAA has as it is where that is possible, as pip does: uv takes the newest of what is not pinned."""
    pinned = {pin.name for pin in fixed}
    changed = [
        Pin(package.name, present[package.name])
        for package in packages
        if package.name not in pinned and present.get(package.name, package.version) != package.version
    ]
    for pin in changed[:_PATIENCE]:
        better = attempt((*fixed, pin))
        if better is not None:
            packages, fixed = better, (*fixed, pin)
    return packages


def _write_metadata(version: MwaaVersion, file: Path) -> Path:
    """Tell uv what the packages of an old Airflow require: what they publish themselves is not valid, and refused."""
    tables = [
        f"[[dependency-metadata]]\nname = {json.dumps(pin.name)}\nversion = {json.dumps(pin.version)}\n"
        # What only an extra needs is left out: what is installed already needs no extra.
        f"requires-dist = {json.dumps([line for line in lines if 'extra ==' not in line])}\n"
        for pin, lines in load_requires(version)
    ]
    file.write_text("\n".join(tables), encoding="utf-8")
    return file


def _write_inputs(request: BundleRequest, work: Path) -> None:
    for name, text in request.files.texts:
        (work / name).write_text(text, encoding="utf-8")
    for name, lines in ((_LEFT_OUT, request.left_out), (_BUILD, request.version.build_constraints)):
        (work / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _hint(output: str, files: RequirementsFiles) -> str:
    twice = _PINNED_TWICE.search(output)
    if twice:
        whose = "the constraints that it names" if files.has_constraints else "the constraints of the version"
        return (
            f"{twice['name']} is pinned by the file and by {whose}: use their version, or name a constraints file of "
            "your own with -c."
        )
    return "See mwaa-local test-requirements, which explains conflicts."


def index_lines(files: RequirementsFiles) -> tuple[str, ...]:
    """Return the lines of the requirements that say where packages come from."""
    lines = (
        line.strip() for name, text in files.texts if "constraints" not in name for line in text.splitlines()
    )
    return tuple(dict.fromkeys(line for line in lines if _INDEX_OPTION.match(line)))


def _write_pins(file: Path, pins: Iterable[Pin]) -> None:
    merged = {pin.name: pin.version for pin in pins}
    file.write_text("".join(f"{name}=={number}\n" for name, number in merged.items()), encoding="utf-8")


def _explanation(output: str, files: RequirementsFiles, work: Path) -> str:
    text = re.sub(r"(\w+://)[^/@\s]+@", r"\1***@", output.strip())
    for name, source in files.sources:
        text = text.replace(str(work / name), str(source))
    return "\n".join(f"    {line}" for line in text.splitlines()[-25:])
