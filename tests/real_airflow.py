"""Environments with a version's real Airflow, built once for all tests of a cache."""

import os
from pathlib import Path

import pytest
import uv

from mwaa_local.adapters.commands import SystemCommands
from mwaa_local.catalog import load_version
from mwaa_local.errors import InterpreterError
from mwaa_local.runtime.index_settings import uv_environ
from mwaa_local.runtime.installer import Toolchain
from mwaa_local.runtime.interpreters import Search, find_interpreter
from mwaa_local.runtime.venv import ensure_base_environment
from tests.cache_locks import LOCKS


def python_of(name: str, cache: Path) -> Path:
    """Return the Python of a version's environment; skip where this machine has no interpreter for it."""
    version = load_version(name)
    tools = Toolchain(
        SystemCommands(), Path(uv.find_uv_bin()), uv_environ(os.environ), lambda text: None, LOCKS
    )
    try:
        interpreter = find_interpreter(version, None, Search(tools, cache))
    except InterpreterError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(error.message)
    return ensure_base_environment(version, version.amazon_provider_default, interpreter, cache, tools).python


def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the cache that the tests of a run share, or one for this file."""
    given = os.environ.get("MWAA_LOCAL_CACHE")
    return Path(given) if given else tmp_path_factory.mktemp("cache")
