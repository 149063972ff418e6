import json

from mwaa_local.airflow_settings import Setting, SettingOrigin
from mwaa_local.runtime.settings_record import render_settings
from tests.cli.environments import Cli, SeemingEnvironment

OPTIONS = '[airflow_options]\n"core.parallelism" = 7\n'
STOPPED = (
    "The environment is stopped: these are the settings that a start would use, with the ports of\n"
    "the last one (or likely ones), and without what a startup script exports.\n"
)
RUNNING = (
    Setting("AIRFLOW__CORE__FERNET_KEY", "s3cret", SettingOrigin.ESSENTIAL, secret=True),
    Setting(
        "AIRFLOW__CORE__PARALLELISM",
        "7",
        SettingOrigin.USER_OPTION,
        secret=False,
        overrides=((SettingOrigin.STARTUP_SCRIPT, "9"), (SettingOrigin.MWAA_DEFAULT, "")),
    ),
)


def test_a_running_environment_shows_what_it_was_started_with(
    environment: SeemingEnvironment, cli: Cli
) -> None:
    (environment.root / "mwaa-local.toml").write_text(OPTIONS, encoding="utf-8")
    environment.run()
    environment.folder.settings.write_text(render_settings(RUNNING), encoding="utf-8")
    shown = cli("settings")
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert shown.stdout == (
        "AIRFLOW__CORE__FERNET_KEY=********\n"
        "    # essential\n"
        "AIRFLOW__CORE__PARALLELISM=7\n"
        "    # user option (mwaa-local.toml line 2); overrides startup script: 9; overrides MWAA default: empty\n"
    )


def test_a_stopped_environment_shows_what_it_would_be_started_with(
    environment: SeemingEnvironment, cli: Cli
) -> None:
    (environment.root / "mwaa-local.toml").write_text(OPTIONS, encoding="utf-8")
    shown = cli("settings", "core.parallelism")
    assert (shown.exit_code, shown.stderr) == (0, STOPPED)
    assert shown.stdout == (
        "AIRFLOW__CORE__PARALLELISM=7\n"
        "    # user option (mwaa-local.toml line 2); overrides MWAA default: 10000\n"
    )


def test_json_holds_every_setting_and_no_secret(environment: SeemingEnvironment, cli: Cli) -> None:
    environment.run()
    environment.folder.settings.write_text(render_settings(RUNNING), encoding="utf-8")
    shown = cli("settings", "--json")
    assert "s3cret" not in shown.stdout
    assert json.loads(shown.stdout)[1] == {
        "name": "AIRFLOW__CORE__PARALLELISM",
        "value": "7",
        "origin": "user option",
        "overrides": [
            {"origin": "startup script", "value": "9"},
            {"origin": "MWAA default", "value": ""},
        ],
        "note": "",
    }


def test_remembered_ports_are_used_while_nothing_runs(environment: SeemingEnvironment, cli: Cli) -> None:
    environment.folder.create()
    environment.folder.ports.write_text(
        '{"webserver": 8123, "aws": 4123, "postgres": 5123}', encoding="utf-8"
    )
    shown = cli("settings", "base_url")
    assert shown.stdout.startswith("AIRFLOW__WEBSERVER__BASE_URL=http://127.0.0.1:8123\n")


def test_a_broken_configuration_is_wrong_usage(environment: SeemingEnvironment, cli: Cli) -> None:
    (environment.root / "mwaa-local.toml").write_text("[environment]\nvershun = '2.2.2'\n", encoding="utf-8")
    failed = cli("settings")
    assert failed.exit_code == 2
    assert failed.stdout == ""
    assert "mwaa-local.toml line 2" in failed.stderr
