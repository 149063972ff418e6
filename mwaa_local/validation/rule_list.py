"""Every rule there is, grouped by what it looks at, with the command that applies it: what `validate --list` shows."""

from dataclasses import dataclass

from mwaa_local.validation.dag_reading_rules import REPORT_RULES
from mwaa_local.validation.dag_rules import DAG_RULES, ENCODING, SYNTAX, UNKNOWN_IGNORE
from mwaa_local.validation.plugin_load_rules import PLUGIN_LOAD_RULES
from mwaa_local.validation.plugin_rules import PLUGIN_RULES
from mwaa_local.validation.project_rules import PROJECT_RULES
from mwaa_local.validation.requirement_rule_list import REQUIREMENT_LINE_RULES, REQUIREMENT_OUTCOME_RULES
from mwaa_local.validation.rule import Rule
from mwaa_local.validation.settings_rules_check import SETTINGS_RULES
from mwaa_local.validation.startup_rules import STARTUP_RUN_RULES
from mwaa_local.validation.startup_text_rules import STARTUP_RULES


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """Rules that look at the same thing."""

    title: str
    commands: str
    """Which commands apply them."""
    rules: tuple[Rule, ...]
    ignorable: bool = False
    """A comment on the line silences them."""


def every_group() -> tuple[RuleGroup, ...]:
    """Return all rules, in the order in which they are documented."""
    files = (*(each.rule for each in DAG_RULES), SYNTAX, ENCODING, UNKNOWN_IGNORE)
    return (
        RuleGroup(
            "Python files of dags/ (and plugins/, where they apply)", "validate, test-dags", files, True
        ),
        RuleGroup("The DAGs folder", "validate, test-dags", PROJECT_RULES),
        RuleGroup("DAG files read in Airflow", "test-dags", REPORT_RULES, True),
        RuleGroup("Settings", "validate", SETTINGS_RULES),
        RuleGroup("Lines of requirements.txt", "validate, test-requirements", REQUIREMENT_LINE_RULES),
        RuleGroup("What the requirements come to", "test-requirements", REQUIREMENT_OUTCOME_RULES),
        RuleGroup(
            "The startup script's text",
            "validate, test-startup-script",
            tuple(each.rule for each in STARTUP_RULES),
        ),
        RuleGroup("A run of the startup script", "test-startup-script", STARTUP_RUN_RULES),
        RuleGroup("plugins.zip", "package-plugins", tuple(each.rule for each in PLUGIN_RULES)),
        RuleGroup("Plugins loaded in Airflow", "package-plugins", PLUGIN_LOAD_RULES),
    )


def every_rule() -> tuple[Rule, ...]:
    """Return all rules."""
    return tuple(rule for group in every_group() for rule in group.rules)
