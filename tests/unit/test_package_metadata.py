"""What is known of packages without an index: the shape of the files, and that they are about the right packages."""

import pytest
from packaging.requirements import Requirement

from mwaa_local.catalog import constraints_for, list_versions, load_version
from mwaa_local.errors import CatalogError
from mwaa_local.package_metadata import load_source_requires, parse_requires
from mwaa_local.validation.base_environment import make_base


def test_a_line_that_is_no_pin_is_named_by_file_and_number() -> None:
    with pytest.raises(CatalogError, match=r"here\.txt:2: not a pin: 'rich'"):
        parse_requires("# packages\nrich\n", "here.txt")


@pytest.mark.parametrize("name", list_versions())
def test_source_packages_are_pins_of_the_constraints_with_readable_requirements(name: str) -> None:
    version = load_version(name)
    pins = set(constraints_for(version, None))
    found = load_source_requires(version)
    assert found
    assert [pin for pin, _ in found if pin not in pins] == []
    assert all(Requirement(line) for _, lines in found for line in lines)


def test_a_package_that_would_have_to_be_built_is_known_by_what_it_requires() -> None:
    known = {pin.name: lines for pin, lines in make_base(load_version("2.2.2"), None).source_requires}
    assert known["pysftp"] == ("paramiko>=1.17",)
    assert known["docopt"] == ()


def test_what_is_preinstalled_is_known_once() -> None:
    base = make_base(load_version("2.2.2"), None)
    assert {pin for pin, _ in base.requires}.isdisjoint(pin for pin, _ in base.source_requires)
