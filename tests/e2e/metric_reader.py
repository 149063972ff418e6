"""Reads metrics of an environment from the local CloudWatch, as a client of AWS does."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

AIRFLOW = "AmazonMWAA"
SERVICE = "AWS/MWAA"
ALL = {"DAG": "All", "Task": "All"}
SCHEDULER = {"Function": "Scheduler"}


@dataclass(frozen=True, slots=True)
class MetricReader:
    """The metrics of one environment; `cloudwatch` is a client."""

    cloudwatch: Any
    environment: str

    def total(self, namespace: str, metric: str, dimensions: dict[str, str]) -> float:
        """Return the sum of all values of the last hour."""
        return self._statistic(namespace, metric, dimensions, "Sum")

    def count(self, namespace: str, metric: str, dimensions: dict[str, str]) -> float:
        """Return how many values there were in the last hour."""
        return self._statistic(namespace, metric, dimensions, "SampleCount")

    def names(self, namespace: str) -> set[str]:
        """Return the names of all metrics of the environment."""
        pages = self.cloudwatch.get_paginator("list_metrics").paginate(
            Namespace=namespace, Dimensions=[{"Name": "Environment", "Value": self.environment}]
        )
        return {metric["MetricName"] for page in pages for metric in page["Metrics"]}

    def _statistic(self, namespace: str, metric: str, dimensions: dict[str, str], statistic: str) -> float:
        now = datetime.now(UTC)
        where = {**dimensions, "Environment": self.environment}
        points = self.cloudwatch.get_metric_statistics(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in where.items()],
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(minutes=1),
            Period=60,
            Statistics=[statistic],
        )["Datapoints"]
        return float(sum(point[statistic] for point in points))
