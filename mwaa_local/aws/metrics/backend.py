"""moto's CloudWatch with the metrics of environments in it.

What others put into moto stays there and is read beside ours. Where moto answers otherwise than CloudWatch it is put
right for all metrics: dimensions are compared whole, periods begin at multiples of themselves, percentiles are given
where statistic sets allow it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import ModuleType
from typing import Any, ClassVar

from moto.cloudwatch import urls
from moto.cloudwatch.exceptions import InvalidParameterValue, ValidationError
from moto.cloudwatch.metric_data_expression_parser import parse_expression
from moto.cloudwatch.models import (
    CloudWatchBackend,
    MetricAggregatedDatum,
    MetricDatumBase,
    cloudwatch_backends,
)
from moto.cloudwatch.models import Statistics as MotoStatistics

from mwaa_local.aws.metrics.store import MetricStore, Series, Statistics

LISTED_FOR = 14 * 86400
"""Seconds after its last value for which ListMetrics has a metric."""

Dimensions = Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Query:
    """A metric that is asked for, and from when to when, in seconds since the epoch."""

    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]
    unit: str | None
    start: float
    end: float


class MetricsBackend(CloudWatchBackend):
    """The metrics of one region."""

    store: ClassVar[MetricStore]

    @property
    def _url_module(self) -> ModuleType:
        # moto would look for the URLs beside the module of the class.
        return urls

    def get_filtered_metrics(
        self, metric_name: str, namespace: str, dimensions: list[dict[str, str]]
    ) -> list[MetricDatumBase]:
        """Return every metric once that has the name, the namespace and (at least) the dimensions."""
        since = self.store.now() - LISTED_FOR
        ours = [_listed(series) for series in self.store.known(since) if series.region == self.region_name]
        found: dict[object, MetricDatumBase] = {}
        for each in [*sorted(ours, key=_identity), *self._others(namespace)]:
            if each.filter(namespace, metric_name, dimensions):
                found.setdefault(_identity(each), each)
        return list(found.values())

    def get_metric_statistics(
        self,
        namespace: str,
        metric_name: str,
        start_time: datetime,
        end_time: datetime,
        period: int,
        stats: list[str],
        dimensions: list[dict[str, str]],
        unit: str | None = None,
    ) -> list[MotoStatistics]:
        """Return the datapoints of one metric."""
        if start_time >= end_time:
            raise InvalidParameterValue("The parameter StartTime must be less than the parameter EndTime.")
        query = Query(
            namespace, metric_name, _pairs(dimensions), unit, _seconds(start_time), _seconds(end_time)
        )
        found = []
        for begin, values in sorted(self._periods(query, period).items()):
            statistics = MotoStatistics(stats, datetime.fromtimestamp(begin, UTC), values[0].unit)
            statistics.metric_data = list(values)
            found.append(statistics)
        return found

    def get_metric_data(
        self,
        queries: list[dict[str, Any]],
        start_time: datetime,
        end_time: datetime,
        scan_by: str = "TimestampAscending",
    ) -> list[dict[str, Any]]:
        """Return the values of metrics; of expressions, those that moto knows."""
        if start_time >= end_time:
            problem = "must not equal parameter" if start_time == end_time else "must be less than parameter"
            raise ValidationError(f"The parameter StartTime {problem} EndTime.")
        span = (_seconds(start_time), _seconds(end_time))
        results = [self._result(query, span, scan_by) for query in queries if "MetricStat" in query]
        shown = {query["Id"] for query in queries if query.get("ReturnData", True)}
        expressions = [_expression(query, results) for query in queries if "MetricStat" not in query]
        return [each for each in [*results, *expressions] if each["id"] in shown]

    def _result(self, query: Mapping[str, Any], span: tuple[float, float], scan_by: str) -> dict[str, Any]:
        asked = query["MetricStat"]
        metric, stat, period = asked["Metric"], str(asked["Stat"]), int(asked["Period"])
        dimensions = _pairs(metric.get("Dimensions", []))
        of_metric = Query(metric["Namespace"], metric["MetricName"], dimensions, asked.get("Unit"), *span)
        points = [
            (datetime.fromtimestamp(begin, UTC), value)
            for begin, values in sorted(
                self._periods(of_metric, period).items(), reverse=scan_by == "TimestampDescending"
            )
            if (value := evaluate(stat, values)) is not None
        ]
        return {
            "id": query["Id"],
            "label": query.get("Label") or f"{metric['MetricName']} {stat}",
            "timestamps": [when for when, _ in points],
            "values": [value for _, value in points],
            "status_code": "Complete",
        }

    def _periods(self, query: Query, period: int) -> dict[int, list[MetricAggregatedDatum]]:
        """Return what the metric was in each period that has values, by the period's begin."""
        length = max(period, 1)
        first = query.start // length * length
        found: dict[int, list[MetricAggregatedDatum]] = {}
        for when, unit, statistics in self._values(query, first):
            begin = int(when // length * length)
            found.setdefault(begin, []).append(_datum(query, when, unit, statistics))
        return found

    def _values(self, query: Query, first: float) -> Iterator[tuple[float, str | None, Statistics]]:
        def is_wanted(series: Series) -> bool:
            return (
                series.region == self.region_name
                and (series.namespace, series.metric) == (query.namespace, query.metric)
                and series.dimensions == query.dimensions
                and query.unit in (None, series.unit)
            )

        for series, points in self.store.points(is_wanted, first, query.end):
            yield from ((minute, series.unit, statistics) for minute, statistics in points.items())
        for each in self._others(query.namespace):
            when = _seconds(each.timestamp)
            if (
                first <= when < query.end
                and (each.namespace, each.name) == (query.namespace, query.metric)
                and _pairs_of(each) == query.dimensions
                and query.unit in (None, each.unit)
            ):
                yield when, each.unit, _statistics(each)

    def _others(self, namespace: str | None) -> Iterable[MetricDatumBase]:
        # Those of S3 are worked out anew each time, from all objects.
        provided = self.aws_metric_data if namespace in (None, "", "AWS/S3") else []
        return [*self.metric_data, *provided]


def install(store: MetricStore) -> None:
    """Put the metrics of `store` into moto's CloudWatch; call it before its first request."""
    MetricsBackend.store = store
    cloudwatch_backends.backend = MetricsBackend


def evaluate(stat: str, values: Sequence[MetricAggregatedDatum]) -> float | None:
    """Return a statistic of a period; None if it cannot be told, or there is none of that name."""
    count = sum(each.sample_count for each in values)
    total = sum(each.sum for each in values)
    simple: dict[str, Callable[[], float]] = {
        "SampleCount": lambda: count,
        "Sum": lambda: total,
        "Minimum": lambda: min(each.min for each in values),
        "Maximum": lambda: max(each.max for each in values),
        "Average": lambda: total / count,
    }
    if stat in simple:
        return simple[stat]() if count else None
    return _percentile(stat, values)


def _percentile(stat: str, values: Sequence[MetricAggregatedDatum]) -> float | None:
    """Return a percentile, which a statistic set only has where all its values are the same."""
    try:
        wanted = 50.0 if stat == "Median" else float(stat.removeprefix("p"))
    except ValueError:
        return None
    if any(each.min != each.max for each in values):
        return None
    reached, count = 0.0, sum(each.sample_count for each in values)
    ordered = sorted(values, key=lambda each: each.min)
    for each in ordered:
        reached += each.sample_count
        if reached >= count * wanted / 100.0:
            return float(each.min)
    return None


def _expression(query: Mapping[str, Any], results: list[dict[str, Any]]) -> dict[str, Any]:
    values, timestamps = parse_expression(query["Expression"], results)
    label = query.get("Label") or query["Id"]
    return {
        "id": query["Id"],
        "label": label,
        "values": values,
        "timestamps": timestamps,
        "status_code": "Complete",
    }


def _listed(series: Series) -> MetricDatumBase:
    dimensions = [{"Name": name, "Value": value} for name, value in series.dimensions]
    return MetricDatumBase(series.namespace, series.metric, dimensions, None, series.unit)


def _identity(each: MetricDatumBase) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    return each.namespace, each.name, _pairs_of(each)


def _pairs_of(each: MetricDatumBase) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((str(dimension.name), str(dimension.value)) for dimension in each.dimensions))


def _pairs(dimensions: Dimensions) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((each["Name"], each["Value"]) for each in dimensions))


def _seconds(when: datetime) -> float:
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def _statistics(each: Any) -> Statistics:
    if isinstance(each, MetricAggregatedDatum):
        return Statistics(each.sample_count, each.sum, each.min, each.max)
    return Statistics(1.0, each.value, each.value, each.value)


def _datum(query: Query, when: float, unit: str | None, each: Statistics) -> MetricAggregatedDatum:
    return MetricAggregatedDatum(
        query.namespace,
        query.metric,
        each.least,
        each.most,
        each.count,
        each.total,
        [],
        datetime.fromtimestamp(when, UTC),
        unit,
    )
