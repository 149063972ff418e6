"""What runs inside real Airflow environments: lossless objects, DAG runs that are followed, DAG files that import."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from mwaa_local.adapters.clock import SystemClock
from mwaa_local.adapters.commands import SystemCommands
from mwaa_local.catalog import data_folder, load_version
from mwaa_local.errors import UsageError
from mwaa_local.mwaa_version import MwaaVersion
from mwaa_local.runtime.dag_run_following import follow_dag_run
from mwaa_local.runtime.dag_runs import DagRunRequest, DagRunResult, Followed, Unpaused
from mwaa_local.runtime.object_files import Entry, ObjectKind
from mwaa_local.runtime.objects import AirflowProgram, export_objects, import_objects
from mwaa_local.scaffold import apply_init, list_templates, plan_init
from tests.inside_modules import INSIDE
from tests.real_airflow import python_of, shared_cache

pytestmark = pytest.mark.airflow

COMMANDS = SystemCommands()
FERNET_KEY = "bXdhYS1sb2NhbC10ZXN0LWtleS0wMTIzNDU2Nzg5MDE="

PROBE = """\
from datetime import datetime
from airflow import DAG
from airflow.version import version
try:
    from airflow.providers.standard.operators.python import PythonOperator
except ImportError:
    from airflow.operators.python import PythonOperator

def work(dag_run):
    print("configured", dag_run.conf)
    if dag_run.conf.get("fail"):
        raise ValueError("as the tést asked")

scheduled = {"schedule_interval" if version == "2.2.2" else "schedule": None}
with DAG("probe", start_date=datetime(2024, 1, 1), catchup=False, **scheduled) as dag:
    PythonOperator(task_id="first", python_callable=work) >> PythonOperator(task_id="second", python_callable=work)
