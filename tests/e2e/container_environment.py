"""A small project that runs natively or in containers, driven by the same commands; and its containers from outside."""

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.docker_engine import PrivateEngine, engine_problem, ensure_base, shared_engine
from tests.e2e.local_environment import BUILD_PATIENCE, COMMAND, eventually

PYTHONS = {"2.2.2": "3.7", "2.10.3": "3.11"}
"""The Python of each version."""
DAG_FILE = """\
from datetime import datetime, timedelta

from airflow import DAG
from airflow.operators.bash import BashOperator
from airflow.operators.python import PythonOperator


def fail():
    raise ValueError("this went wrong")


def devour():
    kept = [bytearray(64 << 20) for _ in range(64)]
    print(len(kept))


def dag(name):
    return DAG(name, start_date=datetime(2024, 1, 1), catchup=False, schedule_interval=None)


with dag("quick") as quick:
    BashOperator(task_id="work", bash_command="echo done by $(id -un) at $MWAA_LOCAL_SERVICE")
with dag("failing") as failing:
    PythonOperator(task_id="work", python_callable=fail)
with dag("greedy") as greedy:
    PythonOperator(task_id="work", python_callable=devour)
with dag("slow") as slow:
    retries = {"retries": 5, "retry_delay": timedelta(seconds=1)}
    BashOperator(task_id="work", bash_command="sleep 10", **retries)
with dag("waiting") as waiting:
    for name in ("one", "two"):
        # Where the DAG files lie everything can be read, and the host can write.
        until = "while [ ! -e /usr/local/airflow/dags/go ]; do sleep 0.2; done"
        BashOperator(task_id=name, bash_command=until)
"""
CONFIG = """\
[environment]
version = "{version}"

[airflow_options]
"scheduler.scheduler_zombie_task_threshold" = 10
"scheduler.scheduler_health_check_threshold" = 20
"celery.worker_autoscale" = "1,1"
"""


