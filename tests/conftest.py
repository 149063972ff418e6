"""What all tests of one run share, whichever of pytest's workers they run in: a cache of environments, an engine."""

import os
import tempfile
from pathlib import Path

import pytest

from tests.docker_engine import SESSION, stop_shared_engine

collect_ignore_glob = ["projects/*"]
"""Projects of users: their tests run in their environments."""
FIRST = ("test_containers.py",)
"""Files that take longest, and those that build what other files find then."""


def pytest_configure(config: pytest.Config) -> None:
    """Make a folder for this run; what is built lies there too, unless MWAA_LOCAL_CACHE is set. Workers inherit it."""
    if SESSION in os.environ:
        return
    folder = tempfile.TemporaryDirectory(prefix="mwaa-local-tests-", ignore_cleanup_errors=True)
    Path(folder.name).chmod(0o755)  # PostgreSQL may run as another user
    os.environ[SESSION] = folder.name
    if not os.environ.get("MWAA_LOCAL_CACHE"):
        os.environ["MWAA_LOCAL_CACHE"] = folder.name
    config.add_cleanup(folder.cleanup)
    config.add_cleanup(stop_shared_engine)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the long files begin first, so that nobody waits for one of them at the end."""
    items.sort(key=lambda item: item.path.name not in FIRST)
