"""Fixtures for tests of DAGs: the DAGs, a task run with a mocked context, AWS, a run from end to end.

`mwaa-local pytest` loads it. No database is needed, except for `run_dag`, which asks the running environment.
Runs on Python 3.7 and up, with the pytest that `mwaa-local pytest` brings.
"""

import json
import os
import subprocess

import pytest

from mwaa_inside.task_runs import TaskRunner

DAGS = "MWAA_LOCAL_DAGS_FOLDER"
PROGRAM = "MWAA_LOCAL_PROGRAM"
_BAG = []


def load_bag():
    """Read the project's DAG files once per test session."""
    if not _BAG:
        from mwaa_inside.dag_parse import make_empty_bag

        bag = make_empty_bag()
        bag.collect_dags(dag_folder=os.environ[DAGS], **only_known(bag.collect_dags, include_examples=False))
        _BAG.append(bag)
    return _BAG[0]


def only_known(function, **wanted):
    """Return the arguments that this version's function takes."""
    import inspect

    known = inspect.signature(function).parameters
    return {name: value for name, value in wanted.items() if name in known}


def pytest_generate_tests(metafunc):
    """Run a test that asks for `each_dag` once for each DAG."""
    if "each_dag" in metafunc.fixturenames:
        dags = sorted(load_bag().dags.items())
        metafunc.parametrize("each_dag", [dag for _, dag in dags], ids=[dag_id for dag_id, _ in dags])


@pytest.fixture(scope="session")
def dag_folder():
    """Return the path of the project's DAGs folder."""
    return os.environ[DAGS]


@pytest.fixture(scope="session")
def dag_bag():
    """Return Airflow's DagBag of the project: `.dags`, and `.import_errors` of files that cannot be read."""
    return load_bag()


@pytest.fixture(scope="session")
def dag():
    """Return a function that returns one DAG: `dag("my_dag")`."""

    def find(dag_id):
        bag = load_bag()
        if dag_id in bag.dags:
            return bag.dags[dag_id]
        errors = "\n".join("%s: %s" % (path, text) for path, text in bag.import_errors.items())
        known = ", ".join(sorted(bag.dags)) or "none"
        pytest.fail("There is no DAG %r. DAGs: %s.\n%s" % (dag_id, known, errors), pytrace=False)

    return find


@pytest.fixture
def run_task():
    """Return a function that runs one task: `run_task(dag("d").get_task("t"), conf={...}, xcoms={"other": 1})`.

    The context is made up, templates are filled in; what tasks return or push is kept for the tasks that are run after
    them in the same test (`run_task.xcoms`). The result of the task is returned. A deferrable task is resumed with what
    its trigger gives, or with the payloads of `events=[...]`. `run_task.rendered(task)` only fills in the templates,
    `run_task.poke(sensor)` lets a sensor look once.
    """
    return TaskRunner()


@pytest.fixture(scope="session")
def local_aws():
    """Return a function that makes boto3 clients of the environment's own AWS; skips where that does not run."""
    if not os.environ.get("AWS_ENDPOINT_URL"):
        pytest.skip("the environment does not run, or has no local AWS (mwaa-local start)")
    import boto3

    def client(service):
        return boto3.client(service, endpoint_url=os.environ["AWS_ENDPOINT_URL"])

    return client


@pytest.fixture(scope="session")
def run_dag():
    """Return a function that runs a DAG in the running environment and returns what came of it.

    The result is the document of `mwaa-local run --json`; skips where the environment does not run.
    """
    program = json.loads(os.environ.get(PROGRAM, "[]"))
    if not program or not os.environ.get("MWAA_LOCAL_RUNNING"):
        pytest.skip("the environment does not run (mwaa-local start)")

    def run(dag_id, conf=None, timeout=300):
        command = program + ["run", dag_id, "--json", "--timeout", str(timeout)]
        if conf is not None:
            command += ["--conf", json.dumps(conf)]
        # Our own interpreter must not see the variables of the Airflow environment.
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON"))
        }
        done = subprocess.run(command, env=clean, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        text = done.stdout.decode("utf-8", "replace")
        if not text.strip().startswith("{"):
            pytest.fail(
                "mwaa-local run %s: %s" % (dag_id, done.stderr.decode("utf-8", "replace")), pytrace=False
            )
        return json.loads(text)

    return run
