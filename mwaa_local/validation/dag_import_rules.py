"""Rules about what a DAG file imports, and about what MWAA's Python does not know."""

import ast
import sys
from collections.abc import Iterator

from mwaa_local.validation.dag_source import DagSource
from mwaa_local.validation.provider_modules import distribution_of
from mwaa_local.validation.rule import NameState, Problem, ProviderNames, Surroundings, problem_at

_NEW: dict[str, tuple[int, ...]] = {
    "importlib.metadata": (3, 8),
    "graphlib": (3, 9),
    "zoneinfo": (3, 9),
    "tomllib": (3, 11),
    "functools.cache": (3, 9),
    "functools.cached_property": (3, 8),
    "math.prod": (3, 8),
    "typing.Literal": (3, 8),
    "typing.Protocol": (3, 8),
    "typing.TypedDict": (3, 8),
    "typing.Final": (3, 8),
    "typing.Annotated": (3, 9),
    "typing.TypeAlias": (3, 10),
    "typing.ParamSpec": (3, 10),
    "typing.Self": (3, 11),
    "typing.NotRequired": (3, 11),
    "typing.assert_never": (3, 11),
    "typing.override": (3, 12),
    "enum.StrEnum": (3, 11),
    "datetime.UTC": (3, 11),
    "itertools.pairwise": (3, 10),
    "itertools.batched": (3, 12),
}
"""Module or `module.name` -> the first Python that has it."""

_GONE: dict[str, tuple[int, ...]] = {
    "distutils": (3, 12),
    "imp": (3, 12),
    "asynchat": (3, 12),
    "asyncore": (3, 12),
    "smtpd": (3, 12),
    "binhex": (3, 11),
    "formatter": (3, 10),
    "parser": (3, 10),
}
"""Module -> the first Python without it."""

_GENERIC = frozenset({"list", "dict", "set", "frozenset", "tuple", "type"})


def unknown_name(source: DagSource, around: Surroundings) -> Iterator[Problem]:
    """Find names that the installed version of a provider does not have."""
    for state, node, module, name in _provider_names(source, around):
        if state.present:
            continue
        place = f"{state.package} {state.version}"
        message = f"{module}{'.' + name if name else ''} does not exist in {place}."
        later = f"It came with {state.since}: require that version, or" if state.since else ""
        instead = f"use {state.elsewhere}" if state.elsewhere else ""
        hint = " ".join(part for part in (later, instead) if part).removesuffix(", or")
        yield problem_at(node, message, hint[:1].upper() + hint[1:] + "." if hint else "")


def deprecated_name(source: DagSource, around: Surroundings) -> Iterator[Problem]:
    """Find names that the installed version of a provider still has, but that will go."""
    for state, node, module, name in _provider_names(source, around):
        if state.present and state.deprecated:
            what = f"{module}{'.' + name if name else ''}"
            hint = f"Use {state.elsewhere}." if state.elsewhere else ""
            yield problem_at(node, f"{what} is deprecated in {state.package} {state.version}.", hint)


def not_in_stock(source: DagSource, around: Surroundings) -> Iterator[Problem]:
    """Find names that exist here only because another provider version is used than MWAA has."""
    if around.stock is None:
        return
    here = {(module, name) for state, _, module, name in _provider_names(source, around) if state.present}
    for state, node, module, name in _provider_names(source, around, around.stock):
        if not state.present and (module, name) in here:
            what = f"{module}{'.' + name if name else ''}"
            message = f"{what} does not exist in {state.package} {state.version}, which MWAA preinstalls."
            instead = f", or use {state.elsewhere}" if state.elsewhere else ""
            yield problem_at(node, message, f"Pin {state.package} in requirements.txt{instead}.")


def missing_provider(source: DagSource, around: Surroundings) -> Iterator[Problem]:
    """Find imports from providers that MWAA does not preinstall and requirements.txt does not name."""
    installed = around.providers.installed
    for site in source.imports:
        if site.module.startswith("airflow.providers.") and not site.guarded and site.scope.runs_at_parse:
            package = distribution_of(site.module, installed)
            if package not in installed:
                message = f"{site.module} is of {package}, which MWAA does not preinstall."
                yield problem_at(site.node, message, f"Add a line to requirements.txt: {package}")


def _provider_names(
    source: DagSource, around: Surroundings, providers: ProviderNames | None = None
) -> Iterator[tuple[NameState, ast.stmt, str, str]]:
    for site in source.imports:
        if site.module.startswith("airflow.") and not site.guarded:
            state = (providers or around.providers).find(site.module, site.name)
            if state is not None:
                yield state, site.node, site.module, site.name


def python_too_old(source: DagSource, around: Surroundings) -> Iterator[Problem]:
    """Find what MWAA's Python does not have, or not any more, although it is no syntax error."""
    python = ".".join(map(str, around.python))
    for site in source.imports:
        if site.guarded or not site.scope.runs_at_parse:
            continue
        what = f"{site.module}.{site.name}" if site.name else site.module
        since = _NEW.get(what) or _NEW.get(site.module)
        until = _GONE.get(site.module.partition(".")[0])
        if since and around.python < since:
            yield problem_at(site.node, f"{what} came with Python {since[0]}.{since[1]}; this is {python}.")
        elif until and around.python >= until:
            yield problem_at(
                site.node, f"{what} was removed in Python {until[0]}.{until[1]}; this is {python}."
            )
    if around.python < (3, 10):
        for annotation in source.annotations:
            yield from _new_annotations(annotation, around)


def _new_annotations(annotation: ast.expr, around: Surroundings) -> Iterator[Problem]:
    python = ".".join(map(str, around.python))
    hint = "Put `from __future__ import annotations` at the top, or use typing's names."
    for node in ast.walk(annotation):
        if type(node) is ast.BinOp and type(node.op) is ast.BitOr:
            message = f"`X | Y` in an annotation needs Python 3.10; this is {python}: it would not load."
            yield problem_at(node, message, hint)
            return
        if type(node) is ast.Subscript and type(node.value) is ast.Name and node.value.id in _GENERIC:
            if around.python >= (3, 9):
                continue
            message = f"`{node.value.id}[...]` in an annotation needs Python 3.9; this is {python}: it would not load."
            yield problem_at(node, message, hint)
            return


def parse(text: str, python: tuple[int, ...]) -> ast.Module | Problem:
    """Parse a file as MWAA's Python would, as far as our own Python can tell."""
    try:
        return ast.parse(text, feature_version=(3, max(7, python[1])))
    except SyntaxError as error:
        first = _first_error(text, error)
        newer = python > sys.version_info[:2]
        line, column = first.lineno or 1, first.offset or 1
        message = f"{first.msg[:1].upper()}{first.msg[1:]}."
        if newer:
            return Problem(
                line, column, f"{message[:-1]} (by Python {sys.version_info[0]}.{sys.version_info[1]})."
            )
        return Problem(max(1, line), max(1, column), message)
    except (ValueError, RecursionError, MemoryError) as error:
        return Problem(1, None, f"Cannot be parsed: {str(error) or type(error).__name__}.")


def _first_error(text: str, error: SyntaxError) -> SyntaxError:
    """Return the error of the plain grammar if there is one: its place is the better one."""
    try:
        ast.parse(text)
    except SyntaxError as plain:
        return plain
    except (ValueError, RecursionError, MemoryError):
        return error
    return error
