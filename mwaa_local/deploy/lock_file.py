"""Reads a `pylock.toml` (PEP 751) as uv writes it for one platform: which files there are of each package."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from mwaa_local.errors import RequirementsError
from mwaa_local.requirements_files import canonical


@dataclass(frozen=True, slots=True)
class LockedFile:
    """A wheel or a source package."""

    name: str
    sha256: str
    """Empty where the lock does not say."""
    url: str
    path: str
    """Relative to the lock file, or absolute; one of `url` and `path` is empty."""


@dataclass(frozen=True, slots=True)
class LockedPackage:
    """A package at the version that was resolved, and what there is of it."""

    name: str
    version: str
    """Empty for a source tree whose version is known only once it is built."""
    wheels: tuple[LockedFile, ...]
    source: LockedFile | None
    tree: str
    """A source tree as pip takes it (`git+https://...@commit`, a folder), where it comes from neither."""
    is_direct: bool
    """It was asked for by address, not by name: no index is asked."""


def parse_lock(text: str) -> tuple[LockedPackage, ...]:
    """Return the packages of a lock, in its order."""
    try:
        return tuple(_package(values) for values in tomllib.loads(text).get("packages", ()))
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        raise RequirementsError(
            f"uv's lock cannot be read: {error!r}.", hint="Update uv: pip install --upgrade uv"
        ) from error


def _package(values: Mapping[str, Any]) -> LockedPackage:
    wheels = [_file(each) for each in values.get("wheels", ())]
    source = _file(values["sdist"]) if "sdist" in values else None
    tree = ""
    if "archive" in values:
        archive = _file(values["archive"])
        if archive.name.endswith(".whl"):
            wheels.append(archive)
        else:
            source = archive
    elif "vcs" in values:
        vcs = values["vcs"]
        tree = f"{vcs['type']}+{vcs.get('url') or vcs['path']}@{vcs['commit-id']}"
        if vcs.get("subdirectory"):
            tree += f"#subdirectory={vcs['subdirectory']}"
    elif "directory" in values:
        tree = values["directory"]["path"]
    return LockedPackage(
        canonical(values["name"]),
        values.get("version", ""),
        tuple(wheels),
        source,
        tree,
        any(key in values for key in ("archive", "vcs", "directory")),
    )


def _file(values: Mapping[str, Any]) -> LockedFile:
    url, path = values.get("url", ""), values.get("path", "")
    if url.startswith("file://"):
        url, path = "", unquote(urlsplit(url).path)
    name = values.get("name") or unquote((urlsplit(url).path if url else path).rpartition("/")[2])
    return LockedFile(name, values.get("hashes", {}).get("sha256", ""), url, path)