"""


@dataclass(frozen=True, slots=True)
class Site:
    """An Airflow of one version with a database of its own."""

    version: MwaaVersion
    home: Path
    program: AirflowProgram

    def with_folders(self, dags: Path, plugins: Path | None = None) -> dict[str, str]:
        """Return the environment with other folders of the project."""
        folders = {"AIRFLOW__CORE__DAGS_FOLDER": str(dags)}
        folders |= {"AIRFLOW__CORE__PLUGINS_FOLDER": str(plugins)} if plugins else {}
        return {**self.program.environment, **folders}

    def test_project(self, root: Path) -> str:
        """Run the tests that a project brings along, in its environment, and return what they said."""
        plugins = root / "plugins"
        result = COMMANDS.run(
            (str(self.program.python), "-m", "unittest", "discover", "tests", "test_dags.py"),
            env=self.with_folders(root / "dags", plugins if plugins.is_dir() else None),
            cwd=root,
            timeout=120,
        )
        return "OK" if result.exit_code == 0 else result.stderr

    def run(self, request: DagRunRequest) -> tuple[DagRunResult, list[object]]:
        """Follow a run of the probe DAG."""
        events: list[object] = []
        result = follow_dag_run(
            COMMANDS, self.program, request, events.append, SystemClock(), lambda: self.program
        )
        return result, events


@pytest.fixture(scope="module", params=["2.2.2", "2.10.3", "3.0.6"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Site:
    version = load_version(request.param)
    python = python_of(request.param, shared_cache(tmp_path_factory))
    home = tmp_path_factory.mktemp("airflow")
    (home / "dags").mkdir()
    program = AirflowProgram(python, _environment(home, python))
    command = "init" if request.param == "2.2.2" else "migrate"
    made = COMMANDS.run((str(python), "-m", "airflow", "db", command), env=program.environment, timeout=120)
    assert made.exit_code == 0, made.stderr
    return Site(version, home, program)


def _environment(home: Path, python: Path) -> Mapping[str, str]:
    database = f"sqlite:///{home}/airflow.db"
    return {
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "PYTHONPATH": str(INSIDE),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__EXECUTOR": "SequentialExecutor",
        "AIRFLOW__CORE__FERNET_KEY": FERNET_KEY,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SQL_ALCHEMY_CONN": database,
        "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
        "AIRFLOW__CORE__LOAD_DEFAULT_CONNECTIONS": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
        "AIRFLOW__SCHEDULER__DAG_DIR_LIST_INTERVAL": "1",
        "AIRFLOW__SCHEDULER__MIN_FILE_PROCESS_INTERVAL": "1",
    }


OBJECTS = {
    ObjectKind.CONNECTIONS: (
        {
            "conn_id": "äß%_x",
            "conn_type": "postgres",
            "description": "",
            "host": "h%40",
            "login": "ü\n",
            "port": 5432,
        }
        | {"password": "p%s:'\"\\", "schema": "", "extra": "not json {"},
        {"conn_id": "empty", "conn_type": "", "password": "", "extra": ""},
        {"conn_id": "spaced", "conn_type": "aws", "extra": '{"a":  1}'},
    ),
    ObjectKind.VARIABLES: (
        {"key": "json", "value": '{"a":  1}', "description": "why\nnot"},
        {"key": "number", "value": "1", "description": ""},
        {"key": "empty", "value": ""},
        {"key": "null", "value": None},
    ),
    ObjectKind.POOLS: (
        {"name": "default_pool", "slots": -1, "description": None},
        {"name": "pööl", "slots": 3, "description": ""},
    ),
}


@pytest.mark.parametrize("kind", list(ObjectKind))
def test_objects_come_back_as_they_were(site: Site, kind: ObjectKind) -> None:
    entries = tuple(_entry(kind, fields) for fields in OBJECTS[kind])
    import_objects(COMMANDS, site.program, entries)
    exported = export_objects(COMMANDS, site.program, kind)
    assert {entry.name: _given(entry) for entry in exported} == {
        entry.name: _given(entry) for entry in entries
    }
    again = import_objects(COMMANDS, site.program, exported)
    assert (again.created, set(again.updated)) == ((), {entry.name for entry in entries})
    assert export_objects(COMMANDS, site.program, kind) == exported


def test_airflow_reads_what_was_imported(site: Site) -> None:
    fields = {"conn_id": "mine", "conn_type": "http", "password": "s%cret", "extra": '{"k": "ü"}'}
    import_objects(COMMANDS, site.program, (_entry(ObjectKind.CONNECTIONS, fields),))
    read = (
        "import json, sys; from airflow.models import Connection; from airflow.settings import Session;"
        "c = Session().query(Connection).filter_by(conn_id='mine').one();"
        "print(json.dumps(['read', c.password, c.extra_dejson]))"
    )
    result = COMMANDS.run((str(site.program.python), "-c", read), env=site.program.environment, timeout=60)
    lines = [each for each in result.stdout.splitlines() if each.startswith('["read"')]
    assert [json.loads(each) for each in lines] == [["read", "s%cret", {"k": "ü"}]], result.stderr


def test_an_entry_that_cannot_be_stored_is_named_and_nothing_is_changed(site: Site) -> None:
    good = _entry(ObjectKind.VARIABLES, {"key": "good", "value": "1"})
    bad = _entry(ObjectKind.VARIABLES, {"key": "bad", "value": "nul\0"})
    with pytest.raises(UsageError, match="variable 'bad' cannot be imported: value holds a NUL"):
        import_objects(COMMANDS, site.program, (good, bad))
    assert "good" not in [
        entry.name for entry in export_objects(COMMANDS, site.program, ObjectKind.VARIABLES)
    ]


def test_existing_objects_can_be_kept(site: Site) -> None:
    import_objects(COMMANDS, site.program, (_entry(ObjectKind.POOLS, {"name": "kept", "slots": 1}),))
    changed = tuple(_entry(ObjectKind.POOLS, {"name": name, "slots": 2}) for name in ("kept", "new"))
    receipt = import_objects(COMMANDS, site.program, changed, keep_existing=True)
    assert (receipt.created, receipt.updated, receipt.kept) == (("new",), (), ("kept",))


@pytest.mark.parametrize("template", [each.name for each in list_templates()])
def test_the_dags_of_a_new_project_pass_its_own_tests(site: Site, template: str, tmp_path: Path) -> None:
    apply_init(tmp_path, plan_init(template, tmp_path, site.version))
    assert site.test_project(tmp_path) == "OK"


def test_the_sample_project_passes_its_own_tests(site: Site, tmp_path: Path) -> None:
    shutil.copytree(
        data_folder("sample_dags"),
        tmp_path / "sample",
        ignore=shutil.ignore_patterns(".mwaa-local", "__pycache__"),
    )
    assert site.test_project(tmp_path / "sample") == "OK"


def test_an_unknown_dag_is_refused_at_once(site: Site) -> None:
    result, _ = site.run(DagRunRequest("nowhere", wait_for_dag=60))
    assert (result.exit_code, result.refused and result.refused.message) == (2, "There is no DAG 'nowhere'.")


@pytest.fixture(scope="module")
def scheduled(site: Site) -> Iterator[Site]:
    """The same site while its scheduler runs, with the probe DAG just saved."""
    if site.version.airflow.startswith("3"):
        pytest.skip("Airflow 3 needs an API server to run tasks: the end-to-end tests run it")
    log = (site.home / "scheduler.log").open("wb")
    scheduler = subprocess.Popen(
        (str(site.program.python), "-m", "airflow", "scheduler", "--skip-serve-logs"),
        env=dict(site.program.environment),
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    (site.home / "dags" / "probe.py").write_text(PROBE, encoding="utf-8")
    yield site
    os.killpg(scheduler.pid, signal.SIGTERM)
    try:
        scheduler.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(scheduler.pid, signal.SIGKILL)
        scheduler.wait()
    log.close()


def test_a_dag_that_was_just_saved_is_waited_for_unpaused_and_followed(scheduled: Site) -> None:
    result, events = scheduled.run(
        DagRunRequest("probe", conf={"k": "100%"}, run_id="mine", timeout=120, wait_for_dag=60)
    )
    assert (result.exit_code, result.state, result.run_id) == (0, "success", "mine")
    assert Unpaused("probe") in events
    assert [(task.change.name, task.change.state) for task in result.tasks] == [
        ("first", "success"),
        ("second", "success"),
    ]
    first = result.tasks[0].change
    known = ((first.task_id, first.map_index, first.state, first.try_number),)
    rest, _ = scheduled.run(DagRunRequest("probe", follow=Followed("mine", result.logical_date, known)))
    assert (rest.state, [task.change.name for task in rest.tasks]) == ("success", ["second"])


def test_a_failing_task_comes_with_its_log(scheduled: Site) -> None:
    result, _ = scheduled.run(DagRunRequest("probe", conf={"fail": True}, timeout=120, wait_for_dag=60))
    assert (result.exit_code, result.state) == (1, "failed")
    first = result.tasks[0]
    assert first.log is not None
    assert "ValueError: as the tést asked" in first.log.lines


def test_the_same_run_id_is_refused(scheduled: Site) -> None:
    result, _ = scheduled.run(DagRunRequest("probe", run_id="mine", wait_for_dag=60))
    assert result.exit_code == 2
    assert result.refused is not None
    assert "already exists" in result.refused.message


def test_a_file_that_was_broken_since_is_refused_with_the_reason(scheduled: Site) -> None:
    time.sleep(0.01)
    (scheduled.home / "dags" / "probe.py").write_text(
        PROBE + "\nraise KeyError('bröken')\n", encoding="utf-8"
    )
    result, _ = scheduled.run(DagRunRequest("probe", wait_for_dag=60))
    assert result.exit_code == 2
    assert result.refused is not None
    assert "does not import" in result.refused.message
    assert "bröken" in result.refused.import_error


def _entry(kind: ObjectKind, fields: Mapping[str, object]) -> Entry:
    return Entry(kind, dict.fromkeys(kind.fields) | dict(fields))


def _given(entry: Entry) -> dict[str, object]:
    """The fields of an entry; Airflow before 2.7 knows no include_deferred, later ones store false for null."""
    return {field: entry.values.get(field) for field in entry.kind.fields if field != "include_deferred"}
