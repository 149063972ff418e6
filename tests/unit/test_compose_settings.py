"""What the containers are told in private files: the native settings, with the containers' own paths and addresses."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.airflow_settings import Setting
from mwaa_local.catalog import Role
from mwaa_local.cli.container_aws import ContainerAws
from mwaa_local.config_loading import FlagValue, load_config
from mwaa_local.environment_stack import Ports
from mwaa_local.errors import UsageError
from mwaa_local.project import find_project
from mwaa_local.runtime.compose_settings import ContainerSettings, ContainerUser, choose_user
from mwaa_local.runtime.state import Secrets
from tests.unit.settings_of_a_project import PLAIN

SECRETS = Secrets("1a2b3c4d", "fernet", "web", "jwt", "db-pass", "admin-pass", "aws-token", "dG9rZW4ta2V5")
PORTS = Ports(webserver=8080, aws=5000, postgres=5432, doors=5001)


def made(version: str = "2.10.3", **flags: FlagValue) -> ContainerSettings:
    project = find_project(PLAIN)
    loaded = load_config(project, {"version": version, **flags}, {})
    aws = ContainerAws({}).plan(loaded.config, loaded.version, PORTS, SECRETS)
    return ContainerSettings(loaded, project, PORTS, SECRETS, aws.plan, ContainerUser(1000, 1000))


def orders(version: str = "2.10.3", **flags: FlagValue) -> dict[str, Any]:
    return made(version, **flags).airflow_orders()


@pytest.mark.parametrize("version", ["1.10.12", "2.2.2", "2.10.3", "3.0.6"])
def test_no_path_and_no_port_of_the_host_gets_into_the_containers(version: str) -> None:
    told = orders(version)
    for name, value in {**told["defaults"], **told["fixed"]}.items():
        assert str(PLAIN) not in value, name
        assert "127.0.0.1:5432" not in value, name
        assert "127.0.0.1:5000" not in value, name
    assert told["fixed"]["AIRFLOW_HOME"] == "/usr/local/airflow"
    assert told["fixed"]["AWS_ENDPOINT_URL"] == "http://aws:4566"
    assert told["database_url"] == "postgresql+psycopg2://airflow:db-pass@postgres:5432/airflow"


def test_a_script_may_change_defaults_and_not_what_the_user_or_the_service_has_set() -> None:
    told = orders("2.10.3", airflow_options=["core.default_task_retries=7"])
    assert told["fixed"]["AIRFLOW__CORE__DEFAULT_TASK_RETRIES"] == "7"
    assert "AIRFLOW__CORE__EXECUTOR" in told["fixed"]
    assert not set(told["defaults"]) & set(told["fixed"])
    assert {"AIRFLOW_HOME", "PYTHONPATH", "MWAA__*", "MWAA_LOCAL_*"} < set(told["reserved"])
    assert told["former"]["AIRFLOW__CORE__SQL_ALCHEMY_CONN"] == "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


def test_only_the_web_server_listens_and_knows_the_key_of_sign_ins() -> None:
    roles = orders()["roles"]
    assert roles["webserver"]["MWAA_LOCAL_WEB_HOST"] == "0.0.0.0"
    assert roles["webserver"]["MWAA_LOCAL_WEB_PORT"] == "8080"
    assert [role for role in roles if "MWAA_LOCAL_LOGIN_KEY" in roles[role]] == ["webserver"]
    assert all(roles[role]["MWAA_AIRFLOW_COMPONENT"] for role in roles)


def test_tasks_of_airflow_3_reach_the_web_server_by_its_name() -> None:
    told = orders("3.0.6")
    assert told["fixed"]["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://webserver:8080/execution/"
    assert told["fixed"]["AIRFLOW__API__BASE_URL"] == "http://127.0.0.1:8080"


def test_each_container_is_told_only_its_own_secrets() -> None:
    settings = made()
    assert set(settings.postgres_orders()) == {"user", "database_password"}
    assert "db-pass" not in str(settings.aws_orders())
    assert settings.aws_orders()["endpoint_environment"]["MWAA_LOCAL_TOKEN_KEY"] == "dG9rZW4ta2V5"
    assert "dG9rZW4ta2V5" not in str(settings.airflow_orders())


def test_permissions_are_written_when_that_is_needed() -> None:
    def asked(settings: ContainerSettings) -> str:
        told: dict[str, dict[str, str]] = settings.airflow_orders()["roles"]
        return told[Role.WEBSERVER]["AIRFLOW__WEBSERVER__UPDATE_FAB_PERMS"]

    assert asked(made("2.2.2")) == "True"
    assert asked(replace(made("2.2.2"), update_permissions=False)) == "False"


@pytest.mark.parametrize(
    ("uid", "gid", "rootless", "chosen"),
    [(501, 20, False, (501, 20)), (0, 0, False, (1000, 1000)), (501, 20, True, (0, 0))],
)
def test_what_containers_write_belongs_to_the_user(
    uid: int, gid: int, rootless: bool, chosen: tuple[int, int]
) -> None:
    assert choose_user(uid, gid, rootless=rootless) == ContainerUser(*chosen)


def test_a_profile_stays_on_the_host() -> None:
    with pytest.raises(UsageError, match="cannot use the profile me") as raised:
        made(aws="profile:me")
    assert "--runtime native" in raised.value.hint


def test_files_that_the_endpoint_reads_are_named_by_their_place_in_the_container(tmp_path: Path) -> None:
    secrets, keys = tmp_path / "secrets.yaml", tmp_path / "keys"
    secrets.touch()
    keys.write_text("mine secret\n", encoding="utf-8")
    project = find_project(PLAIN)
    loaded = load_config(project, {"secrets_file": str(secrets)}, {})
    planner = ContainerAws({"MWAA_LOCAL_REQUIRE_CREDENTIALS": str(keys)})
    plan = planner.plan(loaded.config, loaded.version, PORTS, SECRETS)
    assert plan.mounts == (
        (secrets, "/run/mwaa-local-files/secrets/secrets.yaml"),
        (keys, "/run/mwaa-local-files/keys/keys"),
    )
    assert dict(plan.plan.endpoint_environment)["MWAA_LOCAL_REQUIRE_CREDENTIALS"] == plan.mounts[1][1]
    assert plan.plan.command[plan.plan.command.index("--secrets") + 1] == plan.mounts[0][1]
    assert dict(plan.plan.variables)["AWS_ACCESS_KEY_ID"] == "mine"


def test_settings_are_shown_with_their_origins() -> None:
    settings: dict[str, Setting] = {each.name: each for each in made().settings()}
    assert settings["AIRFLOW__CORE__DAGS_FOLDER"].value == "/usr/local/airflow/dags"
