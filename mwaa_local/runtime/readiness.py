"""Asks services whether they work: by HTTP, a database greeting, a file that is kept fresh; never by log text."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import assert_never

from mwaa_local.ports import Clock, HttpAnswer, HttpClient
from mwaa_local.stack import AliveProbe, BeatProbe, HttpProbe, PostgresProbe, Probe

BEAT_LIMIT = 30.0
"""Seconds without a fresh beat after which a worker counts as hanging."""


class Prober:
    """Answers probes; remembers what it has seen of each beat file, because only changes count (clocks may jump)."""

    def __init__(self, http: HttpClient, clock: Clock, postgres_answers: Callable[[int], bool]) -> None:
        self._http = http
        self._clock = clock
        self._postgres_answers = postgres_answers
        self._beats: dict[str, tuple[int, float]] = {}

    def is_healthy(self, probe: Probe, alive_for: float) -> bool | None:
        """Tell whether a service that has run for `alive_for` seconds is healthy; None where that cannot be known."""
        match probe:
            case HttpProbe(url, component):
                return is_component_healthy(self._http.get(url), component)
            case PostgresProbe(port):
                return self._postgres_answers(port)
            case BeatProbe(path):
                return self._has_fresh_beat(path)
            case AliveProbe(seconds):
                return alive_for >= seconds
            case _:
                assert_never(probe)

    def _has_fresh_beat(self, path: str) -> bool:
        try:
            stamp = Path(path).stat().st_mtime_ns
        except OSError:
            return False
        now = self._clock.monotonic()
        seen, at = self._beats.get(path, (0, now))
        if stamp != seen:
            seen, at = stamp, now
        self._beats[path] = (seen, at)
        return now - at < BEAT_LIMIT


def is_component_healthy(answer: HttpAnswer, component: str) -> bool | None:
    """Tell whether a health page answers and, where a component is named, calls it healthy.

    Without an answer nothing is known of a component: the page is another service's, which may be the one in trouble.
    """
    if answer.status != 200:
        return None if component else False
    if not component:
        return True
    try:
        document = json.loads(answer.body)
        return bool(document[component]["status"] == "healthy")
    except (ValueError, KeyError, TypeError):
        return False
