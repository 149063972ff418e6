"""Stand-ins for MWAA, its log groups and its bucket's facts; values for tests that need an environment."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from mwaa_local.aws_ports import (
    EnvironmentChange,
    EnvironmentRecord,
    LastUpdate,
    LogLine,
)
from mwaa_local.deployment import DeployedTree, Deployment, S3Layout
from mwaa_local.errors import AwsError

ENVIRONMENT = EnvironmentRecord(
    name="orders-staging",
    status="AVAILABLE",
    airflow_version="2.10.3",
    environment_class="mw1.small",
    bucket="orders",
    dags_path="dags",
    plugins=None,
    requirements=None,
    startup_script=None,
    airflow_options=(),
    webserver_access="PUBLIC_ONLY",
    min_workers=1,
    max_workers=5,
    schedulers=2,
    last_update=None,
    log_groups=(("SchedulerLogs", "airflow-orders-staging-Scheduler"),),
)

DEPLOYMENT = Deployment(
    name="staging",
    bucket="orders",
    region="eu-west-1",
    profile=None,
    environment="orders-staging",
    version="2.10.3",
    layout=S3Layout("dags", "plugins.zip", "requirements.txt", None),
    dags=(DeployedTree(Path("/project/dags"), "dags"),),
    plugins=None,
    requirements=None,
    startup_script=None,
    extras=(),
    lock=True,
    state=".mwaa-local/staging",
)

Look = EnvironmentRecord | AwsError | None


@dataclass(slots=True)
class FakeEnvironments:
    """EnvironmentService of one environment: it says one of `looks` after the other, the last one for good."""

    looks: list[Look] = field(default_factory=lambda: [ENVIRONMENT])
    updates: list[EnvironmentChange] = field(default_factory=list)
    asked: int = 0

    def get(self, name: str) -> EnvironmentRecord | None:
        """Return the next look."""
        self.asked += 1
        found = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(found, AwsError):
            raise found
        return found if found is not None and found.name == name else None

    def names(self) -> tuple[str, ...]:
        """Return the names of what there is."""
        return tuple({look.name for look in self.looks if isinstance(look, EnvironmentRecord)})

    def update(self, name: str, change: EnvironmentChange) -> None:
        """Note the change; what comes of it is in `looks`."""
        self.updates.append(change)


@dataclass(slots=True)
class FakeLogs:
    """LogGroups with the lines of some groups."""

    groups: dict[str, list[LogLine]] = field(default_factory=dict)
    error: AwsError | None = None

    def read(self, group: str, stream_prefix: str, since: float) -> tuple[LogLine, ...]:
        """Return the lines of the streams."""
        if self.error is not None:
            raise self.error
        return tuple(
            line
            for line in self.groups.get(group, [])
            if line.stream.startswith(stream_prefix) and line.time >= since
        )


def in_status(status: str, **fields: object) -> EnvironmentRecord:
    """Return the environment in a status."""
    return replace(ENVIRONMENT, status=status, **fields)  # type: ignore[arg-type]


def failed(
    status: str = "UPDATE_FAILED", message: str = "Requirements could not be installed."
) -> EnvironmentRecord:
    """Return the environment after an update that failed."""
    return in_status(status, last_update=LastUpdate("FAILED", "INCORRECT_CONFIGURATION", message))
