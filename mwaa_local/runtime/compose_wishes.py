"""What is asked of a start that the Compose runtime does not do, said before it starts."""

from collections.abc import Callable
from dataclasses import replace

from mwaa_local.config import LoadedConfig
from mwaa_local.runtime.backend import StartWishes


def without_scaling(loaded: LoadedConfig, wishes: StartWishes, warn: Callable[[str], None]) -> LoadedConfig:
    """Return the configuration with a fixed number of workers, and say what else will not be."""
    config = loaded.config
    if wishes.graceful:
        warn(
            "Containers are replaced at once: tasks that run are not waited for (--graceful is native only)."
        )
    if wishes.carry_over:
        warn("Each version has a database of its own in containers: nothing is carried over.")
    if not config.autoscale:
        return loaded
    workers = config.min_workers
    warn(f"Workers do not follow the tasks in containers: {workers} run all the time.")
    return replace(loaded, config=replace(config, autoscale=False, workers=workers))
