"""What differs on a laptop: paths, ports and loopback that must be so, and what merely suits one better."""

from mwaa_local.config import EnvironmentConfig, Executor
from mwaa_local.mwaa_settings import V2, V3, is_celery, tasks_per_worker
from mwaa_local.settings_rules import NO_STATSD, Rule, SettingInputs, SettingOrigin

_PREFERRED = SettingOrigin.LOCAL_DEFAULT
_LOCAL = SettingOrigin.LOCAL

LOCAL_EXECUTOR_TASKS_MAX = 64
"""Airflow's LocalExecutor starts a process for each slot, wanted or not."""


def _is_live(config: EnvironmentConfig) -> bool:
    return config.live


def _shows_mwaa_paths(config: EnvironmentConfig) -> bool:
    return config.mwaa_paths


def _is_local(config: EnvironmentConfig) -> bool:
    return config.executor is Executor.LOCAL


def _asks_for_too_many(config: EnvironmentConfig) -> bool:
    asked = dict(config.airflow_options).get("core.parallelism", "")
    return _is_local(config) and asked.isdigit() and not 0 < int(asked) <= LOCAL_EXECUTOR_TASKS_MAX


def _plugins(inputs: SettingInputs) -> str:
    return str(inputs.project.plugins or inputs.addresses.airflow_home / "plugins")


def _passwords(inputs: SettingInputs) -> str | None:
    file = inputs.addresses.passwords_file
    return str(file) if file else None


def _log(inputs: SettingInputs, *parts: str) -> str:
    return str(inputs.addresses.logs.joinpath(*parts))


def _no_metrics(inputs: SettingInputs) -> str | None:
    return None if inputs.addresses.statsd.port else "False"


def _statsd_host(inputs: SettingInputs) -> str | None:
    return inputs.addresses.statsd.host if inputs.addresses.statsd.port else None


def _statsd_port(inputs: SettingInputs) -> str | None:
    return str(inputs.addresses.statsd.port) if inputs.addresses.statsd.port else None


def _statsd_prefix(inputs: SettingInputs) -> str | None:
    prefix = inputs.addresses.statsd.prefix
    return None if prefix == NO_STATSD.prefix else prefix


_LIVE = "Live mode: a saved file is visible in seconds; --faithful-intervals restores MWAA's."
_SLOTS = "LocalExecutor: a process for each slot."

PREFERENCES: tuple[Rule, ...] = (
    Rule(_PREFERRED, "scheduler.dag_dir_list_interval", "2", until=V3, when=_is_live, note=_LIVE),
    Rule(_PREFERRED, "dag_processor.refresh_interval", "1", since=V3, when=_is_live, note=_LIVE),
    Rule(_PREFERRED, "dag_processor.bundle_refresh_check_interval", "1", since=V3, when=_is_live, note=_LIVE),
    # From 2.1 on a changed file is parsed at once (file_parsing_sort_mode), so that MWAA's 30 s can stay.
    Rule(_PREFERRED, "scheduler.min_file_process_interval", "3", until=(2, 1), when=_is_live, note=_LIVE),
    Rule(_PREFERRED, "core.min_serialized_dag_update_interval", "0", when=_is_live, note=_LIVE),
    Rule(_PREFERRED, "core.min_serialized_dag_fetch_interval", "1", until=(3, 2), when=_is_live, note=_LIVE),
    Rule(_PREFERRED, "core.parallelism", tasks_per_worker, when=_is_local, note=_SLOTS),
    # The full name of a laptop may take seconds to find out, or change with the network.
    Rule(_PREFERRED, "core.hostname_callable", "socket:gethostname", until=V2),
    Rule(_PREFERRED, "core.hostname_callable", "socket.gethostname", since=V2),
    Rule(_PREFERRED, "usage_data_collection.enabled", "False", since=(2, 10), until=(2, 11)),
    Rule(_PREFERRED, "core.colored_console_log", "False", until=V2, note="Logs are files here."),
    Rule(_PREFERRED, "logging.colored_console_log", "False", since=V2, note="Logs are files here."),
    Rule(_PREFERRED, "api.server_type", "uvicorn", since=(3, 2), note="One process is enough here."),
    Rule(_PREFERRED, "api.worker_refresh_interval", "0", since=(3, 2), note="For gunicorn only."),
)
"""What a startup script or an option may change."""

_STATSD = "The local CloudWatch takes them."
_LOOPBACK = "Its server would listen beyond this machine."
_SIMPLE = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"

