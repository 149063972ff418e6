"""Under which group and stream a log file of this machine is found, for what each version of Airflow writes."""

from pathlib import PurePosixPath

import pytest

from mwaa_local.catalog import list_versions, load_version
from mwaa_local.cloudwatch_names import LogPlace, LogType, airflow_place, group_name, service_places

WITH_DAY = "2026-11-21"


def place(path: str) -> LogPlace | None:
    return airflow_place(PurePosixPath(path))


def stream(path: str, log_type: LogType) -> str:
    found = place(path)
    assert found is not None
    assert found.log_type is log_type
    return found.stream


@pytest.mark.parametrize("version", list_versions())
def test_a_task_log_has_the_name_of_its_version_without_colons(version: str) -> None:
    if load_version(version).number < (2, 8):
        old = stream("daily/load/2026-11-21T02:40:15.207953+00:00/1.log", LogType.TASK)
        assert old == "daily/load/2026-11-21T02_40_15.207953+00_00/1.log"
    else:
        new = "dag_id=daily/run_id=manual__2026-11-21T02:54:16+00:00/task_id=load/map_index=0/attempt=2.log"
        assert stream(new, LogType.TASK) == new.replace(":", "_")


def test_what_a_trigger_logs_for_a_task_is_a_stream_of_the_tasks() -> None:
    name = "dag_id=d/run_id=r/task_id=t/attempt=1.log.trigger.7.log"
    assert stream(name, LogType.TASK) == name


@pytest.mark.parametrize(
    "path",
    [
        f"scheduler/{WITH_DAY}/report_orders.py.log",
        f"scheduler/{WITH_DAY}/reports/report_orders.py.log",
        f"dag_processor/{WITH_DAY}/dags-folder/reports/report_orders.py.log",
    ],
)
def test_a_dag_file_has_one_stream_for_all_days_and_folders(path: str) -> None:
    assert stream(path, LogType.DAG_PROCESSING) == "scheduler_report_orders.py.log"


def test_the_manager_of_dag_files_has_a_stream_of_its_own() -> None:
    manager = stream("dag_processor_manager/dag_processor_manager.log", LogType.DAG_PROCESSING)
    assert manager == "dag_processor_manager.log"
    alone = service_places("dag-processor", "vm", 1.5)
    assert [(each.log_type, each.stream) for each in alone] == [(LogType.DAG_PROCESSING, manager)]


def test_a_dag_called_scheduler_has_task_logs() -> None:
    old = stream("scheduler/load/2026-11-21T00:00:00+00:00/1.log", LogType.TASK)
    assert old == "scheduler/load/2026-11-21T00_00_00+00_00/1.log"


def test_what_is_no_log_is_left_out() -> None:
    assert place("daily/load/note.txt") is None
    assert place("stray.log") is None
    assert place("dag_processor_manager/dag_processor_manager.log.1") is None


@pytest.mark.parametrize(
    ("service", "log_type", "name"),
    [
        ("scheduler", LogType.SCHEDULER, "scheduler_vm_1795231423.905.log"),
        ("triggerer", LogType.SCHEDULER, "triggerer_vm_1795231423.905.log"),
        ("webserver", LogType.WEBSERVER, "webserver_vm_1795231423.905.log"),
        ("worker", LogType.WORKER, "worker_vm_1795231423.905.log"),
        ("worker-2", LogType.WORKER, "worker_vm-2_1795231423.905.log"),
    ],
)
def test_a_process_has_a_stream_of_its_host_and_its_beginning(
    service: str, log_type: LogType, name: str
) -> None:
    (found,) = service_places(service, "vm", 1795231423.905)
    assert (found.log_type, found.stream) == (log_type, name)


@pytest.mark.parametrize(
    ("service", "prefix"),
    [("startup_script", "startup_script_execution"), ("requirements_install", "requirements_install")],
)
def test_installation_and_startup_script_are_in_the_group_of_each_component(
    service: str, prefix: str
) -> None:
    found = service_places(service, "vm", 10.5)
    assert {each.stream for each in found} == {f"{prefix}_vm_10.5.log"}
    assert {each.log_type for each in found} == {LogType.SCHEDULER, LogType.WORKER, LogType.WEBSERVER}
    assert all(each.every_level for each in found)


def test_what_mwaa_has_not_got_has_no_stream() -> None:
    assert [service_places(name, "vm", 1.0) for name in ("postgres", "aws", "launcher", "supervisor")] == [
        ()
    ] * 4


def test_groups_have_the_names_of_mwaa() -> None:
    assert [group_name("prod", each) for each in LogType] == [
        "airflow-prod-DAGProcessing",
        "airflow-prod-Scheduler",
        "airflow-prod-Task",
        "airflow-prod-WebServer",
        "airflow-prod-Worker",
    ]