@dataclass(slots=True)
class ContainerEnvironment:
    """A project folder and what `mwaa-local` runs for it; `engine` is empty for the native runtime."""

    folder: Path
    version: str
    engine: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)

    def write(self) -> None:
        """Write the project."""
        (self.folder / "dags").mkdir(parents=True)
        (self.folder / "dags" / "work.py").write_text(DAG_FILE, encoding="utf-8")
        (self.folder / "mwaa-local.toml").write_text(CONFIG.format(version=self.version), encoding="utf-8")

    @property
    def state(self) -> Path:
        """Return the state folder."""
        return self.folder / ".mwaa-local"

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [COMMAND, *arguments],
            cwd=self.folder,
            env={**os.environ, **self.variables},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=BUILD_PATIENCE,
            check=False,
        )

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin a command."""
        return subprocess.Popen(
            [COMMAND, *arguments],
            cwd=self.folder,
            env={**os.environ, **self.variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )

    def succeed(self, *arguments: str, stdin: str = "") -> str:
        """Run a command that must succeed, and return what it prints."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def status(self) -> dict[str, Any]:
        """Return what `status` says."""
        document: dict[str, Any] = json.loads(self.run("status", "--json").stdout)
        return document

    def service(self, name: str) -> dict[str, Any]:
        """Return what `status` says of a service."""
        return next(service for service in self.status()["services"] if service["name"] == name)

    def others(self) -> dict[str, int]:
        """Return the processes of the services that are no workers, by name."""
        services = self.status()["services"]
        return {service["name"]: service["pid"] for service in services if service["role"] != "worker"}

    def workers(self, **wanted: Any) -> set[str]:
        """Return the names of the workers that `status` shows, of those of which it says what is wanted."""
        return {
            service["name"]
            for service in self.status()["services"]
            if service["role"] == "worker"
            and all(service.get(name, False) == value for name, value in wanted.items())
        }

    def see_health(self, after: str) -> None:
        """Wait until every service is healthy."""
        eventually(lambda: self.status()["health"] == "healthy", f"the environment is healthy after {after}")

    def run_dag(self, dag_id: str) -> dict[str, Any]:
        """Run a DAG to its end and return what came of it."""
        done = self.run("run", dag_id, "--json", "--timeout", "180")
        assert done.stdout, done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def remember(self) -> None:
        """Leave a variable and a connection in the metadata."""
        self.succeed("variables", "import", "-", stdin='{"kept": {"value": "a value", "description": null}}')
        connection = {"kept": {"conn_type": "http", "host": "h", "password": "a secret"}}
        self.succeed("connections", "import", "-", stdin=json.dumps(connection))

    def recall(self) -> tuple[Any, Any]:
        """Return the value and the password that are left of that."""
        variables = json.loads(self.succeed("variables", "export"))
        connections = json.loads(self.succeed("connections", "export"))
        return variables.get("kept", {}).get("value"), connections.get("kept", {}).get("password")

    def docker(self, *arguments: str) -> str:
        """Run Docker's own client and return what it prints."""
        command = ["docker", "--host", self.engine, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout

    def compose_project(self) -> str:
        """Return the name of the Compose project."""
        return str(self.status()["compose_project"])

    def containers(self) -> dict[str, str]:
        """Return the names of the containers that run, by service."""
        label = f"label=com.docker.compose.project={self.compose_project()}"
        form = '{{.Label "com.docker.compose.service"}} {{.Names}}'
        lines = self.docker("ps", "--filter", label, "--format", form).splitlines()
        return dict(line.split() for line in lines)

    def kill(self, container: str) -> None:
        """End a container's first process as a crash would: the engine is not asked."""
        pid = int(self.docker("inspect", "--format", "{{.State.Pid}}", container))
        assert pid > 1
        os.kill(pid, signal.SIGKILL)

    def restart_all(self) -> None:
        """Have all containers end and start again, as with the engine or the machine."""
        containers = tuple(self.containers().values())
        self.docker("stop", *containers)
        self.docker("start", *containers)
        self.see_health("all its containers have started again")


def open_engine() -> PrivateEngine:
    """Return the engine that the tests of images share, or the one that is named."""
    given = os.environ.get("MWAA_LOCAL_TEST_ENGINE")
    if given:
        return PrivateEngine(given, Path("/nowhere"))
    problem = engine_problem("3.7") or engine_problem("3.11")
    if problem and os.environ.get("CI") != "true":
        pytest.skip(problem)
    assert not problem
    return shared_engine()


def make_environment(engine: PrivateEngine | None, version: str, folder: Path) -> ContainerEnvironment:
    """Return a project on an engine, or for the native runtime."""
    variables = {"MWAA_LOCAL_WAIT": "300", "MWAA_LOCAL_SCALE_IN_AFTER": "2"}
    if engine is not None:
        cache = Path(os.environ["MWAA_LOCAL_CACHE"])
        bases = {minor: base_image(engine, minor, cache) for minor in {PYTHONS[version], "3.11"}}
        variables |= {
            "DOCKER_HOST": engine.address,
            "MWAA_LOCAL_RUNTIME": "compose",
            "MWAA_LOCAL_BASE_IMAGE": bases[PYTHONS[version]],
            "MWAA_LOCAL_SERVICES_BASE_IMAGE": bases["3.11"],
        }
    made = ContainerEnvironment(folder, version, engine.address if engine else "", variables)
    made.write()
    return made


def move_on(environment: ContainerEnvironment, engine: PrivateEngine, version: str) -> ContainerEnvironment:
    """Return the same project with another version."""
    config = environment.folder / "mwaa-local.toml"
    config.write_text(CONFIG.format(version=version), encoding="utf-8")
    base = base_image(engine, PYTHONS[version], Path(os.environ["MWAA_LOCAL_CACHE"]))
    variables = {**environment.variables, "MWAA_LOCAL_BASE_IMAGE": base}
    return replace(environment, version=version, variables=variables)


def base_image(engine: PrivateEngine, minor: str, cache: Path) -> str:
    """Return the name of a base image, which an engine that was there before may have already."""
    name = f"stand-in/python:{minor}"
    known = engine.docker("images", "--quiet", name).strip()
    return name if known else ensure_base(engine, minor, cache)


def see_nothing_left(environment: ContainerEnvironment) -> None:
    """Destroy an environment and look for what is left of it."""
    if environment.run("status").returncode:
        environment.run("start")
    name = environment.compose_project()
    environment.succeed("destroy", "--yes")
    assert not environment.state.exists()
    if environment.engine:
        for kind in (("ps", "--all"), ("volume", "ls"), ("network", "ls")):
            label = f"label=com.docker.compose.project={name}"
            assert environment.docker(*kind, "--quiet", "--filter", label) == ""
