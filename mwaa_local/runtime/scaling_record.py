"""What autoscaling does, as the supervisor leaves it for `status` and for metrics: `run/scaling.json`."""

import json
from dataclasses import asdict, dataclass

from mwaa_local.runtime.state import StateFolder, read_json, write_private


@dataclass(frozen=True, slots=True)
class ScalingReport:
    """How many workers there are to be, between which bounds, and for how many tasks."""

    workers: int
    minimum: int
    maximum: int
    running_tasks: int | None
    """None until the endpoint has told them."""
    queued_tasks: int | None


def save_scaling(folder: StateFolder, report: ScalingReport | None) -> None:
    """Leave the report, or none where nothing is scaled."""
    path = folder.root / "run" / "scaling.json"
    if report is None:
        path.unlink(missing_ok=True)
    else:
        write_private(path, json.dumps(asdict(report)))


def load_scaling(folder: StateFolder) -> ScalingReport | None:
    """Return the last report; None if nothing is scaled."""
    document = read_json(folder.root / "run" / "scaling.json")
    try:
        return None if document is None else ScalingReport(**document)
    except TypeError:
        return None
