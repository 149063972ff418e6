"""What MWAA sets by default, by version, and a project may change (MWAA-FACTS 6).

Names are those of the version's own Airflow, read in its `config_templates`; a renamed option has a rule for each name.
"""

import json

from mwaa_local.config import EnvironmentConfig, Executor
from mwaa_local.settings_rules import CLASS_SIZES, Rule, SettingInputs, SettingOrigin

_DEFAULT = SettingOrigin.MWAA_DEFAULT

V2, V3 = (2,), (3,)
_SERVICE_IMAGE = (2, 9, 2)
"""The first version whose container image is public; what follows it is read there."""

_LOG_TEMPLATE = "{{ ti.dag_id }}/{{ ti.task_id }}/{{ ts }}/{{ try_number }}.log"


def _autoscale(inputs: SettingInputs) -> str:
    tasks = CLASS_SIZES[inputs.config.environment_class].tasks_per_worker
    return f"{tasks},{tasks}"


def tasks_per_worker(inputs: SettingInputs) -> str:
    """Return how many tasks a worker of the class runs at once."""
    return str(CLASS_SIZES[inputs.config.environment_class].tasks_per_worker)


def _parsing_processes(inputs: SettingInputs) -> str:
    size = CLASS_SIZES[inputs.config.environment_class].parsing_processes
    return str(max(1, min(size, inputs.addresses.cores)))


def _triggers(inputs: SettingInputs) -> str | None:
    triggers = CLASS_SIZES[inputs.config.environment_class].triggers
    return None if triggers is None else str(triggers)


def _secrets_kwargs(inputs: SettingInputs) -> str | None:
    kwargs = {}
    if inputs.config.secrets_file:
        kwargs = {"connections_prefix": "airflow/connections", "variables_prefix": "airflow/variables"}
    if inputs.version.number >= _SERVICE_IMAGE:
        # Without it the backend would look for aws_default in itself to learn how to call AWS.
        kwargs["connections_lookup_pattern"] = "^(?!aws_default$).*$"
    return json.dumps(kwargs) if kwargs else None


def is_celery(config: EnvironmentConfig) -> bool:
    """Return whether tasks run on Celery workers, as on MWAA."""
    return config.executor is Executor.CELERY


def _has_secrets(config: EnvironmentConfig) -> bool:
    return config.secrets_file is not None


_CORES = "At most one for each core of this machine."
_CONTRIB_BACKEND = "airflow.contrib.secrets.aws_secrets_manager.SecretsManagerBackend"
_BACKEND = "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend"
_SERVED = "Because a secrets file is configured."

