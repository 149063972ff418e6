"""One contract for both runtimes; then containers on a real engine: limits, blows, networks, and that nothing is left.

An engine of this run of tests builds all images, which takes minutes: other files that need them share it.
MWAA_LOCAL_TEST_ENGINE names an engine to use instead, with images that stay; MWAA_LOCAL_TEST_ROUNDS (1) how often a
random container is killed around a stop and a start.
"""

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker_engine import PrivateEngine
from tests.e2e.browser import open_screen, ui_of
from tests.e2e.container_environment import (
    ContainerEnvironment,
    make_environment,
    move_on,
    open_engine,
    see_nothing_left,
)
from tests.e2e.exported_environment import run_exported
from tests.e2e.local_environment import eventually

pytestmark = [pytest.mark.airflow, pytest.mark.docker]

ROUNDS = int(os.environ.get("MWAA_LOCAL_TEST_ROUNDS", "1"))
KEPT = ("a value", "a secret")
PATIENT = ("--airflow-option", "scheduler.scheduler_zombie_task_threshold=300")
SCALED = ("--autoscale", "--max-workers", "2", *PATIENT)
CONTAINERS = pytest.mark.parametrize("environment", ["compose"], indirect=True)


@pytest.fixture(scope="module")
def engine() -> PrivateEngine:
    """The engine that keeps what is built for all files."""
    return open_engine()


@pytest.fixture(scope="module", params=["native", "compose"])
def environment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ContainerEnvironment]:
    """A running environment of 2.2.2; a test may leave it in any state that a start mends."""
    engine = request.getfixturevalue("engine") if request.param == "compose" else None
    made = make_environment(engine, "2.2.2", tmp_path_factory.mktemp(request.param) / "small")
    started = made.run("start")
    assert started.returncode == 0, started.stderr
    yield made
    made.run("destroy", "--yes")


@pytest.fixture
def healthy(environment: ContainerEnvironment) -> ContainerEnvironment:
    """The same, healthy before the test."""
    if environment.run("status").returncode:
        environment.succeed("start")
    return environment


def test_a_second_start_leaves_what_runs_alone(healthy: ContainerEnvironment) -> None:
    before = healthy.status()
    assert json.loads(healthy.succeed("start", "--json"))["started"] is False
    after = healthy.status()
    assert after["health"] == "healthy"
    assert [service["pid"] for service in after["services"]] == [
        service["pid"] for service in before["services"]
    ]
    names = {service["name"] for service in after["services"]}
    assert names == {"postgres", "aws", "scheduler", "worker", "webserver"}


def test_dags_run_through_the_queue_and_a_failure_is_shown_with_its_log(
    healthy: ContainerEnvironment,
) -> None:
    assert healthy.run_dag("quick")["state"] == "success"
    log = healthy.succeed("logs", "--task", "quick.work")
    assert "done by" in log
    assert "at worker" in log
    failed = healthy.run("run", "failing")
    assert failed.returncode == 1
    assert "ValueError: this went wrong" in failed.stdout


def test_programs_run_inside_with_their_streams_and_exit_codes(healthy: ContainerEnvironment) -> None:
    assert healthy.succeed("airflow", "version").strip() == "2.2.2"
    program = "import sys; print(sys.stdin.read().upper()); print('aside', file=sys.stderr); sys.exit(7)"
    done = healthy.run("python", "-c", program, stdin="words")
    assert (done.returncode, done.stdout.strip()) == (7, "WORDS")
    assert "aside" in done.stderr


def test_one_service_is_restarted_alone(healthy: ContainerEnvironment) -> None:
    before = healthy.service("scheduler")["pid"]
    healthy.succeed("restart", "scheduler")
    eventually(lambda: healthy.service("scheduler")["pid"] not in (None, before), "another scheduler runs")
    healthy.see_health("the restart")
    assert "no service 'nonsense'" in healthy.run("restart", "nonsense").stderr


def test_logs_of_services_are_shown(healthy: ContainerEnvironment) -> None:
    assert "Starting the scheduler" in healthy.succeed("logs", "scheduler", "--lines", "500")


def test_stop_and_start_lose_nothing_and_a_reset_loses_all(healthy: ContainerEnvironment) -> None:
    healthy.remember()
    runs = healthy.run_dag("quick")["run_id"]
    healthy.succeed("stop")
    assert healthy.run("status").returncode == 1
    assert healthy.run("airflow", "version").returncode == 1
    healthy.succeed("start")
    assert healthy.recall() == KEPT
    assert runs in healthy.succeed("airflow", "dags", "list-runs", "--dag-id", "quick")
    healthy.succeed("reset-db", "--yes")
    healthy.succeed("start")
    assert healthy.recall() == (None, None)


