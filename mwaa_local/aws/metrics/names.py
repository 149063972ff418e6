"""Airflow's names of metrics and what they are called in the namespace AmazonMWAA, version by version.

From the user guide's pages "Apache Airflow environment metrics in CloudWatch" (the current one, and that of 1.10.12).
Where a page and MWAA's own dashboards disagree about a name, both are published.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

NAMESPACE = "AmazonMWAA"
V2, V3 = (2,), (3,)
FOREVER = (99,)

Dimensions = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Name:
    """A metric of one range of versions: `pattern` is Airflow's name, with what varies in braces."""

    metric: str
    pattern: str
    dimensions: Dimensions
    unit: str = "Count"
    since: tuple[int, ...] = ()
    until: tuple[int, ...] = FOREVER
    scale: float = 1.0
    """What the value is multiplied with to be in the unit."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a name of Airflow is in CloudWatch, without the dimension Environment that all have."""

    metric: str
    unit: str
    dimensions: Dimensions
    scale: float


_ALL_DAGS: Dimensions = (("DAG", "All"),)
_ALL: Dimensions = (("DAG", "All"), ("Task", "All"))
_DAG: Dimensions = (("DAG", "{dag_id}"),)
_TASK: Dimensions = (("DAG", "{dag_id}"), ("Task", "{task_id}"))
_FILE: Dimensions = (("DAG Filename", "{dag_filename}"),)
_JOB: Dimensions = (("Job", "{job_name}"),)
_OPERATOR: Dimensions = (("Operator", "{operator_name}"),)
_POOL: Dimensions = (("Pool", "{pool_name}"),)
_SCHEDULER: Dimensions = (("Function", "Scheduler"),)
_PROCESSING: Dimensions = (("Function", "DAG Processing"),)
_EXECUTOR: Dimensions = (("Function", "Executor"),)
_CELERY: Dimensions = (("Function", "Celery"),)
_TRIGGER: Dimensions = (("Function", "Trigger"),)
_TRIGGERER: Dimensions = (("Function", "Triggerer"),)
_SENSOR: Dimensions = (("Function", "Smart Sensor Operator"),)
_MS, _S, _PERCENT = "Milliseconds", "Seconds", "Percent"

COUNTERS: tuple[Name, ...] = (
    Name("SLAMissed", "sla_missed", _SCHEDULER, since=(2, 4, 3), until=(2, 11)),
    Name(
        "FailedSLACallback", "sla_callback_notification_failure", _SCHEDULER, since=(2, 4, 3), until=(2, 11)
    ),
    Name("FailedSLAEmailAttempts", "sla_email_notification_failure", _SCHEDULER, since=V2, until=V3),
    Name("SlaCallbackCount", "dag_processing.sla_callback_count", _SCHEDULER, since=(2, 6, 3)),
    Name("OtherCallbackCount", "dag_processing.other_callback_count", _SCHEDULER, since=(2, 6, 3)),
    Name("Updates", "dataset.updates", _SCHEDULER, since=(2, 6, 3)),
    Name("Orphaned", "dataset.orphaned", _SCHEDULER, since=(2, 6, 3)),
    Name("TriggeredDagRuns", "dataset.triggered_dagruns", _SCHEDULER, since=(2, 6, 3)),
    # Airflow 3 calls datasets assets; the guide lists its old names without an end.
    Name("Updates", "asset.updates", _SCHEDULER, since=V3),
    Name("Orphaned", "asset.orphaned", _SCHEDULER, since=V3),
    Name("TriggeredDagRuns", "asset.triggered_dagruns", _SCHEDULER, since=V3),
    Name("FailedCeleryTaskExecution", "celery.execute_command.failure", _CELERY, since=(2, 4, 3)),
    Name(
        "FilePathQueueUpdateCount", "dag_processing.file_path_queue_update_count", _SCHEDULER, since=(2, 6, 3)
    ),
    Name("CriticalSectionBusy", "scheduler.critical_section_busy", _SCHEDULER, since=V2),
    Name("DagBagSize", "dagbag_size", _PROCESSING),
    Name("DagCallbackExceptions", "dag.callback_exceptions", _ALL_DAGS, since=V2),
    Name(
        "TaskInstanceFinished",
        "ti.finish.{dag_id}.{task_id}.{state}",
        (*_TASK, ("State", "{state}")),
        since=V2,
    ),
    Name("StartedTaskInstances", "ti.start.{dag_id}.{task_id}", _ALL, since=V2),
    Name("JobStart", "{job_name}_start", _JOB),
    Name("JobEnd", "{job_name}_end", _JOB),
    Name("JobHeartbeatFailure", "{job_name}_heartbeat_failure", _JOB),
    Name("ManagerStalls", "dag_processing.manager_stalls", _PROCESSING, since=V2),
    Name("OperatorFailures", "operator_failures_{operator_name}", _OPERATOR),
    Name("OperatorSuccesses", "operator_successes_{operator_name}", _OPERATOR),
    Name("Processes", "dag_processing.processes", _PROCESSING),
    Name("SchedulerHeartbeat", "scheduler_heartbeat", _SCHEDULER),
    Name("TasksKilledExternally", "scheduler.tasks.killed_externally", _SCHEDULER),
    Name("TaskTimeoutError", "celery.task_timeout_error", _CELERY, since=V2),
    Name("TaskInstanceCreatedUsingOperator", "task_instance_created-{operator_name}", _OPERATOR),
    Name(
        "TaskInstanceCreatedUsingOperator", "task_instance_created_{operator_name}", _OPERATOR, since=(2, 6)
    ),
    Name("TaskInstancePreviouslySucceeded", "previously_succeeded", _ALL, since=V2),
    Name("TaskInstanceFailures", "ti_failures", _ALL),
    Name("TaskInstanceSuccesses", "ti_successes", _ALL),
    Name("TaskRemovedFromDAG", "task_removed_from_dag.{dag_id}", _DAG),
    Name("TaskRestoredToDAG", "task_restored_to_dag.{dag_id}", _DAG),
    Name("TriggersSucceeded", "triggers.succeeded", _TRIGGER, since=(2, 7, 2)),
    Name("TriggersFailed", "triggers.failed", _TRIGGER, since=(2, 7, 2)),
    Name("TriggersBlockedMainThread", "triggers.blocked_main_thread", _TRIGGER, since=(2, 7, 2)),
    # The table of the guide has the first name, the list of MWAA's dashboard the second.
    Name("TriggerHeartbeat", "triggerer_heartbeat", _TRIGGERER, since=(2, 8, 1)),
    Name("TriggererHeartbeat", "triggerer_heartbeat", _TRIGGERER, since=(2, 8, 1)),
    Name("ZombiesKilled", "zombies_killed", _ALL),
    # What Airflow 3 calls the same.
    Name("ZombiesKilled", "task_instances_without_heartbeats_killed", _ALL, since=V3),
)

