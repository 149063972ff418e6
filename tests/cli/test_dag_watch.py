"""`test-dags --watch`: what is saved is read at once, and everything that is wrong with it is said."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.airflow
CACHE = os.environ.get("MWAA_LOCAL_CACHE")

FINE = (
    "from datetime import datetime\n\nfrom airflow import DAG\nfrom airflow.operators.bash import BashOperator\n\n"
    'ARGS = {"owner": "team", "retries": 1}\n'
    'with DAG("fine", start_date=datetime(2024, 1, 1), catchup=False, default_args=ARGS) as dag:\n'
    '    BashOperator(task_id="a", bash_command="ls")\n'
)


@contextmanager
def watching(project: Path) -> Iterator[Iterator[list[str]]]:
    """Run the command; yields the lines of each round."""
    process = subprocess.Popen(
        [sys.executable, "-c", "from mwaa_local.cli import main; main()", "test-dags", "--watch"],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield rounds(process.stdout)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        process.stdout.close()


def rounds(lines: Iterator[str]) -> Iterator[list[str]]:
    found: list[str] = []
    for line in lines:
        found.append(line.rstrip("\n"))
        if line.startswith("read "):
            yield found
            found = []


def test_each_round_says_all_that_is_wrong_with_what_was_saved(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if CACHE is None and os.environ.get("CI") != "true":
        pytest.skip("MWAA_LOCAL_CACHE names no folder with Airflow environments")
    if CACHE is not None:
        monkeypatch.setenv("MWAA_LOCAL_CACHE", CACHE)
    monkeypatch.setenv("MWAA_LOCAL_AMAZON_PROVIDER", "stock")
    dags = project / "dags"
    (dags / "fine.py").write_text(FINE)
    (dags / "same.py").write_text(FINE.replace('"fine"', '"same"'))
    (project / "known-dag-failures.txt").write_text("broken.py\n")
    with watching(project) as answers:
        first = next(answers)
        assert first[-1].startswith("read fine.py, same.py in ")
        assert first[-1].endswith("s; 0 of 2 files fail.")
        assert [line for line in first if "[stale-known-failure]" in line]
        (dags / "fine.py").write_text(FINE.replace('"fine"', '"same"') + "import pandas\n")
        (dags / "broken.py").write_text("from airflow import DAG\nimport nowhere\n")
        # Both may be seen in one look, or in two.
        seen = next(answers)
        while "of 3 files fail." not in seen[-1] or "fine.py" not in "".join(seen):
            seen += next(answers)
        said = "\n".join(seen)
        assert "[heavy-import]" in said
        assert "The DAG 'same' is made in dags/fine.py too. [duplicate-dag-id]" in said
        assert "dags/broken.py:2: info: Known failure: ModuleNotFoundError: No module named 'nowhere'" in said
        assert "[stale-known-failure]" not in said
