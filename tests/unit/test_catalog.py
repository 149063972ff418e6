"""The catalogue: what is known of each MWAA version, and what its loader refuses."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from mwaa_local.catalog import (
    ConstraintsPolicy,
    Generation,
    MwaaVersion,
    Pin,
    Role,
    constraints_for,
    data_folder,
    difference_from_stock,
    environment_pins,
    essential_for,
    is_resolved,
    list_versions,
    load_version,
    version_numbers,
)
from mwaa_local.errors import CatalogError

AMAZON = "apache-airflow-providers-amazon"

# Airflow: Python, PostgreSQL, amazon provider, watchtower, first day, last day (of the user guide and AWS's tools).
FACTS = {
    "1.10.12": ("3.7", 10, None, "1.0.1", "2020-11-24", "2024-02-21"),
    "2.0.2": ("3.7", 10, "1.3.0", "2.0.1", "2021-05-25", "2024-04-29"),
    "2.2.2": ("3.7", 10, "2.4.0", "2.0.1", "2022-01-27", "2024-06-27"),
    "2.4.3": ("3.10", 10, "6.0.0", "2.0.1", "2023-01-05", "2025-12-30"),
    "2.5.1": ("3.10", 10, "7.1.0", "2.0.1", "2023-04-11", "2025-12-30"),
    "2.6.3": ("3.10", 10, "8.2.0", "2.0.1", "2023-08-09", "2025-12-30"),
    "2.7.2": ("3.11", 11, "8.7.1", "2.0.1", "2023-11-06", None),
    "2.8.1": ("3.11", 13, "8.16.0", "3.0.1", "2024-02-23", None),
    "2.9.2": ("3.11", 13, "8.24.0", "3.2.0", "2024-07-09", None),
    "2.10.1": ("3.11", 13, "8.28.0", "3.3.1", "2024-09-26", None),
    "2.10.3": ("3.11", 13, "9.0.0", "3.3.1", "2024-12-18", None),
    "2.11.0": ("3.12", 13, "9.8.0", "3.4.0", "2026-01-07", None),
    "2.11.2": ("3.12", 13, "9.22.0", "3.4.0", "2026-07-23", None),
    "3.0.6": ("3.12", 13, "9.12.0", "3.4.0", "2025-10-01", None),
    "3.2.1": ("3.12", 13, "9.25.0", "3.4.0", "2026-05-19", None),
    "3.3.1": ("3.12", 13, "9.34.0", "3.4.0", "2026-09-01", None),
}
each_version = pytest.mark.parametrize("name", FACTS)

# Where AWS's published set is deliberately not what the constraints pin.
DELIBERATE = {
    "1.10.12": {"boto3", "botocore", "python-daemon", "s3transfer"},
    "2.0.2": {"boto3", "botocore", "s3transfer", "watchtower"},
    "2.2.2": {"beautifulsoup4", "numpy", "psycopg2-binary", "soupsieve", "watchtower"},
}
# Named by MWAA's essential constraints, yet not installed: extras that nobody asked for.
NOT_INSTALLED = {"flask-bcrypt", "flask-caching", "gevent"}


def as_dict(pins: tuple[Pin, ...]) -> dict[str, str]:
    found = {pin.name: pin.version for pin in pins}
    assert len(found) == len(pins)
    return found


def stock_environment(version: MwaaVersion) -> dict[str, str]:
    return as_dict(environment_pins(version, version.amazon_provider_stock))


def copy_version(name: str, folder: Path) -> Path:
    """Copy one version to `folder` and return its version.toml."""
    shutil.copytree(data_folder("images") / name, folder / name)
    return folder / name / "version.toml"


def test_every_version_of_mwaa_is_there_oldest_first() -> None:
    assert list_versions() == tuple(sorted(FACTS, key=version_numbers))


@each_version
def test_a_version_says_what_is_documented(name: str) -> None:
    version = load_version(name)
    python, postgres, amazon, watchtower, first, last = FACTS[name]
    assert (version.airflow, version.python, version.postgres_major) == (name, python, postgres)
    assert (version.amazon_provider_stock, version.watchtower) == (amazon, watchtower)
    assert version.available == date.fromisoformat(first)
    assert version.end_of_support == (date.fromisoformat(last) if last else None)
    assert version.base_os == ("Amazon Linux 2" if version.number < (2, 7) else "Amazon Linux 2023")


@each_version
def test_the_switches_follow_the_versions(name: str) -> None:
    version = load_version(name)
    number = version.number
    assert version.requirements_on_webserver == (number >= (2, 2))
    assert version.webserver_autoscaling == (number >= (2, 2))
    assert version.startup_script == (number >= (2,))
    assert version.triggerer == (number >= (2, 7))
    assert version.catchup_by_default == ((2, 7) <= number < (3,))
    assert version.watchtower_reinstalled == ((2,) <= number < (2, 9))
    assert (version.schedulers_default, version.schedulers_max) == ((2, 5) if number >= (2,) else (1, 1))
    assert version.rest_api == ("none" if number < (2, 4) else "v2" if number >= (3,) else "v1")
    assert version.local_tool_executor == ("CeleryExecutor" if number >= (2, 9) else "LocalExecutor")


@each_version
def test_the_roles_follow_the_versions(name: str) -> None:
    version = load_version(name)
    expected = {Role.SCHEDULER, Role.WORKER, Role.WEBSERVER}
    expected |= {Role.TRIGGERER} if version.number >= (2, 7) else set()
    expected |= {Role.DAG_PROCESSOR} if version.number >= (2, 9) else set()
    assert set(version.roles) == expected
    assert (
        version.generation
        is {1: Generation.AIRFLOW_1, 2: Generation.AIRFLOW_2, 3: Generation.AIRFLOW_3}[version.number[0]]
    )


@each_version
def test_constraints_are_forced_as_documented(name: str) -> None:
    version = load_version(name)
    forced = ConstraintsPolicy.FORCE if version.number >= (2, 7) else ConstraintsPolicy.WARN
    assert version.constraints_policy is (ConstraintsPolicy.ESSENTIAL if version.number >= (2, 9) else forced)
    assert bool(essential_for(version)) == (version.number >= (2, 9))


@each_version
def test_the_environment_holds_what_the_version_says(name: str) -> None:
    version = load_version(name)
    pins = stock_environment(version)
    assert pins["apache-airflow"] == name
    assert pins.get(AMAZON) == version.amazon_provider_stock
    assert {each.name: each.version for each in version.providers}.items() <= pins.items()
    assert (pins["watchtower"], pins["pip"], pins["setuptools"]) == (
        version.watchtower,
        version.pip,
        version.setuptools,
    )
    assert {each.name for each in version.compiled} <= pins.keys()


@each_version
def test_what_a_project_cannot_change_is_what_is_installed(name: str) -> None:
    version = load_version(name)
    pins, essential = stock_environment(version), as_dict(essential_for(version))
    assert {each for each in essential if pins.get(each) != essential[each]} <= NOT_INSTALLED
    assert not {each for each in essential if each in pins and pins[each] != essential[each]}


@each_version
def test_the_environment_departs_from_the_constraints_only_where_aws_does(name: str) -> None:
    version = load_version(name)
    constraints = as_dict(constraints_for(version, version.amazon_provider_stock))
    pins = stock_environment(version)
    assert {each for each in pins if constraints.get(each, pins[each]) != pins[each]} == DELIBERATE.get(
        name, set()
    )


@each_version
def test_only_airflow_2_2_2_has_another_amazon_provider_than_stock(name: str) -> None:
    version = load_version(name)
    default = version.amazon_provider_default
    assert default == ("3.4.0" if name == "2.2.2" else version.amazon_provider_stock)
    assert is_resolved(version, default)
    assert bool(difference_from_stock(version, default)) == (name == "2.2.2")


def test_provider_3_4_0_changes_two_lines_of_the_constraints() -> None:
    version = load_version("2.2.2")
    stock, changed = as_dict(constraints_for(version, "2.4.0")), as_dict(constraints_for(version, "3.4.0"))
    assert changed.keys() == stock.keys()
    assert dict(changed.items() - stock.items()) == {AMAZON: "3.4.0", "watchtower": "2.0.1"}


def test_provider_3_4_0_comes_with_what_it_needs() -> None:
    version = load_version("2.2.2")
    stock, changed = stock_environment(version), as_dict(environment_pins(version, "3.4.0"))
    assert changed.keys() - stock.keys() == {"mypy-boto3-rds", "mypy-boto3-redshift-data", "xmltodict"}
    assert {each for each in stock if changed[each] != stock[each]} == {AMAZON}
    assert version_numbers(changed["xmltodict"]) < (0, 13)


def test_the_difference_from_stock_is_told_in_sentences() -> None:
    assert difference_from_stock(load_version("2.2.2"), "3.4.0") == (
        "amazon provider 3.4.0 instead of the 2.4.0 that MWAA preinstalls.",
        "Added for it: mypy-boto3-rds 1.21.23, mypy-boto3-redshift-data 1.21.23, xmltodict 0.12.0.",
    )
    assert difference_from_stock(load_version("2.2.2"), "2.4.0") == ()


def test_any_other_provider_replaces_the_pin_and_leaves_the_rest_to_the_installer() -> None:
    version = load_version("2.10.3")
    constraints = as_dict(constraints_for(version, "9.1.0"))
    assert not is_resolved(version, "9.1.0")
    assert constraints[AMAZON] == as_dict(environment_pins(version, "9.1.0"))[AMAZON] == "9.1.0"
    assert "watchtower" not in constraints
    assert difference_from_stock(version, "9.1.0")[1] == (
        "What that provider needs was chosen by the installer, not by MWAA's set."
    )


def test_a_provider_on_airflow_1_is_an_addition() -> None:
    assert difference_from_stock(load_version("1.10.12"), "1.0.0") == (
        "amazon provider 1.0.0 is installed; MWAA preinstalls none.",
    )


def test_what_python_3_7_cannot_install_without_a_compiler_is_marked() -> None:
    compiled = {each.name: each.instead for each in load_version("2.2.2").compiled}
    assert compiled == {"psycopg2": "psycopg2-binary", "pycurl": "mwaa-local"}


@pytest.mark.parametrize(
    ("asked", "message", "nearest"),
    [
        ("2.10.2", "MWAA never offered Airflow '2.10.2'.", "2.10.1, 2.10.3"),
        ("2.2", "MWAA never offered Airflow '2.2'.", "2.2.2"),
        ("latest", "MWAA never offered Airflow 'latest'.", ""),
        ("../2.2.2", "MWAA never offered Airflow '../2.2.2'.", "2.2.2"),
        (
            "1.10.15",
            "MWAA never offered Airflow 1.10.15: it exists only as a branch of AWS's local runner.",
            "1.10.12",
        ),
    ],
)
def test_a_version_that_mwaa_never_had_is_answered_with_the_nearest(
    asked: str, message: str, nearest: str
) -> None:
    with pytest.raises(CatalogError) as raised:
        load_version(asked)
    assert raised.value.message == message
    assert raised.value.hint.startswith(f"Nearest: {nearest}")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('pip = "21.3.1"', "", "pip is missing."),
        ('pip = "21.3.1"', "pip = 21", "pip must be a string, not a number."),
        ("triggerer = false", 'triggerer = "no"', "switches.triggerer must be true or false, not a string."),
        ("triggerer = false", "triggerer = true", "roles and switches.triggerer contradict each other."),
        (
            "available = 2022-01-27",
            "available = 2022-01-27T00:00:00",
            "support.available must be a date, not a datetime.",
        ),
        (
            '"scheduler", ',
            '"planner", ',
            "roles must be one of scheduler, worker, webserver, triggerer, dag-processor, not 'planner'.",
        ),
        ('base_os = "', 'colour = "red"\nbase_os = "', "colour is not a key of the catalogue."),
        ('rest_api = "none"', 'rest_api = "v9"', "switches.rest_api must be one of none, v1, v2, not 'v9'."),
        ('airflow = "2.2.2"', 'airflow = "2.2.3"', "airflow is '2.2.3' in the folder of another version."),
        ('python_full = "3.7.16"', 'python_full = "3.8.1"', "python_full is not a Python 3.7."),
        ('roles = ["scheduler"', "roles = [1", "roles must hold strings only, not 1."),
    ],
)
def test_a_damaged_version_file_is_named_with_its_key(
    old: str, new: str, complaint: str, tmp_path: Path
) -> None:
    file = copy_version("2.2.2", tmp_path)
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(CatalogError) as raised:
        load_version("2.2.2", tmp_path)
    assert raised.value.message == f"{file}: {complaint}"


def test_a_version_file_that_is_not_toml_is_named(tmp_path: Path) -> None:
    file = copy_version("2.2.2", tmp_path)
    file.write_text("airflow = ", encoding="utf-8")
    with pytest.raises(CatalogError, match=r"version\.toml: Invalid value"):
        load_version("2.2.2", tmp_path)


def test_a_damaged_pin_is_named_with_its_line(tmp_path: Path) -> None:
    file = copy_version("2.2.2", tmp_path).with_name("constraints.txt")
    file.write_text("# pins\nadal==1.2.7\nNot a pin\n", encoding="utf-8")
    with pytest.raises(CatalogError) as raised:
        constraints_for(load_version("2.2.2", tmp_path), None, tmp_path)
    assert raised.value.message == f"{file}:3: not a pin: 'Not a pin'."


def test_a_missing_list_is_named(tmp_path: Path) -> None:
    file = copy_version("2.2.2", tmp_path).with_name("environment.txt")
    file.unlink()
    with pytest.raises(CatalogError, match=r"environment\.txt: cannot be read"):
        environment_pins(load_version("2.2.2", tmp_path), None, tmp_path)
