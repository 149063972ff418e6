"""Airflow's names of metrics, and the names, units and dimensions that MWAA gives them in each version."""

from functools import cache

import pytest

from mwaa_local.aws.metrics.names import NAMES, NameTable
from mwaa_local.catalog import list_versions, version_numbers

EVERY = tuple(sorted(list_versions(), key=version_numbers))
UNITS = {"Count", "Milliseconds", "Percent", "Seconds"}
DIMENSIONS = {"DAG", "DAG Filename", "Function", "HostName", "Job", "Operator", "Pool", "State", "Task"}


@cache
def table(version: str) -> NameTable:
    return NameTable(version_numbers(version))


def found(version: str, name: str) -> list[str]:
    """Return what a name is, as `Metric Unit dimension=value, ...`."""
    return [
        f"{each.metric} {each.unit} " + ", ".join(f"{key}={value}" for key, value in each.dimensions)
        for each in table(version).find(name)
    ]


@pytest.mark.parametrize(
    ("name", "first", "last", "expected"),
    [
        ("scheduler_heartbeat", "1.10.12", "3.3.1", "SchedulerHeartbeat Count Function=Scheduler"),
        ("dagbag_size", "1.10.12", "3.3.1", "DagBagSize Count Function=DAG Processing"),
        (
            "dag_processing.total_parse_time",
            "1.10.12",
            "3.3.1",
            "TotalParseTime Seconds Function=DAG Processing",
        ),
        ("dag_processing.import_errors", "1.10.12", "3.3.1", "ImportErrors Count Function=DAG Processing"),
        ("executor.open_slots", "1.10.12", "3.3.1", "OpenSlots Count Function=Executor"),
        ("executor.queued_tasks", "1.10.12", "3.3.1", "QueuedTasks Count Function=Executor"),
        ("executor.running_tasks", "1.10.12", "3.3.1", "RunningTasks Count Function=Executor"),
        ("ti_failures", "1.10.12", "3.3.1", "TaskInstanceFailures Count DAG=All, Task=All"),
        ("ti_successes", "1.10.12", "3.3.1", "TaskInstanceSuccesses Count DAG=All, Task=All"),
        ("zombies_killed", "1.10.12", "3.3.1", "ZombiesKilled Count DAG=All, Task=All"),
        (
            "operator_failures_BashOperator",
            "1.10.12",
            "3.3.1",
            "OperatorFailures Count Operator=BashOperator",
        ),
        ("schedulerjob_start", "1.10.12", "3.3.1", "JobStart Count Job=schedulerjob"),
        ("localtaskjob_end", "1.10.12", "3.3.1", "JobEnd Count Job=localtaskjob"),
        ("job_end", "1.10.12", "3.3.1", "JobEnd Count Job=job"),
        (
            "scheduler_job_heartbeat_failure",
            "1.10.12",
            "3.3.1",
            "JobHeartbeatFailure Count Job=scheduler_job",
        ),
        ("dagrun.duration.success.daily", "1.10.12", "3.3.1", "DAGDurationSuccess Milliseconds DAG=daily"),
        (
            "dagrun.duration.failed.my.daily",
            "1.10.12",
            "3.3.1",
            "DAGDurationFailed Milliseconds DAG=my.daily",
        ),
        (
            "dag.daily.load.duration",
            "1.10.12",
            "3.3.1",
            "TaskInstanceDuration Milliseconds DAG=daily, Task=load",
        ),
        (
            "dag.daily.group.load.duration",
            "1.10.12",
            "3.3.1",
            "TaskInstanceDuration Milliseconds DAG=daily, Task=group.load",
        ),
        (
            "dag_processing.last_run.seconds_ago.daily",
            "1.10.12",
            "3.3.1",
            "DAGFileProcessingLastRunSecondsAgo Seconds DAG Filename=daily",
        ),
        (
            "dag_processing.last_duration.daily",
            "1.10.12",
            "3.3.1",
            "DAGFileProcessingLastDuration Seconds DAG Filename=daily",
        ),
        ("pool.used_slots.default_pool", "1.10.12", "1.10.12", "PoolUsedSlots Count Pool=default_pool"),
        ("pool.running_slots.default_pool", "2.0.2", "3.3.1", "PoolRunningSlots Count Pool=default_pool"),
        ("pool.deferred_slots.default_pool", "2.7.2", "3.3.1", "PoolDeferredSlots Count Pool=default_pool"),
        (
            "pool.scheduled_slots.default_pool",
            "2.10.1",
            "3.3.1",
            "PoolScheduledSlots Count Pool=default_pool",
        ),
        (
            "ti.finish.daily.load.success",
            "2.0.2",
            "3.3.1",
            "TaskInstanceFinished Count DAG=daily, Task=load, State=success",
        ),
        ("ti.start.daily.load", "2.0.2", "3.3.1", "StartedTaskInstances Count DAG=All, Task=All"),
        ("dag.callback_exceptions", "2.0.2", "3.3.1", "DagCallbackExceptions Count DAG=All"),
        (
            "dagrun.daily.first_task_scheduling_delay",
            "2.0.2",
            "3.3.1",
            "FirstTaskSchedulingDelay Milliseconds DAG=daily",
        ),
        ("celery.task_timeout_error", "2.0.2", "3.3.1", "TaskTimeoutError Count Function=Celery"),
        ("scheduler.tasks.pending", "1.10.12", "2.0.2", "TasksPending Count Function=Scheduler"),
        ("sla_missed", "2.4.3", "2.10.3", "SLAMissed Count Function=Scheduler"),
        ("dataset.updates", "2.6.3", "3.3.1", "Updates Count Function=Scheduler"),
        ("asset.updates", "3.0.6", "3.3.1", "Updates Count Function=Scheduler"),
        (
            "scheduler.scheduler_loop_duration",
            "2.5.1",
            "3.3.1",
            "SchedulerLoopDuration Milliseconds Function=Scheduler",
        ),
        (
            "triggers.running.host.name",
            "2.7.2",
            "3.3.1",
            "TriggersRunning Count Function=Trigger, HostName=host.name",
        ),
        ("triggers.succeeded", "2.7.2", "3.3.1", "TriggersSucceeded Count Function=Trigger"),
        ("cpu.usage.daily.load", "2.10.1", "3.3.1", "TaskCpuUsage Percent DAG=daily, Task=load"),
        (
            "dag.daily.load.queued_duration",
            "2.7.2",
            "3.3.1",
            "TaskInstanceQueuedDuration Milliseconds DAG=daily, Task=load",
        ),
    ],
)
def test_a_name_of_airflow_is_what_the_guide_says_in_its_versions(
    name: str, first: str, last: str, expected: str
) -> None:
    inside = {
        version
        for version in EVERY
        if version_numbers(first) <= version_numbers(version) <= version_numbers(last)
    }
    assert {version for version in EVERY if expected in found(version, name)} == inside
    assert {len(found(version, name)) for version in inside} == {1}


