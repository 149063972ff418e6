"""The section `checks`: `validate` on 2,000 files; `test-dags` beside `airflow dags list`, in processes, watching."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Figure, ratio
from bench.project import COMMAND
from bench.session import VERSION, Session, say
from bench.timing import run_timed

SLOW_FILE = 0.2
"""Seconds that each of the slow files works when it is read."""

_DAG = '''"""Loads the orders of shop {number}."""

from datetime import datetime, timedelta

from airflow import DAG
from airflow.operators.bash import BashOperator
from airflow.operators.python import PythonOperator
from airflow.providers.amazon.aws.hooks.s3 import S3Hook

BUCKET = "team-orders-{number}"
DEFAULTS = {{"owner": "team", "retries": 2, "retry_delay": timedelta(minutes=5)}}


def extract(ds, **context):
    """Read the file of the day."""
    hook = S3Hook(aws_conn_id="aws_default")
    keys = hook.list_keys(bucket_name=BUCKET, prefix=f"incoming/{{ds}}/") or []
    context["ti"].xcom_push(key="keys", value=keys)
    return len(keys)


def transform(**context):
    """Turn rows into records."""
    keys = context["ti"].xcom_pull(task_ids="extract", key="keys")
    records = [{{"key": key, "shop": {number}}} for key in keys]
    return {{"records": len(records), "shop": "{number}"}}


with DAG(
    dag_id="orders_{number}",
    description="Loads the orders of shop {number}.",
    schedule_interval="{minute} 3 * * *",
    start_date=datetime(2024, 1, 1),
    catchup=False,
    default_args=DEFAULTS,
    tags=["orders", "shop"],
) as dag:
    extracted = PythonOperator(task_id="extract", python_callable=extract)
    transformed = PythonOperator(task_id="transform", python_callable=transform)
    loaded = BashOperator(task_id="load", bash_command="echo {{{{ ds }}}} {number}")
    extracted >> transformed >> loaded
'''


def measure_checks(session: Session) -> Iterator[Figure]:
    """Measure all of it."""
    yield from measure_validate(session)
    yield from measure_listing(session)
    yield from measure_processes(session)
    yield measure_watch(session)


def measure_validate(session: Session) -> Iterator[Figure]:
    """Measure `validate` on files that it has never seen, and again."""
    project = make_project(session.folder / "many", 2000)
    fresh, again = [], []
    for number in range(session.rounds):
        say(f"round {number + 1} of {session.rounds}: validate 2,000 files")
        cache = session.folder / f"validate-cache-{number}"
        fresh.append(ours(project, "validate", cache=cache))
        again.append(ours(project, "validate", cache=cache))
    yield Figure("`validate`, 2,000 DAG files, nothing remembered", "s", tuple(fresh), 1.0)
    yield Figure("the same again, nothing changed", "s", tuple(again), 1.0)


def measure_listing(session: Session) -> Iterator[Figure]:
    """Compare `test-dags` with Airflow's own listing of the same folder, in the same environment."""
    project = make_project(session.folder / "listed", 500)
    say("prepare the environment once")
    ours(project, "test-dags", cache=session.cache)
    airflow = AirflowCommand.make(project, session.folder / "airflow-home")
    airflow.run("db", "init")
    mine, theirs = [], []
    for number in range(session.rounds):
        say(f"round {number + 1} of {session.rounds}: read 500 files")
        write_dags(project, 500, stamp=number)
        mine.append(ours(project, "test-dags", cache=session.cache))
        theirs.append(airflow.run("dags", "list"))
    test = Figure("`test-dags`, 500 files never seen", "s", tuple(mine))
    listing = Figure("`airflow dags list` of the same", "s", tuple(theirs))
    yield test
    yield listing
    yield ratio("`test-dags` / `airflow dags list`", test, listing, 0.5)


