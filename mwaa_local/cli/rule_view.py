"""Every rule, for people and as JSON: `validate --list`."""

from mwaa_local.cli.render import paint
from mwaa_local.deploy.bucket_rule_list import RULES
from mwaa_local.validation.finding import Severity
from mwaa_local.validation.project_rules import DUPLICATE_DAG
from mwaa_local.validation.reports import render_json
from mwaa_local.validation.rule import Rule
from mwaa_local.validation.rule_list import RuleGroup, every_group
from mwaa_local.validation.sources import explain_source


def render_rules(*, coloured: bool) -> str:
    """Return every rule with what triggers it, what to do, and how we know."""
    blocks = []
    for group in _groups():
        head = paint(f"{group.title} ({group.commands})", "bold", coloured=coloured)
        blocks.append(head)
        blocks += [_render(rule, coloured=coloured) for rule in group.rules]
    blocks.append(
        "A comment silences a rule about a Python file: `# mwaa-local: ignore[rule-id]` on the line that it names,\n"
        "`# mwaa-local: ignore-file[rule-id]` anywhere in the file (for what is said of a whole file).\n"
        "shellcheck's own findings are shown as shellcheck-SCnnnn, a failed step of `test-requirements --install` as\n"
        "requirements-trial-STEP."
    )
    return "\n\n".join(blocks)


def _groups() -> tuple[RuleGroup, ...]:
    """Return the rules of the checks, and those about where a deployment goes."""
    site = tuple(Rule(rule.id, Severity(rule.level), rule.summary, "", rule.source) for rule in RULES)
    return (*every_group(), RuleGroup("Bucket and environment", "plan, deploy", site))


def _render(rule: Rule, *, coloured: bool) -> str:
    lines = [f"  {paint(rule.id, 'bold', coloured=coloured)} ({rule.severity})", f"    {rule.summary}"]
    lines += [f"    {rule.hint}"] if rule.hint else []
    return "\n".join([*lines, f"    Source: {explain_source(rule.source)}."])


def rules_json() -> str:
    """Return every rule as a JSON document."""
    return render_json(
        {"schema": 1, "rules": [_as_object(group, rule) for group in _groups() for rule in group.rules]}
    )


def _as_object(group: RuleGroup, rule: Rule) -> dict[str, object]:
    ignorable = group.ignorable or rule is DUPLICATE_DAG
    return {
        "id": rule.id,
        "about": group.title,
        "commands": group.commands.split(", "),
        "severity": rule.severity.value,
        "summary": rule.summary,
        "hint": rule.hint,
        "source": explain_source(rule.source),
        "ignore": f"# mwaa-local: ignore[{rule.id}]" if ignorable else None,
    }
