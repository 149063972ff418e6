"""What users do today: the sequence that AWS's local runner performs, on the same interpreter, packages and PostgreSQL.

`airflow db init`, `airflow users create`, then `airflow scheduler` and `airflow webserver` until /health says that both
the database and the scheduler are healthy. PostgreSQL runs already and is not counted, in this sequence's favour.
"""

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil

from bench.project import BenchProject
from mwaa_local.adapters.postgres_probe import postgres_accepts
from mwaa_local.adapters.sockets import free_port

PATIENCE = 180.0
CREATE_DATABASE = """
import os, psycopg2, sys
connection = psycopg2.connect(os.environ["ADDRESS"])
connection.autocommit = True
cursor = connection.cursor()
cursor.execute("DROP DATABASE IF EXISTS reference")
cursor.execute("CREATE DATABASE reference")
"""
USER = "--role Admin --username admin --password test --email admin@example.com --firstname admin --lastname user"


def measure_sequence(project: BenchProject) -> float:
    """Return how many seconds the sequence takes; `project` has been started before and is stopped now."""
    with database(project) as address, tempfile.TemporaryDirectory() as scratch:
        port = free_port()
        variables = sequence_variables(project, address, Path(scratch), port)
        began = time.monotonic()
        airflow(project, variables, "db", "init")
        airflow(project, variables, "users", "create", *USER.split())
        roles = [begin(project, variables, role, Path(scratch)) for role in ("scheduler", "webserver")]
        try:
            wait_until_healthy(port, roles)
            return time.monotonic() - began
        finally:
            end_all(Path(scratch))


@contextmanager
def database(project: BenchProject) -> Iterator[str]:
    """Run the project's own PostgreSQL alone, with a new empty database; yield its address."""
    service = project.service("postgres")
    address = dict(project.service("scheduler")["environment"])["AIRFLOW__CORE__SQL_ALCHEMY_CONN"]
    server = subprocess.Popen(
        service["command"], env=dict(service["environment"]), cwd=service["cwd"], stderr=subprocess.DEVNULL
    )
    try:
        wait_for_port(int(service["probe"]["port"]))
        plain = address.replace("+psycopg2", "")
        subprocess.run(
            [python_of(project), "-c", CREATE_DATABASE], env={**os.environ, "ADDRESS": plain}, check=True
        )
        yield address.rpartition("/")[0] + "/reference"
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()


def python_of(project: BenchProject) -> str:
    return str(project.read("run", "start.json")["python"])


def sequence_variables(project: BenchProject, address: str, home: Path, port: int) -> dict[str, str]:
    """Return what the local runner's container sets, as far as it matters here."""
    packages = Path(python_of(project)).parent
    return {
        "PATH": f"{packages}:{os.environ['PATH']}",
        "HOME": str(home),
        "TMPDIR": str(home),
        "LC_ALL": "C.UTF-8",
        # Process titles would hide the variables by which `end_all` finds what this sequence has started.
        "SPT_NOENV": "1",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__SQL_ALCHEMY_CONN": address,
        "AIRFLOW__CORE__DAGS_FOLDER": str(project.folder / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(project.folder / "plugins"),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__WEBSERVER__WEB_SERVER_HOST": "127.0.0.1",
        "AIRFLOW__WEBSERVER__WEB_SERVER_PORT": str(port),
    }


def airflow(project: BenchProject, variables: dict[str, str], *arguments: str) -> None:
    done = subprocess.run(
        [python_of(project), "-m", "airflow", *arguments],
        env=variables,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"airflow {' '.join(arguments[:2])} failed:\n{done.stderr[-2000:]}")


def begin(
    project: BenchProject, variables: dict[str, str], role: str, scratch: Path
) -> subprocess.Popen[bytes]:
    with (scratch / f"{role}.log").open("wb") as log:
        return subprocess.Popen(
            [python_of(project), "-m", "airflow", role],
            env=variables,
            stdout=log,
            stderr=log,
        )


def end_all(home: Path) -> None:
    """End every process that runs in this AIRFLOW_HOME."""
    found = [process for process in psutil.process_iter() if airflow_home(process) == str(home)]
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(found, timeout=20)


def airflow_home(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("AIRFLOW_HOME")
    except psutil.Error:
        return None


def wait_until_healthy(port: int, roles: list[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_healthy(port):
        if time.monotonic() > deadline or any(role.poll() is not None for role in roles):
            raise RuntimeError("The sequence of the local runner did not become healthy.")
        time.sleep(0.05)


def is_healthy(port: int) -> bool:
    try:
        with closing(
            urllib.request.build_opener().open(f"http://127.0.0.1:{port}/health", timeout=5)
        ) as answer:
            document = json.loads(answer.read())
    except (OSError, ValueError):
        return False
    return all(document[part]["status"] == "healthy" for part in ("metadatabase", "scheduler"))


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while not postgres_accepts(port):
        if time.monotonic() > deadline:
            raise RuntimeError("PostgreSQL does not answer.")
        time.sleep(0.02)