DEFAULTS: tuple[Rule, ...] = (
    Rule(_DEFAULT, "core.parallelism", "10000"),
    Rule(_DEFAULT, "core.dag_concurrency", "10000", until=(2, 2)),
    Rule(_DEFAULT, "core.max_active_tasks_per_dag", "10000", since=(2, 2), former=("core.dag_concurrency",)),
    Rule(_DEFAULT, "core.non_pooled_task_slot_count", "10000", until=(2, 1)),
    Rule(
        _DEFAULT,
        "core.default_pool_task_slot_count",
        "10000",
        since=(2, 1),
        former=("core.non_pooled_task_slot_count",),
    ),
    Rule(_DEFAULT, "core.max_active_runs_per_dag", "16"),
    Rule(_DEFAULT, "core.dags_are_paused_at_creation", "True"),
    Rule(_DEFAULT, "core.dagbag_import_timeout", "30"),
    Rule(_DEFAULT, "core.dag_file_processor_timeout", "50", until=V3),
    Rule(
        _DEFAULT,
        "dag_processor.dag_file_processor_timeout",
        "50",
        since=V3,
        former=("core.dag_file_processor_timeout",),
    ),
    Rule(_DEFAULT, "core.lazy_load_plugins", "True", since=V2),
    Rule(_DEFAULT, "core.store_serialized_dags", "True", until=V2),
    Rule(_DEFAULT, "core.store_dag_code", "True", until=V2),
    Rule(_DEFAULT, "core.min_serialized_dag_update_interval", "30"),
    Rule(_DEFAULT, "core.min_serialized_dag_fetch_interval", "10", until=(3, 2)),
    Rule(_DEFAULT, "core.execute_tasks_new_python_interpreter", "True", since=_SERVICE_IMAGE),
    Rule(_DEFAULT, "core.sensitive_var_conn_names", "proxy,proxies", since=_SERVICE_IMAGE),
    Rule(_DEFAULT, "celery.worker_autoscale", _autoscale, when=is_celery),
    Rule(_DEFAULT, "celery.sync_parallelism", "1", when=is_celery),
    Rule(_DEFAULT, "scheduler.max_threads", _parsing_processes, until=V2, note=_CORES),
    Rule(
        _DEFAULT,
        "scheduler.parsing_processes",
        _parsing_processes,
        since=V2,
        until=V3,
        former=("scheduler.max_threads",),
        note=_CORES,
    ),
    Rule(
        _DEFAULT,
        "dag_processor.parsing_processes",
        _parsing_processes,
        since=V3,
        former=("scheduler.parsing_processes",),
        note=_CORES,
    ),
    Rule(_DEFAULT, "scheduler.processor_poll_interval", "1", until=(2, 2)),
    Rule(
        _DEFAULT,
        "scheduler.scheduler_idle_sleep_time",
        "1",
        since=(2, 2),
        former=("scheduler.processor_poll_interval",),
    ),
    Rule(_DEFAULT, "scheduler.dag_dir_list_interval", "300", until=V3),
    Rule(
        _DEFAULT,
        "dag_processor.refresh_interval",
        "300",
        since=V3,
        former=("scheduler.dag_dir_list_interval",),
    ),
    Rule(_DEFAULT, "scheduler.min_file_process_interval", "30", until=V3),
    Rule(
        _DEFAULT,
        "dag_processor.min_file_process_interval",
        "30",
        since=V3,
        former=("scheduler.min_file_process_interval",),
    ),
    Rule(_DEFAULT, "scheduler.catchup_by_default", lambda inputs: str(inputs.version.catchup_by_default)),
    Rule(_DEFAULT, "scheduler.scheduler_zombie_task_threshold", "300", until=V3),
    Rule(
        _DEFAULT,
        "scheduler.task_instance_heartbeat_timeout",
        "300",
        since=V3,
        former=("scheduler.scheduler_zombie_task_threshold",),
    ),
    Rule(_DEFAULT, "scheduler.schedule_after_task_execution", "False", since=_SERVICE_IMAGE, until=V3),
    Rule(_DEFAULT, "scheduler.task_queued_timeout", "1800.0", since=_SERVICE_IMAGE),
    Rule(_DEFAULT, "triggerer.default_capacity", _triggers, since=(2, 7), until=V3),
    Rule(_DEFAULT, "triggerer.capacity", _triggers, since=V3, former=("triggerer.default_capacity",)),
    Rule(_DEFAULT, "api.auth_backend", "airflow.api.auth.backend.deny_all", until=(2, 3)),
    Rule(
        _DEFAULT,
        "api.auth_backends",
        # Airflow adds session by itself, with a warning at each command, because its own pages need it.
        "airflow.api.auth.backend.deny_all,airflow.api.auth.backend.session",
        since=(2, 3),
        until=(2, 7),
        former=("api.auth_backend",),
    ),
    Rule(
        _DEFAULT,
        "api.auth_backends",
        "airflow.api.auth.backend.session",
        since=(2, 7),
        until=V3,
        former=("api.auth_backend",),
    ),
    Rule(_DEFAULT, "api.server_type", "gunicorn", since=(3, 2)),
    Rule(_DEFAULT, "api.worker_refresh_interval", "43200", since=(3, 2)),
    Rule(_DEFAULT, "webserver.rbac", "True", until=V2),
    Rule(_DEFAULT, "webserver.expose_config", "False", until=V3),
    Rule(_DEFAULT, "api.expose_config", "False", since=V3, former=("webserver.expose_config",)),
    Rule(_DEFAULT, "webserver.dag_default_view", "tree", until=(2, 3)),
    Rule(_DEFAULT, "webserver.dag_default_view", "grid", since=(2, 3), until=V3),
    Rule(_DEFAULT, "core.log_filename_template", _LOG_TEMPLATE, until=V2),
    Rule(
        _DEFAULT,
        "logging.log_filename_template",
        _LOG_TEMPLATE,
        since=V2,
        until=(2, 8),
        former=("core.log_filename_template",),
    ),
    Rule(_DEFAULT, "secrets.backend_kwargs", _secrets_kwargs, since=_SERVICE_IMAGE, secret=True),
    Rule(_DEFAULT, "PIP_USER", "true"),
    Rule(_DEFAULT, "SQLALCHEMY_SILENCE_UBER_WARNING", "1", since=_SERVICE_IMAGE),
    Rule(_DEFAULT, "AIRFLOW_CONN_AWS_DEFAULT", "aws://", secret=True),
)
"""What a startup script or an option may change."""

SECRETS: tuple[Rule, ...] = (
    Rule(
        SettingOrigin.USER_OPTION,
        "secrets.backend",
        _CONTRIB_BACKEND,
        until=V2,
        when=_has_secrets,
        note=_SERVED,
    ),
    Rule(SettingOrigin.USER_OPTION, "secrets.backend", _BACKEND, since=V2, when=_has_secrets, note=_SERVED),
    Rule(
        SettingOrigin.USER_OPTION,
        "secrets.backend_kwargs",
        _secrets_kwargs,
        secret=True,
        when=_has_secrets,
        note=_SERVED,
    ),
)
"""What the user asks for by naming a secrets file; an option that says otherwise comes later and wins."""
