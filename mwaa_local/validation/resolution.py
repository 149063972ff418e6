"""What a resolver answers, as values: the packages that would be installed, or why there is no answer."""

import re
from dataclasses import dataclass

from packaging.utils import canonicalize_name

_RESOLVED = re.compile(
    r"^(?P<name>[A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?(?:==(?P<version>\S+)|\s+@\s+(?P<url>\S+))(?:\s+# via (?P<via>.*))?$"
)
_YANKED = re.compile(
    r"`(?P<name>[A-Za-z0-9][\w.-]*)==(?P<version>[^`\s]+)` is yanked(?: \(reason: \"(?P<reason>.*)\"\))?"
)
_URL_VERSION = re.compile(r"/[A-Za-z0-9_.]+?-(\d[^-/]*?)(?:-[^/]*\.whl|\.tar\.gz|\.zip)(?:#.*)?$")
_NETWORK = re.compile(
    r"failed to (fetch|lookup address)|error sending request|dns error|connection (refused|reset|timed out|error)|"
    r"could not connect|network is unreachable|request (failed|timed out)|operation timed out|"
    r"temporary failure in name resolution|invalid peer certificate|network (was|connectivity is) disabled",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"HTTP status client error \((401|403|404|410)|Repository not found|Authentication failed|"
    r"couldn't find remote ref|failed to find branch, tag, or commit"
)


@dataclass(frozen=True, slots=True)
class ResolvedPackage:
    """One package of the answer."""

    name: str
    version: str
    """Empty where a URL does not say it."""
    url: str
    required_by: tuple[str, ...]
    """Packages that need it; empty for what only the requirements name."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """The packages that pip would have chosen: those it would leave as they are among them."""

    packages: tuple[ResolvedPackage, ...]
    yanked: tuple[tuple[str, str, str], ...] = ()
    """(name, version, reason) of those that were withdrawn from the index."""

    def pairs(self) -> frozenset[tuple[str, str]]:
        """Return (name, version) of every package."""
        return frozenset((package.name, package.version) for package in self.packages)

    def versions(self) -> dict[str, str]:
        """Return the versions by name."""
        return {package.name: package.version for package in self.packages}


@dataclass(frozen=True, slots=True)
class Refusal:
    """No set of packages satisfies everything; in the resolver's own words."""

    output: str

    @property
    def is_network_failure(self) -> bool:
        """Return whether an index, or a file that the requirements name, could not be reached."""
        # An answer of 404 or 403 is an answer: pip, too, would be given it.
        return bool(_NETWORK.search(self.output)) and not _REFUSED.search(self.output)


def parse_resolution(text: str) -> Resolution:
    """Read `name==version  # via parents` lines, and warnings about withdrawn versions."""
    packages = []
    for line in text.splitlines():
        match = _RESOLVED.match(line.strip())
        if not match:
            continue
        url = match["url"] or ""
        named = _URL_VERSION.search(url)
        via = tuple(each.strip() for each in (match["via"] or "").split(","))
        packages.append(
            ResolvedPackage(
                canonicalize_name(match["name"]),
                match["version"] or (named[1] if named else ""),
                url,
                tuple(canonicalize_name(each) for each in via if each and not each.startswith("-")),
            )
        )
    yanked = {
        (canonicalize_name(each["name"]), each["version"], each["reason"] or "")
        for each in _YANKED.finditer(text)
    }
    return Resolution(tuple(packages), tuple(sorted(yanked)))
