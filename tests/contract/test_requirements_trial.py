"""`test-requirements --install` installs with MWAA's pip into a throw-away environment and tries out what is there."""

import json
import os
from pathlib import Path

import pytest

from mwaa_local.cli.entry import run
from tests.contract.agreement_cases import Case, write_project

REQUIREMENTS = """# -c none
--find-links /usr/local/airflow/plugins
--no-index
tinything==1.0
"""


@pytest.mark.airflow
def test_an_installation_is_tried_out_and_what_fails_then_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wheels = ("tinything 1.0 py3-none-any: otherthing", "otherthing 2.0 py3-none-any")
    files = (
        ("dags/good.py", "import airflow, tinything  # a dag\n"),
        ("dags/bad.py", "# airflow, dag\nimport nothing_of_that_name\n"),
    )
    write_project(Case("", "2.2.2", REQUIREMENTS, "utf-8", files, wheels), tmp_path)
    code = run(["test-requirements", "--project", str(tmp_path), "--install", "--json"])
    output = capsys.readouterr()
    if code == 1 and os.environ.get("CI") != "true":
        pytest.skip(f"no environment of Airflow 2.2.2: {output.err.splitlines()[-1]}")
    assert code == 3
    document = json.loads(output.out)
    tried = {each["step"]: each["ok"] for each in document["trial"]}
    assert tried == {
        **dict.fromkeys(("install", "pip-check", "cli", "imports", "database"), True),
        **dict.fromkeys(("scheduler", "webserver", "plugins"), True),
        "dags": False,
    }
    (failure,) = (each for each in document["findings"] if each["severity"] == "error")
    assert failure["rule"] == "requirements-trial-dags"
    assert "bad.py: ModuleNotFoundError: No module named 'nothing_of_that_name'" in failure["message"]
    assert "good.py" not in failure["message"]
    assert not [each for each in document["findings"] if each["rule"] == "requirements-trial-versions"]
