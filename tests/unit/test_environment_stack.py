"""Which processes an environment consists of, and what each of them gets."""

from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.catalog import Role
from mwaa_local.config_loading import FlagValue, load_config
from mwaa_local.environment_stack import OwnFolders, Places, Ports, RolePlan, StackInputs, build_stack
from mwaa_local.project import find_project
from mwaa_local.stack import (
    AliveProbe,
    BeatProbe,
    HttpProbe,
    PostgresProbe,
    ServiceSpec,
    Stack,
    WorkerScaling,
    parse_stack,
    render_stack,
)
from mwaa_local.stack_workers import Rollover
from tests.unit.settings_of_a_project import PLAIN

STATE = Path("/project/.mwaa-local")
OWN = OwnFolders(STATE / "homes", Path("/tmp/own"))
PLACES = Places(Path("/inside"), STATE / "airflow", STATE / "logs", OWN, STATE / "run")
PYTHON = Path("/env/bin/python")


def inputs(version: str = "2.2.2", **flags: FlagValue) -> StackInputs:
    loaded = load_config(find_project(PLAIN), {"version": version, **flags}, {})
    return StackInputs(
        version=loaded.version,
        config=loaded.config,
        ports=Ports(webserver=8080, aws=5000, postgres=5432),
        places=PLACES,
        roles={role: RolePlan(PYTHON, (("AIRFLOW_HOME", "/home"),)) for role in loaded.version.roles},
        postgres_command=("postgres",),
        postgres_environment={"LC_ALL": "C"},
        aws_command=("aws",),
        aws_environment={"AWS_PROFILE": "mine"},
        web_variables={"MWAA_LOCAL_LOGIN_KEY": "the key of sign-ins"},
        host_environment={
            "PATH": "/usr/bin",
            "LANG": "de_DE.UTF-8",
            "AWS_PROFILE": "mine",
            "AIRFLOW_HOME": "/mine",
        },
        update_permissions=False,
        can_fork=True,
        run_id="run-1",
    )


def test_only_the_web_server_knows_the_key_of_sign_ins() -> None:
    stack = build_stack(inputs("2.10.3"))
    knowing = [each.name for each in stack.services if "MWAA_LOCAL_LOGIN_KEY" in dict(each.environment)]
    assert knowing == ["webserver"]
    assert stack.launcher is not None
    assert "MWAA_LOCAL_LOGIN_KEY" not in dict(stack.launcher.environment)
    assert named(stack, "webserver").forked


def named(stack: Stack, name: str) -> ServiceSpec:
    return next(service for service in stack.services if service.name == name)


@pytest.mark.parametrize(
    ("version", "names"),
    [
        ("1.10.12", ["scheduler", "worker", "webserver"]),
        ("2.2.2", ["scheduler", "worker", "webserver"]),
        ("2.7.2", ["scheduler", "worker", "webserver", "triggerer"]),
        ("2.10.3", ["scheduler", "worker", "webserver", "triggerer", "dag-processor"]),
        ("3.0.6", ["scheduler", "worker", "webserver", "triggerer", "dag-processor"]),
    ],
)
def test_a_version_has_its_roles_after_database_and_aws(version: str, names: list[str]) -> None:
    found = [service.name for service in build_stack(inputs(version)).services]

    assert found[:2] == ["postgres", "aws"]
    assert sorted(found[2:]) == sorted(names)


def test_schedulers_and_workers_are_numbered_when_there_are_several() -> None:
    found = [service.name for service in build_stack(inputs(workers="2", schedulers="2")).services]

    assert found[2:] == ["scheduler-1", "scheduler-2", "worker-1", "worker-2", "webserver"]


def test_an_environment_that_scales_has_all_the_workers_that_it_may_need() -> None:
    stack = build_stack(replace(inputs(autoscale=True, max_workers="3"), figures_url="http://figures"))

    assert [service.name for service in stack.services if service.role == Role.WORKER] == [
        "worker-1",
        "worker-2",
        "worker-3",
    ]
    assert stack.scaling == WorkerScaling(1, 3, 5, "http://figures")
    assert parse_stack(render_stack(stack)) == stack
    assert build_stack(inputs()).scaling is None
    assert build_stack(inputs(autoscale=True, executor="local")).scaling is None


@pytest.mark.parametrize(
    ("name", "value", "tasks"),
    [
        ("environment_class", "mw1.medium", 10),
        ("airflow_options", "celery.worker_autoscale=3,1", 3),
        ("airflow_options", "celery.worker_autoscale=many", 5),
    ],
)
def test_a_worker_runs_as_many_tasks_as_its_class_or_an_option_says(
    name: str, value: str, tasks: int
) -> None:
    wishes: dict[str, FlagValue] = {name: value, "autoscale": True}
    scaling = build_stack(inputs("2.2.2", **wishes)).scaling
    assert scaling is not None
    assert scaling.tasks_per_worker == tasks


def test_those_who_want_to_see_workers_go_need_not_wait_two_minutes() -> None:
    wanted = inputs(autoscale=True)
    shell = {**wanted.host_environment, "MWAA_LOCAL_SCALE_IN_AFTER": "2.5"}
    scaling = build_stack(replace(wanted, host_environment=shell)).scaling
    assert scaling is not None
    assert (scaling.idle_seconds, scaling.grace) == (2.5, 120.0)


