"""The files of the packages that would be installed: whether there is a wheel for MWAA, and what their hashes are."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from packaging.utils import canonicalize_name

from mwaa_local.catalog import MwaaVersion
from mwaa_local.wheel_tags import needs_newer_system, wheel_problem


@dataclass(frozen=True, slots=True)
class PackageFiles:
    """What the index has of one version of one package, as far as it is for Linux x86_64 and MWAA's Python."""

    name: str
    version: str
    wheels: tuple[str, ...]
    has_source: bool
    hashes: tuple[str, ...]
    """`algorithm:digest` of every file."""
    wheel_url: str
    """Address of one of its wheels."""
    size: int
    """Bytes of the file that pip would download, 0 where the index does not say."""
    is_remote: bool = True
    """Whether it comes over the network."""

    def has_wheel_for(self, version: MwaaVersion) -> bool:
        """Return whether MWAA can install one of the wheels."""
        return any(not wheel_problem(wheel, version) for wheel in self.wheels)

    def has_wheel_for_newer_system(self, version: MwaaVersion) -> bool:
        """Return whether MWAA could install one of the wheels if its C library were newer."""
        return any(needs_newer_system(wheel, version) for wheel in self.wheels)


def parse_lock(text: str) -> tuple[PackageFiles, ...]:
    """Read a pylock.toml (PEP 751)."""
    return tuple(_package(entry) for entry in tomllib.loads(text).get("packages", ()))


def _package(entry: Mapping[str, Any]) -> PackageFiles:
    wheels = list(entry.get("wheels", ()))
    source = entry.get("sdist")
    files = [*wheels, *([source] if source else [])]
    hashes = [f"{kind}:{digest}" for each in files for kind, digest in each.get("hashes", {}).items()]
    return PackageFiles(
        name=canonicalize_name(entry["name"]),
        version=str(entry.get("version", "")),
        wheels=tuple(_file_name(each) for each in wheels),
        has_source=bool(source),
        hashes=tuple(hashes),
        wheel_url=_wheel_url(wheels),
        size=max((int(each.get("size", 0)) for each in wheels or files), default=0),
        is_remote=any(str(each.get("url", "")).startswith("http") for each in files),
    )


def _wheel_url(wheels: list[Mapping[str, Any]]) -> str:
    url = next((str(each["url"]) for each in wheels if each.get("url")), "")
    return url.partition("#")[0] if url.startswith("https://") else ""


def _file_name(entry: Mapping[str, Any]) -> str:
    place = str(entry.get("name") or entry.get("url") or entry.get("path") or "")
    return unquote(place.rsplit("/", 1)[-1])
