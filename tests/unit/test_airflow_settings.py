"""The effective settings: names and values by version, who wins, what lost, what is secret."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.airflow_settings import (
    SettingOrigin,
    role_variables,
)
from mwaa_local.catalog import Role, list_versions, load_version, version_numbers
from mwaa_local.mwaa_fixed_settings import FIXED
from mwaa_local.mwaa_settings import DEFAULTS
from tests.unit.settings_of_a_project import ADDRESSES, PLAIN, build, values

OPTION_NAMES = Path(__file__).with_name("airflow_options.txt")
# Read by the code of those versions although their documentation leaves it out, or handed on as it is.
UNDOCUMENTED = {"core.non_pooled_task_slot_count", "celery_broker_transport_options.region"}


def known_options(version: str) -> set[str]:
    rows = [line.split() for line in OPTION_NAMES.read_text().splitlines() if not line.startswith("#")]
    number = version_numbers(version)
    return {name for name, first, last in rows if version_numbers(first) <= number <= version_numbers(last)}


@pytest.mark.parametrize("version", list_versions())
@pytest.mark.parametrize("executor", ["celery", "local"])
def test_every_option_exists_in_that_airflow(version: str, executor: str) -> None:
    settings = build(version, {"executor": executor, "secrets_file": str(OPTION_NAMES)})
    options = {setting.option for setting in settings.values() if setting.option}
    assert options - known_options(version) - UNDOCUMENTED == set()


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (
            "1.10.12",
            {
                "core.sql_alchemy_conn": ADDRESSES.database_url,
                "core.dag_concurrency": "10000",
                "core.non_pooled_task_slot_count": "10000",
                "core.base_log_folder": "/home/airflow/logs",
                "core.store_serialized_dags": "True",
                "celery.default_queue": "airflow-celery-1",
                "scheduler.max_threads": "1",
                "scheduler.processor_poll_interval": "1",
                "scheduler.min_file_process_interval": "3",
                "scheduler.statsd_on": "True",
                "scheduler.statsd_port": "5000",
                "webserver.rbac": "True",
                "core.lazy_load_plugins": None,
            },
        ),
        (
            "2.0.2",
            {
                "core.sql_alchemy_conn": ADDRESSES.database_url,
                "core.dag_concurrency": "10000",
                "celery.default_queue": "airflow-celery-1",
                "logging.base_log_folder": "/home/airflow/logs",
                "metrics.statsd_on": "True",
                "metrics.statsd_port": "5000",
                "scheduler.parsing_processes": "1",
                "scheduler.min_file_process_interval": "3",
                "api.auth_backend": "airflow.api.auth.backend.deny_all",
                "celery.worker_enable_remote_control": None,
            },
        ),
        (
            "2.2.2",
            {
                "core.executor": "CeleryExecutor",
                "core.sql_alchemy_conn": ADDRESSES.database_url,
                "database.sql_alchemy_conn": None,
                "core.parallelism": "10000",
                "core.max_active_tasks_per_dag": "10000",
                "core.default_pool_task_slot_count": "10000",
                "core.dag_concurrency": None,
                "core.lazy_load_plugins": "True",
                "core.dagbag_import_timeout": "30",
                "core.dag_file_processor_timeout": "50",
                "core.min_serialized_dag_update_interval": "0",
                "core.min_serialized_dag_fetch_interval": "1",
                "celery.worker_autoscale": "5,5",
                "celery.sync_parallelism": "1",
                "celery.result_backend": "db+" + ADDRESSES.database_url,
                "celery.celery_config_options": "mwaa_inside.celery_config.CELERY_CONFIG",
                "celery_broker_transport_options.visibility_timeout": "43200",
                "operators.default_queue": "airflow-celery-1",
                "scheduler.scheduler_idle_sleep_time": "1",
                "scheduler.dag_dir_list_interval": "2",
                "scheduler.min_file_process_interval": "30",
                "scheduler.catchup_by_default": "False",
                "scheduler.scheduler_zombie_task_threshold": "300",
                "scheduler.standalone_dag_processor": None,
                "api.auth_backend": "airflow.api.auth.backend.deny_all",
                "webserver.dag_default_view": "tree",
                "webserver.web_server_host": "127.0.0.1",
                "webserver.web_server_port": "8081",
                "AWS_EXECUTION_ENV": "Amazon_MWAA_222",
                "AIRFLOW_ENV_NAME": "plain",
                "AIRFLOW_VERSION": "2.2.2",
                "AIRFLOW_HOME": "/home/airflow",
                "AWS_REGION": "us-east-1",
                "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
                "PYTHONPATH": None,
            },
        ),
        (
            "2.10.3",
            {
                "core.sql_alchemy_conn": None,
                "database.sql_alchemy_conn": ADDRESSES.database_url,
                "core.execute_tasks_new_python_interpreter": "True",
                "core.sensitive_var_conn_names": "proxy,proxies",
                "celery.worker_enable_remote_control": "False",
                "scheduler.schedule_after_task_execution": "False",
                "scheduler.task_queued_timeout": "1800.0",
                "scheduler.standalone_dag_processor": "True",
                "scheduler.catchup_by_default": "True",
                "scheduler.scheduler_health_check_server_host": "127.0.0.1",
                "triggerer.default_capacity": "60",
                "api.auth_backends": "airflow.api.auth.backend.session",
                "webserver.dag_default_view": "grid",
                "PYTHONPATH": f"/home/airflow/config:{PLAIN}/dags",
            },
        ),
        (
            "3.2.1",
            {
                "database.sql_alchemy_conn": ADDRESSES.database_url,
                "dag_processor.refresh_interval": "1",
                "dag_processor.min_file_process_interval": "30",
                "dag_processor.dag_file_processor_timeout": "50",
                "dag_processor.parsing_processes": "1",
                "scheduler.task_instance_heartbeat_timeout": "300",
                "triggerer.capacity": "60",
                "api.host": "127.0.0.1",
                "api.port": "8081",
                "api.base_url": "http://127.0.0.1:8081",
                "api.secret_key": "web",
                "api.server_type": "uvicorn",
                "api_auth.jwt_secret": "jwt",
                "core.execution_api_server_url": "http://127.0.0.1:8081/execution/",
                "core.simple_auth_manager_passwords_file": "/home/airflow/passwords.json",
                "core.multi_team": "False",
                "webserver.base_url": None,
                "scheduler.dag_dir_list_interval": None,
            },
        ),
    ],
)
def test_each_generation_gets_mwaas_values_under_its_own_names(
    version: str, expected: dict[str, str | None]
) -> None:
    settings = build(version)
    assert values(settings, *expected) == list(expected.values())


@pytest.mark.parametrize(
    ("environment_class", "autoscale", "parsing"),
    [
        ("mw1.micro", "3,3", "1"),
        ("mw1.small", "5,5", "1"),
        ("mw1.medium", "10,10", "3"),
        ("mw1.large", "20,20", "7"),
        ("mw1.xlarge", "40,40", "8"),
        ("mw1.2xlarge", "80,80", "8"),
    ],
)
def test_the_class_decides_the_tasks_per_worker(environment_class: str, autoscale: str, parsing: str) -> None:
    settings = build(flags={"environment_class": environment_class})
    assert values(settings, "celery.worker_autoscale", "scheduler.parsing_processes") == [autoscale, parsing]


def test_keys_and_urls_with_passwords_are_secret() -> None:
    settings = build(
        "3.2.1", {"airflow_options": ["foo.pass=x", "foo.user=y"]}, {"DB_PASSWORD": "x", "GREETING": "y"}
    )
    secret = {name for name, setting in settings.items() if setting.secret}
    assert secret == {
        "AIRFLOW_CONN_AWS_DEFAULT",
        "DB_PASSWORD",
        "api.secret_key",
        "api_auth.jwt_secret",
        "celery.broker_url",
        "celery.result_backend",
        "core.fernet_key",
        "database.sql_alchemy_conn",
        "foo.pass",
        "secrets.backend_kwargs",
    }


@pytest.mark.parametrize(
    ("version", "backend", "keys"),
    [
        ("1.10.12", "airflow.contrib.secrets.aws_secrets_manager.SecretsManagerBackend", 2),
        ("2.2.2", "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend", 2),
        ("2.10.3", "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend", 3),
    ],
)
def test_a_secrets_file_turns_the_backend_on(version: str, backend: str, keys: int) -> None:
    settings = build(version, {"secrets_file": str(OPTION_NAMES)})
    kwargs = json.loads(settings["secrets.backend_kwargs"].value)
    assert (settings["secrets.backend"].value, len(kwargs)) == (backend, keys)
    assert kwargs["connections_prefix"] == "airflow/connections"
    asked = build(version, {"secrets_file": str(OPTION_NAMES), "airflow_options": ["secrets.backend=mine"]})
    assert asked["secrets.backend"].value == "mine"


def test_the_local_executor_needs_no_broker_and_few_slots() -> None:
    settings = build(flags={"executor": "local"})
    assert [name for name in settings if name.startswith("celery")] == []
    assert values(settings, "core.executor", "core.parallelism") == ["LocalExecutor", "5"]
    asked = build(flags={"executor": "local", "airflow_options": ["core.parallelism=8"]})
    assert asked["core.parallelism"].value == "8"
    too_many = build(flags={"executor": "local", "airflow_options": ["core.parallelism=10000"]})[
        "core.parallelism"
    ]
    assert (too_many.value, too_many.origin) == ("64", SettingOrigin.LOCAL)


def test_what_differs_from_mwaa_on_purpose_says_so() -> None:
    statsd = build()["metrics.statsd_port"]
    assert (statsd.value, statsd.overrides) == ("5000", ((SettingOrigin.ESSENTIAL, "8125"),))
    assert statsd.note == "The local CloudWatch takes them."


def test_without_a_local_endpoint_none_is_named() -> None:
    settings = build(addresses=replace(ADDRESSES, aws_endpoint=None))
    assert values(settings, "AWS_ENDPOINT_URL", "MWAA_LOCAL_AWS_ENDPOINT") == [None, None]


def test_the_environment_id_is_the_projects_own() -> None:
    first, again, other = build(), build(), build(flags={"name": "other"})
    assert first["AIRFLOW_ENV_ID"] == again["AIRFLOW_ENV_ID"] != other["AIRFLOW_ENV_ID"]


def test_each_role_is_told_its_name() -> None:
    assert [(setting.name, setting.value) for setting in role_variables(Role.DAG_PROCESSOR)] == [
        ("MWAA_AIRFLOW_COMPONENT", "dag-processor"),
        ("MWAA_COMMAND", "dag-processor"),
    ]


def test_no_version_has_two_rules_of_one_rank_for_one_option() -> None:
    for name in list_versions():
        version = load_version(name)
        rules = [(rule.name, rule.origin) for rule in (*DEFAULTS, *FIXED) if rule.applies(version)]
        assert len(rules) == len(set(rules))


def test_every_origin_has_words() -> None:
    assert len({origin.label for origin in SettingOrigin}) == len(SettingOrigin)
