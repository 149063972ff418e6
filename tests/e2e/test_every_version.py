"""Every version of the catalogue starts, runs a DAG through its worker and stops, natively and in containers; long.

Set MWAA_LOCAL_EVERY_VERSION=1 to run it, with `-k native` or `-k compose` for one of the runtimes. An engine that keeps
the images is named by MWAA_LOCAL_TEST_ENGINE. Other files do more with some of the versions, at every run.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from mwaa_local.catalog import list_versions, load_version
from tests.docker_engine import PrivateEngine, engine_problem
from tests.e2e.container_environment import ContainerEnvironment, base_image, open_engine

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.skipif(
        os.environ.get("MWAA_LOCAL_EVERY_VERSION") != "1",
        reason="takes ten minutes natively, an hour in containers: set MWAA_LOCAL_EVERY_VERSION=1 to run it",
    ),
]

DAG = """\
from datetime import datetime

from airflow import DAG

try:
    from airflow.operators.bash import BashOperator
except ImportError:
    try:
        from airflow.providers.standard.operators.bash import BashOperator
    except ImportError:
        from airflow.operators.bash_operator import BashOperator

with DAG("hello", start_date=datetime(2024, 1, 1), catchup=False, {schedule}=None) as dag:
    BashOperator(task_id="say", bash_command="echo said at $MWAA_LOCAL_SERVICE")
"""
BROKEN = """
import contextlib, importlib, importlib.util, io, json, logging, pkgutil, warnings

import airflow
try:
    import airflow.providers as top
except ImportError:
    import airflow.contrib as top

logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")
broken = {}
for module in pkgutil.walk_packages(top.__path__, top.__name__ + ".", onerror=lambda name: None):
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            importlib.import_module(module.name)
    except ModuleNotFoundError as error:
        # Many modules are for packages that an environment has not got; but one that it has must be whole.
        package = str(error.name).partition(".")[0]
        if package != "airflow" and importlib.util.find_spec(package) is not None:
            broken[module.name] = str(error)
    except ImportError as error:
        if ".so" in str(error):
            broken[module.name] = str(error)
    except (Exception, SystemExit):
        # A module for another place, as for migrations, or for a provider that is not set up.
        pass
print()
print(json.dumps(broken))
"""
"""Prints which modules of the providers miss a part of a package that is there: images have packages made smaller."""


@pytest.fixture
def environment(version: str, runtime: str, tmp_path: Path) -> Iterator[ContainerEnvironment]:
    """A project of a version that is destroyed at the end."""
    in_containers: Mapping[str, str] = {}
    if runtime == "compose":
        in_containers = container_variables(open_engine(), version)
    variables = {"MWAA_LOCAL_WAIT": "300", "MWAA_LOCAL_RUNTIME": runtime, **in_containers}
    made = ContainerEnvironment(
        tmp_path / f"airflow-{version}", version, in_containers.get("DOCKER_HOST", ""), variables
    )
    (made.folder / "dags").mkdir(parents=True)
    schedule = "schedule" if version.startswith("3") else "schedule_interval"
    (made.folder / "dags" / "hello.py").write_text(DAG.format(schedule=schedule), encoding="utf-8")
    (made.folder / "mwaa-local.toml").write_text(f'[environment]\nversion = "{version}"\n', encoding="utf-8")
    yield made
    made.run("destroy", "--yes")


def container_variables(engine: PrivateEngine, version: str) -> Mapping[str, str]:
    """Return what has commands build on bases that need no registry."""
    minor = load_version(version).python
    problem = engine_problem(minor)
    if problem:
        pytest.skip(problem)
    cache = Path(os.environ["MWAA_LOCAL_CACHE"])
    return {
        "DOCKER_HOST": engine.address,
        "MWAA_LOCAL_BASE_IMAGE": base_image(engine, minor, cache),
        "MWAA_LOCAL_SERVICES_BASE_IMAGE": base_image(engine, "3.11", cache),
    }


@pytest.mark.parametrize("runtime", ["native", pytest.param("compose", marks=pytest.mark.docker)])
@pytest.mark.parametrize("version", list_versions())
def test_a_version_starts_runs_a_dag_and_stops(environment: ContainerEnvironment) -> None:
    environment.succeed("start")
    assert environment.run_dag("hello")["state"] == "success"
    assert "said at worker" in environment.succeed("logs", "--task", "hello.say")
    assert environment.succeed("airflow", "version").splitlines()[-1].strip() == environment.version
    assert json.loads(environment.succeed("python", "-c", BROKEN).splitlines()[-1]) == {}
    environment.succeed("stop")
    assert environment.run("status").returncode == 1
