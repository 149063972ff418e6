"""One DAG file as rules look at it: its calls, imports and functions, and what of them runs when Airflow reads it.

Nothing is imported or run.
"""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass

from mwaa_local.validation.dag_visitors import ImportSite, Scope, Walk

_DAG_DECORATORS = frozenset({"airflow.decorators.dag", "airflow.sdk.dag"})
_OPERATORS = ("Operator", "Sensor", "OperatorAsync", "SensorAsync")
_TASK = re.compile(r"airflow\.(decorators|sdk)\.task(\.|$)")


@dataclass(frozen=True, slots=True)
class CallSite:
    """A call, the full name of what is called as far as imports tell it, and the scope that it runs in."""

    node: ast.Call
    name: str
    """`boto3.client`; empty for what is no name. A method of a new object is `S3Hook().read_key`."""
    scope: Scope
    last: str
    """The last part of the name."""

    def keyword(self, name: str) -> ast.expr | None:
        """Return the value of a keyword argument."""
        return next((each.value for each in self.node.keywords if each.arg == name), None)


@dataclass(frozen=True, slots=True)
class DagSource:
    """A DAG file, parsed and walked."""

    path: str
    """Relative to the project, with slashes."""
    text: str
    tree: ast.Module
    calls: tuple[CallSite, ...]
    parsed_calls: tuple[CallSite, ...]
    """Those that happen whenever Airflow reads the file."""
    dags: tuple[CallSite, ...]
    """Those that make a DAG."""
    operators: tuple[CallSite, ...]
    """Those that make a task, by their names."""
    imports: tuple[ImportSite, ...]
    assignments: tuple[tuple[str, ast.expr, Scope], ...]
    """Every `name = value`, keyword argument and dictionary item with a literal name: (name, value, scope)."""
    literals: tuple[tuple[str, ast.Constant, str], ...]
    """Those of them whose value is a literal text that is not empty: (name, node, text)."""
    annotations: tuple[ast.expr, ...]
    """Those that Python evaluates when the file is read."""
    functions: Mapping[str, Scope]
    constants: Mapping[str, str]
    """Module-level names of literal strings."""


def load_source(path: str, text: str, tree: ast.Module) -> DagSource:
    """Walk a parsed file."""
    walk = Walk()
    walk.run(tree)
    _spread(walk)
    aliases = _aliases(walk.imports)
    instances = {
        name: _dotted(value.func, aliases, {})
        for name, value, scope in walk.assignments
        if type(value) is ast.Call and scope is walk.module
    }
    calls = tuple(_site(node, scope, aliases, instances) for node, scope in walk.calls)
    lazily = any(each.module == "__future__" and each.name == "annotations" for each in walk.imports)
    constants = {
        name: value.value
        for name, value, scope in walk.assignments
        if scope is walk.module and type(value) is ast.Constant and isinstance(value.value, str)
    }
    return DagSource(
        path,
        text,
        tree,
        calls,
        tuple(call for call in calls if call.scope.runs_at_parse),
        tuple(call for call in calls if call.last == "DAG" or call.name in _DAG_DECORATORS),
        tuple(call for call in calls if _is_operator(call)),
        tuple(walk.imports),
        tuple(walk.assignments),
        tuple(
            (name, value, value.value)
            for name, value, _ in walk.assignments
            if type(value) is ast.Constant and type(value.value) is str and value.value
        ),
        () if lazily else tuple(walk.annotations),
        walk.functions,
        constants,
    )


def _site(node: ast.Call, scope: Scope, aliases: Mapping[str, str], instances: Mapping[str, str]) -> CallSite:
    name = _dotted(node.func, aliases, instances)
    return CallSite(node, name, scope, name.rpartition(".")[2])


def _is_operator(call: CallSite) -> bool:
    return call.last.endswith(_OPERATORS) or (bool(call.name) and _TASK.match(call.name) is not None)


def _spread(walk: Walk) -> None:
    """Mark the functions that code which runs at parse time calls."""
    pending = [scope for scope in walk.scopes if scope.runs_at_parse]
    while pending:
        for name in pending.pop().called:
            scope = walk.functions.get(name)
            if scope is not None and not scope.runs_at_parse:
                scope.runs_at_parse = True
                pending.append(scope)


def _aliases(imports: list[ImportSite]) -> dict[str, str]:
    return {
        site.bound: f"{site.module}.{site.name}" if site.name else site.module
        for site in imports
        if site.bound
    }


def _dotted(node: ast.expr, aliases: Mapping[str, str], instances: Mapping[str, str]) -> str:
    parts: list[str] = []
    while type(node) is ast.Attribute:
        parts.append(node.attr)
        node = node.value
    if type(node) is ast.Name:
        first = aliases.get(node.id, node.id)
        if parts and instances.get(node.id):
            first = f"{instances[node.id]}()"
    elif type(node) is ast.Call and parts:
        inner = _dotted_plain(node.func, aliases)
        if not inner:
            return ""
        first = f"{inner}()"
    else:
        return ""
    return ".".join((first, *reversed(parts)))


def _dotted_plain(node: ast.expr, aliases: Mapping[str, str]) -> str:
    """Return the dotted name of what is only names and dots, else nothing: calls of calls are not followed."""
    parts: list[str] = []
    while type(node) is ast.Attribute:
        parts.append(node.attr)
        node = node.value
    return ".".join((aliases.get(node.id, node.id), *reversed(parts))) if type(node) is ast.Name else ""
