"""Figures of queue, containers and database in the namespace AWS/MWAA, taken once a minute.

From the user guide's page "Container, queue, and database metrics"; names and dimensions as its current and its first
edition have them. A service's processes stand for MWAA's container, and what the class gives a container is 100 %.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mwaa_local.aws.account import ACCOUNT_ID, ENVIRONMENTS
from mwaa_local.aws.metrics import names
from mwaa_local.aws.metrics.store import MetricStore, make_series
from mwaa_local.aws.mwaa_api.records import Environment
from mwaa_local.catalog import Role
from mwaa_local.class_limits import container_size
from mwaa_local.config import EnvironmentClass
from mwaa_local.ports import ProcessId, TreeUsage

NAMESPACE = "AWS/MWAA"
GIB = 1 << 30
DATABASE_CPUS = 2
"""Of MWAA's database, in all but the two largest classes (MWAA-FACTS 6.6)."""
_CLIENT = re.compile(r"postgres: \S+ \S+ (\[local\]|\S+\(\d+\))")
"""How PostgreSQL titles the process that serves a connection."""

Measure = Callable[[Iterable[ProcessId]], Mapping[ProcessId, TreeUsage]]
Figure = tuple[str, str, Mapping[str, str], str, float]
"""Namespace, name, dimensions, unit, value."""


@dataclass(frozen=True, slots=True)
class Machine:
    """How this machine is looked at."""

    measure: Measure
    free_memory: Callable[[], int]


NO_MACHINE = Machine(lambda _: {}, int)
"""For an endpoint that cannot see the processes of its environment: no figures of containers."""


@dataclass(frozen=True, slots=True)
class Service:
    """A process of an environment as its supervisor last reported it."""

    name: str
    role: str
    process: ProcessId
    healthy: bool


@dataclass(frozen=True, slots=True)
class Container:
    """What MWAA would run in one container: a cluster's name, whose size it has, and the processes."""

    cluster: str
    role: Role
    processes: tuple[ProcessId, ...]


@dataclass(slots=True)
class Figures:
    """Takes the figures of every environment that runs; `state` is the endpoint's state folder."""

    store: MetricStore
    environments: Callable[[], Iterable[Environment]]
    home: str
    state: Path
    machine: Machine
    _before: dict[ProcessId, tuple[float, float]] = field(default_factory=dict)

    def take(self) -> None:
        """Take the figures of now."""
        environments = tuple(self.environments())
        services = {each.name: load_services(self._run_folder(each.name)) for each in environments}
        roots = [service.process for found in services.values() for service in found]
        usage = self.machine.measure(roots) if roots else {}
        shares = self._shares(usage)
        for environment in environments:
            found = services[environment.name]
            figures = [
                *queue_figures(environment, self.store.now()),
                *_container_figures(environment, found, usage, shares),
                *self._database_figures(found, usage, shares),
            ]
            for namespace, metric, dimensions, unit, value in figures:
                where = {**dimensions, "Environment": environment.name}
                self.store.add(make_series(environment.region, namespace, metric, where, unit), value)

    def _run_folder(self, name: str) -> Path:
        others = self.state / ENVIRONMENTS / name / ".mwaa-local"
        return (self.state.parent if name == self.home else others) / "run"

    def _shares(self, usage: Mapping[ProcessId, TreeUsage]) -> dict[ProcessId, float]:
        """Return how many processors each tree has used since the last time."""
        now, before = self.store.now(), self._before
        self._before = {process: (now, each.cpu_seconds) for process, each in usage.items()}
        return {
            process: max(each.cpu_seconds - before[process][1], 0.0) / (now - before[process][0])
            for process, each in usage.items()
            if process in before and now > before[process][0]
        }

    def _database_figures(
        self,
        services: Iterable[Service],
        usage: Mapping[ProcessId, TreeUsage],
        shares: Mapping[ProcessId, float],
    ) -> Iterator[Figure]:
        process = next((each.process for each in services if each.name == "postgres"), None)
        if process is None or process not in usage:
            return
        writer = {"DatabaseRole": "WRITER"}
        clients = sum(1 for title in usage[process].titles if _CLIENT.match(title))
        yield NAMESPACE, "DatabaseConnections", writer, "Count", clients
        yield NAMESPACE, "FreeableMemory", writer, "Bytes", self.machine.free_memory()
        if process in shares:
            yield NAMESPACE, "CPUUtilization", writer, "Percent", 100.0 * shares[process] / DATABASE_CPUS


