"""Runs pytest in the Airflow environment, from a folder of its own if the environment has none.

    python -m mwaa_inside.pytest_run [ARGUMENTS OF PYTEST]

Runs on Python 3.7 and up.
"""

import os
import sys


def main():
    """Run pytest with our fixtures and return its exit code."""
    overlay = os.environ.get("MWAA_LOCAL_PYTEST", "")
    if overlay:
        # At the end: what the environment has itself stays what its code sees.
        sys.path.append(overlay)
    dags = os.environ["MWAA_LOCAL_DAGS_FOLDER"]
    if dags not in sys.path:
        sys.path.insert(0, dags)
    if "" in sys.path:
        sys.path.remove("")
    import pytest

    return pytest.main(["-p", "mwaa_inside.pytest_plugin", "-p", "no:cacheprovider", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