def test_one_name_of_airflow_may_be_two_metrics() -> None:
    assert found("2.2.2", "pool.open_slots.default_pool") == [
        "PoolFailures Count Pool=default_pool",
        "PoolOpenSlots Count Pool=default_pool",
    ]
    assert [each.split()[0] for each in found("2.9.2", "triggerer_heartbeat")] == [
        "TriggerHeartbeat",
        "TriggererHeartbeat",
    ]
    assert found("2.7.2", "triggerer_heartbeat") == []


@pytest.mark.parametrize(
    "name",
    [
        "ti.start",
        "ti.finish",
        "ti.finish.daily.load",
        "dagrun.duration.success",
        "dag.daily.duration",
        "task.duration",
        "pool.open_slots",
        "operator_failures",
        "triggers.running",
        "executor.open_slots.CeleryExecutor",
        "api_server.dag_bag.cache_size",
        "local_task_job_prolonged_heartbeat_failure",
        "",
        ".",
    ],
)
def test_what_the_guide_does_not_list_is_left_out(name: str) -> None:
    assert [found(version, name) for version in EVERY if found(version, name)] == []


@pytest.mark.parametrize(
    ("name", "version", "scale"),
    [
        ("dag_processing.last_duration.daily", "2.2.2", 1.0),
        ("dag_processing.last_duration.daily", "2.7.2", 0.001),
        ("dag_processing.last_duration.daily", "3.0.6", 1.0),
        ("dag.daily.load.queued_duration", "2.8.1", 1000.0),
        ("dag.daily.load.queued_duration", "2.10.3", 1.0),
        ("dag.daily.load.scheduled_duration", "2.11.2", 1000.0),
        ("dag.daily.load.scheduled_duration", "3.2.1", 1.0),
        ("dag.daily.load.duration", "2.11.2", 1.0),
    ],
)
def test_values_come_in_the_unit_that_is_named(name: str, version: str, scale: float) -> None:
    assert [each.scale for each in table(version).find(name)] == [scale]


def test_every_entry_has_a_unit_and_dimensions_of_the_guide() -> None:
    assert {name.unit for name in NAMES} == UNITS
    assert {key for name in NAMES for key, _ in name.dimensions} == DIMENSIONS
    assert all(any(name.since <= version_numbers(each) < name.until for each in EVERY) for name in NAMES)
