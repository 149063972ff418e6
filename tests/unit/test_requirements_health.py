"""Whether Airflow works after an installation is judged by metadata and by breakages that were seen."""

import pytest

from mwaa_local.catalog import load_version
from mwaa_local.validation.base_environment import BaseEnvironment, make_base
from mwaa_local.validation.environment_health import judge_environment
from mwaa_local.validation.known_breakages import KNOWN_BREAKAGES


def stock(version: str) -> BaseEnvironment:
    known = load_version(version)
    return make_base(known, known.amazon_provider_stock)


@pytest.mark.parametrize("version", ["2.0.2", "2.2.2", "2.5.1", "2.7.2", "2.10.3", "3.0.6"])
def test_the_stock_environment_works_although_pip_check_complains_of_some(version: str) -> None:
    health = judge_environment(stock(version), {})
    assert (health.works, health.broken, health.breakages) == (True, (), ())


def test_another_airflow_is_not_the_environments() -> None:
    health = judge_environment(stock("2.2.2"), {"apache-airflow": "2.6.3"})
    assert (health.airflow, health.works) == ("2.6.3", False)


def test_a_library_lifted_over_the_head_of_an_installed_one_is_found() -> None:
    health = judge_environment(stock("2.2.2"), {"urllib3": "2.0.7"})
    assert not health.works
    assert {(each.package, each.needed, each.found) for each in health.broken} >= {
        ("requests", "urllib3", "2.0.7")
    }


def test_a_package_that_the_installation_replaces_is_not_judged_by_its_old_metadata() -> None:
    base = stock("2.2.2")
    names = {
        each.package for each in judge_environment(base, {"urllib3": "2.0.7", "requests": "2.31.0"}).broken
    }
    assert "requests" not in names


def test_a_limit_that_was_set_from_caution_breaks_nothing() -> None:
    health = judge_environment(stock("2.2.2"), {"typing-extensions": "4.7.1"})
    assert health.works
    assert health.broken


def test_an_older_version_than_is_needed_breaks_even_what_is_compatible_upwards() -> None:
    assert not judge_environment(stock("2.10.3"), {"attrs": "21.1.0"}).works


@pytest.mark.parametrize(
    ("version", "package", "number"),
    [
        ("2.2.2", "markupsafe", "2.1.1"),
        ("2.2.2", "itsdangerous", "2.1.2"),
        ("2.2.2", "importlib-metadata", "5.0.0"),
        ("2.5.1", "pendulum", "3.0.0"),
        ("2.7.2", "connexion", "3.0.5"),
        ("2.7.2", "sqlalchemy", "2.0.1"),
    ],
)
def test_what_was_seen_to_break_airflow_breaks_it(version: str, package: str, number: str) -> None:
    health = judge_environment(stock(version), {package: number})
    assert not health.works
    assert package in {each.package for each in health.breakages}


def test_each_known_breakage_spares_every_stock_environment() -> None:
    assert len({(each.package, each.victim) for each in KNOWN_BREAKAGES}) == len(KNOWN_BREAKAGES)
