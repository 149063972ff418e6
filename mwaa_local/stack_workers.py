"""Which workers a stack has: how many, between which bounds their number follows the tasks, and under which names."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mwaa_local.config import EnvironmentConfig, Executor
from mwaa_local.settings_rules import CLASS_SIZES
from mwaa_local.stack import WorkerScaling

SCALE_IN_VARIABLE = "MWAA_LOCAL_SCALE_IN_AFTER"
"""Seconds without a task after which workers go, in place of MWAA's 120: for those who want to see what that does."""

FOLDER_VARIABLE = "MWAA_LOCAL_SCALING_FOLDER"
"""The folder that workers' containers and the endpoint's share; not set where a supervisor scales."""


@dataclass(frozen=True, slots=True)
class Rollover:
    """What a stack has to know of the one whose place it takes while that runs."""

    generation: str = ""
    """What the roles were started for: roles of another generation start again, whatever their variables."""
    workers: tuple[str, ...] = ()
    """The names of its workers, where the usual ones may be those of workers that have not ended yet."""


NO_ROLLOVER = Rollover()


def most_workers(config: EnvironmentConfig) -> int:
    """Return how many workers there can be at once."""
    if config.executor is Executor.LOCAL:
        return 0
    return config.max_workers if config.autoscale else config.workers


def tasks_per_worker(config: EnvironmentConfig) -> int:
    """Return how many tasks a worker runs at once: what its class allows, unless an option says otherwise."""
    most, _, _ = dict(config.airflow_options).get("celery.worker_autoscale", "").partition(",")
    if most.strip().isdigit() and int(most) > 0:
        return int(most)
    return CLASS_SIZES[config.environment_class].tasks_per_worker


def worker_scaling(
    config: EnvironmentConfig, figures_url: str, host_environment: Mapping[str, str]
) -> WorkerScaling | None:
    """Return between which bounds the number of workers follows the tasks; None where it does not."""
    if not config.autoscale or config.executor is Executor.LOCAL:
        return None
    scaling = WorkerScaling(
        minimum=config.min_workers,
        maximum=config.max_workers,
        tasks_per_worker=tasks_per_worker(config),
        figures_url=figures_url,
    )
    pace = host_environment.get(SCALE_IN_VARIABLE, "")
    return replace(scaling, idle_seconds=float(pace)) if pace.replace(".", "", 1).isdigit() else scaling
