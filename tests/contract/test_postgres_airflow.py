"""A database that a real Airflow made, and the commands that read and prepare it without importing Airflow."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.runtime.database import database_url, project_database
from mwaa_local.runtime.database_template import (
    CREATE_SCHEMA,
    TemplateKey,
    airflow_migration,
    ensure_template,
)
from mwaa_local.runtime.database_user import choose_database_user
from mwaa_local.runtime.postgres import Postgres
from mwaa_local.runtime.postgres_binaries import PostgresBinaries
from tests.postgres_site import MACHINE, PASSWORD, Site
from tests.real_airflow import python_of, shared_cache

pytestmark = [pytest.mark.postgres, pytest.mark.airflow]
DATABASE_COMMANDS = CREATE_SCHEMA.with_name("database.py")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return python_of("2.2.2", shared_cache(tmp_path_factory))


@pytest.fixture(scope="module")
def running(python: Path, binaries: PostgresBinaries, shared_folder: Path) -> Iterator[Site]:
    home, cache = shared_folder / "project of Airflow", shared_folder / "cache of Airflow"
    home.mkdir()
    cache.mkdir()
    postgres = Postgres(binaries, choose_database_user(MACHINE.runner, os.getuid(), home, cache), MACHINE)
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    template = ensure_template(
        TemplateKey("2.2.2", "real"), postgres, airflow_migration(python, environment, postgres)
    )
    site = Site(postgres, template, project_database(home, "2.2.2"))
    site.ensure()
    with site.running():
        yield site


def ask(site: Site, python: Path, command: str, stdin: str = "", password: str = PASSWORD) -> Any:
    answer = MACHINE.runner.run(
        [str(python), str(DATABASE_COMMANDS), command],
        env={"MWAA_LOCAL_DATABASE_URL": database_url(password, site.port)},
        stdin=stdin,
        timeout=30,
    )
    return json.loads(answer.stdout) if answer.exit_code == 0 else answer.stderr


def test_the_template_has_schema_roles_and_permissions(running: Site) -> None:
    assert (
        running.query("SELECT string_agg(name, ',' ORDER BY name) FROM ab_role")
        == "Admin,Op,Public,User,Viewer"
    )
    assert int(running.query("SELECT count(*) FROM ab_permission_view_role")) > 150
    assert running.query("SELECT pool, slots FROM slot_pool") == "default_pool|10000"


def test_the_summary_of_an_empty_database_is_empty(running: Site, python: Path) -> None:
    summary = ask(running, python, "summary")
    assert summary["dags"] == summary["import_errors"] == summary["jobs"] == []


def test_the_summary_tells_dags_errors_runs_and_heartbeats(running: Site, python: Path) -> None:
    written = running.query(
        "INSERT INTO dag (dag_id, is_paused, is_active, fileloc, has_task_concurrency_limits, max_active_tasks)"
        " VALUES ('b', true, true, '/dags/b.py', false, 1), ('a', false, false, '/dags/a.py', false, 1)"
    )
    assert written == "INSERT 0 2"
    running.query(
        "INSERT INTO import_error (timestamp, filename, stacktrace)"
        " VALUES (to_timestamp(1000), '/dags/c.py', 'No')"
    )
    running.query(
        "INSERT INTO job (job_type, state, hostname, latest_heartbeat) VALUES"
        " ('SchedulerJob', 'failed', 'old', now() - interval '1 hour'), ('SchedulerJob', 'running', 'new', now())"
    )
    summary = ask(running, python, "summary")
    assert [(dag["dag_id"], dag["is_paused"], dag["is_active"]) for dag in summary["dags"]] == [
        ("a", False, False),
        ("b", True, True),
    ]
    assert summary["import_errors"] == [{"filename": "/dags/c.py", "stacktrace": "No", "parsed": 1000.0}]
    assert [(job["job_type"], job["hostname"]) for job in summary["jobs"]] == [("SchedulerJob", "new")]
    assert summary["counts"]["paused_dags"] == 1


def test_the_next_summary_waits_for_a_change_of_dags_or_for_patience_to_end(
    running: Site, python: Path
) -> None:
    seen = ask(running, python, "summary")["mark"]
    asked = json.dumps({"seen": seen, "patience": 0.3})
    assert ask(running, python, "next-summary", asked)["mark"] == seen
    asked = json.dumps({"seen": seen, "patience": 25})
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(ask, running, python, "next-summary", asked)
        running.query(
            "INSERT INTO dag (dag_id, is_paused, is_active, fileloc, has_task_concurrency_limits, max_active_tasks)"
            " VALUES ('later', true, true, '/dags/later.py', false, 1)"
        )
        found = waiting.result()
    assert found["mark"] != seen
    assert "later" in {dag["dag_id"] for dag in found["dags"]}


def test_the_admin_is_made_once_and_then_updated(running: Site, python: Path) -> None:
    for password in ("first", "sécond"):
        assert ask(running, python, "set-admin", json.dumps({"password": password})) == {"changed": True}
    users = "ab_user u JOIN ab_user_role ON user_id = u.id JOIN ab_role r ON role_id = r.id"
    assert running.query(f"SELECT username, r.name FROM {users}") == "admin|Admin"
    check = "import sys; from werkzeug.security import check_password_hash as c; print(c(sys.argv[1], sys.argv[2]))"
    stored = running.query("SELECT password FROM ab_user")
    for password, right in (("sécond", "True"), ("first", "False")):
        answer = MACHINE.runner.run([str(python), "-c", check, stored, password], env={"LC_ALL": "C.UTF-8"})
        assert answer.stdout.strip() == right


def test_a_database_that_cannot_be_used_is_said_in_a_sentence(running: Site, python: Path) -> None:
    assert ask(running, python, "summary", password="wrong").startswith(
        "The metadata database cannot be used: "
    )
