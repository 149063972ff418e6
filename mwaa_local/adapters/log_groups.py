"""CloudWatch Logs over botocore, read only."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from mwaa_local.adapters.aws_errors import Request, error_code, translated
from mwaa_local.aws_ports import LogLine


class CloudWatchLogs:
    """LogGroups of one region."""

    def __init__(self, client: Callable[[], Any], region: str, profile: str | None = None) -> None:
        self._client = client
        self._region = region
        self._profile = profile

    def read(self, group: str, stream_prefix: str, since: float) -> tuple[LogLine, ...]:
        """Return the events since a time, all pages, in the order of time."""
        resource = f"arn:aws:logs:{self._region}:*:log-group:{group}"
        with translated(Request("logs:FilterLogEvents", resource, self._profile)):
            try:
                pages = (
                    self._client()
                    .get_paginator("filter_log_events")
                    .paginate(
                        logGroupName=group,
                        logStreamNamePrefix=stream_prefix,
                        startTime=max(0, int(since * 1000)),
                    )
                )
                lines = [
                    LogLine(
                        event.get("logStreamName", ""),
                        event.get("timestamp", 0) / 1000,
                        event.get("message", ""),
                    )
                    for page in pages
                    for event in page["events"]
                    if event.get("logStreamName", "").startswith(
                        stream_prefix
                    )  # emulators may not look at it
                ]
            except ClientError as error:
                if error_code(error) == "ResourceNotFoundException":
                    return ()
                raise
        # CloudWatch orders a page only; a stable sort keeps lines of one millisecond as they were written.
        return tuple(sorted(lines, key=lambda line: line.time))