def test_roles_of_another_generation_differ_and_new_workers_have_names_of_their_own() -> None:
    one, two = (
        build_stack(replace(inputs(), rollover=Rollover(generation, names)))
        for generation, names in (("1", ()), ("2", ("worker-1",)))
    )

    assert [service.name for service in two.services] == [
        "postgres",
        "aws",
        "scheduler",
        "worker-1",
        "webserver",
    ]
    assert named(one, "postgres") == named(two, "postgres")
    assert named(one, "scheduler") != named(two, "scheduler")
    assert named(two, "scheduler").forked


def test_the_local_executor_needs_no_worker() -> None:
    assert "worker" not in [service.name for service in build_stack(inputs(executor="local")).services]


def test_each_worker_has_a_home_of_its_own_and_the_mark_of_the_run() -> None:
    stack = build_stack(inputs(workers="2"))
    first, second = (dict(named(stack, name).environment) for name in ("worker-1", "worker-2"))

    assert first["HOME"] == "/project/.mwaa-local/homes/worker-1/home"
    assert second["TMPDIR"] == "/tmp/own/worker-2"
    assert {first["MWAA_LOCAL_RUN"], second["MWAA_LOCAL_RUN"]} == {"run-1"}
    assert (first["MWAA_LOCAL_SERVICE"], second["MWAA_LOCAL_SERVICE"]) == ("worker-1", "worker-2")


def test_a_role_sees_the_users_language_but_nothing_of_the_users_aws_or_airflow() -> None:
    variables = dict(named(build_stack(inputs()), "scheduler").environment)

    assert variables["LANG"] == "de_DE.UTF-8"
    assert variables["PATH"].split(":") == [
        "/env/bin",
        "/project/.mwaa-local/homes/scheduler/home/.local/bin",
        "/usr/bin",
    ]
    assert variables["AIRFLOW_HOME"] == "/home"
    assert "AWS_PROFILE" not in variables
    assert variables["SPT_NOENV"] == "1"


def test_our_folder_comes_before_a_pythonpath_of_the_user() -> None:
    given = inputs()
    plan = RolePlan(PYTHON, (("PYTHONPATH", "/theirs"),))
    stack = build_stack(replace(given, roles=dict.fromkeys(given.roles, plan)))

    assert dict(named(stack, "worker").environment)["PYTHONPATH"] == "/inside:/theirs"


def test_every_role_needs_database_and_aws_and_is_asked_in_its_own_way() -> None:
    stack = build_stack(inputs("2.10.3"))
    url = "http://127.0.0.1:8080/health"

    assert {service.needs for service in stack.services if service.role} == {("postgres", "aws")}
    assert {service.name: service.probe for service in stack.services} == {
        "postgres": PostgresProbe(5432),
        "aws": HttpProbe("http://127.0.0.1:5000/_mwaa_local/health"),
        "scheduler": HttpProbe(url, "scheduler"),
        "worker": BeatProbe("/project/.mwaa-local/run/worker.beat"),
        "webserver": HttpProbe(url),
        "triggerer": HttpProbe(url, "triggerer"),
        "dag-processor": HttpProbe(url, "dag_processor"),
    }


def test_airflow_3_is_asked_elsewhere() -> None:
    assert named(build_stack(inputs("3.0.6")), "webserver").probe == HttpProbe(
        "http://127.0.0.1:8080/api/v2/monitor/health"
    )


def test_where_nothing_reports_a_heartbeat_a_living_process_is_enough() -> None:
    probes = {service.name: service.probe for service in build_stack(inputs("2.2.2")).services}

    assert AliveProbe(5.0) not in probes.values()
    assert probes["scheduler"] == HttpProbe("http://127.0.0.1:8080/health", "scheduler")


def test_roles_are_forked_where_that_works() -> None:
    stack = build_stack(inputs())

    assert stack.launcher is not None
    assert [service.name for service in stack.services if service.forked] == [
        "scheduler",
        "worker",
        "webserver",
    ]


def test_without_forking_every_role_is_a_program_of_its_own() -> None:
    stack = build_stack(replace(inputs(), can_fork=False))

    assert stack.launcher is None
    assert not any(service.forked for service in stack.services)
    assert named(stack, "worker").command == ("/env/bin/python", "-m", "mwaa_inside.roles", "worker")


@pytest.mark.parametrize(
    "plan",
    [
        RolePlan(Path("/bare/bin/python"), (("AIRFLOW_HOME", "/home"),)),
        RolePlan(PYTHON, (("AIRFLOW_HOME", "/other"),)),
        RolePlan(PYTHON, (("AIRFLOW_HOME", "/home"), ("LD_LIBRARY_PATH", "/lib"))),
    ],
)
def test_a_role_that_would_import_airflow_differently_is_not_forked(plan: RolePlan) -> None:
    given = inputs()
    stack = build_stack(replace(given, roles={**given.roles, Role.WEBSERVER: plan}))

    assert not named(stack, "webserver").forked
    assert named(stack, "worker").forked


def test_the_web_server_writes_its_permissions_only_when_told_to() -> None:
    for wanted in (True, False):
        stack = build_stack(replace(inputs(), update_permissions=wanted))
        webserver = named(stack, "webserver")

        assert dict(webserver.environment)["AIRFLOW__WEBSERVER__UPDATE_FAB_PERMS"] == str(wanted)
        assert webserver.forked
