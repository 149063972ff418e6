"""Turns what Airflow sends into metrics of CloudWatch: by the environment that sends, its version and its lists.

The metrics of the project's own environment have MWAA's prefix, those of environments of the MWAA API a prefix with
their id: all send to the same port.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from mwaa_local.aws.account import statsd_prefix
from mwaa_local.aws.metrics.datagrams import Kind, Sample, parse_datagram
from mwaa_local.aws.metrics.names import NAMESPACE, NameTable
from mwaa_local.aws.metrics.store import MINUTE, MetricStore, Series, make_series
from mwaa_local.aws.mwaa_api.records import Environment

SIDECAR_FROM = (2, 9, 2)
"""From here on Airflow sends everything, and the service leaves out what the options say; before, Airflow does."""
MOST_NAMES = 20_000

Target = tuple[Series, float]
"""A metric of CloudWatch and the factor that its unit takes."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What the user's options let through; a list of what is allowed makes the other one void."""

    allowed: tuple[str, ...]
    blocked: tuple[str, ...]
    on: bool = True

    def passes(self, name: str) -> bool:
        """Tell whether a metric of Airflow (without prefix) is sent on."""
        if self.allowed:
            return self.on and name.lower().startswith(self.allowed)
        return self.on and not name.lower().startswith(self.blocked)


def filter_of(environment: Environment) -> Filter:
    """Return the filter that an environment's options make."""
    options = environment.settings.get("AirflowConfigurationOptions", {})
    on = str(options.get("metrics.statsd_on", "True")).strip().lower() not in ("false", "f", "0")
    if version_of(environment) < SIDECAR_FROM:
        return Filter((), (), on)
    lists = (str(options.get(f"metrics.metrics_{kind}_list", "")) for kind in ("allow", "block"))
    allowed, blocked = (
        tuple(part.strip().lower() for part in text.split(",") if part.strip()) for text in lists
    )
    return Filter(allowed, blocked, on)


def version_of(environment: Environment) -> tuple[int, ...]:
    """Return the version of Airflow as numbers."""
    return tuple(int(part) for part in str(environment.settings["AirflowVersion"]).split("."))


@dataclass(frozen=True, slots=True)
class _Sender:
    """An environment, what its version's names mean and which of them pass."""

    environment: Environment
    names: NameTable
    filter: Filter

    def targets(self, name: str) -> tuple[Target, ...]:
        if not self.filter.passes(name):
            return ()
        where = {"Environment": self.environment.name}
        region = self.environment.region
        return tuple(
            (
                make_series(region, NAMESPACE, each.metric, {**dict(each.dimensions), **where}, each.unit),
                each.scale,
            )
            for each in self.names.find(name)
        )


@dataclass(slots=True)
class Collector:
    """Takes datagrams and puts what they say into the store."""

    store: MetricStore
    environments: Callable[[], Iterable[Environment]]
    home: str
    """Name of the project's own environment, "" where there is none."""
    _senders: dict[str, _Sender] = field(default_factory=dict)
    _asked: tuple[object, ...] | None = None
    _next_look: float = 0.0
    _targets: dict[str, tuple[Target, ...]] = field(default_factory=dict)
    _gauges: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, datagram: bytes) -> None:
        """Take one datagram."""
        with self._lock:
            self._look()
            for sample in parse_datagram(datagram):
                targets = self._find(sample.name)
                if targets:
                    value = self._value(sample)
                    for series, scale in targets:
                        self.store.add(series, value * scale, sample.weight)

    def _value(self, sample: Sample) -> float:
        if sample.kind is not Kind.GAUGE:
            return sample.value
        value = sample.value + (self._gauges.get(sample.name, 0.0) if sample.relative else 0.0)
        self._gauges[sample.name] = value
        return value

    def _find(self, full_name: str) -> tuple[Target, ...]:
        targets = self._targets.get(full_name)
        if targets is None:
            prefix, _, name = full_name.partition(".")
            sender = self._senders.get(prefix)
            if sender is None:
                # It may be of an environment that has just been created.
                self._next_look = min(self._next_look, self.store.now() + 1)
                return ()
            targets = sender.targets(name)
            if len(self._targets) >= MOST_NAMES:
                self._forget()
            self._targets[full_name] = targets
        return targets

    def _look(self) -> None:
        """Look once a minute which environments there are, and what they are like now."""
        now = self.store.now()
        if now < self._next_look and self._next_look - now <= MINUTE:
            return
        self._next_look = now + MINUTE
        environments = tuple(self.environments())
        asked = tuple((each.name, each.environment_id, each.region, each.settings) for each in environments)
        if asked == self._asked:
            return
        self._asked = asked
        self._forget()
        self._senders = {
            statsd_prefix("" if each.name == self.home else each.environment_id): _Sender(
                each, NameTable(version_of(each)), filter_of(each)
            )
            for each in environments
        }

    def _forget(self) -> None:
        self._targets.clear()
        self._gauges.clear()
