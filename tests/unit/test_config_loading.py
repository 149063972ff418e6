"""Flags, variables, file and defaults: which one wins, and what each refuses."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from mwaa_local.config import AwsKind, AwsMode, EnvironmentClass, Executor, LoadedConfig, Source
from mwaa_local.config_loading import OPTIONS, FlagValue, load_config
from mwaa_local.project import find_project

PROJECTS = Path(__file__).parents[1] / "projects"
NOTHING: Mapping[str, str] = {}


def load(
    folder: Path,
    text: str = "",
    flags: Mapping[str, FlagValue] | None = None,
    environ: Mapping[str, str] = NOTHING,
) -> LoadedConfig:
    """Load the configuration of a project whose file says `text`."""
    folder.joinpath("dags").mkdir(exist_ok=True)
    folder.joinpath("mwaa-local.toml").write_bytes(text.encode())
    return load_config(find_project(folder), flags or {}, environ)


def test_without_any_wish_the_defaults_hold() -> None:
    loaded = load_config(find_project(PROJECTS / "plain"), {}, {})
    config = loaded.config
    assert (config.name, config.version, config.environment_class) == (
        "plain",
        "2.2.2",
        EnvironmentClass.SMALL,
    )
    assert (config.amazon_provider, config.executor, config.airflow_options) == ("3.4.0", Executor.CELERY, ())
    assert (config.workers, config.schedulers, config.aws) == (1, 1, AwsMode(AwsKind.LOCAL))
    assert (config.webserver_port, config.aws_port, config.postgres_port) == (None, None, None)
    assert (config.live, config.region, config.wait) == (True, "us-east-1", 120.0)
    assert {origin.source for _, origin in loaded.origins} == {Source.DEFAULT}
    assert loaded.warnings == ()


def test_a_whole_file_is_read() -> None:
    loaded = load_config(find_project(PROJECTS / "configured" / "airflow"), {}, {})
    config = loaded.config
    assert (config.name, config.version, config.workers) == ("orders", "2.10.3", 2)
    assert config.environment_class is EnvironmentClass.MEDIUM
    assert config.airflow_options == (
        ("core.default_task_retries", "3"),
        ("core.max_active_runs_per_dag", "4"),
        ("celery.worker_autoscale", "10,10"),
    )
    assert (config.aws, config.live, config.webserver_port) == (AwsMode(AwsKind.PROFILE, "data"), False, 8081)
    assert str(loaded.origin_of("workers")) == "mwaa-local.toml line 5"
    assert str(loaded.origin_of("airflow_options.celery.worker_autoscale")) == "mwaa-local.toml line 12"


# By option: its line in the file, and what the variable and the flag say; the value and where it stands otherwise.
EVERYWHERE: tuple[tuple[str, str, str, str, tuple[object, object, object]], ...] = (
    ("name", '"one"', "two", "three", ("one", "two", "three")),
    ("version", '"2.4.3"', "2.8.1", "3.0.6", ("2.4.3", "2.8.1", "3.0.6")),
    ("environment_class", '"mw1.large"', "mw1.micro", "medium", ("mw1.large", "mw1.micro", "mw1.medium")),
    ("amazon_provider", '"stock"', "5.0.0", "6.0.0", ("2.4.0", "5.0.0", "6.0.0")),
    ("schedulers", "2", "3", "4", (2, 3, 4)),
    ("workers", "2", "3", "4", (2, 3, 4)),
    ("autoscale", "true", "no", "on", (True, False, True)),
    ("min_workers", "2", "3", "4", (2, 3, 4)),
    ("max_workers", "2", "3", "4", (2, 3, 4)),
    ("region", '"eu-west-1"', "us-gov-west-1", "eu-west-3", ("eu-west-1", "us-gov-west-1", "eu-west-3")),
    ("webserver_port", "8001", "8002", "8003", (8001, 8002, 8003)),
    ("aws_port", "8001", "8002", "8003", (8001, 8002, 8003)),
    ("postgres_port", "8001", "8002", "8003", (8001, 8002, 8003)),
    ("base_image", '"a:1"', "b:1", "c:1", ("a:1", "b:1", "c:1")),
    ("services_base_image", '"a:1"', "b:1", "c:1", ("a:1", "b:1", "c:1")),
    ("runtime", '"auto"', "compose", "NATIVE", ("auto", "compose", "native")),
    ("network_mode", '"private"', "public", "Private", ("private", "public", "private")),
    ("executor", '"local"', "celery", "LOCAL", ("local", "celery", "local")),
    (
        "aws",
        '"none"',
        "profile:a b",
        "local",
        (AwsMode(AwsKind.NONE), AwsMode(AwsKind.PROFILE, "a b"), AwsMode(AwsKind.LOCAL)),
    ),
    ("live", "false", "yes", "off", (False, True, False)),
    ("mwaa_paths", "false", "yes", "off", (False, True, False)),
    ("wait", "1", "2.5", "3", (1.0, 2.5, 3.0)),
    ("ignore_requirements_failure", "true", "no", "1", (True, False, True)),
)


@pytest.mark.parametrize(
    ("field", "line", "variable", "flag", "values"), EVERYWHERE, ids=lambda case: str(case)[:12]
)
def test_flag_over_variable_over_file_over_default(
    tmp_path: Path, field: str, line: str, variable: str, flag: str, values: tuple[object, object, object]
) -> None:
    option = next(option for option in OPTIONS if option.field == field)
    text = f"[{option.table}]\n{option.key} = {line}\n"
    environ = {option.variable: variable}
    cases = [
        (load(tmp_path, text), values[0], "mwaa-local.toml line 2"),
        (load(tmp_path, text, environ=environ), values[1], f"variable {option.variable}"),
        (load(tmp_path, text, {field: flag}, environ), values[2], f"flag {option.flag}"),
    ]
    for loaded, value, origin in cases:
        assert getattr(loaded.config, field) == value
        assert str(loaded.origin_of(field)) == origin
    assert str(load(tmp_path).origin_of(field)) == "default"


def test_files_can_be_named_in_all_ways_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        (tmp_path / name).touch()
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(tmp_path)
    text = '[paths]\nsecrets = "../one"\n[runtime]\npython = "../two"'
    config = load(project, text, environ={"MWAA_LOCAL_PYTHON": "one"}).config
    assert (config.secrets_file, config.python) == (project / "../one", tmp_path / "one")


def test_every_option_has_a_row_above() -> None:
    assert {option.field for option in OPTIONS} - {row[0] for row in EVERYWHERE} == {"secrets_file", "python"}


def test_airflow_options_are_merged_key_by_key(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        '[airflow_options]\n"core.a" = 1\nfoo.bar = "x y"\n[airflow_options.core]\nb = true\nc = 0.5',
        {"airflow_options": ["core.c=flag = value", "foo.new=1"]},
        {"MWAA_LOCAL_AIRFLOW_OPTIONS": '{"core.b": false, "core.c": "variable"}'},
    )
    assert dict(loaded.config.airflow_options) == {
        "core.a": "1",
        "core.b": "False",
        "core.c": "flag = value",
        "foo.bar": "x y",
        "foo.new": "1",
    }
    assert str(loaded.origin_of("airflow_options.core.c")) == "flag --airflow-option"
    assert str(loaded.origin_of("airflow_options.core.b")) == "variable MWAA_LOCAL_AIRFLOW_OPTIONS"


def test_a_name_is_made_of_the_folders_name(tmp_path: Path) -> None:
    for folder, name in (("my project", "my-project"), ("42 things", "environment-42-things"), ("été", "t")):
        (tmp_path / folder).mkdir()
        assert load(tmp_path / folder).config.name == name


def test_windows_line_ends_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    loaded = load(tmp_path, "\ufeff[environment]\r\n\r\nworkers = 2\r\n")
    assert str(loaded.origin_of("workers")) == "mwaa-local.toml line 3"


def test_airflow_1_has_no_amazon_provider_and_stock_says_so(tmp_path: Path) -> None:
    loaded = load(tmp_path, '[environment]\nversion = "1.10.12"\namazon_provider = "stock"')
    assert loaded.config.amazon_provider is None


def test_options_that_mwaa_overrides_are_warned_of(tmp_path: Path) -> None:
    text = '[airflow_options]\n"core.executor" = "LocalExecutor"\n"core.parallelism" = 5\n"core.dags_folder" = "/x"'
    first, second = load(tmp_path, text).warnings
    assert first.message == (
        "mwaa-local.toml line 2: core.executor has no effect: MWAA sets it itself, and so does mwaa-local."
    )
    assert first.hint == "Leave it out: the service takes its own value without a word."
    assert (first.file, first.line) == (tmp_path / "mwaa-local.toml", 2)
    assert second.message == (
        "mwaa-local.toml line 4: core.dags_folder has no effect: mwaa-local sets it itself on this machine."
    )
    assert second.hint == "Leave it out: mwaa-local takes its own value without a word."


@pytest.mark.parametrize(
    "option",
    [
        "core.sql_alchemy_conn",
        "core.fernet_key",
        "core.load_examples",
        "celery.broker_url",
        "celery.result_backend",
        "celery.worker_concurrency",
        "operators.default_queue",
        "celery.default_queue",
        "metrics.statsd_host",
        "metrics.statsd_port",
        "metrics.statsd_prefix",
        "webserver.base_url",
        "webserver.secret_key",
        "logging.logging_config_class",
    ],
)
def test_every_option_that_the_service_overrides_is_known(tmp_path: Path, option: str) -> None:
    loaded = load(tmp_path, flags={"airflow_options": [f"{option}=x"]})
    assert [warning.message for warning in loaded.warnings] == [
        f"flag --airflow-option: {option} has no effect: MWAA sets it itself, and so does mwaa-local."
    ]


def test_a_deployment_may_say_what_it_likes(tmp_path: Path) -> None:
    assert load(tmp_path, "[deployments.staging]\nanything = 1").warnings == ()
