"""The metrics of an endpoint, put together: received, taken, kept, and shown by moto's CloudWatch."""

import logging
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mwaa_local.aws.metrics.collector import Collector
from mwaa_local.aws.metrics.datagrams import LARGEST_VALUE
from mwaa_local.aws.metrics.figures import NO_MACHINE, Figures, Machine
from mwaa_local.aws.metrics.names import NAMESPACE
from mwaa_local.aws.metrics.receiver import receive
from mwaa_local.aws.metrics.store import MINUTE, MetricStore, Statistics, make_series
from mwaa_local.aws.mwaa_api.records import Environment
from mwaa_local.aws.mwaa_api.service import EnvironmentsService

FOLDER = "metrics"
SIGNING_NAME = "/monitoring/"
"""Of CloudWatch, in the credential of a request."""

PAST, FUTURE = 14 * 86400, 2 * 3600
"""Seconds from now in which CloudWatch takes values."""

log = logging.getLogger("mwaa_local.aws")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the metrics need: the environments, which of them is the project's own, and where to keep them."""

    environments: Callable[[], Iterable[Environment]]
    home: str
    state: Path
    machine: Machine


class Metrics:
    """Everything about metrics in one endpoint."""

    def __init__(self, around: Surroundings, now: Callable[[], float] = time.time) -> None:
        self.store = MetricStore(around.state / FOLDER, now)
        self._collector = Collector(self.store, around.environments, around.home)
        self._figures = Figures(
            self.store,
            around.environments,
            around.home,
            around.state,
            around.machine,
        )
        self._ended = threading.Event()
        self._installed = False

    def start(self, host: str, port: int) -> None:
        """Receive from now on, and take figures every minute."""
        receive(host, port, self._collector.take)
        threading.Thread(target=self._take_figures, name="figures", daemon=True).start()

    def end(self) -> None:
        """Write what is in memory."""
        self._ended.set()
        self.store.write()

    def prepare(self, environ: Mapping[str, Any]) -> None:
        """Make moto ready for a request, if it is one of CloudWatch: its models take memory that most never need."""
        if not self._installed and SIGNING_NAME in str(environ.get("HTTP_AUTHORIZATION", "")):
            from mwaa_local.aws.metrics.backend import install

            install(self.store)
            self._installed = True

    def publish(self, environment: Environment, data: Sequence[Mapping[str, Any]]) -> None:
        """Take what PublishMetrics brings: metrics of Airflow, which all have the dimension Environment.

        Values of other times than CloudWatch takes, or larger ones, are left out.
        """
        for each in data:
            given = {item["Name"]: item["Value"] for item in each.get("Dimensions", [])}
            dimensions = {"Environment": environment.name, **given}
            unit = str(each.get("Unit", "None"))
            series = make_series(environment.region, NAMESPACE, each["MetricName"], dimensions, unit)
            age = self.store.now() - _seconds(each["Timestamp"])
            statistics = _published(each)
            if -FUTURE <= age <= PAST and is_sound(statistics):
                self.store.merge(series, self.store.now() - age, statistics)

    def _take_figures(self) -> None:
        while not self._ended.wait(MINUTE - self.store.now() % MINUTE):
            try:
                self._figures.take()
            except Exception:
                # Files and processes of others come and go: the next minute is another chance.
                log.exception("the figures of a minute are missing")
            self.store.write()


def start_metrics(options: Namespace, environments: EnvironmentsService, machine: Machine | None) -> Metrics:
    """Begin to take the metrics of all environments of an endpoint, given the options of its process."""
    around = Surroundings(environments.all, options.environment, options.state, machine or NO_MACHINE)
    metrics = Metrics(around)
    environments.publish = metrics.publish
    metrics.start(options.listen, options.port)
    return metrics


def is_sound(statistics: Statistics) -> bool:
    """Tell whether CloudWatch would take values."""
    values = (statistics.count, statistics.total, statistics.least, statistics.most)
    return statistics.count > 0 and all(abs(value) <= LARGEST_VALUE for value in values)


def _published(each: Mapping[str, Any]) -> Statistics:
    found = each.get("StatisticValues")
    if not found:
        value = float(each.get("Value", 0.0))
        return Statistics(1.0, value, value, value)
    values = (float(found.get(name, 0.0)) for name in ("SampleCount", "Sum", "Minimum", "Maximum"))
    return Statistics(*values)


def _seconds(when: object) -> float:
    if isinstance(when, datetime):
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    return float(str(when))
