"""In which order files are uploaded: what another file needs comes before it, so that no DAG is read half deployed.

Plugins, requirements and script come first, then what DAG files read, then modules before their importers. Pure.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mwaa_local.deploy.manifest import Part, StagedFile

_RANKS = {Part.PLUGINS: 0, Part.REQUIREMENTS: 0, Part.STARTUP_SCRIPT: 0, Part.EXTRA: 1, Part.DAGS: 2}
_FIRST_MODULE = 3
_IMPORTED = re.compile(rb"^[ \t]*(?:from[ \t]+([\w.]+)|import[ \t]+([^#\n]+))", re.MULTILINE)


def rank_uploads(files: Sequence[StagedFile], dags: str) -> dict[str, int]:
    """Return the rank of each file by its key; `dags` is the prefix that Python imports from."""
    ranks = {file.key: _RANKS[file.part] for file in files}
    modules = [file for file in files if file.part is Part.DAGS and file.key.endswith(".py")]
    for key, level in _levels(_dependencies(modules, f"{dags}/")).items():
        ranks[key] = _FIRST_MODULE + level
    return ranks


def _dependencies(files: Sequence[StagedFile], root: str) -> dict[str, frozenset[str]]:
    """Return the keys of the modules that each one imports, of these files."""
    keys = {_module_name(file.key, root): file.key for file in files}
    if len(keys) < 2:
        return {file.key: frozenset() for file in files}
    tops = {name.partition(".")[0].encode() for name in keys}
    found = {}
    for file in files:
        own = _module_name(file.key, root)
        imported = _imported_names(file, own, tops)
        # A package often imports its modules: that they lie in it must not make that a circle.
        above = {keys.get(name) for name in _packages_of(own)}
        found[file.key] = frozenset(_resolve(imported, keys)) - above - {file.key}
    return found


def _module_name(key: str, root: str) -> str:
    name = key.removeprefix(root).removesuffix(".py").removesuffix("/__init__")
    return name.replace("/", ".")


def _imported_names(file: StagedFile, own: str, tops: set[bytes]) -> Iterator[str]:
    """Yield what a file imports, submodules that may be meant by `from package import name` included."""
    try:
        source = file.source.read_bytes()
    except OSError:
        return  # the upload will say so
    if not _may_import(source, tops):
        return
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    is_package = file.key.endswith("/__init__.py")
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = own.split(".")
            base = parts[: len(parts) - node.level + is_package] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def _may_import(source: bytes, tops: set[bytes]) -> bool:
    """Tell cheaply whether a file imports anything of the tree: most DAG files import Airflow only."""
    for origin, names in _IMPORTED.findall(source):
        if origin.startswith(b".") or origin.partition(b".")[0] in tops:
            return True
        if any(name.split()[0].partition(b".")[0] in tops for name in names.split(b",") if name.strip()):
            return True
    return b"import" in source and b"\\\n" in source


def _packages_of(module: str) -> Iterator[str]:
    parts = module.split(".")
    return (".".join(parts[:length]) for length in range(1, len(parts)))


def _resolve(names: Iterable[str], keys: Mapping[str, str]) -> Iterator[str]:
    """Yield the keys of modules, and of the packages that they lie in."""
    for name in names:
        for each in (*_packages_of(name), name):
            if each in keys:
                yield keys[each]


def _levels(needs: Mapping[str, frozenset[str]]) -> dict[str, int]:
    """Return how many modules deep each one's imports go; a circle is broken where most others wait for it."""
    waiting = {key: set(found) for key, found in needs.items()}
    needed_by: dict[str, list[str]] = {key: [] for key in needs}
    for key, found in needs.items():
        for other in found:
            needed_by[other].append(key)
    levels: dict[str, int] = {}
    level = 0
    ready = sorted(key for key, found in waiting.items() if not found)
    while waiting:
        ready = ready or [_break_circle(waiting, needed_by)]
        for key in ready:
            levels[key] = level
            del waiting[key]
        following = set()
        for key in ready:
            for other in needed_by[key]:
                if other in waiting:
                    waiting[other].discard(key)
                    if not waiting[other]:
                        following.add(other)
        ready = sorted(following)
        level += 1
    return levels


def _break_circle(waiting: Mapping[str, set[str]], needed_by: Mapping[str, Sequence[str]]) -> str:
    def eagerness(key: str) -> tuple[int, int, str]:
        return -sum(other in waiting for other in needed_by[key]), len(waiting[key]), key

    return min(waiting, key=eagerness)
