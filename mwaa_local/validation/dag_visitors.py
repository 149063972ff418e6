"""Walks the tree of a DAG file once and writes down what rules ask for, each with the scope that it runs in.

Without recursion: users' files may nest as deeply as they like. `dag_source` makes a value of it.
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_PARSED_DECORATORS = frozenset({"dag", "task_group"})
"""Functions under these are called by Airflow (or the file itself) while the file is read."""


def _kinds(kind: type[ast.AST]) -> set[type[ast.AST]]:
    return {kind}.union(*(_kinds(each) for each in kind.__subclasses__()))


_INNER = frozenset(
    _kinds(ast.AST)
    - {ast.Name, ast.Constant, ast.Pass, ast.alias, ast.Global, ast.Nonlocal}
    - _kinds(ast.expr_context)
    - _kinds(ast.operator)
    - _kinds(ast.unaryop)
    - _kinds(ast.cmpop)
    - _kinds(ast.boolop)
)
"""Kinds of nodes that can have something of interest in them."""


@dataclass(slots=True, eq=False)
class Scope:
    """Code that runs together: the module, or the body of one function."""

    name: str
    runs_at_parse: bool
    called: set[str] = field(default_factory=set)
    """Names of functions of this file that it calls."""


@dataclass(frozen=True, slots=True)
class ImportSite:
    """An imported module (`name` empty) or a name imported from it."""

    module: str
    name: str
    node: ast.stmt
    scope: Scope
    bound: str
    """What the file calls it."""
    guarded: bool
    """Inside a `try` that may catch its failure."""


_Stack = list[tuple[ast.AST, Scope]]
_KEYWORD = Scope("<argument>", runs_at_parse=True)
"""Marks the keyword arguments and dictionary items of the module, which are no variables."""


class Walk:
    """What one walk has found."""

    def __init__(self) -> None:
        self.module = Scope("", runs_at_parse=True)
        self.calls: list[tuple[ast.Call, Scope]] = []
        self.imports: list[ImportSite] = []
        self.assignments: list[tuple[str, ast.expr, Scope]] = []
        self.annotations: list[ast.expr] = []
        self.functions: dict[str, Scope] = {}
        self.scopes: list[Scope] = [self.module]
        self.guarded: set[int] = set()

    def run(self, tree: ast.Module) -> None:
        stack: list[tuple[ast.AST, Scope]] = [(tree, self.module)]
        while stack:
            node, scope = stack.pop()
            special = _SPECIAL.get(type(node))
            if special is not None:
                special(self, node, scope, stack)
            else:
                _push_children(node, scope, stack)

    def _call(self, node: ast.Call, scope: Scope, stack: _Stack) -> None:
        self.calls.append((node, scope))
        if type(node.func) is ast.Name:
            scope.called.add(node.func.id)
        _push_children(node, scope, stack)

    def _keyword(self, node: ast.keyword, scope: Scope, stack: _Stack) -> None:
        if node.arg:
            self.assignments.append((node.arg, node.value, _KEYWORD if scope is self.module else scope))
        stack.append((node.value, scope))

    def _dictionary(self, node: ast.Dict, scope: Scope, stack: _Stack) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            if type(key) is ast.Constant and isinstance(key.value, str):
                self.assignments.append((key.value, value, _KEYWORD if scope is self.module else scope))
        _push_children(node, scope, stack)

    def _assign(self, node: ast.Assign, scope: Scope, stack: _Stack) -> None:
        for target in node.targets:
            if type(target) is ast.Name:
                self.assignments.append((target.id, node.value, scope))
        _push_children(node, scope, stack)

    def _annotated(self, node: ast.AnnAssign, scope: Scope, stack: _Stack) -> None:
        if scope is self.module:
            self.annotations.append(node.annotation)
        if node.value is not None:
            if type(node.target) is ast.Name:
                self.assignments.append((node.target.id, node.value, scope))
            stack.append((node.value, scope))

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope, stack: _Stack) -> None:
        names = {_last_name(each) for each in node.decorator_list}
        inner = Scope(node.name, runs_at_parse=bool(names & _PARSED_DECORATORS))
        self.functions[node.name] = inner
        self.scopes.append(inner)
        stack.extend((each, scope) for each in node.decorator_list)
        arguments = node.args
        stack.extend((each, scope) for each in (*arguments.defaults, *arguments.kw_defaults) if each)
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [each for each in (arguments.vararg, arguments.kwarg) if each]
        if scope.runs_at_parse:
            self.annotations += [each.annotation for each in every if each.annotation]
            self.annotations += [node.returns] if node.returns else []
        stack.extend((each, inner) for each in node.body)

    def _anonymous(self, node: ast.Lambda, _scope: Scope, stack: _Stack) -> None:
        inner = Scope("<lambda>", runs_at_parse=False)
        self.scopes.append(inner)
        stack.append((node.body, inner))

    def _condition(self, node: ast.If, scope: Scope, stack: _Stack) -> None:
        inner = scope
        if _never_in_airflow(node.test):
            inner = Scope(scope.name, runs_at_parse=False)
            self.scopes.append(inner)
        stack.append((node.test, scope))
        stack.extend((each, inner) for each in node.body)
        stack.extend((each, scope) for each in node.orelse)

    def _attempt(self, node: ast.Try, scope: Scope, stack: _Stack) -> None:
        self.guarded.update(id(each) for each in node.body)
        self.guarded.update(id(each) for handler in node.handlers for each in handler.body)
        _push_children(node, scope, stack)

    def _plain_import(self, node: ast.Import, scope: Scope, _stack: _Stack) -> None:
        guarded = id(node) in self.guarded
        self.imports += [
            ImportSite(each.name, "", node, scope, each.asname or "", guarded) for each in node.names
        ]

    def _from_import(self, node: ast.ImportFrom, scope: Scope, _stack: _Stack) -> None:
        module = "." * node.level + (node.module or "")
        guarded = id(node) in self.guarded
        self.imports += [
            ImportSite(module, each.name, node, scope, each.asname or each.name, guarded)
            for each in node.names
        ]


_SPECIAL: dict[type, Callable[[Walk, Any, Scope, _Stack], None]] = {
    ast.Call: Walk._call,
    ast.keyword: Walk._keyword,
    ast.Dict: Walk._dictionary,
    ast.Assign: Walk._assign,
    ast.AnnAssign: Walk._annotated,
    ast.FunctionDef: Walk._function,
    ast.AsyncFunctionDef: Walk._function,
    ast.Lambda: Walk._anonymous,
    ast.If: Walk._condition,
    ast.Try: Walk._attempt,
    ast.Import: Walk._plain_import,
    ast.ImportFrom: Walk._from_import,
}


_PLAIN = frozenset({"ctx", "op", "ops", "type_comment", "conversion", "kind", "id", "attr", "arg", "name"})
"""Fields that hold nothing but names and signs."""

_FIELDS: dict[type, tuple[str, ...]] = {
    kind: tuple(name for name in kind._fields if name not in _PLAIN) for kind in _INNER
}


def _push_children(node: ast.AST, scope: Scope, stack: _Stack) -> None:
    # With the fields of each kind at hand this takes half the time of ast.iter_child_nodes.
    for name in _FIELDS.get(type(node), ()):
        value: Any = getattr(node, name, None)
        kind = type(value)
        if kind is list:
            for item in value:
                if type(item) in _INNER:
                    stack.append((item, scope))
        elif kind in _INNER:
            stack.append((value, scope))


def _last_name(node: ast.expr) -> str:
    """Return `dag` for `@dag`, `@dag(...)` and `@decorators.dag(...)`."""
    if type(node) is ast.Call:
        node = node.func
    if type(node) is ast.Attribute:
        return node.attr
    return node.id if type(node) is ast.Name else ""


def _never_in_airflow(test: ast.expr) -> bool:
    """Tell whether a condition is false when Airflow reads the file: `__name__ == "__main__"`, `TYPE_CHECKING`."""
    if type(test) is ast.Compare and type(test.left) is ast.Name and test.left.id == "__name__":
        return len(test.ops) == 1 and type(test.ops[0]) is ast.Eq
    return _last_name(test) == "TYPE_CHECKING"
