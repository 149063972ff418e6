"""Which wheels MWAA can install, and which of several it would."""

import pytest

from mwaa_local.catalog import load_version
from mwaa_local.wheel_tags import best_wheel, needs_newer_system, wheel_problem

OLD, NEW = load_version("2.2.2"), load_version("2.10.3")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("a-1.0-py3-none-any.whl", True, True),
        ("a-1.0-py2.py3-none-any.whl", True, True),
        ("a-1.0-py2-none-any.whl", False, False),
        ("a-1.0-py37-none-any.whl", True, True),
        ("a-1.0-py310-none-any.whl", False, True),
        ("a-1.0-cp36-abi3-manylinux2010_x86_64.whl", True, True),
        ("a-1.0-cp310-abi3-manylinux2014_x86_64.whl", False, True),
        ("a-1.0-cp37-cp37m-manylinux1_x86_64.whl", True, False),
        ("a-1.0-cp37-cp37m-linux_x86_64.whl", True, False),
        ("a-1.0-cp37-cp37m-musllinux_1_1_x86_64.whl", False, False),
        ("a-1.0-cp37-cp37m-win_amd64.whl", False, False),
        ("a-1.0-cp311-cp311-manylinux_2_28_x86_64.whl", False, True),
        ("a-1.0-cp311-cp311-manylinux_2_35_x86_64.whl", False, False),
        ("a-1.0-cp311-cp311-macosx_10_9_universal2.whl", False, False),
        ("a-1.0-2-py3-none-any.whl", True, True),
        ("a.whl", False, False),
    ],
)
def test_a_wheel_fits_where_pip_on_mwaa_takes_it(name: str, old: bool, new: bool) -> None:
    assert (wheel_problem(name, OLD) == "", wheel_problem(name, NEW) == "") == (old, new)


def test_a_wheel_for_this_python_may_be_for_a_newer_system() -> None:
    names = ("a-1-cp37-cp37m-manylinux_2_28_x86_64.whl", "a-1-py3-none-manylinux_2_28_x86_64.whl")
    assert all(needs_newer_system(name, OLD) for name in names)
    others = (
        "a-1-cp37-cp37m-manylinux_2_17_x86_64.whl",
        "a-1-cp39-cp39-manylinux_2_28_x86_64.whl",
        "a-1-cp37-cp37m-manylinux_2_28_aarch64.whl",
        "a-1-cp37-cp37m-musllinux_1_2_x86_64.whl",
        "a.whl",
    )
    assert not any(needs_newer_system(name, OLD) for name in others)
    assert not needs_newer_system(names[1], NEW)


def test_the_wheel_that_pip_would_take_is_chosen() -> None:
    wheels = [
        "a-1.0-py3-none-any.whl",
        "a-1.0-cp37-cp37m-manylinux1_x86_64.whl",
        "a-1.0-cp37-cp37m-manylinux2014_x86_64.whl",
        "a-1.0-cp37-cp37m-macosx_11_0_arm64.whl",
        "not a wheel.whl",
    ]
    assert best_wheel(wheels, OLD) == "a-1.0-cp37-cp37m-manylinux2014_x86_64.whl"
    assert best_wheel(wheels, NEW) == "a-1.0-py3-none-any.whl"
    assert best_wheel(wheels[3:], OLD) is None
