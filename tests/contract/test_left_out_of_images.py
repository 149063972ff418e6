"""What images leave out of packages (`images/finish_packages.py`): in real environments nothing that stays needs it."""

import importlib.util
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mwaa_local.catalog import data_folder
from tests.real_airflow import python_of, shared_cache

pytestmark = pytest.mark.airflow

IMPORT = re.compile(rb"^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import[ \t]+([^#\n]+)|import[ \t]+([.\w, ]+))")
NAMED = re.compile(rb"^.*\btests\b.*$", re.M)
ENTRY_POINT = re.compile(r"=\s*([\w.]+)")
ENDS = (".py", ".map", "entry_points.txt")
DEVELOPERS = "jsonschema/benchmarks/"
"""Measurements of the package's own developers."""


@dataclass(frozen=True, slots=True)
class Installed:
    """What is installed in an environment, and what an image leaves out of it."""

    site: Path
    left_out: frozenset[Path]
    kept: frozenset[Path]

    def is_missing(self, parts: list[str], folder: Path) -> bool:
        """Tell whether a module below a folder is left out."""
        place = folder.joinpath(*parts)
        return bool({place.with_suffix(".py"), place / "__init__.py"} & self.left_out)

    def missing_imports(self, path: Path) -> Iterator[str]:
        """Yield the modules that a file imports and an image has not got."""
        content = path.read_bytes()
        # Looking for the word first takes a tenth of the time.
        lines = NAMED.findall(content) if b"tests" in content else []
        for found in filter(None, map(IMPORT.match, lines)):
            source, names, plain = (group.decode() if group else "" for group in found.groups())
            wanted = (
                [f"{source}.{name}" for name in re.findall(r"\w+", names)] if source else plain.split(",")
            )
            for name in {source, *(each.split(" as ")[0].strip() for each in wanted)} - {""}:
                above = len(name) - len(name.lstrip("."))
                folder = path.parents[above - 1] if above else self.site
                # `from .a import b` has been joined to `.a.b`, and `from . import b` to `..b`.
                if source and not source.strip("."):
                    folder = path.parents[len(source) - 1]
                if self.is_missing([part for part in name.split(".") if part], folder):
                    yield f"{path.relative_to(self.site)}: {name}"


@pytest.fixture(scope="module", params=["2.2.2", "2.10.3", "3.0.6"])
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    python = python_of(request.param, shared_cache(tmp_path_factory))
    (site,) = python.parent.parent.glob("lib/python3*/site-packages")
    is_left_out = load_rule()
    every = [
        Path(folder, name) for folder, _, names in os.walk(site) for name in names if name.endswith(ENDS)
    ]
    # Few can be: asking of each takes seconds.
    left_out = frozenset(
        path for path in every if (path.suffix == ".map" or "tests" in path.parts) and is_left_out(path, site)
    )
    return Installed(site, left_out, frozenset(every) - left_out)


def load_rule() -> Callable[[Path, Path], bool]:
    """Return the function of the program that runs in the image."""
    spec = importlib.util.spec_from_file_location("finish", data_folder("images") / "finish_packages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rule: Callable[[Path, Path], bool] = module.is_left_out
    return rule


def test_no_module_that_stays_imports_one_that_is_left_out(installed: Installed) -> None:
    assert len([path for path in installed.left_out if path.suffix == ".py"]) > 50
    missing = [
        each
        for path in sorted(installed.kept)
        if path.suffix == ".py" and not str(path.relative_to(installed.site)).startswith(DEVELOPERS)
        for each in installed.missing_imports(path)
    ]
    assert missing == []


def test_no_entry_point_is_left_out(installed: Installed) -> None:
    for path in installed.kept:
        if path.name == "entry_points.txt":
            for name in ENTRY_POINT.findall(path.read_text(encoding="utf-8")):
                assert not installed.is_missing(name.split("."), installed.site), f"{path}: {name}"


def test_only_a_browsers_debugger_reads_the_maps_that_are_left_out(installed: Installed) -> None:
    maps = [path for path in installed.left_out if path.suffix == ".map"]
    assert maps
    for path in maps:
        assert "mappings" in json.loads(path.read_text(encoding="utf-8")), path
