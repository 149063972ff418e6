"""What MWAA sets and nobody may change, by version, and what a startup script may not set (MWAA-FACTS 5 and 6.2)."""

import uuid
from collections.abc import Callable

from mwaa_local.catalog import Role
from mwaa_local.config import EnvironmentConfig
from mwaa_local.mwaa_settings import V2, V3, is_celery, tasks_per_worker
from mwaa_local.settings_rules import Rule, SettingInputs, SettingOrigin

_PROTECTED = SettingOrigin.PROTECTED
_ESSENTIAL = SettingOrigin.ESSENTIAL
_SERVICE_IMAGE = (2, 9, 2)
"""The first version whose container image is public."""
_HANDLERS = "Airflow's own handlers: logs are files here."


def _environment_id(inputs: SettingInputs) -> str:
    # Stable for a project; MWAA's own is random.
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{inputs.project.root}#{inputs.config.name}"))


def _python_path(inputs: SettingInputs) -> str:
    return f"{inputs.addresses.airflow_home}/config:{inputs.project.dags}"


def _asked(*options: str) -> Callable[[EnvironmentConfig], bool]:
    """Return what tells whether the user has set one of the options."""

    def is_asked(config: EnvironmentConfig) -> bool:
        return any(option in options for option, _ in config.airflow_options)

    return is_asked


def _metrics_list(kind: str) -> Rule:
    former = f"metrics.statsd_{kind}_list"
    return Rule(
        _ESSENTIAL,
        f"metrics.metrics_{kind}_list",
        "",
        since=_SERVICE_IMAGE,
        former=(former,),
        note="Applied to what CloudWatch gets.",
        when=_asked(f"metrics.metrics_{kind}_list", former),
        heeded=True,
    )


METRICS: tuple[Rule, ...] = (
    *(
        rule
        for key, value in (("on", "True"), ("host", "localhost"), ("port", "8125"), ("prefix", "airflow"))
        for rule in (
            Rule(_ESSENTIAL, f"scheduler.statsd_{key}", value, until=V2, heeded=key == "on"),
            Rule(
                _ESSENTIAL,
                f"metrics.statsd_{key}",
                value,
                since=V2,
                former=(f"scheduler.statsd_{key}",),
                heeded=key == "on",
            ),
        )
    ),
    _metrics_list("allow"),
    _metrics_list("block"),
    *(
        Rule(_ESSENTIAL, f"metrics.{key}", value, since=_SERVICE_IMAGE, when=_asked(f"metrics.{key}"))
        for key, value in (
            ("metrics_use_pattern_match", "False"),
            ("timer_unit_consistency", "False"),
            ("legacy_names_on", "True"),
            ("stat_name_handler", ""),
            ("statsd_custom_client_path", ""),
            ("statsd_datadog_enabled", "False"),
            ("statsd_influxdb_enabled", "False"),
            ("statsd_ipv6", "False"),
            ("otel_on", "False"),
        )
    ),
)
"""The service keeps the metrics of Airflow for itself: from 2.9.2 on every option about them is put back."""

