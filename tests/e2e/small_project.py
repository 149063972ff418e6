"""A small project whose environment is ill-treated by the survival tests, and what can be seen of it from outside."""

import json
import os
import signal
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from mwaa_local.runtime.state import read_json
from tests.e2e.local_environment import BUILD_PATIENCE, COMMAND, MISSING, eventually

MARKS = ("MWAA_LOCAL_RUN", "MWAA_LOCAL_SUPERVISOR")
DAG_FILE = """\
from datetime import datetime, timedelta

from airflow import DAG
from airflow.operators.bash import BashOperator

with DAG("slow", start_date=datetime(2024, 1, 1), catchup=False, **{schedule}) as slow:
    BashOperator(
        task_id="work",
        bash_command="echo $$ > {folder}/task.pid; sleep 4; rm {folder}/task.pid",
        retries=2,
        retry_delay=timedelta(seconds=1),
    )

with DAG("quick", start_date=datetime(2024, 1, 1), catchup=False, **{schedule}) as quick:
    BashOperator(task_id="work", bash_command="echo done")
"""
CONFIG = """\
[environment]
version = "{version}"

[airflow_options]
"scheduler.scheduler_zombie_task_threshold" = 10
"""


@dataclass(slots=True)
class SmallProject:
    """A project folder and its environment, driven by the command line."""

    folder: Path
    version: str = "2.2.2"
    variables: Mapping[str, str] = field(default_factory=dict)
    """What the commands get on top of our own environment."""
    program: tuple[str, ...] = (COMMAND,)
    """How `mwaa-local` is started."""
    runs: set[str] = field(default_factory=set)
    """The run ids that have been seen."""

    @property
    def state(self) -> Path:
        """Return the state folder."""
        return self.folder / ".mwaa-local"

    def command(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin a command as a shell would: in a process group of its own."""
        return subprocess.Popen(
            [*self.program, *arguments],
            cwd=self.folder,
            env={**os.environ, **self.variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )

    def run(self, *arguments: str, patience: float = BUILD_PATIENCE) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return finish(self.command(*arguments), patience)

    def start(self, *arguments: str) -> str:
        """Start the environment, and return what was said meanwhile; skip where the machine has no interpreter."""
        started = self.run("start", *arguments)
        error = started.stderr.partition("Error:")[2]
        if started.returncode and os.environ.get("CI") != "true" and any(what in error for what in MISSING):
            pytest.skip(f"Airflow {self.version} cannot be run here: {error.strip()}")
        assert started.returncode == 0, started.stderr
        assert self.health() == "healthy"
        return started.stderr

    def stop(self) -> None:
        """Stop the environment and see that nothing is left."""
        stopped = self.run("stop")
        assert stopped.returncode == 0, stopped.stderr
        assert self.remains() == []

    def status(self) -> dict[str, Any]:
        """Return what `status` says."""
        said = self.run("status", "--json")
        assert said.stdout, said.stderr
        document: dict[str, Any] = json.loads(said.stdout)
        return document

    def health(self) -> str:
        """Return how the environment is as a whole."""
        return str(self.status()["health"])

    def service(self, name: str) -> dict[str, Any]:
        """Return what `status` says of a service."""
        return next(service for service in self.status()["services"] if service["name"] == name)

    def supervisor(self) -> int:
        """Return the supervisor's PID."""
        return int(self.read("run", "supervisor.json")["pid"])

    def read(self, *parts: str) -> dict[str, Any]:
        """Return a JSON file of the state folder."""
        document: dict[str, Any] = json.loads(self.state.joinpath(*parts).read_text(encoding="utf-8"))
        return document

    def processes(self) -> list[psutil.Process]:
        """Return all that runs for this project: what carries a mark of its starts, and what that has started."""
        for name in ("run.json", "supervisor.json"):
            self.runs.add((read_json(self.state / "run" / name) or {}).get("run_id", "none"))
        found: dict[int, psutil.Process] = {}
        for process in psutil.process_iter():
            try:
                variables = process.environ()
                inside = Path(process.cwd()).is_relative_to(self.state)
                if inside or any(variables.get(mark) in self.runs for mark in MARKS):
                    for each in (process, *process.children(recursive=True)):
                        found[each.pid] = each
            except psutil.Error:
                continue
        return [process for process in found.values() if is_alive(process)]

    def remains(self) -> list[str]:
        """Describe what still runs."""
        return [f"{process.pid} {describe(process)}" for process in self.processes()]

    def see_it_end(self) -> None:
        """Wait until nothing runs any more."""
        eventually(lambda: self.remains() == [], "every process of the environment ends")

    def query(self, statement: str) -> list[list[Any]]:
        """Send a statement to the metadata database and return its rows, straight and quickly."""
        stack = self.read("run", "stack.json")
        service = next(each for each in stack["services"] if each["role"] == "scheduler")
        variables = dict(service["environment"])
        address = next(value for name, value in variables.items() if name.endswith("__SQL_ALCHEMY_CONN"))
        done = subprocess.run(
            [service["command"][0], "-c", QUERY, statement],
            env={**variables, "ADDRESS": address.replace("+psycopg2", "")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        rows: list[list[Any]] = json.loads(done.stdout)
        return rows

    def remember(self) -> None:
        """Leave a variable and a connection in the metadata, to be looked for after each blow."""
        for kind, content in (
            ("variables", {"kept": "a value"}),
            (
                "connections",
                {"kept": {"conn_type": "http", "host": "h", "password": "a secret", "extra": ""}},
            ),
        ):
            file = self.folder / f"{kind}.json"
            file.write_text(json.dumps(content))
            done = self.run(kind, "import", str(file))
            assert done.returncode == 0, done.stderr

    def recall(self) -> None:
        """See that nothing of what `remember` left is lost, secrets included."""
        assert self.query("SELECT count(*) FROM variable WHERE key = 'kept'") == [[1]]
        file = self.folder / "exported.json"
        done = self.run("connections", "export", str(file), "--force")
        assert done.returncode == 0, done.stderr
        assert json.loads(file.read_text())["kept"]["password"] == "a secret"

    def run_dag(self, dag_id: str) -> subprocess.Popen[str]:
        """Begin a run that is followed to its end."""
        return self.command("run", dag_id, "--json", "--timeout", "180")


def write_project(project: SmallProject) -> None:
    """Write a DAG file and a configuration."""
    (project.folder / "dags").mkdir(parents=True)
    schedule = '{"schedule": None}' if project.version >= "3" else '{"schedule_interval": None}'
    dags = DAG_FILE.replace("{schedule}", schedule).replace("{folder}", str(project.folder))
    (project.folder / "dags" / "work.py").write_text(dags, encoding="utf-8")
    (project.folder / "mwaa-local.toml").write_text(CONFIG.format(version=project.version), encoding="utf-8")


QUERY = """
import json, os, psycopg2, sys
connection = psycopg2.connect(os.environ["ADDRESS"])
connection.autocommit = True
cursor = connection.cursor()
cursor.execute(sys.argv[1])
print(json.dumps(cursor.fetchall() if cursor.description else [], default=str))
"""


def finish(
    command: subprocess.Popen[str], patience: float = BUILD_PATIENCE
) -> subprocess.CompletedProcess[str]:
    """Wait for a command's end; one that takes too long is killed with its group, and the test fails."""
    try:
        stdout, stderr = command.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        os.killpg(command.pid, signal.SIGKILL)
        stdout, stderr = command.communicate()
        pytest.fail(f"{command.args!r} did not end: {stdout}{stderr}")
    return subprocess.CompletedProcess(command.args, command.returncode, stdout, stderr)


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def describe(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()) or process.name()
    except psutil.Error:
        return "(gone)"


def kill(process: psutil.Process | int) -> None:
    """Send SIGKILL."""
    os.kill(process if isinstance(process, int) else process.pid, signal.SIGKILL)


def titled(processes: Iterable[psutil.Process], words: str) -> list[psutil.Process]:
    """Return the processes whose command line has these words."""
    return [process for process in processes if words in describe(process)]
