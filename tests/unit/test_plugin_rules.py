"""What is said about plugins that Airflow loaded, with and without the project's requirements."""

from dataclasses import replace
from typing import Any

import pytest

from mwaa_local.catalog import load_version
from mwaa_local.deploy.plugin_proof import parse_report
from mwaa_local.plugin_report import (
    ImportFailure,
    PluginModule,
    PluginProblem,
    PluginReport,
    RegisteredPlugin,
)
from mwaa_local.validation.finding import Finding, Location
from mwaa_local.validation.plugin_load_rules import PluginLoads, check_loads

MISSING = ImportFailure("ModuleNotFoundError", "No module named 'foo'", "foo", False, "a.py", 3)
FINE = PluginModule("a.py", 0.1, None, ())
BROKEN = replace(FINE, failure=MISSING)
MENU = RegisteredPlugin("mine", "a.py", (("appbuilder_menu_items", ("Docs",)), ("macros", ("shout",))))


def judge(
    full: PluginReport,
    bare: PluginReport | None = None,
    version: str = "2.2.2",
    folder: str | None = "plugins",
) -> list[tuple[str, str, Location | None]]:
    found = check_loads(PluginLoads(full, bare, load_version(version), folder))
    return [(each.rule_id, each.message, each.location) for each in found]


def test_plugins_that_load_everywhere_are_fine() -> None:
    assert judge(PluginReport((FINE,)), PluginReport((FINE,))) == []


def test_a_module_that_cannot_be_imported_is_named_with_its_line() -> None:
    assert judge(PluginReport((BROKEN,))) == [
        ("plugin-broken", "ModuleNotFoundError: No module named 'foo'", Location("plugins/a.py", 3))
    ]


def test_in_somebody_elses_zip_the_message_names_the_file() -> None:
    assert judge(PluginReport((BROKEN,)), folder=None) == [
        ("plugin-broken", "a.py:3: ModuleNotFoundError: No module named 'foo'", None)
    ]


def test_the_file_that_fails_is_named_not_the_one_that_imports_it() -> None:
    importer = replace(BROKEN, name="b.py")
    assert judge(PluginReport((importer,))) == [
        (
            "plugin-broken",
            "ModuleNotFoundError: No module named 'foo' (imported by b.py)",
            Location("plugins/a.py", 3),
        )
    ]


def test_what_needs_the_requirements_is_only_a_warning() -> None:
    (found,) = check_loads(
        PluginLoads(PluginReport((FINE,)), PluginReport((BROKEN,)), load_version("2.2.2"), "plugins")
    )
    assert (found.rule_id, found.severity) == ("plugin-needs-requirements", "warning")
    assert found.message == "Without the requirements: ModuleNotFoundError: No module named 'foo'"


def test_what_is_broken_anyway_is_said_once() -> None:
    assert len(judge(PluginReport((BROKEN,)), PluginReport((BROKEN,)))) == 1


def test_a_missing_table_is_the_proofs_own_fault() -> None:
    table = replace(MISSING, kind="OperationalError", message="no such table: variable")
    assert [rule for rule, *_ in judge(PluginReport((replace(FINE, failure=table),)))] == [
        "plugin-needs-database"
    ]


def test_a_plugin_that_ends_the_process_is_an_error() -> None:
    ending = ImportFailure("SystemExit", "1", None, True, "a.py", 2)
    assert judge(PluginReport((replace(FINE, failure=ending),), fatal=ending)) == [
        ("plugin-exits", "Loading ended with SystemExit: 1.", Location("plugins/a.py", 2))
    ]


def test_what_airflow_refuses_is_an_error() -> None:
    refused = PluginReport((FINE,), problems=(PluginProblem("Your plugin needs a name.", "a.py"),))
    assert judge(refused) == [
        ("plugin-refused", "Airflow refuses it: Your plugin needs a name.", Location("plugins/a.py", 1))
    ]


def test_loading_that_does_not_end_is_an_error() -> None:
    assert judge(PluginReport(died="python took longer than 120 seconds and was ended.")) == [
        (
            "plugin-not-proven",
            "The plugins could not be loaded: python took longer than 120 seconds and was ended.",
            None,
        )
    ]


@pytest.mark.parametrize(("version", "rules"), [("2.0.2", ["plugin-web-server"]), ("2.2.2", [])])
def test_before_2_2_2_nobody_sees_what_a_plugin_adds_to_the_ui(version: str, rules: list[str]) -> None:
    found = judge(PluginReport((FINE,), (MENU,)), version=version)
    assert [rule for rule, *_ in found] == rules
    assert all("appbuilder_menu_items Docs" in message and "macros" not in message for _, message, _ in found)


def test_the_events_of_the_program_inside_become_a_report() -> None:
    events: list[dict[str, Any]] = [
        {"event": "file", "name": "a.py", "seconds": 0.5, "error": None, "defines": {"hooks": ["H"]}},
        {
            "event": "file",
            "name": "b.py",
            "seconds": 0,
            "error": {
                "type": "ModuleNotFoundError",
                "message": "No module named 'foo'",
                "missing": "foo",
                "exits": False,
                "file": "a.py",
                "line": 3,
            },
            "defines": {},
        },
        {"event": "plugin", "name": "mine", "file": "a.py", "source": "", "registers": {"macros": ["m"]}},
        {"event": "problem", "message": "no", "file": None},
        {"event": "end", "fatal": None},
    ]
    assert parse_report(events) == PluginReport(
        (PluginModule("a.py", 0.5, None, (("hooks", ("H",)),)), PluginModule("b.py", 0.0, MISSING, ())),
        (RegisteredPlugin("mine", "a.py", (("macros", ("m",)),)),),
        (PluginProblem("no", None),),
    )


def test_plugins_that_register_something_come_late_where_loading_is_lazy() -> None:
    report = PluginReport((FINE,), (MENU,))
    (found,) = check_loads(PluginLoads(report, None, load_version("2.2.2"), "plugins", lazy=True))
    assert (found.rule_id, found.severity) == ("plugin-lazily-loaded", "info")
    assert check_loads(PluginLoads(report, None, load_version("2.2.2"), "plugins")) == ()
    nothing = replace(MENU, registers=())
    silent = PluginReport((FINE,), (nothing,))
    assert check_loads(PluginLoads(silent, None, load_version("2.2.2"), "plugins", lazy=True)) == ()


def test_every_finding_says_what_to_do() -> None:
    report = PluginReport((BROKEN,), (MENU,), (PluginProblem("no", None),), died="it died")
    found: tuple[Finding, ...] = check_loads(PluginLoads(report, None, load_version("2.0.2"), "plugins"))
    assert all(each.hint and each.source for each in found)
