"""Has the endpoint's process say which workers' containers work, where it runs in a container: a thread that sleeps."""

import logging
import threading
import time
from pathlib import Path

from mwaa_local.errors import MwaaLocalError
from mwaa_local.ports import Clock, HttpClient
from mwaa_local.runtime.container_scaling import ContainerScaling

PAUSE_AFTER_TROUBLE = 5.0


def start_worker_scaling(folder: Path, http: HttpClient, clock: Clock) -> None:
    """Follow the queue for as long as this process lives; `folder` is shared with the workers' containers."""
    scaling = ContainerScaling(folder, http, clock)
    threading.Thread(target=_follow, args=(scaling,), name="worker-scaling", daemon=True).start()


def _follow(scaling: ContainerScaling) -> None:
    while True:
        try:
            scaling.step()
            pause = scaling.seconds_to_next()
        except (MwaaLocalError, OSError) as error:
            # A full disk, for example: the workers stay as they are until it can be written.
            logging.getLogger(__name__).warning("workers are not scaled: %s", error)
            pause = PAUSE_AFTER_TROUBLE
        time.sleep(max(pause, 0.1))
