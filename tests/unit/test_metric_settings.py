"""What Airflow is told about metrics, version by version, and which options of the user count."""

from dataclasses import replace

import pytest

from mwaa_local.airflow_settings import SettingOrigin
from mwaa_local.catalog import list_versions
from mwaa_local.cli.app import statsd_address
from mwaa_local.config_loading import FlagValue, load_config
from mwaa_local.project import find_project
from mwaa_local.settings_rules import StatsdAddress
from tests.unit.settings_of_a_project import ADDRESSES, PLAIN, build, values

Flags = dict[str, FlagValue]
STATSD = ("on", "host", "port", "prefix")


@pytest.mark.parametrize("version", list_versions())
def test_metrics_go_to_the_local_cloudwatch_in_every_version(version: str) -> None:
    section = "scheduler" if version.startswith("1.") else "metrics"
    names = [f"{section}.statsd_{key}" for key in STATSD]
    assert values(build(version), *names) == ["True", "127.0.0.1", "5000", "airflow"]
    other = replace(ADDRESSES, statsd=StatsdAddress("aws", 4566, "airflow-1a2b3c4d"))
    assert values(build(version, addresses=other), *names) == ["True", "aws", "4566", "airflow-1a2b3c4d"]
    nowhere = replace(ADDRESSES, statsd=StatsdAddress())
    assert values(build(version, addresses=nowhere), *names)[0] == "False"


def test_an_environment_of_the_mwaa_api_has_a_prefix_of_its_own() -> None:
    own = statsd_address("http://127.0.0.1:4566", "")
    assert own == StatsdAddress("127.0.0.1", 4566, "airflow")
    other = statsd_address("http://127.0.0.1:4566", "airflow-celery-1a2b3c4d")
    assert other == StatsdAddress("127.0.0.1", 4566, "airflow-1a2b3c4d")


@pytest.mark.parametrize(
    ("version", "option", "value", "used"),
    [
        ("2.2.2", "metrics.statsd_allow_list", "scheduler", "scheduler"),
        ("2.6.3", "metrics.metrics_block_list", "scheduler", "scheduler"),
        ("2.8.1", "metrics.metrics_allow_list", "scheduler", "scheduler"),
        ("2.9.2", "metrics.metrics_allow_list", "scheduler", ""),
        ("3.3.1", "metrics.metrics_block_list", "scheduler", ""),
        ("2.2.2", "metrics.statsd_on", "False", "True"),
        ("3.3.1", "metrics.statsd_on", "False", "True"),
    ],
)
def test_lists_and_switch_have_their_effect_and_are_no_mistake(
    version: str, option: str, value: str, used: str
) -> None:
    asked: Flags = {"version": version, "airflow_options": [f"{option}={value}"]}
    assert build(version, asked)[option].value == used
    assert load_config(find_project(PLAIN), asked, {}).warnings == ()


@pytest.mark.parametrize(
    ("option", "value", "used"),
    [
        ("metrics.statsd_datadog_enabled", "True", "False"),
        ("metrics.statsd_influxdb_enabled", "True", "False"),
        ("metrics.statsd_custom_client_path", "my.Client", ""),
        ("metrics.stat_name_handler", "my.handler", ""),
        ("metrics.otel_on", "True", "False"),
    ],
)
def test_from_2_9_2_on_the_service_puts_everything_else_back(option: str, value: str, used: str) -> None:
    asked: Flags = {"version": "2.10.3", "airflow_options": [f"{option}={value}"]}
    setting = build("2.10.3", asked)[option]
    assert (setting.value, setting.origin) == (used, SettingOrigin.ESSENTIAL)
    (warning,) = load_config(find_project(PLAIN), asked, {}).warnings
    assert "has no effect: MWAA sets it itself" in warning.message
    before: Flags = {**asked, "version": "2.8.1"}
    assert build("2.8.1", before)[option].value == value
    assert option not in build("2.10.3")


def test_the_old_name_of_a_list_counts_no_longer() -> None:
    asked: Flags = {"version": "2.10.3", "airflow_options": ["metrics.statsd_allow_list=scheduler"]}
    setting = build("2.10.3", asked)["metrics.metrics_allow_list"]
    assert (setting.value, setting.overrides) == ("", ((SettingOrigin.USER_OPTION, "scheduler"),))
    assert len(load_config(find_project(PLAIN), asked, {}).warnings) == 1