@CONTAINERS
def test_nothing_secret_is_to_be_seen_of_the_containers_and_nothing_listens_beyond_this_machine(
    healthy: ContainerEnvironment,
) -> None:
    secrets = json.loads((healthy.state / "secrets.json").read_text())
    seen = healthy.docker("inspect", *healthy.containers().values())
    for name in ("fernet_key", "database_password", "admin_password", "token_key", "webserver_secret"):
        assert secrets[name] not in seen, name
    bound = [
        port["HostIp"]
        for each in json.loads(seen)
        for ports in each["NetworkSettings"]["Ports"].values()
        for port in ports or ()
    ]
    assert len(bound) == 4
    assert set(bound) == {"127.0.0.1"}


@CONTAINERS
def test_dags_are_live_and_cannot_be_written_from_inside(healthy: ContainerEnvironment) -> None:
    program = "open('/usr/local/airflow/dags/new.py', 'w')"
    assert "Read-only file system" in healthy.run("python", "-c", program).stderr
    text = (healthy.folder / "dags" / "work.py").read_text()
    text = text[: text.index("with dag")]
    text += 'with dag("fresh") as fresh:\n    BashOperator(task_id="work", bash_command="true")\n'
    (healthy.folder / "dags" / "fresh.py").write_text(text)
    assert healthy.run_dag("fresh")["state"] == "success"


@CONTAINERS
@pytest.mark.browser
def test_the_ui_shows_a_run_in_chromium(healthy: ContainerEnvironment) -> None:
    password = json.loads((healthy.state / "secrets.json").read_text())["admin_password"]
    with open_screen(healthy.status()["url"]) as screen:
        ui = ui_of("2.2.2", screen)
        ui.log_in(password)
        ui.see_dag("quick")
        ui.unpause_and_trigger("quick")
        ui.see_success("quick", "work")


@CONTAINERS
def test_every_container_comes_back_when_it_is_killed_and_nothing_is_lost(
    healthy: ContainerEnvironment,
) -> None:
    healthy.remember()
    for service, container in healthy.containers().items():
        healthy.kill(container)
        eventually(lambda: healthy.service(service)["restarts"] > 0, f"{service} is counted")  # noqa: B023
        healthy.see_health(f"the end of {service}")
    assert healthy.recall() == KEPT
    assert healthy.run_dag("quick")["state"] == "success"


@CONTAINERS
def test_a_task_goes_on_elsewhere_when_its_worker_is_killed(healthy: ContainerEnvironment) -> None:
    following = healthy.begin("run", "slow", "--json", "--timeout", "180")
    worker = healthy.containers()["worker"]
    eventually(lambda: "sleep 10" in healthy.docker("top", worker), "the task runs")
    healthy.kill(worker)
    stdout, _ = following.communicate(timeout=300)
    assert json.loads(stdout)["state"] == "success"


@CONTAINERS
def test_a_container_without_its_network_is_missed_and_recovers(healthy: ContainerEnvironment) -> None:
    network, scheduler = f"{healthy.compose_project()}_default", healthy.containers()["scheduler"]
    healthy.docker("network", "disconnect", network, scheduler)
    eventually(lambda: healthy.status()["health"] == "unhealthy", "the scheduler is missed")
    healthy.docker("network", "connect", "--alias", "scheduler", network, scheduler)
    healthy.see_health("the cut")
    assert healthy.run_dag("quick")["state"] == "success"


@CONTAINERS
def test_a_task_that_needs_more_memory_than_the_class_has_is_killed_and_status_says_so(
    healthy: ContainerEnvironment,
) -> None:
    assert healthy.run_dag("greedy")["state"] == "failed"
    eventually(lambda: bool(healthy.service("worker")["note"]), "the kill is noted")
    assert "killed for want of memory (limit 2 GB)" in healthy.service("worker")["note"]


@CONTAINERS
def test_files_of_containers_belong_to_one_user_and_not_to_the_engine(healthy: ContainerEnvironment) -> None:
    written = [
        path
        for name in ("logs", "airflow/logs", "run/beats")
        for path in (healthy.state / name).rglob("*")
        if not path.is_symlink()
    ]
    assert written
    owner = 1000 if os.getuid() == 0 else os.getuid()
    assert {path.stat().st_uid for path in written} == {owner}