GAUGES: tuple[Name, ...] = (
    Name("DAGFileRefreshError", "dag_file_refresh_error", _PROCESSING),
    Name("ImportErrors", "dag_processing.import_errors", _PROCESSING),
    Name("ExceptionFailures", "smart_sensor_operator.exception_failures", _SENSOR),
    Name("ExecutedTasks", "smart_sensor_operator.executed_tasks", _SENSOR),
    Name("InfraFailures", "smart_sensor_operator.infra_failures", _SENSOR),
    Name("LoadedTasks", "smart_sensor_operator.loaded_tasks", _SENSOR),
    Name("PokedExceptions", "smart_sensor_operator.poked_exception", _SENSOR),
    Name("PokedSuccess", "smart_sensor_operator.poked_success", _SENSOR),
    Name("PokedTasks", "smart_sensor_operator.poked_tasks", _SENSOR),
    Name("TotalParseTime", "dag_processing.total_parse_time", _PROCESSING, _S),
    Name(
        "TriggersRunning",
        "triggers.running.{hostname}",
        (*_TRIGGER, ("HostName", "{hostname}")),
        since=(2, 7, 2),
    ),
    Name(
        "DAGFileProcessingLastRunSecondsAgo", "dag_processing.last_run.seconds_ago.{dag_filename}", _FILE, _S
    ),
    Name(
        "DAGFileProcessingLastNumOfDbQueries",
        "dag_processing.last_num_of_db_queries.{dag_filename}",
        _FILE,
        since=(2, 10, 1),
    ),
    Name("OpenSlots", "executor.open_slots", _EXECUTOR),
    Name("QueuedTasks", "executor.queued_tasks", _EXECUTOR),
    Name("RunningTasks", "executor.running_tasks", _EXECUTOR),
    Name("OrphanedTasksAdopted", "scheduler.orphaned_tasks.adopted", _SCHEDULER, since=V2),
    Name("OrphanedTasksCleared", "scheduler.orphaned_tasks.cleared", _SCHEDULER, since=V2),
    # The guide gives both names for the same metric of Airflow.
    Name("PoolFailures", "pool.open_slots.{pool_name}", _POOL),
    Name("PoolOpenSlots", "pool.open_slots.{pool_name}", _POOL, since=V2),
    Name("PoolStarvingTasks", "pool.starving_tasks.{pool_name}", _POOL),
    Name("PoolQueuedSlots", "pool.queued_slots.{pool_name}", _POOL, since=V2),
    Name("PoolRunningSlots", "pool.running_slots.{pool_name}", _POOL, since=V2),
    Name("PoolUsedSlots", "pool.used_slots.{pool_name}", _POOL, until=V2),
    Name("PoolDeferredSlots", "pool.deferred_slots.{pool_name}", _POOL, since=(2, 7, 2)),
    Name("PoolScheduledSlots", "pool.scheduled_slots.{pool_name}", _POOL, since=(2, 10, 1)),
    Name("ProcessorTimeouts", "dag_processing.processor_timeouts", _PROCESSING),
    Name("TasksExecutable", "scheduler.tasks.executable", _SCHEDULER),
    Name("TasksPending", "scheduler.tasks.pending", _SCHEDULER, until=(2, 2)),
    Name("TasksRunning", "scheduler.tasks.running", _SCHEDULER),
    Name("TasksStarving", "scheduler.tasks.starving", _SCHEDULER),
    Name("TasksWithoutDagRun", "scheduler.tasks.without_dagrun", _SCHEDULER),
    Name("TaskCpuUsage", "cpu.usage.{dag_id}.{task_id}", _TASK, _PERCENT, since=(2, 10, 1)),
    Name("TaskMemoryUsage", "mem.usage.{dag_id}.{task_id}", _TASK, _PERCENT, since=(2, 10, 1)),
)

