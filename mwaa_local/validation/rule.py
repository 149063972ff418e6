"""What a rule is: how it is documented, the function that applies it, and the problems that this yields."""

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from mwaa_local.catalog import MwaaVersion
from mwaa_local.validation.dag_source import DagSource
from mwaa_local.validation.finding import Finding, Location, Severity


@dataclass(frozen=True, slots=True)
class Problem:
    """One place where a rule is broken."""

    line: int
    column: int | None
    message: str
    hint: str = ""
    """Instead of the rule's own."""
    last_line: int = 0
    """Where the statement ends: an `ignore` comment may stand there too."""
    severity: Severity | None = None
    """Instead of the rule's own."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What rules about DAG files know of the environment."""

    version: MwaaVersion
    catchup_by_default: bool
    providers: "ProviderNames"
    stock: "ProviderNames | None" = None
    """MWAA's own, where other ones are used here that requirements.txt does not ask for."""

    @property
    def python(self) -> tuple[int, ...]:
        """Return the minor version of MWAA's Python, as numbers."""
        return tuple(int(part) for part in self.version.python.split("."))


@dataclass(frozen=True, slots=True)
class ProviderNames:
    """What the installed providers have; looked up when a file imports from one."""

    find: Callable[[str, str], "NameState | None"]
    """(module, name) -> what is known of it; None where nothing is."""
    installed: Mapping[str, str]
    """Distribution name -> version, or an empty text where requirements.txt leaves it open."""


@dataclass(frozen=True, slots=True)
class NameState:
    """A name of a provider in the installed version."""

    package: str
    version: str
    present: bool
    deprecated: bool
    elsewhere: str
    """What to use instead, as far as known: a name of the same module, or a full name."""
    since: str
    """The first catalogued version that has it, where this one does not have it yet."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule about whatever `check` looks at."""

    id: str
    severity: Severity
    summary: str
    """One sentence: what is wrong."""
    hint: str
    """What to do instead."""
    source: str


@dataclass(frozen=True, slots=True)
class DagRule:
    """A rule about one DAG file."""

    rule: Rule
    check: Callable[[DagSource, Surroundings], Iterator[Problem]]


def problem_at(node: ast.stmt | ast.expr | ast.keyword, message: str, hint: str = "") -> Problem:
    """Return a problem at the place of a piece of code."""
    return Problem(node.lineno, node.col_offset + 1, message, hint, node.end_lineno or node.lineno)


def make_finding(rule: Rule, problem: Problem, file: str) -> Finding:
    """Return what a rule found in a file."""
    return Finding(
        rule.id,
        problem.severity or rule.severity,
        problem.message,
        problem.hint or rule.hint,
        Location(file, problem.line, problem.column),
        rule.source,
    )
