"""One cache of environments for all tests, whichever of pytest's workers they run in."""

import os
import tempfile
from pathlib import Path

import pytest

collect_ignore_glob = ["projects/*"]
"""Projects of users: their tests run in their environments."""


def pytest_configure(config: pytest.Config) -> None:
    """Keep what is built in a folder of this run, unless MWAA_LOCAL_CACHE names one; workers inherit the variable."""
    if os.environ.get("MWAA_LOCAL_CACHE"):
        return
    folder = tempfile.TemporaryDirectory(prefix="mwaa-local-tests-", ignore_cleanup_errors=True)
    Path(folder.name).chmod(0o755)  # PostgreSQL may run as another user
    os.environ["MWAA_LOCAL_CACHE"] = folder.name
    config.add_cleanup(folder.cleanup)
