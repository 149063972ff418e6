"""Says which workers' containers work: MWAA's rule (`autoscaling`) on the queue's figures, written for them to read."""

from pathlib import Path

from mwaa_local.ports import Clock, HttpClient
from mwaa_local.runtime.autoscaling import LOOK_EVERY, WorkerPlace, choose_workers
from mwaa_local.runtime.scaling_watch import ScalingWatch, queue_look
from mwaa_local.runtime.worker_duties import (
    Duty,
    Roster,
    ScalingOrder,
    load_order,
    load_roster,
    read_duties,
    write_roster,
)


class ContainerScaling:
    """Follows the order in a folder, whatever it says at the time; nothing is asked while there is none."""

    def __init__(self, beats: Path, http: HttpClient, clock: Clock) -> None:
        self._beats = beats
        self._http = http
        self._clock = clock
        self._order: ScalingOrder | None = None
        self._watch: ScalingWatch | None = None
        self._roster: Roster | None = None

    def seconds_to_next(self) -> float:
        """Return how long until there may be something to do."""
        return LOOK_EVERY if self._watch is None else self._watch.seconds_to_next()

    def step(self) -> None:
        """Take in the order, look at the queue if it is time, and write down who is wanted if that has changed."""
        order = load_order(self._beats)
        if order != self._order:
            self._follow(order)
        if order is None or self._watch is None:
            return
        self._watch.step()
        roster = Roster(order.run_id, self._choose(order), order.scaling.grace, self._watch.report())
        if roster != self._roster:
            write_roster(self._beats, roster)
            self._roster = roster

    def _follow(self, order: ScalingOrder | None) -> None:
        """Begin anew, or go on with as many workers as there are."""
        known = load_roster(self._beats)
        self._order = order
        self._watch = self._roster = None
        if order is not None:
            self._roster = known if known is not None and known.run_id == order.run_id else None
            workers = self._roster.report.workers if self._roster else None
            look = queue_look(self._http, order.scaling.figures_url)
            self._watch = ScalingWatch(order.scaling, look, self._clock, workers)

    def _choose(self, order: ScalingOrder) -> tuple[str, ...]:
        assert self._watch is not None
        duties = read_duties(self._beats)
        before = self._roster.wanted if self._roster else ()
        places = [
            WorkerPlace(
                name,
                is_wanted=name in before,
                is_ending=name in duties and duties[name].duty is Duty.LEAVING,
            )
            for name in order.workers
        ]
        chosen = choose_workers(places, self._watch.workers)
        return tuple(name for name in order.workers if name in chosen)
