"""Which versions' environments lie complete in the user-wide cache."""

from dataclasses import dataclass
from pathlib import Path

from mwaa_local.runtime.cache_entry import MARKER, read_entry


@dataclass(frozen=True, slots=True)
class CachedEnvironment:
    """A complete environment of the cache."""

    folder: Path
    version: str
    amazon_provider: str | None
    python: str


def list_cached(cache: Path) -> tuple[CachedEnvironment, ...]:
    """Return the complete environments, by folder name."""
    found = []
    for marker in sorted((cache / "environments").glob(f"*/{MARKER}")):
        entry = read_entry(marker.parent)
        if entry is not None:
            record = entry.record
            provider = record.get("amazon_provider")
            found.append(
                CachedEnvironment(
                    marker.parent,
                    str(record.get("airflow", "")),
                    None if provider is None else str(provider),
                    str(record.get("python", "")),
                )
            )
    return tuple(found)
