"""How workers in containers are told to come and go, and how they tell what they do: files in a folder that all mount.

`start` leaves the bounds, the endpoint's container says who is wanted (`container_scaling`), and the entry program of a
worker's container (`inside/mwaa_inside/container_worker.py`) sleeps until it is. No engine is asked, so that the same
holds after a restart of the machine and for an exported Compose file. Workers that are replaced are told so here as
well: not every engine can be told not to start them again, and their time is limited whoever still waits for them.
"""

import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from mwaa_local.runtime.scaling_record import ScalingReport
from mwaa_local.runtime.state import read_json, write_private
from mwaa_local.stack import WorkerScaling


class Duty(StrEnum):
    """What a worker's container is doing."""

    PARKED = "parked"
    """It sleeps until it is wanted."""
    WORKING = "working"
    LEAVING = "leaving"
    """It takes no more tasks, and ends those that it has begun."""


@dataclass(frozen=True, slots=True)
class KnownDuty:
    """What a worker does, and since when in seconds since the epoch."""

    duty: Duty
    since: float


@dataclass(frozen=True, slots=True)
class ScalingOrder:
    """Between which bounds the number of workers of a run follows the tasks, and which workers there are."""

    run_id: str
    scaling: WorkerScaling
    workers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Roster:
    """Who is wanted, and why."""

    run_id: str
    wanted: tuple[str, ...]
    grace: float
    """Seconds that a worker which is not wanted any more has for what it runs."""
    report: ScalingReport


def write_order(beats: Path, order: ScalingOrder | None) -> Path | None:
    """Leave the bounds for the endpoint, or none where nothing is scaled; return the file."""
    path = beats / "scaling.json"
    if order is None:
        path.unlink(missing_ok=True)
        (beats / "roster.json").unlink(missing_ok=True)
        return None
    write_private(path, json.dumps(asdict(order)))
    return path


def load_order(beats: Path) -> ScalingOrder | None:
    """Return the bounds; None where nothing is scaled."""
    document = read_json(beats / "scaling.json")
    try:
        if document is None:
            return None
        scaling = WorkerScaling(**document["scaling"])
        return ScalingOrder(str(document["run_id"]), scaling, tuple(document["workers"]))
    except (TypeError, KeyError):
        return None


def write_roster(beats: Path, roster: Roster) -> None:
    """Say who is wanted."""
    write_private(beats / "roster.json", json.dumps(asdict(roster)))


def load_roster(beats: Path) -> Roster | None:
    """Return who is wanted; None where nobody has said."""
    document = read_json(beats / "roster.json")
    try:
        if document is None:
            return None
        report = ScalingReport(**document["report"])
        return Roster(str(document["run_id"]), tuple(document["wanted"]), float(document["grace"]), report)
    except (TypeError, KeyError, ValueError):
        return None


def read_duties(beats: Path) -> Mapping[str, KnownDuty]:
    """Return what the workers' containers have last said, by service."""
    found = {}
    for path in beats.glob("*.duty"):
        try:
            found[path.stem] = KnownDuty(Duty(path.read_text(encoding="ascii").strip()), path.stat().st_mtime)
        except (OSError, ValueError):
            continue
    return found


def tell_to_leave(beats: Path, service: str, seconds: float) -> None:
    """Have a worker end for good when its tasks have ended, or after this time; nothing is changed by a second word."""
    path = beats / f"{service}.leave"
    if not path.exists():
        write_private(path, f"{seconds:.0f}")


def let_stay(beats: Path, services: Iterable[str]) -> None:
    """Take back what a worker of the same name was told."""
    for service in services:
        (beats / f"{service}.leave").unlink(missing_ok=True)


def read_leaves(beats: Path) -> Mapping[str, float]:
    """Return when workers were told to leave, in seconds since the epoch, by service."""
    found = {}
    for path in beats.glob("*.leave"):
        with contextlib.suppress(OSError):
            found[path.stem] = path.stat().st_mtime
    return found