FIXED: tuple[Rule, ...] = (
    *METRICS,
    Rule(_ESSENTIAL, "core.executor", "CeleryExecutor", when=is_celery),
    Rule(_ESSENTIAL, "core.load_examples", "False"),
    Rule(_ESSENTIAL, "core.fernet_key", lambda inputs: inputs.addresses.fernet_key, secret=True),
    Rule(
        _ESSENTIAL,
        "core.sql_alchemy_conn",
        lambda inputs: inputs.addresses.database_url,
        until=(2, 3),
        secret=True,
    ),
    Rule(
        _ESSENTIAL,
        "database.sql_alchemy_conn",
        lambda inputs: inputs.addresses.database_url,
        since=(2, 3),
        secret=True,
        former=("core.sql_alchemy_conn",),
    ),
    Rule(
        _ESSENTIAL,
        "celery.broker_url",
        lambda inputs: inputs.addresses.broker_url,
        secret=True,
        when=is_celery,
    ),
    Rule(
        _ESSENTIAL,
        "celery.result_backend",
        lambda inputs: f"db+{inputs.addresses.database_url}",
        secret=True,
        when=is_celery,
    ),
    Rule(
        _ESSENTIAL,
        "celery.celery_config_options",
        "mwaa_inside.celery_config.CELERY_CONFIG",
        when=is_celery,
        note="Stands for MWAA's own: SQS, one queue, its URL known beforehand.",
    ),
    Rule(
        _ESSENTIAL,
        "celery.worker_concurrency",
        tasks_per_worker,
        when=is_celery,
        note="MWAA goes by celery.worker_autoscale.",
    ),
    Rule(_ESSENTIAL, "celery.worker_enable_remote_control", "False", since=(2, 4), when=is_celery),
    Rule(_ESSENTIAL, "celery_broker_transport_options.visibility_timeout", "43200", when=is_celery),
    Rule(
        _ESSENTIAL,
        "celery_broker_transport_options.region",
        lambda inputs: inputs.config.region,
        when=is_celery,
    ),
    Rule(
        _ESSENTIAL,
        "celery.default_queue",
        lambda inputs: inputs.addresses.queue_name,
        until=(2, 1),
        when=is_celery,
    ),
    Rule(
        _ESSENTIAL,
        "operators.default_queue",
        lambda inputs: inputs.addresses.queue_name,
        since=(2, 1),
        former=("celery.default_queue",),
        when=is_celery,
    ),
    Rule(
        _ESSENTIAL,
        "scheduler.standalone_dag_processor",
        lambda inputs: str(Role.DAG_PROCESSOR in inputs.version.roles),
        since=(2, 4),
        until=V3,
    ),
    Rule(_ESSENTIAL, "core.multi_team", "False", since=(3, 2)),
    Rule(_ESSENTIAL, "triggerer.queues_enabled", "False", since=(3, 2)),
    Rule(
        _ESSENTIAL,
        "webserver.secret_key",
        lambda inputs: inputs.addresses.webserver_secret_key,
        until=V3,
        secret=True,
    ),
    Rule(
        _ESSENTIAL,
        "api.secret_key",
        lambda inputs: inputs.addresses.webserver_secret_key,
        since=V3,
        secret=True,
        former=("webserver.secret_key",),
    ),
    # MWAA has a class of its own, which writes to CloudWatch; here the files of Airflow's own handlers are it.
    Rule(_ESSENTIAL, "core.logging_config_class", "", until=V2, note=_HANDLERS),
    Rule(
        _ESSENTIAL,
        "logging.logging_config_class",
        "",
        since=V2,
        former=("core.logging_config_class",),
        note=_HANDLERS,
    ),
    Rule(_ESSENTIAL, "webserver.cookie_secure", "True", until=V3),
    Rule(
        _ESSENTIAL,
        "webserver.config_file",
        lambda inputs: f"{inputs.addresses.airflow_home}/webserver_config.py",
        since=(2, 7),
        until=V3,
    ),
    Rule(_PROTECTED, "webserver.base_url", lambda inputs: inputs.addresses.base_url, until=V3),
    Rule(
        _PROTECTED,
        "api.base_url",
        lambda inputs: inputs.addresses.base_url,
        since=V3,
        former=("webserver.base_url",),
    ),
    Rule(
        _ESSENTIAL,
        "AWS_EXECUTION_ENV",
        lambda inputs: f"Amazon_MWAA_{inputs.version.airflow.replace('.', '')}",
    ),
    Rule(_PROTECTED, "AIRFLOW_ENV_NAME", lambda inputs: inputs.config.name),
    Rule(_PROTECTED, "AIRFLOW_ENV_ID", _environment_id),
    Rule(_PROTECTED, "AIRFLOW_VERSION", lambda inputs: inputs.version.airflow),
    Rule(_PROTECTED, "AWS_REGION", lambda inputs: inputs.config.region),
    Rule(_PROTECTED, "AWS_DEFAULT_REGION", lambda inputs: inputs.config.region),
    Rule(_PROTECTED, "PYTHONUNBUFFERED", "1"),
    Rule(_PROTECTED, "PYTHONPATH", _python_path, since=(2, 9)),
)
"""What neither a startup script nor an option changes."""

RESERVED = frozenset(
    (
        "AIRFLOW_CONN_AWS_DEFAULT",
        "AIRFLOW_HOME",
        "AIRFLOW_SCHEDULER_ALLOWED_RUN_ID_PATTERN",
        "AIRFLOW_VERSION",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "PYTHONUNBUFFERED",
        "SQL_ALCHEMY_CONN",
        *(
            f"AIRFLOW__{name}"
            for name in (
                "CELERY_BROKER_TRANSPORT_OPTIONS__PREDEFINED_QUEUES",
                "CELERY_BROKER_TRANSPORT_OPTIONS__REGION",
                "CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT",
                "CELERY__BROKER_URL",
                "CELERY__DEFAULT_QUEUE",
                "CELERY__RESULT_BACKEND",
                "CELERY__WORKER_AUTOSCALE",
                "CORE__DAG_CONCURRENCY",
                "CORE__EXECUTOR",
                "CORE__FERNET_KEY",
                "CORE__LOAD_EXAMPLES",
                "CORE__MAX_ACTIVE_TASKS_PER_DAG",
                "CORE__PARALLELISM",
                "CORE__SQL_ALCHEMY_CONN",
                "METRICS__METRICS_BLOCK_LIST",
                "METRICS__STATSD_ALLOW_LIST",
                "METRICS__STATSD_HOST",
                "METRICS__STATSD_ON",
                "METRICS__STATSD_PORT",
                "METRICS__STATSD_PREFIX",
                "OPERATORS__DEFAULT_QUEUE",
                "SCHEDULER__PARSING_PROCESSES",
                "WEBSERVER__BASE_URL",
                "WEBSERVER__SECRET_KEY",
            )
        ),
    )
)
"""What a startup script may not set, beside `MWAA__*` and, from 2.9 on, PYTHONPATH; options may set some of them."""
