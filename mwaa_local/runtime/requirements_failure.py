"""Finds the cause in what an installer said when a project's requirements failed: the line, and the reason."""

import re
from pathlib import Path

from mwaa_local.errors import MwaaLocalError, RequirementsError
from mwaa_local.requirements_files import NamedRequirement, RequirementsFiles, canonical
from mwaa_local.runtime.cache_entry import is_disk_full
from mwaa_local.runtime.installer import (
    explain,
    is_compiler_failure,
    is_network_failure,
    is_offline_failure,
    trimmed,
)

_METADATA = re.compile(
    r"failed to parse metadata|metadata field .* not found|expected (version|a valid)|not a valid (PEP 440|version)|"
    r"invalid metadata|couldn't parse metadata|Failed to read metadata",
    re.IGNORECASE,
)
_CONFLICT = re.compile(
    r"because .* depends on|conflict|ResolutionImpossible|incompatible", re.IGNORECASE | re.DOTALL
)
_PINNED_TWICE = re.compile(r"you require (?P<name>[\w.-]+)==(?P<one>\S+) and (?P=name)==(?P<other>[^\s,]+)")
_ABSENT = re.compile(
    r"was not found|no version of|only .{0,200} available|No matching distribution|have no wheels|no usable wheels",
    re.IGNORECASE | re.DOTALL,
)


def is_metadata_failure(output: str) -> bool:
    """Return whether uv gave up on metadata that older pips, MWAA's among them, can read."""
    return bool(_METADATA.search(output))


def requirements_failure(output: str, files: RequirementsFiles, work: Path) -> MwaaLocalError:
    """Return the error for an installer that failed with `output` on the rewritten files in `work`."""
    if is_disk_full(output):
        return explain(output, work, "The requirements cannot be installed")
    guilty = guilty_requirement(output, files.requirements)
    place = f"{guilty.file}:{guilty.line}: {guilty.text}" if guilty else str(files.sources[0][1])
    told = _in_users_files(trimmed(output), files, work)
    return RequirementsError(f"{place}: cannot be installed.\n{told}", hint=_hint(output, files))


def guilty_requirement(output: str, requirements: tuple[NamedRequirement, ...]) -> NamedRequirement | None:
    """Return the line that the installer complains about, if it names one.

    Of several, the one that the explanation mentions together with an exact version or a range, first in the file.
    """
    first: tuple[int, NamedRequirement] | None = None
    words = [
        (match.start(), canonical(match[0])) for match in re.finditer(r"[A-Za-z0-9][A-Za-z0-9._-]*", output)
    ]
    for requirement in requirements:
        places = [start for start, word in words if word == requirement.name]
        if places and (first is None or places[0] < first[0]):
            first = (places[0], requirement)
    return first[1] if first else None


def _in_users_files(output: str, files: RequirementsFiles, work: Path) -> str:
    """Name the user's files instead of the rewritten ones; line numbers are the same."""
    for name, source in files.sources:
        output = output.replace(str(work / name), str(source)).replace(f"`{name}`", f"`{source}`")
    return output


def _hint(output: str, files: RequirementsFiles) -> str:
    if is_offline_failure(output):
        return "UV_OFFLINE is set, and uv's cache lacks a package: unset it once."
    if is_network_failure(output):
        return "The package index cannot be reached: check the network, the proxy and the index settings."
    if is_compiler_failure(output):
        return "A package without a wheel has to be compiled: pin a version that has wheels, or install a C compiler."
    twice = _PINNED_TWICE.search(output)
    if twice:
        name = twice["name"]
        return f"{name} is pinned to {twice['one']} and to {twice['other']}, once by the constraints: use theirs."
    if _CONFLICT.search(output):
        return "MWAA's pip would refuse this, too. Change the version that is named above" + (
            ", or the constraints that pin it."
            if files.has_constraints
            else "; constraints help to find one that fits."
        )
    if _ABSENT.search(output):
        return "Check the name and the version on the package index; old Pythons lack new versions."
    return "--ignore-requirements-failure goes on without the requirements, as MWAA does."
