"""What is said of a line that names what an index does not have: a package, a version, one for this Python."""

import difflib
import re

from mwaa_local.validation.base_environment import BaseEnvironment
from mwaa_local.validation.conflict import Culprit
from mwaa_local.validation.finding import Finding, Severity

_NO_PACKAGE = re.compile(r"was not found in the (package registry|provided package locations)")
_NO_VERSION = re.compile(r"there (is|are) no versions? of|only .* (is|are) available")
_OTHER_TAG = re.compile(r"no wheels with a matching (Python|platform) ")
_PYTHON = re.compile(r"depends on Python\s*(?P<needed>[<>=!~][^\s,]*(?:,[<>=!~][^\s,]*)*)")


def absence_finding(culprit: Culprit, base: BaseEnvironment) -> Finding | None:
    """Return the finding, where the line cannot be installed even alone and it is plain why."""
    line, told = culprit.line, culprit.alone
    newest = f"The newest that fits is {line.name}=={culprit.fits}." if culprit.fits else ""
    python = _lowest(_PYTHON.findall(told))
    version, number = base.version, base.version.python
    where = "no folder of --find-links" if "provided package locations" in told else "the index"
    if _NO_PACKAGE.search(told):
        rule = "requirements-no-package"
        message = f"{line.text}: {where} has {'it' if where.startswith('no') else 'no package of this name'}."
        hint = _did_you_mean(line.name, base) or "Check the spelling, and the index that is asked."
    elif python and line.name and "does not satisfy Python" in told:
        rule = "requirements-other-python"
        message = f"{line.text} needs Python {python}; MWAA {version.airflow} has {number}."
        hint = newest or "No version of it is for this Python; do without it, or take a newer MWAA version."
    elif line.name and _OTHER_TAG.search(told):
        rule = "requirements-other-python"
        message = f"{line.text} has neither a source nor a wheel for Python {number} on {version.base_os}."
        hint = newest or "No version of it is for this Python and platform; do without it."
    elif line.specifier and _NO_VERSION.search(told):
        rule = "requirements-no-version"
        message = f"{line.text}: the index has no such version (it never had, or it has been removed)."
        hint = newest or "Name another version; see what the index has with: pip index versions NAME"
    else:
        return None
    return Finding(
        rule,
        Severity.ERROR,
        f"{message} pip installs nothing.",
        hint,
        line.location,
        f"pip {base.target.pip}",
    )


def _lowest(needed: list[str]) -> str:
    """Return the least demand of several versions."""

    def number(text: str) -> list[int]:
        return [int(each) for each in re.findall(r"\d+", text.partition(",")[0])]

    return min(needed, key=number, default="")


def _did_you_mean(name: str, base: BaseEnvironment) -> str:
    known = {pin.name for pin in (*base.constraints, *base.pins)}
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
    return f"Did you mean {near[0]}?" if near else ""
