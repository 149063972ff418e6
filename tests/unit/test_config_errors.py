"""Each mistake in `mwaa-local.toml`, a flag or a variable, and the whole of what is said about it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from mwaa_local.config import LoadedConfig
from mwaa_local.config_loading import FlagValue, load_config
from mwaa_local.errors import ConfigError
from mwaa_local.project import find_project

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


ERRORS: tuple[tuple[str, str, str], ...] = (
    (
        "[environment]\nworker = 2",
        'line 2: unknown key "worker" in [environment].',
        'Did you mean "workers"? (Valid: "name", "version", "class", "amazon_provider", "schedulers", "workers", '
        '"autoscale", "min_workers", "max_workers", "region".)',
    ),
    ("[environment]\nmin_workers = 0", "line 2: min_workers cannot be 0.", "It can be 1 to 50."),
    (
        "[environment]\nmin_workers = 5\nmax_workers = 4",
        "line 3: max_workers cannot be 4.",
        "It can be 5 to 50: not less than min_workers, which is 5.",
    ),
    (
        '[environment]\nclass = "mw1.micro"\nmax_workers = 2',
        "line 3: max_workers cannot be 2.",
        "It can only be 1 in mw1.micro.",
    ),
    (
        "[runtime]\nworkers = 2",
        'line 2: unknown key "workers" in [runtime].',
        '"workers" belongs in [environment].',
    ),
    (
        "[enviroment]",
        'line 1: unknown table "enviroment".',
        'Did you mean "environment"? (Valid: "environment", "paths", "ports", "images", "runtime", '
        '"airflow_options", "deployments".)',
    ),
    ('\nversion = "2.2.2"', 'line 2: unknown key "version".', '"version" belongs in [environment].'),
    ("ports = 1", 'line 1: "ports" must be a table.', "Write it as [ports]."),
    (
        "[environment]\nname = orders",
        "line 2, column 8: not valid TOML: Invalid value.",
        'Text values need quotes (name = "orders"); https://toml.io shows the rest.',
    ),
    (
        '[environment]\nname = "orders',
        "line 2: not valid TOML: Unterminated string.",
        'Text values need quotes (name = "orders"); https://toml.io shows the rest.',
    ),
    ("[environment]\nversion = 2.2", "line 2: version must be a text, not 2.2.", 'Put it in quotes: "2.2".'),
    ('[environment]\nname = " "', "line 2: name is empty.", "Leave it out for the default."),
    (
        '[environment]\nversion = "2.2.3"',
        "line 2: MWAA never offered Airflow '2.2.3'.",
        "Nearest: 2.2.2, 2.6.3, 2.4.3. `mwaa-local versions` lists all.",
    ),
    (
        '[environment]\nclass = "mw1.tiny"',
        "line 2: class cannot be 'mw1.tiny'.",
        'Valid: "mw1.micro", "mw1.small", "mw1.medium", "mw1.large", "mw1.xlarge", "mw1.2xlarge".',
    ),
    (
        '[environment]\nname = "1st"',
        "line 2: name cannot be '1st'.",
        "MWAA's names start with a letter; then letters, digits, - and _; at most 80.",
    ),
    (
        '[environment]\nversion = "1.10.12"\namazon_provider = "3.4.0"',
        "line 3: amazon_provider cannot be '3.4.0': Airflow 1.10.12 has no amazon provider.",
        "Leave it out; requirements.txt can name apache-airflow-backport-providers-amazon.",
    ),
    (
        '[environment]\namazon_provider = "latest"',
        "line 2: amazon_provider cannot be 'latest'.",
        'Give a version such as "2.4.0", or "stock".',
    ),
    (
        "[environment]\nschedulers = 6",
        "line 2: schedulers cannot be 6.",
        "It can be 1 to 5 with Airflow 2.2.2.",
    ),
    (
        '[environment]\nversion = "1.10.12"\nschedulers = 2',
        "line 3: schedulers cannot be 2.",
        "It can only be 1 with Airflow 1.10.12.",
    ),
    (
        '[environment]\nclass = "mw1.micro"\nworkers = 2',
        "line 3: workers cannot be 2.",
        "It can only be 1 in mw1.micro.",
    ),
    (
        '[environment]\nworkers = "2"',
        'line 2: workers must be a whole number, not the text "2".',
        "It can be 1 to 50.",
    ),
    (
        "[environment]\nworkers = true",
        "line 2: workers must be a whole number, not true.",
        "It can be 1 to 50.",
    ),
    (
        '[environment]\nregion = "Ireland"',
        "line 2: region cannot be 'Ireland'.",
        'Give the name of an AWS region, such as "eu-west-1".',
    ),
    ("[ports]\nwebserver = 0", "line 2: webserver cannot be 0.", "It can be 1 to 65535."),
    (
        "[ports]\nwebserver = 5000\naws = 5000",
        "line 3: aws is 5000, as webserver is (mwaa-local.toml line 2).",
        "Give each its own port.",
    ),
    (
        '[runtime]\nexecutor = "kubernetes"',
        "line 2: executor cannot be 'kubernetes'.",
        'Valid: "celery", "local".',
    ),
    ('[runtime]\naws = "real"', "line 2: aws cannot be 'real'.", 'Give "local", "none" or "profile:NAME".'),
    (
        '[runtime]\nlive = "yes"',
        'line 2: live must be true or false, not the text "yes".',
        "Write true or false, without quotes.",
    ),
    ("[runtime]\nwait = []", "line 2: wait must be a number of seconds, not a list.", "For example: 120."),
    (
        "[runtime]\nwait = 0",
        "line 2: wait cannot be 0 seconds.",
        "It can be more than 0 and at most 86400 (a day).",
    ),
    (
        '[paths]\nsecrets = "/gone"',
        "line 2: secrets names /gone, which does not exist.",
        "Give a YAML or .env file, or leave it out.",
    ),
    (
        '[runtime]\npython = "/"',
        "line 2: python names /, which is not a file.",
        "Give the path of a Python interpreter, or leave it out.",
    ),
    (
        '[airflow_options]\n"core.Parallelism" = 1',
        "line 2: MWAA takes no option named 'core.Parallelism'.",
        'Did you mean "core.parallelism"? Option names are lower case: section.key.',
    ),
    (
        "[airflow_options]\nAIRFLOW__CORE__PARALLELISM = 1",
        "line 2: MWAA takes no option named 'AIRFLOW__CORE__PARALLELISM'.",
        'Did you mean "core.parallelism"? Option names are lower case: section.key.',
    ),
    (
        "[airflow_options]\nparallelism = 1",
        "line 2: MWAA takes no option named 'parallelism'.",
        'Name the section as well, for example "core.parallelism".',
    ),
    (
        '[airflow_options]\n"core.a b" = 1',
        "line 2: MWAA takes no option named 'core.a b'.",
        "Option names are section.key: a-z, 0-9 and _, at most 64 characters.",
    ),
    (
        '[airflow_options]\ncore.a = ""',
        "line 2: core.a is empty.",
        "MWAA takes no empty value: leave the option out.",
    ),
    (
        '[airflow_options]\ncore.a = "é"',
        "line 2: core.a contains 'é'.",
        "MWAA takes printable ASCII characters only, on one line.",
    ),
    (
        f'[airflow_options]\ncore.a = "{"x" * 65537}"',
        "line 2: core.a has 65537 characters.",
        "MWAA takes at most 65536.",
    ),
    (
        "[airflow_options]\ncore.a = [1]",
        "line 2: core.a must be a text, a number, true or false, not [1].",
        "Write lists and objects as the text that airflow.cfg would hold, in quotes.",
    ),
    (
        '[airflow_options]\n"core.a" = 1\n[airflow_options.core]\na = 2',
        'line 4: "core.a" is set on line 2 already.',
        "Keep one of the two.",
    ),
)


@pytest.mark.parametrize(("text", "message", "hint"), ERRORS, ids=lambda case: case[:40].replace("\n", " "))
def test_a_mistake_is_named_with_its_line_and_what_would_be_right(
    tmp_path: Path, text: str, message: str, hint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    separator = " " if message.startswith("line") else ""
    assert caught.value.message == f"mwaa-local.toml{separator}{message}"
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("flags", "environ", "message"),
    [
        ({"workers": "two"}, {}, 'flag --workers: workers must be a whole number, not the text "two".'),
        ({}, {"MWAA_LOCAL_CLASS": "x"}, "variable MWAA_LOCAL_CLASS: class cannot be 'x'."),
        ({"airflow_options": ["x"]}, {}, "flag --airflow-option: 'x' is not an option."),
        (
            {},
            {"MWAA_LOCAL_AIRFLOW_OPTIONS": "{"},
            "variable MWAA_LOCAL_AIRFLOW_OPTIONS: not valid JSON: "
            "Expecting property name enclosed in double quotes: line 1 column 2 (char 1).",
        ),
    ],
)
def test_flags_and_variables_are_checked_like_the_file(
    tmp_path: Path, flags: dict[str, FlagValue], environ: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, flags=flags, environ=environ)
    assert caught.value.message == message


def test_text_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "mwaa-local.toml").write_bytes("[environment]\nname = 'é'".encode("latin-1"))
    with pytest.raises(ConfigError) as caught:
        find_project(tmp_path)
    assert caught.value.message == "mwaa-local.toml line 2: the file is not UTF-8 text (byte 0xe9)."
    assert caught.value.hint == "Save it as UTF-8."


def test_a_value_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, "a = " + "[" * 20000)
    assert caught.value.message == "mwaa-local.toml: the values are nested too deeply."
    assert caught.value.hint == "Tables in this file are at most two levels deep."
