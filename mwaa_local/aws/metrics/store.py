"""Keeps metrics by the minute: the present one in memory, those before in a file for each day, for fifteen days.

A file has a line for each minute; which series its numbers belong to is in a small file beside it. Lines are appended
and never changed, so a kill costs what was not written yet: a minute at most.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

MINUTE = 60
DAY = 86400
KEPT_DAYS = 15
"""As long as CloudWatch keeps figures by the minute."""
MOST_SERIES = 20_000
"""In one day; more are left out, so that ids that are made up as they go cannot fill the disk."""

log = logging.getLogger("mwaa_local.aws")


@dataclass(frozen=True, slots=True)
class Series:
    """What identifies a metric; `dimensions` are sorted."""

    region: str
    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]
    unit: str


def make_series(region: str, namespace: str, metric: str, dimensions: Mapping[str, str], unit: str) -> Series:
    """Return the series of a metric with these dimensions."""
    return Series(region, namespace, metric, tuple(sorted(dimensions.items())), unit)


@dataclass(slots=True)
class Statistics:
    """A statistic set: what CloudWatch keeps of values."""

    count: float = 0.0
    total: float = 0.0
    least: float = float("inf")
    most: float = float("-inf")

    def add(self, value: float, weight: float = 1.0) -> None:
        """Take in a value."""
        self.merge(Statistics(weight, value * weight, value, value))

    def merge(self, other: "Statistics") -> None:
        """Take in what another one has."""
        self.count += other.count
        self.total += other.total
        self.least = min(self.least, other.least)
        self.most = max(self.most, other.most)


@dataclass(slots=True)
class _Day:
    """The files of a day that is being written, and the numbers that its series have there."""

    data: Path
    names: Path
    numbers: dict[Series, int]


Points = dict[int, Statistics]
"""Start of a minute, in seconds since the epoch -> what was measured in it."""


@dataclass(slots=True)
class MetricStore:
    """The metrics of all environments of an endpoint, in a folder of its own."""

    folder: Path
    now: Callable[[], float]
    _pending: dict[int, dict[Series, Statistics]] = field(default_factory=dict)
    _days: dict[str, _Day] = field(default_factory=dict)
    _past: dict[str, frozenset[Series]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _broken: bool = False

    def add(self, series: Series, value: float, weight: float = 1.0) -> None:
        """Take a value of now."""
        self.merge(series, self.now(), Statistics(weight, value * weight, value, value))

    def merge(self, series: Series, when: float, statistics: Statistics) -> None:
        """Take values of some time."""
        minute = int(when // MINUTE) * MINUTE
        with self._lock:
            if minute not in self._pending:
                self.write()
                self._pending[minute] = {}
            of_minute = self._pending[minute]
            if series in of_minute:
                of_minute[series].merge(statistics)
            elif len(of_minute) < MOST_SERIES:
                of_minute[series] = statistics

    def write(self) -> None:
        """Write to the files what is in memory."""
        with self._lock:
            pending, self._pending = self._pending, {}
            if not pending:
                return
            try:
                for minute, values in sorted(pending.items()):
                    self._write_minute(minute, values)
                self._broken = False
            except OSError as error:
                # On a full disk: said once, and the environment goes on without.
                if not self._broken:
                    log.warning("metrics cannot be written: %s", error)
                self._broken = True

    def known(self, since: float) -> frozenset[Series]:
        """Return every series that has values after a time."""
        with self._lock:
            found = {series for values in self._pending.values() for series in values}
            for path in self._day_files(".names", since, self.now()):
                found |= self._names_of(path)
        return frozenset(found)

    def points(
        self, is_wanted: Callable[[Series], bool], start: float, end: float
    ) -> Iterator[tuple[Series, Points]]:
        """Yield the wanted series with what was measured from `start` to before `end`."""
        found: dict[Series, Points] = {}
        with self._lock:
            for path in self._day_files(".data", start, end):
                numbers = {
                    number: series
                    for series, number in _read_names(path.with_suffix(".names")).items()
                    if is_wanted(series)
                }
                for minute, values in _read_data(path, start, end) if numbers else ():
                    for number, *numbers_of in values:
                        if number in numbers:
                            _put(found, numbers[number], minute, Statistics(*numbers_of))
            for minute, of_minute in self._pending.items():
                for series, statistics in of_minute.items() if start <= minute < end else ():
                    if is_wanted(series):
                        _put(found, series, minute, statistics)
        yield from found.items()

    def _write_minute(self, minute: int, values: Mapping[Series, Statistics]) -> None:
        day = self._day(minute)
        room = max(MOST_SERIES - len(day.numbers), 0)
        fresh = [series for series in values if series not in day.numbers][:room]
        for series in fresh:
            day.numbers[series] = len(day.numbers)
        if fresh:
            _append(day.names, [_name_line(day.numbers[series], series) for series in fresh])
        rows = [
            [day.numbers[series], *map(_short, (each.count, each.total, each.least, each.most))]
            for series, each in values.items()
            if series in day.numbers
        ]
        _append(day.data, [f"{minute} {json.dumps(rows, separators=(',', ':'))}"])

    def _day(self, minute: int) -> _Day:
        name = datetime.fromtimestamp(minute, UTC).strftime("%Y-%m-%d")
        if name not in self._days:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._remove_old()
            names = self.folder / f"{name}.names"
            # Those of other days are seldom written to: only by who publishes values of the past.
            self._days = {name: _Day(self.folder / f"{name}.data", names, _read_names(names))}
            self._past.pop(names.name, None)
        return self._days[name]

    def _remove_old(self) -> None:
        for path in self._day_files("", 0.0, self.now() - KEPT_DAYS * DAY):
            path.unlink(missing_ok=True)
            self._past.pop(path.name, None)

    def _day_files(self, suffix: str, start: float, end: float) -> list[Path]:
        """Return the files of the days that a span of time touches."""
        first, last = (_day_name(max(when, 0.0)) for when in (start, end))
        names = sorted(self.folder.glob(f"*{suffix or '.*'}"))
        inside = [path for path in names if first <= path.stem <= last]
        return inside if suffix else [path for path in inside if path.stem < last]

    def _names_of(self, path: Path) -> frozenset[Series]:
        """Return the series in the file of a day; those of a day that is over do not change any more."""
        if path.stem in self._days:
            return frozenset(self._days[path.stem].numbers)
        if path.name not in self._past:
            self._past[path.name] = frozenset(_read_names(path))
        return self._past[path.name]


def _day_name(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%d")


def _short(value: float) -> float | int:
    return int(value) if value == int(value) else round(value, 6)


def _put(found: dict[Series, Points], series: Series, minute: int, statistics: Statistics) -> None:
    found.setdefault(series, {}).setdefault(minute, Statistics()).merge(statistics)


def _append(path: Path, lines: list[str]) -> None:
    """Append lines; what a kill has left of another one must not spoil them."""
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, 2)
            if file.read(1) != b"\n":
                lines = ["", *lines]
        file.write(("\n".join(lines) + "\n").encode())


def _name_line(number: int, series: Series) -> str:
    return json.dumps(
        [number, series.region, series.namespace, series.metric, series.dimensions, series.unit]
    )


def _read_names(path: Path) -> dict[Series, int]:
    found: dict[Series, int] = {}
    for line in _lines(path):
        try:
            number, region, namespace, metric, dimensions, unit = json.loads(line)
            series = Series(
                region, namespace, metric, tuple((name, value) for name, value in dimensions), unit
            )
        except (ValueError, TypeError):
            continue
        found[series] = int(number)
    return found


def _read_data(path: Path, start: float, end: float) -> Iterator[tuple[int, list[list[Any]]]]:
    for line in _lines(path):
        minute, _, values = line.partition(" ")
        if not minute.isdecimal() or not start <= int(minute) < end:
            continue
        try:
            rows = [row for row in json.loads(values) if isinstance(row, list) and len(row) == 5]
        except (ValueError, TypeError):
            continue
        yield int(minute), rows


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