REQUIREMENTS: tuple[Rule, ...] = (
    Rule(_LOCAL, "core.executor", "LocalExecutor", when=_is_local, note="MWAA runs CeleryExecutor."),
    Rule(_LOCAL, "core.parallelism", str(LOCAL_EXECUTOR_TASKS_MAX), when=_asks_for_too_many, note=_SLOTS),
    Rule(_LOCAL, "core.dags_folder", lambda inputs: str(inputs.project.dags)),
    Rule(_LOCAL, "core.plugins_folder", _plugins),
    Rule(_LOCAL, "core.base_log_folder", lambda inputs: _log(inputs), until=V2),
    Rule(
        _LOCAL,
        "logging.base_log_folder",
        lambda inputs: _log(inputs),
        since=V2,
        former=("core.base_log_folder",),
    ),
    Rule(_LOCAL, "scheduler.child_process_log_directory", lambda inputs: _log(inputs, "scheduler"), until=V3),
    Rule(
        _LOCAL,
        "core.dag_processor_manager_log_location",
        lambda inputs: _log(inputs, "dag_processor_manager", "dag_processor_manager.log"),
        until=V2,
    ),
    Rule(
        _LOCAL,
        "logging.dag_processor_manager_log_location",
        lambda inputs: _log(inputs, "dag_processor_manager", "dag_processor_manager.log"),
        since=V2,
        until=V3,
        former=("core.dag_processor_manager_log_location",),
    ),
    Rule(
        _LOCAL,
        "logging.dag_processor_child_process_log_directory",
        lambda inputs: _log(inputs, "dag_processor"),
        since=V3,
        former=("scheduler.child_process_log_directory",),
    ),
    *(
        rule
        for key, value, note in (
            ("on", _no_metrics, "Nobody takes them."),
            ("host", _statsd_host, _STATSD),
            ("port", _statsd_port, _STATSD),
            ("prefix", _statsd_prefix, "Tells the metrics of this environment from others'."),
        )
        for rule in (
            Rule(_LOCAL, f"scheduler.statsd_{key}", value, until=V2, note=note),
            Rule(
                _LOCAL,
                f"metrics.statsd_{key}",
                value,
                since=V2,
                former=(f"scheduler.statsd_{key}",),
                note=note,
            ),
        )
    ),
    Rule(_LOCAL, "scheduler.enable_health_check", "False", since=(2, 4), until=(2, 8), note=_LOOPBACK),
    Rule(_LOCAL, "scheduler.scheduler_health_check_server_host", "127.0.0.1", since=(2, 8), note=_LOOPBACK),
    Rule(_LOCAL, "webserver.web_server_host", lambda inputs: inputs.addresses.webserver_host, until=V3),
    Rule(_LOCAL, "webserver.web_server_port", lambda inputs: str(inputs.addresses.webserver_port), until=V3),
    Rule(
        _LOCAL,
        "webserver.cookie_secure",
        "False",
        until=V3,
        note="A browser would not send it to http://127.0.0.1.",
    ),
    Rule(
        _LOCAL,
        "api.host",
        lambda inputs: inputs.addresses.webserver_host,
        since=V3,
        former=("webserver.web_server_host",),
    ),
    Rule(
        _LOCAL,
        "api.port",
        lambda inputs: str(inputs.addresses.webserver_port),
        since=V3,
        former=("webserver.web_server_port",),
    ),
    Rule(
        _LOCAL,
        "core.execution_api_server_url",
        lambda inputs: f"{inputs.addresses.task_url or inputs.addresses.base_url}/execution/",
        since=V3,
    ),
    Rule(_LOCAL, "core.auth_manager", _SIMPLE, since=V3, note="Stands for MWAA's sign-in by IAM."),
    Rule(_LOCAL, "core.simple_auth_manager_users", "admin:admin", since=V3),
    Rule(_LOCAL, "core.simple_auth_manager_all_admins", "False", since=V3),
    Rule(_LOCAL, "core.simple_auth_manager_passwords_file", _passwords, since=V3),
    Rule(
        _LOCAL,
        "api_auth.jwt_secret",
        lambda inputs: inputs.addresses.jwt_secret or None,
        since=V3,
        secret=True,
    ),
    Rule(_LOCAL, "AIRFLOW_HOME", lambda inputs: str(inputs.addresses.airflow_home)),
    Rule(
        _LOCAL,
        "MWAA_LOCAL_HOME_VIEW",
        lambda inputs: str(inputs.addresses.airflow_home),
        when=_shows_mwaa_paths,
        note="Found at /usr/local/airflow too.",
    ),
    Rule(_LOCAL, "AWS_ENDPOINT_URL", lambda inputs: inputs.addresses.aws_endpoint),
    Rule(_LOCAL, "MWAA_LOCAL_AWS_ENDPOINT", lambda inputs: inputs.addresses.aws_endpoint),
    Rule(_LOCAL, "MWAA_LOCAL_SQS_QUEUE", lambda inputs: inputs.addresses.queue_name, when=is_celery),
    Rule(_LOCAL, "MWAA_LOCAL_SQS_QUEUE_URL", lambda inputs: inputs.addresses.queue_url, when=is_celery),
)
"""What nobody can change, because it would not run otherwise."""
