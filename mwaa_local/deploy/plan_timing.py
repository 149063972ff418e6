"""How long MWAA takes until what was deployed has an effect, in sentences (MWAA's documentation; not measured here)."""

from collections.abc import Sequence

from mwaa_local.aws_ports import EnvironmentRecord
from mwaa_local.deploy.manifest import Part
from mwaa_local.deploy.plan_steps import Delete, Reason, Step, UpdateEnvironment, Upload

SYNC = 30
"""Seconds between two looks of schedulers and workers at the DAG folder."""
_DEFAULTS = {"scheduler.dag_dir_list_interval": "300", "scheduler.min_file_process_interval": "30"}


def describe_timing(steps: Sequence[Step], environment: EnvironmentRecord | None) -> tuple[str, ...]:
    """Return a sentence for each kind of step that there is."""
    dags = [step for step in steps if isinstance(step, Upload) and step.file.part is Part.DAGS]
    deletions = [step for step in steps if isinstance(step, Delete)]
    said = []
    if dags or deletions:
        said.append(
            f"Schedulers and workers copy the DAG folder within about {SYNC} s; nothing is restarted."
        )
    if any(step.reason is Reason.NEW for step in dags):
        interval = _option(environment, "scheduler.dag_dir_list_interval")
        said.append(f"A new DAG file is found up to {interval} s later (scheduler.dag_dir_list_interval).")
    if any(step.reason is not Reason.NEW for step in dags):
        interval = _option(environment, "scheduler.min_file_process_interval")
        said.append(
            f"A changed DAG file is read up to {interval} s later (scheduler.min_file_process_interval)."
        )
    if any(isinstance(step, UpdateEnvironment) for step in steps):
        said.append("The environment's update takes 10 to 30 minutes; running tasks may be ended by it.")
    return tuple(said)


def _option(environment: EnvironmentRecord | None, name: str) -> str:
    options = dict(environment.airflow_options) if environment else {}
    return options.get(name, _DEFAULTS[name])
