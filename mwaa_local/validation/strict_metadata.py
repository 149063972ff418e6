"""pip 24.1 and later pass over versions whose metadata is not valid; older ones, and uv, read it as it was meant."""

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from mwaa_local.validation.distribution_files import PackageFiles

FetchMetadata = Callable[[Sequence[str]], dict[str, str]]
"""Addresses of wheels -> their METADATA, as far as it can be had."""

STRICT_SINCE = (24, 1)


def find_invalid(
    files: Iterable[PackageFiles], fetch: FetchMetadata, remembered: Path
) -> tuple[PackageFiles, ...]:
    """Return the packages that pip would pass over; what is not known counts as valid."""
    wanted = {each.wheel_url: each for each in files if each.wheel_url}
    remembered.mkdir(parents=True, exist_ok=True)
    unknown = [url for url in wanted if not _place(remembered, url).exists()]
    texts = fetch(unknown)
    for url in unknown:
        # What cannot be had is not asked for again: it would cost seconds every time.
        problem = metadata_problem(texts[url]) if url in texts else ""
        place = _place(remembered, url)
        partial = place.with_suffix(f".{os.getpid()}")
        partial.write_text(problem, encoding="utf-8")
        partial.replace(place)
    return tuple(each for url, each in wanted.items() if _recall(_place(remembered, url)))


def metadata_problem(text: str) -> str:
    """Say what in a METADATA file is invalid; empty where nothing is."""
    # Not imported where nothing is to be read: it takes longer than most verdicts.
    from email.parser import HeaderParser

    message = HeaderParser().parsestr(text)
    try:
        Version(str(message["Version"]))
        if message["Requires-Python"]:
            SpecifierSet(str(message["Requires-Python"]))
        for line in message.get_all("Requires-Dist") or []:
            Requirement(str(line))
    except (InvalidRequirement, InvalidSpecifier, InvalidVersion) as error:
        return str(error).splitlines()[0]
    return ""


def _place(folder: Path, url: str) -> Path:
    return folder / hashlib.sha256(url.encode()).hexdigest()[:32]


def _recall(place: Path) -> bool:
    try:
        return bool(place.read_text(encoding="utf-8"))
    except OSError:
        return False
