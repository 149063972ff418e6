"""DAG files read in a real Airflow: every way in which a file can fail, and that a test leaves nothing behind."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from mwaa_local.adapters.commands import SystemCommands
from mwaa_local.config import LoadedConfig, Project
from mwaa_local.config_loading import load_config
from mwaa_local.dag_report import DagReport, FileResult, build_report
from mwaa_local.project import find_project
from mwaa_local.runtime.dag_tests import (
    DagTestEnvironment,
    ReadingLimits,
    prepare_folders,
    read_dags,
    reading_variables,
)
from mwaa_local.runtime.state import StateFolder
from mwaa_local.validation.dag_report_rules import DagLimits, check_report
from mwaa_local.validation.finding import Finding
from tests.real_airflow import python_of, shared_cache

pytestmark = pytest.mark.airflow

COMMANDS = SystemCommands()
PROJECT = Path(__file__).parents[1] / "projects" / "dags-that-fail"
LIMITS = ReadingLimits(
    import_timeout=2.0, processor_timeout=5.0, workers=2, safe_mode=True, allow_network=False
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of the project's files in one version."""

    version: str
    project: Project
    report: DagReport
    findings: tuple[Finding, ...]

    def file(self, name: str) -> FileResult:
        return next(each for each in self.report.files if each.path == name)

    def rules(self, name: str) -> set[str]:
        return {
            each.rule_id for each in self.findings if each.location and each.location.file == f"dags/{name}"
        }


@pytest.fixture(scope="module", params=["2.2.2", "3.0.6"])
def reading(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reading:
    python = python_of(request.param, shared_cache(tmp_path_factory))
    root = tmp_path_factory.mktemp("site") / "project"
    shutil.copytree(PROJECT, root)
    project = find_project(root)
    options = ["core.dagbag_import_timeout=2"]
    loaded = load_config(project, {"version": request.param, "airflow_options": options}, {})
    report = read(project, loaded, python)
    return Reading(request.param, project, report, tuple(check_report(report, limits_of(loaded))))


def read(project: Project, loaded: LoadedConfig, python: Path) -> DagReport:
    folder = StateFolder(project.state)
    folder.create()
    prepare_folders(folder, project)
    environment = DagTestEnvironment(python, ())
    variables = reading_variables(
        loaded, project, folder, environment, {**os.environ, "AIRFLOW_VAR_GIVEN": "7"}
    )
    events: list[dict[str, object]] = []
    code, others = read_dags(project, environment, variables, LIMITS, COMMANDS, events.append)
    assert code == 0, "\n".join(others)
    return build_report(events)


def limits_of(loaded: LoadedConfig) -> DagLimits:
    find: Callable[[str], str | None] = lambda module: "common.shared" if module == "shared" else None  # noqa: E731
    return DagLimits(loaded.version, loaded.config.environment_class, 2.0, {}, "dags/", find, "default")


def test_a_good_file_has_its_dag(reading: Reading) -> None:
    good = reading.file("good.py")
    assert good.error is None
    assert [(dag.dag_id, dag.tasks, dag.owners, dag.catchup) for dag in good.dags] == [
        ("good", 1, ("team",), False)
    ]
    assert reading.rules("good.py") == set()


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("missing_module.py", "missing-module"),
        ("syntax.py", "dag-import-error"),
        ("cycle.py", "dag-cycle"),
        ("schedule.py", "dag-schedule"),
        ("exits.py", "dag-file-crash"),
        ("crash.py", "dag-file-crash"),
        ("slow.py", "dag-file-timeout"),
        ("stuck.py", "dag-file-timeout"),
        ("network.py", "dag-import-error"),
        ("database.py", "dag-import-error"),
        ("connection.py", "missing-at-parse"),
        ("twice.py", "duplicate-dag-id"),
    ],
)
def test_each_failure_has_its_rule(reading: Reading, name: str, rule: str) -> None:
    assert rule in reading.rules(name)


def test_an_error_names_the_line_of_the_user_s_own_code(reading: Reading) -> None:
    error = reading.file("needs_variable.py").error
    assert error is not None
    assert (error.file, error.line, error.text) == ("common/shared.py", 3, 'VALUE = Variable.get("absent")')
    (finding,) = (
        each for each in reading.findings if each.rule_id == "missing-at-parse" and "absent" in each.message
    )
    assert str(finding.location) == "dags/common/shared.py:3"
    assert "AIRFLOW_VAR_ABSENT" in finding.hint


def test_a_variable_that_was_given_is_found_and_reported(reading: Reading) -> None:
    file = reading.file("given_variable.py")
    assert file.error is None
    assert [(each.kind, each.name, each.line) for each in file.accesses] == [("variable", "given", 4)]
    assert reading.rules("given_variable.py") == {"outside-at-parse"}


def test_a_missing_module_comes_with_the_requirement_or_with_its_right_name(reading: Reading) -> None:
    hints = {
        each.location.file: each.hint
        for each in reading.findings
        if each.rule_id == "missing-module" and each.location
    }
    assert hints["dags/missing_module.py"] == "Add a line to requirements.txt: scikit-learn"
    assert hints["dags/wrong_name.py"].startswith("There is common.shared in the project")


def test_the_ignore_file_is_read_in_the_dialect_of_the_version(reading: Reading) -> None:
    read_files = {each.path for each in reading.report.files}
    assert "common/shared.py" not in read_files
    # `ignored` is searched in the path as a regular expression; as a glob it is another name than ignored.py.
    assert ("ignored.py" in read_files) == (reading.version == "3.0.6")


def test_reading_leaves_nothing_among_the_dags(reading: Reading) -> None:
    before = sorted(
        path.name
        for path in (PROJECT / "dags").rglob("*")
        if path.name != "__pycache__" and path.suffix != ".pyc"
    )
    after = sorted(path.name for path in reading.project.dags.rglob("*"))
    assert after == before


OLD = """\
from datetime import datetime

from airflow import DAG
from airflow.hooks.base_hook import BaseHook
from airflow.operators.bash_operator import BashOperator

BaseHook.get_connection("{name}")
with DAG("{name}", start_date=datetime(2020, 1, 1), schedule_interval=None, default_args={{"owner": "team"}}) as dag:
    BashOperator(task_id="a", bash_command="ls")
"""


def test_airflow_before_2_is_read_too(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = python_of("1.10.12", shared_cache(tmp_path_factory))
    (tmp_path / "dags").mkdir()
    for name in ("known", "unknown"):
        (tmp_path / "dags" / f"{name}.py").write_text(OLD.format(name=name), encoding="utf-8")
    monkeypatch.setenv("AIRFLOW_CONN_KNOWN", "http://example.com")
    project = find_project(tmp_path)
    loaded = load_config(project, {"version": "1.10.12"}, {})
    report = read(project, loaded, python)
    assert [(file.path, [dag.dag_id for dag in file.dags]) for file in report.files] == [
        ("known.py", ["known"]),
        ("unknown.py", []),
    ]
    found = {(each.rule_id, str(each.location)) for each in check_report(report, limits_of(loaded))}
    assert ("missing-at-parse", "dags/unknown.py:7") in found
