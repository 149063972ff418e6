"""Who wins among MWAA's defaults, the startup script, options and what nobody may change; what is shown of losers."""

import pytest

from mwaa_local.airflow_settings import SettingOrigin, find_reserved_exports
from mwaa_local.catalog import load_version
from tests.unit.settings_of_a_project import ADDRESSES, build, values


def test_faithful_intervals_are_mwaas() -> None:
    settings = build(flags={"live": False})
    names = (
        "scheduler.dag_dir_list_interval",
        "scheduler.min_file_process_interval",
        "core.min_serialized_dag_update_interval",
        "core.min_serialized_dag_fetch_interval",
    )
    assert values(settings, *names) == ["300", "30", "30", "10"]
    assert {settings[name].origin for name in names} == {SettingOrigin.MWAA_DEFAULT}


def test_live_mode_gives_way_to_an_option_and_shows_what_it_replaced() -> None:
    name = "scheduler.dag_dir_list_interval"
    live = build()[name]
    assert (live.origin, live.overrides) == (
        SettingOrigin.LOCAL_DEFAULT,
        ((SettingOrigin.MWAA_DEFAULT, "300"),),
    )
    asked = build(flags={"airflow_options": [f"{name}=60"]})[name]
    assert (asked.value, asked.origin) == ("60", SettingOrigin.USER_OPTION)
    assert asked.overrides == ((SettingOrigin.LOCAL_DEFAULT, "2"), (SettingOrigin.MWAA_DEFAULT, "300"))


@pytest.mark.parametrize(
    ("option", "export", "value", "origin"),
    [
        ("", "", "30", SettingOrigin.MWAA_DEFAULT),
        ("", "31", "31", SettingOrigin.STARTUP_SCRIPT),
        ("32", "", "32", SettingOrigin.USER_OPTION),
        ("32", "31", "32", SettingOrigin.USER_OPTION),
    ],
)
def test_an_option_wins_over_the_startup_script_over_mwaas_default(
    option: str, export: str, value: str, origin: SettingOrigin
) -> None:
    setting = build(
        flags={"airflow_options": [f"core.dagbag_import_timeout={option}"] if option else []},
        exports={"AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": export} if export else {},
    )["core.dagbag_import_timeout"]
    assert (setting.value, setting.origin) == (value, origin)


def test_essential_and_protected_values_win_over_everybody() -> None:
    settings = build(
        flags={"airflow_options": ["core.load_examples=True"]},
        exports={"AIRFLOW__CORE__LOAD_EXAMPLES": "True", "AIRFLOW_ENV_NAME": "mine"},
    )
    examples, name = settings["core.load_examples"], settings["AIRFLOW_ENV_NAME"]
    assert (examples.value, examples.origin) == ("False", SettingOrigin.ESSENTIAL)
    assert examples.overrides == ((SettingOrigin.USER_OPTION, "True"), (SettingOrigin.STARTUP_SCRIPT, "True"))
    assert (name.value, name.origin) == ("plain", SettingOrigin.PROTECTED)


def test_a_reserved_export_loses_even_to_a_default_but_the_option_counts() -> None:
    exports = {
        "AIRFLOW__CORE__PARALLELISM": "3",
        "SQL_ALCHEMY_CONN": "x",
        "MWAA__CORE__X": "1",
        "MINE": "kept",
    }
    settings = build(exports=exports)
    assert (settings["core.parallelism"].value, settings["core.parallelism"].overrides) == (
        "10000",
        ((SettingOrigin.STARTUP_SCRIPT, "3"),),
    )
    assert values(settings, "SQL_ALCHEMY_CONN", "MWAA__CORE__X", "MINE") == [None, None, "kept"]
    asked = build(flags={"airflow_options": ["core.parallelism=4"]}, exports=exports)
    assert asked["core.parallelism"].value == "4"


def test_pythonpath_belongs_to_the_startup_script_before_2_9_only() -> None:
    exports = {"PYTHONPATH": "/mine"}
    assert find_reserved_exports(load_version("2.2.2"), exports) == ()
    assert find_reserved_exports(load_version("2.10.3"), exports) == ("PYTHONPATH",)
    assert build(exports=exports)["PYTHONPATH"].value == "/mine"
    assert build("2.10.3", exports=exports)["PYTHONPATH"].value != "/mine"


def test_an_option_under_its_former_name_is_not_hidden_by_mwaas_default() -> None:
    settings = build(flags={"airflow_options": ["core.dag_concurrency=7"]})
    assert values(settings, "core.dag_concurrency", "core.max_active_tasks_per_dag") == ["7", None]
    assert settings["core.dag_concurrency"].overrides == ((SettingOrigin.MWAA_DEFAULT, "10000"),)
    both = build(flags={"airflow_options": ["core.max_active_tasks_per_dag=8", "core.dag_concurrency=7"]})
    assert values(both, "core.dag_concurrency", "core.max_active_tasks_per_dag") == [None, "8"]


def test_an_essential_value_wins_over_an_option_under_its_former_name() -> None:
    settings = build("2.10.3", {"airflow_options": ["core.sql_alchemy_conn=sqlite://"]})
    assert values(settings, "core.sql_alchemy_conn", "database.sql_alchemy_conn") == [
        None,
        ADDRESSES.database_url,
    ]
