"""`validate --list` documents every rule, whatever command applies it."""

import ast
from pathlib import Path

import pytest

import mwaa_local.validation as validation
from mwaa_local.validation.rule_list import every_group, every_rule
from mwaa_local.validation.sources import explain_source

FOLDER = Path(validation.__path__[0])


def names_in_the_checks() -> set[str]:
    """Return every literal that is a rule's name by its beginning."""
    found = set()
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                word = node.value
                if word.startswith(("requirements-", "plugin-", "plugins-", "startup-", "dag-")) and (
                    word.replace("-", "").isalpha()
                ):
                    found.add(word)
    return found


def test_every_rule_is_documented_and_has_one_name() -> None:
    rules = every_rule()
    assert len({rule.id for rule in rules}) == len(rules)
    assert all(rule.summary.endswith(".") and rule.source for rule in rules)


def test_no_check_uses_a_name_that_is_not_listed() -> None:
    assert names_in_the_checks() - {rule.id for rule in every_rule()} == set()


def test_only_rules_about_python_files_can_be_silenced_by_a_comment() -> None:
    assert [group.title.split()[:2] for group in every_group() if group.ignorable] == [
        ["Python", "files"],
        ["DAG", "files"],
    ]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            "MWAA-FACTS 6.4, 11.3 #19",
            "MWAA user guide, Performance tuning for Apache Airflow (MWAA-FACTS 6.4, 11.3 #19)",
        ),
        ("MWAA-FACTS 11.3 #12", "MWAA user guide, Troubleshooting (MWAA-FACTS 11.3 #12)"),
        ("Airflow's DagBag", "Airflow's DagBag"),
        ("SEEDS S2", "SEEDS S2"),
    ],
)
def test_a_source_names_the_document_behind_it(source: str, told: str) -> None:
    assert explain_source(source) == told


def test_every_section_that_is_cited_stands_for_a_document() -> None:
    cited = [rule.source for rule in every_rule() if "MWAA-FACTS" in rule.source]
    assert cited
    assert [source for source in cited if explain_source(source) == source] == []
