"""What the Compose file of an environment says: services, limits, networks, mounts; and what it does not say."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from mwaa_local.class_limits import CLASS_CONTAINERS
from mwaa_local.config import EnvironmentClass
from mwaa_local.config_loading import FlagValue, load_config
from mwaa_local.environment_stack import Ports
from mwaa_local.project import find_project
from mwaa_local.runtime.compose_file import (
    ComposeImages,
    ComposeInputs,
    ComposePlaces,
    build_compose,
    render_compose,
)
from tests.unit.settings_of_a_project import PLAIN

STATE = Path("/project/.mwaa-local")
GIB = 1 << 30


def inputs(version: str = "2.10.3", **flags: FlagValue) -> ComposeInputs:
    project = find_project(PLAIN)
    loaded = load_config(project, {"version": version, **flags}, {})
    return ComposeInputs(
        loaded=loaded,
        project=project,
        name="mwaa-local-orders-1a2b3c",
        ports=Ports(webserver=8080, aws=5000, postgres=5432, doors=5001),
        images=ComposeImages("airflow:1", "project:1", "services:1"),
        places=ComposePlaces(STATE, STATE / "compose", Path("/cache/authority")),
        aws_arguments=("--port", "4566"),
        aws_mounts=((Path("/elsewhere/secrets.yaml"), "/run/files/secrets.yaml"),),
        cpus=64,
        run_id="run-1",
    )


def services(version: str = "2.10.3", **flags: FlagValue) -> dict[str, Any]:
    found: dict[str, Any] = build_compose(inputs(version, **flags))["services"]
    return found


def targets(service: dict[str, Any]) -> dict[str, str]:
    return {volume["target"]: volume["source"] for volume in service["volumes"]}


@pytest.mark.parametrize(
    ("version", "roles"),
    [
        ("1.10.12", ["scheduler", "worker", "webserver"]),
        ("2.2.2", ["scheduler", "worker", "webserver"]),
        ("2.10.3", ["scheduler", "worker", "webserver", "triggerer", "dag-processor"]),
        ("3.0.6", ["scheduler", "worker", "webserver", "triggerer", "dag-processor"]),
    ],
)
def test_the_services_are_those_of_the_native_stack_and_a_migration(version: str, roles: list[str]) -> None:
    found = services(version)
    assert set(found) == {"postgres", "aws", "migrate", *roles}
    assert [found[name]["labels"]["mwaa-local.role"] for name in roles] == roles


def test_several_workers_and_schedulers_are_containers_of_their_own() -> None:
    found = services("2.10.3", workers="2", schedulers="2")
    assert {"scheduler-1", "scheduler-2", "worker-1", "worker-2"} < set(found)
    assert found["worker-2"]["environment"]["MWAA_LOCAL_SERVICE"] == "worker-2"
    assert "/run/mwaa-local/worker-2.beat" in found["worker-2"]["healthcheck"]["test"][-1]


def test_a_local_executor_needs_no_worker() -> None:
    assert not [name for name in services(executor="local") if name.startswith("worker")]


def test_every_port_is_published_on_loopback_only() -> None:
    published = [port for service in services().values() for port in service.get("ports", ())]
    assert sorted(published) == [
        "127.0.0.1:5000:4566",
        "127.0.0.1:5001:5001",
        "127.0.0.1:5432:5432",
        "127.0.0.1:8080:8080",
    ]


@pytest.mark.parametrize("chosen", EnvironmentClass)
def test_roles_have_the_memory_of_their_class_and_no_swap(chosen: EnvironmentClass) -> None:
    found = services("2.2.2", environment_class=chosen.value)
    for name, size in (
        ("worker", CLASS_CONTAINERS[chosen].worker),
        ("webserver", CLASS_CONTAINERS[chosen].webserver),
    ):
        limits = [found[name][key] for key in ("mem_limit", "memswap_limit", "cpus")]
        assert limits == [size.memory * GIB, size.memory * GIB, float(size.cpus)]


def test_no_container_asks_for_more_cpus_than_the_engine_has() -> None:
    made = build_compose(replace(inputs(environment_class="mw1.xlarge"), cpus=2))["services"]
    assert (made["worker"]["cpus"], made["worker"]["mem_limit"]) == (2.0, 24 * GIB)


def test_dags_and_plugins_can_be_read_and_not_written() -> None:
    for volume in services()["scheduler"]["volumes"]:
        if volume["target"].startswith("/usr/local/airflow/") and not volume["target"].endswith("/logs"):
            assert volume["read_only"] is True
    assert {"/usr/local/airflow/dags", "/usr/local/airflow/plugins"} < set(targets(services()["scheduler"]))


def test_before_requirements_reach_the_web_server_it_has_neither_them_nor_plugins() -> None:
    assert not inputs("2.0.2").loaded.version.requirements_on_webserver
    bare, other = services("2.0.2")["webserver"], services("2.10.3")["webserver"]
    assert (bare["image"], other["image"]) == ("airflow:1", "project:1")
    assert ["/usr/local/airflow/plugins" in targets(each) for each in (bare, other)] == [False, True]


def test_a_private_web_server_has_no_way_out_and_a_gateway_for_its_port() -> None:
    document = build_compose(inputs(network_mode="private"))
    found = document["services"]
    assert document["networks"] == {"inner": {"internal": True}, "outer": {}}
    assert found["webserver"]["networks"] == ["inner"]
    assert "ports" not in found["webserver"]
    assert found["gateway"]["ports"] == ["127.0.0.1:8080:8080"]
    assert found["gateway"]["command"][-2:] == ["8080", "webserver:8080"]
    assert found["worker"]["networks"] == ["inner", "outer"]
    assert "gateway" not in services()


def test_the_endpoint_is_found_by_every_name_that_boto3_makes_of_it() -> None:
    assert services()["aws"]["networks"] == {"default": {"aliases": ["api.aws", "env.aws", "ops.aws"]}}


def test_files_that_the_endpoint_reads_are_mounted_read_only() -> None:
    assert services()["aws"]["volumes"][-1] == {
        "type": "bind",
        "source": "/elsewhere/secrets.yaml",
        "target": "/run/files/secrets.yaml",
        "read_only": True,
    }


def test_each_version_has_a_database_volume_of_its_own() -> None:
    assert set(build_compose(inputs("2.2.2"))["volumes"]) == {"postgres-2.2.2", "commands"}
    assert targets(services("2.2.2")["postgres"])["/var/lib/postgresql/data"] == "postgres-2.2.2"


def test_secrets_are_files_and_no_variable() -> None:
    document = build_compose(inputs())
    assert set(document["secrets"]) == {"roles", "postgres", "aws"}
    assert {name for each in document["services"].values() for name in each["environment"]} == {
        "MWAA_LOCAL_LOG",
        "MWAA_LOCAL_ROLE",
        "MWAA_LOCAL_RUN",
        "MWAA_LOCAL_SERVICE",
        "PYTHONPATH",
    }


@pytest.mark.parametrize("name", ["a $b ${c}", "a: b", "<state>", "ümläut #1", "'\"\\"])
def test_a_folder_may_have_any_name(name: str) -> None:
    made = inputs()
    folder = Path("/projects") / name
    made = replace(made, project=replace(made.project, dags=folder / "dags"))
    read = yaml.safe_load(render_compose(build_compose(made), made.loaded.config))
    mounted = targets(read["services"]["scheduler"])["/usr/local/airflow/dags"]
    assert mounted.replace("$$", "$") == f"{folder}/dags"
    assert "$" not in mounted.replace("$$", "")


def test_equal_inputs_give_equal_files() -> None:
    first, second = (render_compose(build_compose(inputs()), inputs().loaded.config) for _ in range(2))
    assert first == second
    assert json.dumps(build_compose(inputs())) == json.dumps(build_compose(inputs()))
