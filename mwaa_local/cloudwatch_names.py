"""Under which log group and stream MWAA sends a log to CloudWatch Logs, by the file that has it on this machine.

Pure. Names as in MWAA-FACTS 8.1 and AWS's own images: what a process writes is a stream of its host and the second in
which it began; task logs have the name that the version's Airflow gives them.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath


class LogType(StrEnum):
    """The five kinds of logs; the values end the names of log groups."""

    DAG_PROCESSING = "DAGProcessing"
    SCHEDULER = "Scheduler"
    TASK = "Task"
    WEBSERVER = "WebServer"
    WORKER = "Worker"


MANAGER = "dag_processor_manager.log"
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_NUMBERED = re.compile(r"(.+)-(\d+)")
_PROCESSES = {
    "scheduler": LogType.SCHEDULER,
    "triggerer": LogType.SCHEDULER,
    "webserver": LogType.WEBSERVER,
    "worker": LogType.WORKER,
}
_RESULTS = {
    "startup_script": "startup_script_execution",
    "requirements_install": "requirements_install",
}
_COMPONENTS = (LogType.SCHEDULER, LogType.WORKER, LogType.WEBSERVER)


@dataclass(frozen=True, slots=True)
class LogPlace:
    """A log stream: its group's kind and its name there."""

    log_type: LogType
    stream: str
    is_output: bool = False
    """Whether it is what a process printed, of which MWAA sends every line by itself."""
    every_level: bool = False
    """Whether it is sent whatever the level of the group: installations and startup scripts."""


def group_name(environment: str, log_type: LogType) -> str:
    """Return the name of a log group."""
    return f"airflow-{environment}-{log_type}"


def is_result(service: str) -> bool:
    """Tell whether a file in the folder of services' logs is written anew as a whole at every start."""
    return service in _RESULTS


def service_places(service: str, host: str, epoch: float) -> tuple[LogPlace, ...]:
    """Return the streams of what a service printed; none for those that MWAA has not got, such as the database.

    `service` is `worker`, or `worker-2` where there are several; `epoch` is when its log began.
    """
    if service in _RESULTS:
        # MWAA installs and runs the script in each container; here once for all.
        name = f"{_RESULTS[service]}_{host}_{epoch}.log"
        return tuple(LogPlace(each, name, is_output=True, every_level=True) for each in _COMPONENTS)
    if service == "dag-processor":
        return (LogPlace(LogType.DAG_PROCESSING, MANAGER),)
    numbered = _NUMBERED.fullmatch(service)
    component, number = (numbered[1], f"-{numbered[2]}") if numbered else (service, "")
    if component not in _PROCESSES:
        return ()
    return (LogPlace(_PROCESSES[component], f"{component}_{host}{number}_{epoch}.log", is_output=True),)


def airflow_place(path: PurePosixPath) -> LogPlace | None:
    """Return the stream of a file in Airflow's log folder, by its path there; None for what is no log."""
    parts = path.parts
    if not path.name.endswith(".log") and ".log." not in path.name:
        return None
    if parts[0] == "dag_processor_manager":
        return LogPlace(LogType.DAG_PROCESSING, MANAGER) if path.name == MANAGER else None
    # A DAG may be called `scheduler` too: then its task follows, not a day.
    if parts[0] in ("scheduler", "dag_processor") and len(parts) > 2 and _DAY.fullmatch(parts[1]):
        return LogPlace(LogType.DAG_PROCESSING, f"scheduler_{path.name}")
    if len(parts) < 3:
        return None
    return LogPlace(LogType.TASK, str(path).replace(":", "_"))
