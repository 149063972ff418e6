"""The addresses and the builder that the tests of the settings share."""

from pathlib import Path

from mwaa_local.airflow_settings import RuntimeAddresses, Setting, build_airflow_settings
from mwaa_local.config_loading import FlagValue, load_config
from mwaa_local.project import find_project
from mwaa_local.settings_rules import StatsdAddress

PLAIN = Path(__file__).parents[1] / "projects" / "plain"
ADDRESSES = RuntimeAddresses(
    database_url="postgresql+psycopg2://airflow:pw@127.0.0.1:5432/airflow",
    broker_url="sqs://key:secret@127.0.0.1:5000//",
    queue_name="airflow-celery-1",
    queue_url="http://127.0.0.1:5000/1/airflow-celery-1",
    fernet_key="fernet",
    webserver_secret_key="web",
    webserver_host="127.0.0.1",
    webserver_port=8081,
    base_url="http://127.0.0.1:8081",
    aws_endpoint="http://127.0.0.1:5000",
    airflow_home=Path("/home/airflow"),
    logs=Path("/home/airflow/logs"),
    cores=8,
    jwt_secret="jwt",
    passwords_file=Path("/home/airflow/passwords.json"),
    statsd=StatsdAddress(port=5000),
)


def build(
    version: str = "2.2.2",
    flags: dict[str, FlagValue] | None = None,
    exports: dict[str, str] | None = None,
    addresses: RuntimeAddresses = ADDRESSES,
) -> dict[str, Setting]:
    """Return the settings of the plain project, Airflow's under `section.key`."""
    project = find_project(PLAIN)
    loaded = load_config(project, {"version": version, **(flags or {})}, {})
    settings = build_airflow_settings(loaded.version, loaded.config, project, addresses, exports or {})
    assert [setting.name for setting in settings] == sorted({setting.name for setting in settings})
    return {setting.option or setting.name: setting for setting in settings}


def values(settings: dict[str, Setting], *names: str) -> list[str | None]:
    return [settings[name].value if name in settings else None for name in names]