def measure_processes(session: Session) -> Iterator[Figure]:
    """Compare two processes with one, on files that each take a while."""
    project = make_project(session.folder / "slow", 0)
    work = f"ended = time.perf_counter() + {SLOW_FILE}\nwhile time.perf_counter() < ended:\n    pass\n"
    for number in range(100):
        text = f"import time\n\nfrom airflow import DAG\n\nprint(DAG)\n{work}"
        (project / "dags" / f"slow_{number}.py").write_text(text)
    ours(project, "test-dags", cache=session.cache)
    one, two = [], []
    for number in range(session.rounds):
        say(f"round {number + 1} of {session.rounds}: read 100 files that each take {SLOW_FILE} s")
        one.append(ours(project, "test-dags", "--processes", "1", cache=session.cache))
        two.append(ours(project, "test-dags", "--processes", "2", cache=session.cache))
    single = Figure(f"`test-dags`, 100 files of {SLOW_FILE} s, 1 process", "s", tuple(one))
    double = Figure("the same, 2 processes", "s", tuple(two))
    yield single
    yield double
    yield ratio("2 processes / 1 process", double, single, 1 / 1.8)


def measure_watch(session: Session) -> Figure:
    """Measure how long after a file was saved `test-dags --watch` has answered."""
    project = make_project(session.folder / "watched", 500)
    with watching(project, session.cache) as answers:
        next(answers)
        times = []
        for number in range(session.rounds):
            say(f"round {number + 1} of {session.rounds}: save a file that is watched")
            time.sleep(0.5)
            began = time.perf_counter()
            file = project / "dags" / f"orders_{number}.py"
            file.write_text(file.read_text() + "# saved\n")
            next(answers)
            times.append(time.perf_counter() - began)
    return Figure("`test-dags --watch`, a saved file among 500", "s", tuple(times), 1.0)


@contextmanager
def watching(project: Path, cache: Path) -> Iterator[Iterator[str]]:
    """Run `test-dags --watch`; yields its summaries, one a round."""
    process = subprocess.Popen(
        [COMMAND, "test-dags", "--watch"],
        cwd=project,
        env=variables(cache),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield (line for line in process.stdout if line.startswith("read "))
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


@dataclass(frozen=True, slots=True)
class AirflowCommand:
    """The `airflow` of a project's environment, with the project's DAGs and a database of its own."""

    python: Path
    variables: dict[str, str]

    @classmethod
    def make(cls, project: Path, home: Path) -> "AirflowCommand":
        """Find the environment that `test-dags` has made."""
        home.mkdir()
        python = next(project.glob(".mwaa-local/environment-*/bin/python"))
        own = {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(project / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "PATH": os.environ["PATH"],
            "HOME": str(home),
        }
        return cls(python, own)

    def run(self, *arguments: str) -> float:
        """Run a command and return how long it takes."""
        return run_timed([str(self.python), "-m", "airflow", *arguments], self.python.parent, self.variables)[
            0
        ]


def make_project(folder: Path, number: int) -> Path:
    """Write a project with this many DAG files."""
    (folder / "dags").mkdir(parents=True)
    (folder / "mwaa-local.toml").write_text(f'[environment]\nversion = "{VERSION}"\n')
    write_dags(folder, number)
    return folder


def write_dags(folder: Path, number: int, stamp: int = 0) -> None:
    """Write DAG files; another stamp makes them other files."""
    for each in range(number):
        text = _DAG.format(number=each, minute=each % 60)
        (folder / "dags" / f"orders_{each}.py").write_text(f"{text}# {stamp}\n")


def ours(project: Path, *arguments: str, cache: Path) -> float:
    """Return how long one of our commands takes; only a crash counts as a failure."""
    return run_timed([COMMAND, *arguments], project, variables(cache), expected=(0, 3))[0]


def variables(cache: Path) -> dict[str, str]:
    """Return the variables of our commands."""
    return {**os.environ, "MWAA_LOCAL_CACHE": str(cache)}
