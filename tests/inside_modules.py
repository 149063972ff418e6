"""Imports what runs inside an Airflow environment, for tests of its parts."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

INSIDE = Path(__file__).parents[1] / "mwaa_local" / "inside"


def inside(name: str) -> ModuleType:
    """Import a module of `mwaa_inside`; the path of imports is as before afterwards."""
    sys.path.insert(0, str(INSIDE))
    try:
        return importlib.import_module(f"mwaa_inside.{name}")
    finally:
        sys.path.remove(str(INSIDE))