_LAST = ("DAGFileProcessingLastDuration", "dag_processing.last_duration.{dag_filename}", _FILE, _S)
_QUEUED = ("TaskInstanceQueuedDuration", "dag.{dag_id}.{task_id}.queued_duration", _TASK, _MS)
_SCHEDULED = ("TaskInstanceScheduledDuration", "dag.{dag_id}.{task_id}.scheduled_duration", _TASK, _MS)

TIMERS: tuple[Name, ...] = (
    Name("CollectDBDags", "collect_db_dags", _PROCESSING, _MS),
    Name("CriticalSectionDuration", "scheduler.critical_section_duration", _SCHEDULER, _MS, since=V2),
    Name(
        "CriticalSectionQueryDuration",
        "scheduler.critical_section_query_duration",
        _SCHEDULER,
        _MS,
        since=(2, 5, 1),
    ),
    Name("SchedulerLoopDuration", "scheduler.scheduler_loop_duration", _SCHEDULER, _MS, since=(2, 5, 1)),
    Name("DAGDependencyCheck", "dagrun.dependency-check.{dag_id}", _DAG, _MS),
    Name("DAGDurationFailed", "dagrun.duration.failed.{dag_id}", _DAG, _MS),
    Name("DAGDurationSuccess", "dagrun.duration.success.{dag_id}", _DAG, _MS),
    Name("DAGScheduleDelay", "dagrun.schedule_delay.{dag_id}", _DAG, _MS),
    Name("FirstTaskSchedulingDelay", "dagrun.{dag_id}.first_task_scheduling_delay", _DAG, _MS, since=V2),
    # Airflow changed what it sends, seconds or milliseconds; CloudWatch gets what the unit says.
    Name(*_LAST, until=(2, 3)),
    Name(*_LAST, since=(2, 3), until=V3, scale=0.001),
    Name(*_LAST, since=V3),
    Name("TaskInstanceDuration", "dag.{dag_id}.{task_id}.duration", _TASK, _MS),
    Name(*_QUEUED, since=(2, 7, 2), until=(2, 10), scale=1000.0),
    Name(*_QUEUED, since=(2, 10), until=(2, 11)),
    Name(*_QUEUED, since=(2, 11), until=V3, scale=1000.0),
    Name(*_QUEUED, since=V3),
    Name(*_SCHEDULED, since=(2, 7, 2), until=(2, 10), scale=1000.0),
    Name(*_SCHEDULED, since=(2, 10), until=(2, 11)),
    Name(*_SCHEDULED, since=(2, 11), until=V3, scale=1000.0),
    Name(*_SCHEDULED, since=V3),
)

NAMES = (*COUNTERS, *GAUGES, *TIMERS)

_PLACEHOLDERS = {"state": r"[^.]+", "job_name": r"\w*job"}
"""What stands for a placeholder; others take anything, dots too."""


class NameTable:
    """The names of one version of Airflow."""

    def __init__(self, version: tuple[int, ...], names: Sequence[Name] = NAMES) -> None:
        self._exact: dict[str, list[Name]] = {}
        self._patterns: list[tuple[re.Pattern[str], Name]] = []
        for name in names:
            if not name.since <= version < name.until:
                continue
            if "{" in name.pattern:
                self._patterns.append((_compile(name.pattern), name))
            else:
                self._exact.setdefault(name.pattern, []).append(name)

    def find(self, airflow_name: str) -> tuple[Found, ...]:
        """Return what a metric of Airflow (without prefix) is in CloudWatch; MWAA leaves out what it does not list."""
        exact = self._exact.get(airflow_name)
        if exact is not None:
            return tuple(Found(name.metric, name.unit, name.dimensions, name.scale) for name in exact)
        matches = ((pattern.fullmatch(airflow_name), name) for pattern, name in self._patterns)
        return tuple(
            Found(name.metric, name.unit, _fill(name.dimensions, match), name.scale)
            for match, name in matches
            if match is not None
        )


def _compile(pattern: str) -> re.Pattern[str]:
    # Ids of tasks in task groups have dots, those of DAGs hardly ever: the first dot ends the DAG's.
    first = {"dag_id": r"[^.]+"} if "{task_id}" in pattern else {}
    parts = re.split(r"\{(\w+)\}", pattern)
    texts = [
        f"(?P<{part}>{ {**_PLACEHOLDERS, **first}.get(part, '.+') })" if number % 2 else re.escape(part)
        for number, part in enumerate(parts)
    ]
    return re.compile("".join(texts))


def _fill(dimensions: Dimensions, match: re.Match[str]) -> Dimensions:
    return tuple((name, value.format(**match.groupdict())) for name, value in dimensions)
