"""What an environment has that the caller did not say: the service's defaults, and how an update changes settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mwaa_local.aws.account import ACCOUNT_ID, celery_queue_name
from mwaa_local.aws.mwaa_api.records import Settings

MICRO = "mw1.micro"
LOG_TYPES = {
    "DagProcessingLogs": "DAGProcessing",
    "SchedulerLogs": "Scheduler",
    "TaskLogs": "Task",
    "WebserverLogs": "WebServer",
    "WorkerLogs": "Worker",
}
"""Member of LoggingConfiguration -> the end of its log group's name (MWAA-FACTS 8.1)."""

NOT_SETTINGS = frozenset({"Name", "Tags", "WorkerReplacementStrategy"})
"""Parameters of a request that are no settings of the environment."""

MAINTENANCE_WINDOW = "SUN:03:30"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who an environment is: what its ARNs are made of."""

    name: str
    environment_id: str
    region: str

    @property
    def arn(self) -> str:
        """Return the environment's ARN."""
        return f"arn:aws:airflow:{self.region}:{ACCOUNT_ID}:environment/{self.name}"


def created_settings(parameters: Mapping[str, Any], identity: Identity, version: str) -> Settings:
    """Return the settings of a new environment; `version` is the Airflow version where the caller names none."""
    given = {name: value for name, value in parameters.items() if name not in NOT_SETTINGS}
    environment_class = given.get("EnvironmentClass", "mw1.small")
    micro = environment_class == MICRO
    number = given.get("AirflowVersion", version)
    defaults: dict[str, Any] = {
        "AirflowVersion": version,
        "EnvironmentClass": environment_class,
        "MinWorkers": 1,
        "MaxWorkers": 1 if micro else max(10, int(given.get("MinWorkers", 1))),
        "Schedulers": 1 if micro or number.startswith("1.") else 2,
        "MinWebservers": 1 if micro else 2,
        "MaxWebservers": 1 if micro else max(2, int(given.get("MinWebservers", 2))),
        "WebserverAccessMode": "PRIVATE_ONLY",
        "WeeklyMaintenanceWindowStart": MAINTENANCE_WINDOW,
        "EndpointManagement": "SERVICE",
        "ServiceRoleArn": f"arn:aws:iam::{ACCOUNT_ID}:role/aws-service-role/airflow.amazonaws.com/"
        "AWSServiceRoleForAmazonMWAA",
        "CeleryExecutorQueue": f"arn:aws:sqs:{identity.region}:{ACCOUNT_ID}:"
        + celery_queue_name(identity.environment_id),
    }
    logging = _logging(identity, _DEFAULT_LOGGING, given.get("LoggingConfiguration", {}))
    return {**defaults, **given, "LoggingConfiguration": logging}


def updated_settings(current: Settings, parameters: Mapping[str, Any], identity: Identity) -> Settings:
    """Return the settings after an update: what it names replaces what was, except inside the two structures."""
    given = {name: value for name, value in parameters.items() if name not in NOT_SETTINGS}
    merged: dict[str, Any] = {**current, **given}
    if "NetworkConfiguration" in given:
        merged["NetworkConfiguration"] = {**current["NetworkConfiguration"], **given["NetworkConfiguration"]}
    if "LoggingConfiguration" in given:
        merged["LoggingConfiguration"] = _logging(
            identity, current.get("LoggingConfiguration", {}), given["LoggingConfiguration"]
        )
    if merged["EnvironmentClass"] == MICRO != current["EnvironmentClass"]:
        only_one = ("MinWorkers", "MaxWorkers", "Schedulers", "MinWebservers", "MaxWebservers")
        merged |= {name: 1 for name in only_one if name not in given}
    return merged


# Without a LoggingConfiguration only task logs are sent, at INFO: what Terraform's acceptance tests see.
_DEFAULT_LOGGING: Mapping[str, Mapping[str, Any]] = {
    name: {"Enabled": name == "TaskLogs", "LogLevel": "INFO"} for name in LOG_TYPES
}


def _logging(
    identity: Identity, current: Mapping[str, Mapping[str, Any]], given: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    merged: dict[str, dict[str, Any]] = {}
    for name in LOG_TYPES:
        module = dict(given.get(name) or current.get(name) or _DEFAULT_LOGGING[name])
        module.pop("CloudWatchLogGroupArn", None)
        if module["Enabled"]:
            group = f"airflow-{identity.name}-{LOG_TYPES[name]}"
            module["CloudWatchLogGroupArn"] = f"arn:aws:logs:{identity.region}:{ACCOUNT_ID}:log-group:{group}"
        merged[name] = module
    return merged