def load_services(run: Path) -> tuple[Service, ...]:
    """Return what the supervisor of an environment has reported; nothing where there is none."""
    try:
        found = json.loads((run / "status.json").read_text(encoding="utf-8"))["services"]
        return tuple(
            Service(
                str(each["name"]),
                str(each["role"]),
                ProcessId(int(each["pid"]), float(each["started"])),
                each["phase"] == "healthy",
            )
            for each in found
            if each["pid"] is not None and each["started"] is not None
        )
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def containers_of(services: Iterable[Service]) -> tuple[Container, ...]:
    """Return the containers that MWAA would have: triggerer and DAG processor live in the first scheduler's."""
    by_role: dict[str, list[ProcessId]] = {}
    for service in services:
        by_role.setdefault(service.role, []).append(service.process)
    beside = [*by_role.get(Role.TRIGGERER, []), *by_role.get(Role.DAG_PROCESSOR, [])]
    schedulers = [
        (process, *(() if number else beside))
        for number, process in enumerate(by_role.get(Role.SCHEDULER, []))
    ]
    return (
        *(Container("Scheduler", Role.SCHEDULER, processes) for processes in schedulers),
        *(
            Container("AdditionalWorker" if number else "BaseWorker", Role.WORKER, (process,))
            for number, process in enumerate(by_role.get(Role.WORKER, []))
        ),
        *(
            Container("AdditionalWebserver" if number else "WebServer", Role.WEBSERVER, (process,))
            for number, process in enumerate(by_role.get(Role.WEBSERVER, []))
        ),
    )


def _container_figures(
    environment: Environment,
    services: tuple[Service, ...],
    usage: Mapping[ProcessId, TreeUsage],
    shares: Mapping[ProcessId, float],
) -> Iterator[Figure]:
    environment_class = EnvironmentClass(environment.settings["EnvironmentClass"])
    for container in containers_of(services):
        size = container_size(environment_class, container.role)
        measured = [process for process in container.processes if process in usage]
        cluster = {"Cluster": container.cluster}
        if measured:
            memory = sum(usage[process].memory for process in measured)
            yield NAMESPACE, "MemoryUtilization", cluster, "Percent", 100.0 * memory / (size.memory * GIB)
        if any(process in shares for process in measured):
            used = sum(shares.get(process, 0.0) for process in measured)
            yield NAMESPACE, "CPUUtilization", cluster, "Percent", 100.0 * used / size.cpus
    for service in services:
        if service.role == Role.WORKER and service.healthy:
            yield names.NAMESPACE, "CeleryWorkerHeartbeat", {"Function": "Celery"}, "Count", 1.0


def queue_figures(environment: Environment, now: float) -> Iterator[Figure]:
    """Yield the figures of the Celery queue, if it is there."""
    from moto.sqs.models import sqs_backends

    name = str(environment.settings.get("CeleryExecutorQueue", "")).rpartition(":")[2]
    queue: Any = sqs_backends[ACCOUNT_ID][environment.region].queues.get(name)
    if queue is None:
        return
    with queue._messages_lock:
        waiting = [message.sent_timestamp or 0.0 for message in queue.messages]
        running = queue.approximate_number_of_messages_not_visible
    age = max((now - sent / 1000 for sent in waiting), default=0.0)
    # The second names are those of the guide's first edition.
    for metric in ("QueuedTasks", "ApproximateNumberOfMessagesVisible"):
        yield NAMESPACE, metric, {}, "Count", len(waiting)
    for metric in ("RunningTasks", "ApproximateNumberOfMessagesNotVisible"):
        yield NAMESPACE, metric, {}, "Count", running
    for metric in ("ApproximateAgeOfOldestTask", "ApproximateAgeOfOldestMessage"):
        yield NAMESPACE, metric, {}, "Seconds", max(age, 0.0)
