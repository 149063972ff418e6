"""Applies the rules to one DAG file, and collects what rules about several files need to know of it.

A line with `# mwaa-local: ignore[rule-id]` (ids separated by commas) silences rules for what begins or ends on it;
`# mwaa-local: ignore-file[rule-id]` does so for the whole file.
"""

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from mwaa_local.validation.dag_import_rules import parse
from mwaa_local.validation.dag_reading_rules import REPORT_RULES
from mwaa_local.validation.dag_rules import DAG_RULES, ENCODING, SYNTAX, UNKNOWN_IGNORE
from mwaa_local.validation.dag_source import DagSource, load_source
from mwaa_local.validation.finding import Finding
from mwaa_local.validation.plugin_code_rules import PLUGIN_CODE_RULES
from mwaa_local.validation.rule import DagRule, Problem, Surroundings, make_finding

_WHEN = ("whenever Airflow reads this file", "in every process that loads the plugins")
_COMMENT = re.compile(r"#\s*mwaa-local:\s*(ignore|ignore-file)\[([^\]\n]*)\]")


@dataclass(frozen=True, slots=True)
class DagId:
    """A DAG's name where the file says it literally."""

    dag_id: str
    line: int
    last_line: int
    silenced: bool
    """An `ignore[duplicate-dag-id]` comment stands there."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """What is known of one file after it was checked."""

    path: str
    findings: tuple[Finding, ...]
    dag_ids: tuple[DagId, ...]
    imports: tuple[str, ...]
    """Modules that the file imports when it is read, and `module.name` of what it imports from them."""


def check_dag_text(
    path: str, text: str, around: Surroundings, rules: Sequence[DagRule] = DAG_RULES
) -> FileReport:
    """Apply every rule (or those of `rules`) to one file."""
    tree = parse(text, around.python)
    if isinstance(tree, Problem):
        return FileReport(path, (make_finding(SYNTAX, tree, path),), (), ())
    source = load_source(path, text, tree)
    silenced = _read_ignores(text)
    findings = [
        make_finding(each.rule, problem, path)
        for each in rules
        for problem in each.check(source, around)
        if not silenced.covers(each.rule.id, problem)
    ]
    return FileReport(
        path,
        (*findings, *_unknown_ignores(path, silenced)),
        tuple(_dag_ids(source, silenced)),
        tuple(_imports(source)),
    )


def check_plugin_bytes(path: str, content: bytes, around: Surroundings) -> FileReport:
    """Apply those rules to a file of the plugins that make sense there."""
    report = check_dag_bytes(path, content, around, PLUGIN_CODE_RULES)
    findings = tuple(replace(each, message=each.message.replace(*_WHEN)) for each in report.findings)
    return replace(report, findings=findings, dag_ids=())


def check_dag_bytes(
    path: str, content: bytes, around: Surroundings, rules: Sequence[DagRule] = DAG_RULES
) -> FileReport:
    """Apply every rule (or those of `rules`) to one file as it was read from the disk."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if not re.search(rb"coding[:=]", content[:200]):
            line = content.count(b"\n", 0, error.start) + 1
            problem = Problem(line, None, f"Byte {error.start} is not UTF-8.")
            return FileReport(path, (make_finding(ENCODING, problem, path),), (), ())
        text = content.decode("latin-1")
    return check_dag_text(path, text, around, rules)


def _dag_ids(source: DagSource, silenced: "_Silenced") -> Iterator[DagId]:
    for call in source.dags:
        value = call.keyword("dag_id") or (call.node.args[0] if call.node.args else None)
        dag_id = ""
        if type(value) is ast.Constant and isinstance(value.value, str):
            dag_id = value.value
        elif type(value) is ast.Name:
            dag_id = source.constants.get(value.id, "")
        # A function that makes DAGs for others says nothing definite.
        if dag_id and not call.scope.name and call.scope.runs_at_parse:
            line, last = call.node.lineno, call.node.end_lineno or call.node.lineno
            yield DagId(
                dag_id, line, last, silenced.covers("duplicate-dag-id", Problem(line, None, "", "", last))
            )


def _imports(source: DagSource) -> Iterator[str]:
    for site in source.imports:
        if site.scope.runs_at_parse and not site.module.startswith("."):
            yield f"{site.module}.{site.name}" if site.name else site.module


class _Silenced:
    def __init__(self) -> None:
        self.lines: dict[int, set[str]] = {}
        self.everywhere: set[str] = set()

    def covers(self, rule_id: str, problem: Problem) -> bool:
        if rule_id in self.everywhere:
            return True
        if not self.lines:
            return False
        return any(rule_id in self.lines.get(line, ()) for line in (problem.line, problem.last_line))


def _read_ignores(text: str) -> _Silenced:
    silenced = _Silenced()
    if "mwaa-local:" in text:
        for number, line in enumerate(text.splitlines(), start=1):
            for kind, ids in _COMMENT.findall(line):
                names = {each.strip() for each in ids.split(",") if each.strip()}
                where = (
                    silenced.everywhere if kind == "ignore-file" else silenced.lines.setdefault(number, set())
                )
                where |= names
    return silenced


def without_silenced(
    findings: Iterable[Finding], read_text: Callable[[str], str | None]
) -> Iterator[Finding]:
    """Leave out what comments in the files silence; a finding about a whole file is silenced for the whole file.

    For findings that do not come from `check_dag_text`, which looks after its own.
    """
    known: dict[str, _Silenced] = {}
    for finding in findings:
        if finding.location is None or finding.rule_id not in _OF_REPORTS:
            yield finding
            continue
        file = finding.location.file
        if file not in known:
            known[file] = _read_ignores(read_text(file) or "")
        if not known[file].covers(finding.rule_id, Problem(finding.location.line, None, "")):
            yield finding


_OF_REPORTS = frozenset(rule.id for rule in REPORT_RULES) | {
    "custom-queue",
    "deferrable-operator",
    "duplicate-dag-id",
}


def _unknown_ignores(path: str, silenced: _Silenced) -> Iterator[Finding]:
    if not silenced.lines and not silenced.everywhere:
        return
    known = (
        {each.rule.id for each in DAG_RULES}
        | _OF_REPORTS
        | {
            SYNTAX.id,
            ENCODING.id,
            UNKNOWN_IGNORE.id,
        }
    )
    for line, names in (*silenced.lines.items(), (1, silenced.everywhere)):
        for name in sorted(names - known):
            yield make_finding(UNKNOWN_IGNORE, Problem(line, None, f"There is no rule {name!r}."), path)
