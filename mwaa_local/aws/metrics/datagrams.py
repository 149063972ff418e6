"""Reads statsd datagrams as Airflow's client writes them: `name:value|type`, one or several lines.

What cannot be read is left out: a datagram may come from anybody on this machine.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

LONGEST_NAME = 500
LARGEST_VALUE = 2.0**360
"""As CloudWatch takes them."""
SMALLEST_RATE = 1e-6


class Kind(StrEnum):
    """What a value means, by its letter in the datagram."""

    COUNTER = "c"
    GAUGE = "g"
    TIMER = "ms"


@dataclass(frozen=True, slots=True)
class Sample:
    """One value: `weight` is how many it stands for, and a `relative` one changes a gauge by so much."""

    name: str
    kind: Kind
    value: float
    weight: float = 1.0
    relative: bool = False


_KINDS = {"c": Kind.COUNTER, "g": Kind.GAUGE, "ms": Kind.TIMER, "h": Kind.TIMER, "d": Kind.TIMER}


def parse_datagram(datagram: bytes) -> Iterator[Sample]:
    """Yield the values in a datagram."""
    for line in datagram.split(b"\n"):
        sample = _parse_line(line)
        if sample is not None:
            yield sample


def _parse_line(line: bytes) -> Sample | None:
    try:
        name, found, rest = line.decode("ascii").strip().rpartition(":")
        text, kind, *further = rest.split("|")
        value = float(text)
        rate = next((float(each[1:]) for each in further if each.startswith("@")), 1.0)
    except ValueError:
        return None
    if not found or not name or len(name) > LONGEST_NAME or kind not in _KINDS:
        return None
    # What is no number compares with nothing.
    if not abs(value) <= LARGEST_VALUE or not SMALLEST_RATE <= rate <= 1.0 or "_" in text:
        return None
    match _KINDS[kind]:
        case Kind.COUNTER:
            return Sample(name, Kind.COUNTER, value / rate)
        case Kind.GAUGE:
            return Sample(name, Kind.GAUGE, value, relative=text[0] in "+-")
        case Kind.TIMER:
            return Sample(name, Kind.TIMER, value, 1.0 / rate)
