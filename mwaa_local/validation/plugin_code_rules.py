"""Which of the rules about DAG files apply to the Python files of the plugins."""

from mwaa_local.validation.dag_rules import DAG_RULES
from mwaa_local.validation.rule import DagRule

_IN_PLUGINS = frozenset(
    {
        "deferrable-operator",
        "deprecated-name",
        "heavy-import",
        "missing-provider",
        "name-not-in-stock",
        "python-too-old",
        "rest-api-call",
        "s3-path",
        "secret-in-code",
        "subdag",
        "top-level-aws",
        "top-level-connection",
        "top-level-database",
        "top-level-network",
        "top-level-process",
        "top-level-variable",
        "unknown-name",
    }
)

PLUGIN_CODE_RULES: tuple[DagRule, ...] = tuple(each for each in DAG_RULES if each.rule.id in _IN_PLUGINS)
"""Those that apply to a file of the plugins, which every process of Airflow may import."""
