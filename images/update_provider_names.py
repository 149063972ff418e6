"""Writes `images/providers/<distribution>.txt`: the operators, sensors and hooks of each provider version.

For maintainers: `python images/update_provider_names.py` after `update_catalog.py`. The wheels of the catalogue's own
pins are fetched by uv and read with `ast`; nothing is imported. The format is described in `provider_names.py`.
"""

import ast
import re
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from uv import find_uv_bin

from mwaa_local.catalog import environment_pins, list_versions, load_version

FOLDER = Path(__file__).parent / "providers"
WANTED = ("amazon", "common-sql", "ftp", "http", "imap", "postgres", "sqlite", "smtp", "standard")
_PREFIX = "apache-airflow-providers-"
_INSTEAD = re.compile(
    r"[Uu]se\s+(?:the\s+)?(?::?(?:py:)?(?:class|mod|func|meth):)?[`'\"]+~?([A-Za-z_][\w.]+)"
)
_DEPRECATED = re.compile(r"(?i)\bdeprecated\b")
_SKIPPED = re.compile(r"/(example_dags|tests|_internal_client)/|/get_provider_info\.py$|/__init__\.py$")

Names = dict[tuple[str, str], tuple[str, str]]
"""(module, name or `-`) -> (sign, what to use instead)."""


def main() -> None:
    """Fetch, read and write every table."""
    tables: dict[str, dict[str, Names]] = defaultdict(dict)
    with tempfile.TemporaryDirectory() as scratch:
        for provider, version, python in sorted(pinned_providers()):
            target = Path(scratch, f"{provider}-{version}")
            fetch(f"{_PREFIX}{provider}=={version}", python, target)
            tables[provider][version] = dict(read_names(target))
            print(f"{provider} {version}: {len(tables[provider][version])} names")
    FOLDER.mkdir(exist_ok=True)
    for provider, versions in tables.items():
        (FOLDER / f"{_PREFIX}{provider}.txt").write_text(render_table(versions), encoding="utf-8")


def pinned_providers() -> set[tuple[str, str, str]]:
    """Return (provider, version, a Python it is installed for) of everything in the catalogue."""
    found: dict[tuple[str, str], str] = {}
    for name in list_versions():
        version = load_version(name)
        chosen = {version.amazon_provider_stock, *(each.amazon_provider for each in version.amazon_overlays)}
        for amazon in chosen:
            for pin in environment_pins(version, amazon):
                provider = pin.name.removeprefix(_PREFIX)
                if pin.name.startswith(_PREFIX) and provider in WANTED:
                    found[provider, pin.version] = version.python_full
    return {(*key, python) for key, python in found.items()}


def fetch(requirement: str, python: str, target: Path) -> None:
    """Install one wheel, without what it needs, into a folder."""
    command = [find_uv_bin(), "pip", "install", "--quiet", "--no-deps", "--target", str(target)]
    command += ["--python-version", python, "--python-platform", "x86_64-manylinux2014", requirement]
    subprocess.run(command, check=True)


def read_names(root: Path) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    """Yield the modules of a provider and the classes that can be imported from them."""
    for path in sorted((root / "airflow" / "providers").rglob("*.py")):
        if _SKIPPED.search(path.as_posix()):
            continue
        module = ".".join(path.relative_to(root).with_suffix("").parts)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        whole = module_deprecation(tree)
        yield (module, "-"), ("d" if whole is not None else "+", whole or "")
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                own = class_deprecation(node)
                instead = own if own is not None else whole
                yield (module, node.name), ("d" if instead is not None else "+", instead or "")
            elif (
                isinstance(node, ast.ImportFrom)
                and whole is not None
                and (node.module or "").startswith("airflow")
            ):
                # A module that only remains for its old name.
                for alias in node.names:
                    yield (module, alias.asname or alias.name), ("d", f"{node.module}.{alias.name}")


def module_deprecation(tree: ast.Module) -> str | None:
    """Return what to use instead of a module that warns when it is imported; None for one that does not."""
    for node in tree.body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and is_warning(node.value):
            return instead_in(texts(node.value))
    return None


def class_deprecation(node: ast.ClassDef) -> str | None:
    """Return what to use instead of a class that is marked as deprecated, or warns when it is made; None otherwise."""
    for decorator in node.decorator_list:
        if "deprecated" in ast.unparse(decorator).partition("(")[0]:
            return instead_in(texts(decorator))
    said = ast.get_docstring(node) or ""
    if re.match(
        r"(?i)(this (class|operator|sensor|hook) is )?deprecated|.*\bthis class is deprecated\b",
        said.splitlines()[0] if said else "",
    ):
        return instead_in(said)
    for method in node.body:
        if isinstance(method, ast.FunctionDef) and method.name == "__init__":
            for statement in method.body:
                if (
                    isinstance(statement, ast.Expr)
                    and isinstance(statement.value, ast.Call)
                    and is_warning(statement.value)
                ):
                    text = texts(statement.value)
                    if re.search(r"(?i)this (class|operator|sensor|hook)|" + node.name, text):
                        return instead_in(text)
    return None


def is_warning(call: ast.Call) -> bool:
    """Tell whether a call warns of a deprecation."""
    return ast.unparse(call.func) in ("warnings.warn", "warn") and bool(_DEPRECATED.search(ast.unparse(call)))


def texts(node: ast.AST) -> str:
    """Return all literal text in a piece of code."""
    return " ".join(
        each.value
        for each in ast.walk(node)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    )


def instead_in(text: str) -> str:
    """Return what a warning says to use instead, or nothing."""
    match = _INSTEAD.search(text)
    return match[1].rstrip(".") if match else ""


def render_table(versions: dict[str, Names]) -> str:
    """Return the table of one provider."""
    order = sorted(versions, key=lambda each: tuple(int(part) for part in each.split(".")))
    keys = sorted({key for names in versions.values() for key in names})
    lines = ["# Generated by images/update_provider_names.py; do not edit.", " ".join(order)]
    for key in keys:
        signs = "".join(versions[each].get(key, (".", ""))[0] for each in order)
        instead = next(
            (
                versions[each][key][1]
                for each in reversed(order)
                if key in versions[each] and versions[each][key][1]
            ),
            "",
        )
        lines.append(" ".join(part for part in (*key, signs, instead) if part))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