@CONTAINERS
def test_rounds_of_stop_kill_and_start_lose_nothing(healthy: ContainerEnvironment) -> None:
    healthy.remember()
    chosen = random.Random(5)
    for number in range(ROUNDS):
        service, container = chosen.choice(sorted(healthy.containers().items()))
        healthy.kill(container)
        healthy.succeed("stop")
        healthy.succeed("start")
        assert healthy.recall() == KEPT, f"round {number}: {service}"
    assert healthy.run_dag("quick")["state"] == "success"


@CONTAINERS
def test_workers_come_with_the_tasks_and_are_replaced_without_ending_them(
    healthy: ContainerEnvironment,
) -> None:
    healthy.succeed("start", *PATIENT)
    others = healthy.others()
    healthy.succeed("start", *SCALED)
    assert healthy.others() == others, "nothing but workers has changed"
    eventually(lambda: "worker" not in healthy.containers(), "the old worker goes")
    assert {"worker-1", "worker-2"} < set(healthy.containers())
    assert healthy.workers() == {"worker-1"}

    following = healthy.begin("run", "waiting", "--json", "--timeout", "180")
    eventually(lambda: healthy.workers(phase="healthy") == {"worker-1", "worker-2"}, "a worker for each task")
    wanted = {"workers": 2, "minimum": 1, "maximum": 2, "running_tasks": 2, "queued_tasks": 0}
    eventually(lambda: healthy.status()["workers"] == wanted, "status shows both tasks and both workers")

    update = healthy.begin("start", "--graceful", *SCALED, "--airflow-option", "core.default_task_retries=1")
    eventually(lambda: healthy.workers(leaving=True) == {"worker-1", "worker-2"}, "the old ones leave")
    healthy.see_health("the update")
    assert {healthy.others()[name] == others[name] for name in ("postgres", "aws")} == {True}
    assert healthy.run_dag("quick")["state"] == "success"
    assert healthy.workers(leaving=True) == {"worker-1", "worker-2"}
    (healthy.folder / "dags" / "go").touch()
    for command in (update, following):
        command.communicate(timeout=120)
    assert [update.returncode, following.returncode] == [0, 0]
    assert not {"worker-1", "worker-2"} & set(healthy.containers())
    runs = healthy.succeed("airflow", "dags", "list-runs", "--dag-id", "waiting", "--output", "json")
    assert [run["state"] for run in json.loads(runs)] == ["success"]
    eventually(lambda: len(healthy.workers()) == 1, "without tasks one worker is enough")
    needed = healthy.workers()
    healthy.restart_all()
    assert healthy.run_dag("quick")["state"] == "success"
    assert healthy.workers() == needed, "who has slept sleeps on"


@CONTAINERS
def test_another_airflow_on_another_python_takes_metadata_and_requirements_along(
    healthy: ContainerEnvironment, engine: PrivateEngine
) -> None:
    healthy.remember()
    newer = move_on(healthy, engine, "2.10.3")
    (newer.folder / "requirements.txt").write_text("humanize\n")
    started = newer.run("start")
    assert started.returncode == 0, started.stderr
    assert "Carrying the metadata of Airflow 2.2.2 over to 2.10.3" in started.stderr
    assert newer.status()["health"] == "healthy"
    assert newer.recall() == KEPT
    assert newer.run_dag("quick")["state"] == "success"
    version = newer.succeed("python", "-c", "import humanize; print(humanize.__version__)")
    assert version.strip() == "4.11.0"


def test_destroy_leaves_nothing_behind(environment: ContainerEnvironment) -> None:
    see_nothing_left(environment)


@CONTAINERS
def test_an_exported_file_runs_without_mwaa_local_and_a_private_web_server_has_no_way_out(
    environment: ContainerEnvironment, engine: PrivateEngine, tmp_path: Path
) -> None:
    environment.run("stop")
    environment = move_on(environment, engine, "2.2.2")
    (environment.folder / "requirements.txt").unlink(missing_ok=True)
    options = ("--network-mode", "private", *SCALED)
    with run_exported(environment, tmp_path / "exported.yml", *options) as exported:
        eventually(exported.is_healthy, "the web server answers through its gateway, and its door")
        assert [exported.reaches_world(each) for each in ("worker-1", "webserver")] == [True, False]
        exported.see_workers_come_and_go(environment.folder / "dags" / "go")
