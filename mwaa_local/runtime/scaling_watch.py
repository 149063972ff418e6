"""Follows the queue of an environment and says how many workers there are to be; the rule is in `autoscaling`."""

from collections.abc import Callable

from mwaa_local.ports import Clock, HttpClient
from mwaa_local.runtime.autoscaling import (
    LOOK_EVERY,
    QueueFigures,
    first_scale,
    next_scale,
    parse_figures,
)
from mwaa_local.runtime.scaling_record import ScalingReport
from mwaa_local.stack import WorkerScaling

Look = Callable[[], QueueFigures | None]


class ScalingWatch:
    """Looks at the queue every two seconds."""

    def __init__(self, scaling: WorkerScaling, look: Look, clock: Clock, workers: int | None = None) -> None:
        """Begin with so many workers, or with the minimum."""
        self.scaling = scaling
        self._look = look
        self._clock = clock
        self._scale = first_scale(scaling, workers)
        self._figures: QueueFigures | None = None
        self._next_look = 0.0

    @property
    def workers(self) -> int:
        """Return how many workers there are to be."""
        return self._scale.workers

    def seconds_to_next(self) -> float:
        """Return how long until the next look."""
        return max(0.0, self._next_look - self._clock.monotonic())

    def step(self) -> None:
        """Look, if it is time."""
        now = self._clock.monotonic()
        if now < self._next_look:
            return
        self._figures = self._look()
        self._scale = next_scale(self._scale, self._figures, self.scaling, now)
        self._next_look = now + LOOK_EVERY

    def report(self) -> ScalingReport:
        """Return what there is to tell."""
        return ScalingReport(
            workers=self._scale.workers,
            minimum=self.scaling.minimum,
            maximum=self.scaling.maximum,
            running_tasks=self._figures.running if self._figures else None,
            queued_tasks=self._figures.queued if self._figures else None,
        )


def queue_look(http: HttpClient, url: str) -> Look:
    """Return what asks the endpoint at `url` for the queue's figures."""

    def look() -> QueueFigures | None:
        answer = http.get(url)
        return parse_figures(answer.body) if answer.status == 200 else None

    return look
