"""Amazon MWAA over botocore: looks at environments and begins their updates."""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from mwaa_local.adapters.aws_errors import Request, error_code, translated
from mwaa_local.aws_ports import EnvironmentChange, EnvironmentRecord, LastUpdate, S3Source

LOG_TYPES = ("DagProcessingLogs", "SchedulerLogs", "TaskLogs", "WebserverLogs", "WorkerLogs")


class MwaaService:
    """EnvironmentService of one region; the client, made when it is needed, retries throttling and server errors."""

    def __init__(self, client: Callable[[], Any], region: str, profile: str | None = None) -> None:
        self._client = client
        self._region = region
        self._profile = profile

    def get(self, name: str) -> EnvironmentRecord | None:
        """Return an environment, None if there is none of that name."""
        with translated(self._request("GetEnvironment", name)):
            try:
                answer = self._client().get_environment(Name=name)
            except ClientError as error:
                if error_code(error) == "ResourceNotFoundException":
                    return None
                raise
        return parse_environment(answer["Environment"])

    def names(self) -> tuple[str, ...]:
        """Return the names of the region's environments, page by page."""
        with translated(self._request("ListEnvironments", "*")):
            pages = self._client().get_paginator("list_environments").paginate()
            return tuple(sorted(name for page in pages for name in page["Environments"]))

    def update(self, name: str, change: EnvironmentChange) -> None:
        """Begin an update of an environment; what is None in `change` stays as it is."""
        wishes: dict[str, Any] = {}
        for part, source in (
            ("Plugins", change.plugins),
            ("Requirements", change.requirements),
            ("StartupScript", change.startup_script),
        ):
            if source is not None:
                wishes[f"{part}S3Path"] = source.path
                if source.version is not None:
                    wishes[f"{part}S3ObjectVersion"] = source.version
        with translated(self._request("UpdateEnvironment", name)):
            self._client().update_environment(Name=name, **wishes)

    def _request(self, operation: str, name: str) -> Request:
        resource = "*" if name == "*" else f"arn:aws:airflow:{self._region}:*:environment/{name}"
        return Request(f"airflow:{operation}", resource, self._profile)


def parse_environment(answer: Mapping[str, Any]) -> EnvironmentRecord:
    """Turn the `Environment` of GetEnvironment's answer into a record."""
    return EnvironmentRecord(
        name=answer.get("Name", ""),
        status=answer.get("Status", ""),
        airflow_version=answer.get("AirflowVersion", ""),
        environment_class=answer.get("EnvironmentClass", ""),
        bucket=answer.get("SourceBucketArn", "").rpartition(":")[2],
        dags_path=answer.get("DagS3Path", ""),
        plugins=_source(answer, "Plugins"),
        requirements=_source(answer, "Requirements"),
        startup_script=_source(answer, "StartupScript"),
        airflow_options=tuple(sorted(answer.get("AirflowConfigurationOptions", {}).items())),
        webserver_access=answer.get("WebserverAccessMode", ""),
        min_workers=answer.get("MinWorkers", 1),
        max_workers=answer.get("MaxWorkers", 1),
        schedulers=answer.get("Schedulers", 1),
        last_update=_last_update(answer.get("LastUpdate")),
        log_groups=_log_groups(answer.get("LoggingConfiguration", {})),
    )


def _source(answer: Mapping[str, Any], part: str) -> S3Source | None:
    path = answer.get(f"{part}S3Path")
    return S3Source(path, answer.get(f"{part}S3ObjectVersion") or None) if path else None


def _last_update(answer: Mapping[str, Any] | None) -> LastUpdate | None:
    if not answer:
        return None
    error, began = answer.get("Error", {}), answer.get("CreatedAt")
    return LastUpdate(
        answer.get("Status", ""),
        error.get("ErrorCode", ""),
        error.get("ErrorMessage", ""),
        began.timestamp() if began else None,
    )


def _log_groups(answer: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the enabled log types and the name of each one's group, which the service gives as an ARN."""
    found = []
    for log_type in LOG_TYPES:
        module = answer.get(log_type, {})
        name = module.get("CloudWatchLogGroupArn", "").partition(":log-group:")[2].removesuffix(":*")
        if module.get("Enabled") and name:
            found.append((log_type, name))
    return tuple(found)
