"""Remembers when the package index was last asked about a package, so that a cached answer is used for a while only."""

import json
from collections.abc import Iterable
from pathlib import Path

from mwaa_local.ports import Clock

_FRESH = 6 * 3600.0
"""Seconds. A release that is younger may be missed; `--refresh` asks the index."""


class IndexMemory:
    """A file of (package, time)."""

    def __init__(self, file: Path, clock: Clock) -> None:
        self._file, self._clock = file, clock
        self._times = _load(file)

    def is_recent(self, name: str) -> bool:
        """Return whether the index was asked about a package not long ago."""
        return 0 <= self._clock.now() - self._times.get(name, -_FRESH) < _FRESH

    def remember(self, names: Iterable[str]) -> None:
        """Note that the index was asked just now."""
        now = self._clock.now()
        self._times |= dict.fromkeys(names, now)
        partial = self._file.with_suffix(".partial")
        partial.write_text(json.dumps(self._times), encoding="utf-8")
        partial.replace(self._file)


def _load(file: Path) -> dict[str, float]:
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): float(time) for name, time in values.items()} if isinstance(values, dict) else {}
