"""Resolves a project's requirements for MWAA's Python on Linux x86_64, whatever this machine is."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.catalog import MwaaVersion, Pin
from mwaa_local.deploy.lock_file import LockedPackage, parse_lock
from mwaa_local.errors import RequirementsError
from mwaa_local.ports import CommandResult
from mwaa_local.requirements_files import RequirementsFiles

RunUv = Callable[[Sequence[str], Mapping[str, str]], CommandResult]
"""Runs uv with arguments, and variables on top of the user's."""

_PLATFORM = {"Amazon Linux 2": "x86_64-manylinux_2_17", "Amazon Linux 2023": "x86_64-manylinux_2_34"}
_INDEX_OPTION = re.compile(
    r"^\s*(-i|--index-url|--extra-index-url|-f|--find-links|--trusted-host|--no-index|--pre)\b", re.IGNORECASE
)


_CONSTRAINTS, _LEFT_OUT, _BUILD = "constraints-of-mwaa.txt", "left-out.txt", "build.txt"
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


def resolve_bundle(
    request: BundleRequest, run_uv: RunUv, python: Path, work: Path
) -> tuple[LockedPackage, ...]:
    """Return every package that the requirements come to; RequirementsError with uv's explanation if they clash."""
    _write_inputs(request, work)
    lock = work / "pylock.toml"
    arguments = [
        "pip",
        "compile",
        "--quiet",
        "--no-header",
        "--python",
        str(python),
        "--output-file",
        str(lock),
    ]
    arguments += ["--python-version", request.version.python_full]
    arguments += ["--python-platform", _PLATFORM[request.version.base_os], "--format", "pylock.toml"]
    arguments += ["--constraints", str(work / _CONSTRAINTS), "--build-constraints", str(work / _BUILD)]
    arguments += ["--excludes", str(work / _LEFT_OUT)]
    for host in request.files.trusted_hosts:
        arguments += ["--allow-insecure-host", host]
    if request.files.prereleases:
        arguments += ["--prerelease", "allow"]
    variables = {"UV_INDEX_STRATEGY": "unsafe-best-match"} if request.files.has_extra_index else {}
    airflow = Pin("apache-airflow", request.version.airflow)
    result = CommandResult(1, "", "")
    for pins in request.constraints or ((),):
        _write_pins(work / _CONSTRAINTS, (*pins, *request.essential, airflow))
        result = run_uv([*arguments, str(work / "requirements.txt")], variables)
        if result.exit_code == 0:
            return parse_lock(lock.read_text(encoding="utf-8"))
    raise RequirementsError(
        f"{request.files.sources[0][1]} cannot be resolved for MWAA {request.version.airflow}.\n"
        + _explanation(result.stderr, request.files, work),
        hint=_hint(result.stderr, request.files),
    )


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
