"""Decides how many workers run: MWAA's own rule, pure, for any runtime.

MWAA's guide ("mwaa-autoscaling"; MWAA-FACTS 7): (tasks running + tasks queued) / (tasks per worker) = required workers.
If that is more than there are, workers are added, up to the maximum. When the sum is zero for two minutes, the number
becomes the minimum; a worker that goes stops taking tasks and has 120 seconds to end what it has begun.

A runtime keeps a `Scale`, asks `next_scale` every `LOOK_EVERY` seconds and runs as many workers as it says, those that
`choose_workers` names; `parse_figures` reads what the local AWS endpoint answers at the stack's `figures_url`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from mwaa_local.stack import WorkerScaling

LOOK_EVERY = 2.0
"""Seconds between two looks at the queue: MWAA's metrics come once a minute, but nobody wants to wait on a laptop."""


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """The tasks of an environment: messages in flight are running, the others queued."""

    running: int
    queued: int

    @property
    def tasks(self) -> int:
        """Return how many there are."""
        return self.running + self.queued


@dataclass(frozen=True, slots=True)
class Scale:
    """How many workers there are to be, and since when there has been nothing to do (None: there is)."""

    workers: int
    idle_since: float | None = None


def first_scale(scaling: WorkerScaling, workers: int | None = None) -> Scale:
    """Return the scale to begin with: the minimum, or as many workers as there are, within the bounds."""
    return Scale(_bounded(scaling.minimum if workers is None else workers, scaling))


def next_scale(scale: Scale, figures: QueueFigures | None, scaling: WorkerScaling, now: float) -> Scale:
    """Return the scale at `now` (monotonic seconds); without figures nothing is known, and nothing is changed."""
    workers = _bounded(scale.workers, scaling)
    if figures is None:
        return Scale(workers)
    if figures.tasks:
        return Scale(_bounded(max(workers, required_workers(figures, scaling)), scaling))
    since = now if scale.idle_since is None else scale.idle_since
    return Scale(scaling.minimum if now - since >= scaling.idle_seconds else workers, since)


def required_workers(figures: QueueFigures, scaling: WorkerScaling) -> int:
    """Return how many workers the tasks need, whatever the bounds."""
    return -(-figures.tasks // scaling.tasks_per_worker)


def _bounded(workers: int, scaling: WorkerScaling) -> int:
    return max(scaling.minimum, min(workers, scaling.maximum))


@dataclass(frozen=True, slots=True)
class WorkerPlace:
    """One of the stack's workers as a choice sees it."""

    name: str
    is_wanted: bool
    """It runs, or is meant to."""
    is_ending: bool
    """It has been asked to end and has not yet."""


def choose_workers(places: Sequence[WorkerPlace], count: int) -> frozenset[str]:
    """Return which workers run: those that do, then those that can start at once, in the stack's order."""
    ranked = sorted(places, key=lambda place: (not place.is_wanted, place.is_ending))
    return frozenset(place.name for place in ranked[:count])


def parse_figures(body: bytes) -> QueueFigures | None:
    """Read the endpoint's answer; None if it is none."""
    try:
        document = json.loads(body)
        return QueueFigures(int(document["running"]), int(document["queued"]))
    except (ValueError, KeyError, TypeError):
        return None
