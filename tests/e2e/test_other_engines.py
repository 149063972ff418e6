"""Podman, and Compose v2: what we ask of an engine and of Compose, done by those that the other tests do not use.

The image is a shell of this machine, and the file what environments have in theirs: building Airflow's image on each
engine would take minutes. Docker with docker-compose 1.29 is what `test_containers` has whole environments on.
MWAA_LOCAL_TEST_DOCKER_CONFIG names a folder that has Compose v2 among Docker's plugins: no other test shall find it.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import docker
import pytest
import yaml

from mwaa_local.adapters.commands import SystemCommands
from mwaa_local.adapters.compose_command import InstalledCompose, ask_version, find_client, find_compose
from mwaa_local.adapters.docker_containers import SdkContainers
from mwaa_local.adapters.docker_engine import SdkEngine, connect_client
from mwaa_local.config_loading import load_config
from mwaa_local.docker_ports import BuildOrder, ComposeOrder, ContainerOrder, ContainerRecord, LayerOrder
from mwaa_local.errors import ImageBuildError
from mwaa_local.project import find_project
from mwaa_local.runtime.compose_file import build_compose, render_compose
from mwaa_local.runtime.container_reports import has_left
from mwaa_local.runtime.image import write_context
from mwaa_local.runtime.visitor import client_variables, container_command
from mwaa_local.runtime.worker_duties import read_leaves, tell_to_leave
from tests.contract.test_docker_engine import layer
from tests.docker_engine import engine_problem, private_engine
from tests.e2e.local_environment import eventually
from tests.podman_engine import missing_podman, private_podman
from tests.small_image import write_busybox
from tests.unit.settings_of_a_project import PLAIN
from tests.unit.test_compose_file import inputs

pytestmark = pytest.mark.docker

PROJECT = "mwaa-local-others-1a2b3c"
LIMIT = 96 << 20


@dataclass(frozen=True, slots=True)
class Place:
    """An engine, and a Compose that is used with it."""

    containers: SdkContainers
    compose: InstalledCompose
    address: str
    variables: Mapping[str, str]

    def find(self, service: str) -> ContainerRecord:
        """Return the container of a service."""
        return next(each for each in self.containers.list(PROJECT) if each.service == service)


@contextmanager
def open_engine(name: str) -> Iterator[str]:
    problem = missing_podman() if name == "podman" else engine_problem("3.11")
    if problem and os.environ.get("CI") != "true":
        pytest.skip(problem)
    assert not problem
    if name == "podman":
        with private_podman() as address:
            yield address
    else:
        with private_engine() as engine:
            yield engine.address


def named_compose(wanted: str, address: str) -> InstalledCompose:
    """Return a Compose of one generation; skip where this machine has only the other one."""
    variables = dict(os.environ)
    settings = os.environ.get("MWAA_LOCAL_TEST_DOCKER_CONFIG")
    if wanted == "v2" and settings:
        variables["DOCKER_CONFIG"] = settings
    found = find_compose(SystemCommands(), variables, address)
    if found.version.startswith("1.") is (wanted == "1.29"):
        return found
    legacy = ("docker-compose",)
    version = ask_version(legacy, SystemCommands(), found.environ)
    if wanted == "1.29" and version.startswith("1."):
        return replace(found, command=legacy, version=version)
    # Systems that have Compose v2 have no package of the other one.
    assert wanted == "1.29" or os.environ.get("CI") != "true"
    pytest.skip(f"this machine has {found.name}, not Compose {wanted}")


@dataclass(frozen=True, slots=True)
class Opened:
    """An engine with an image of a shell, `small:1`."""

    engine: SdkEngine
    containers: SdkContainers
    address: str


@contextmanager
def with_image(address: str, folder: Path) -> Iterator[Opened]:
    """Give an engine its image."""
    variables = {**os.environ, "DOCKER_HOST": address}
    client, _ = connect_client(variables, Path("/nowhere"), 0)
    files = folder / "small.tar"
    write_busybox(files)
    program = find_client(variables, address)
    assert program is not None
    subprocess.run([*program, "import", str(files), "small:1"], check=True, capture_output=True)
    yield Opened(SdkEngine(client, address), SdkContainers(client), address)
    client.close()


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    with open_engine("podman") as address, with_image(address, tmp_path_factory.mktemp("podman")) as opened:
        yield opened


@pytest.fixture(scope="module")
def dockerd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    with open_engine("docker") as address, with_image(address, tmp_path_factory.mktemp("docker")) as opened:
        yield opened


@pytest.fixture(params=["podman 1.29", "podman v2", "dockerd v2"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    name, generation = request.param.split()
    named_compose(generation, "unix:///nowhere")
    opened: Opened = request.getfixturevalue(name)
    variables = {**os.environ, "DOCKER_HOST": opened.address}
    compose = named_compose(generation, opened.address)
    yield Place(opened.containers, compose, opened.address, variables)
    opened.containers.remove(PROJECT, volumes=True)


def write_project(folder: Path) -> ComposeOrder:
    """Write what the services of environments have, around a program that only waits; an override adds another."""
    (folder / "written").mkdir()
    (folder / "secret.json").write_text('{"word": "a secret"}')
    wait = ["sh", "-c", "cat /run/secrets/told.json > /written/seen; trap 'exit 0' TERM; sleep 1000 & wait"]
    common = {"image": "small:1", "command": wait, "init": True, "restart": "unless-stopped", "user": "0:0"}
    labels = {"mwaa-local.role": "scheduler", "mwaa-local.run": "first", "mwaa-local.service": "scheduler"}
    scheduler = {
        **common,
        "labels": labels,
        "secrets": [{"source": "told", "target": "told.json"}],
        "mem_limit": LIMIT,
        "memswap_limit": LIMIT,
        "cpus": 0.5,
        "ports": ["127.0.0.1::8080"],
        "depends_on": ["postgres"],
        "volumes": [
            {"type": "bind", "source": str(folder / "written"), "target": "/written"},
            {"type": "bind", "source": str(folder / "secret.json"), "target": "/dags", "read_only": True},
        ],
    }
    kept = {"type": "volume", "source": "kept", "target": "/kept"}
    postgres = {**common, "command": ["sh", "-c", "trap 'exit 0' INT TERM; sleep 1000 & wait"]}
    postgres |= {"stop_signal": "SIGINT", "volumes": [kept]}
    migrate = {**common, "command": ["true"], "restart": "on-failure"}
    document = {
        "services": {"scheduler": scheduler, "postgres": postgres, "migrate": migrate},
        "volumes": {"kept": {}},
        "secrets": {"told": {"file": str(folder / "secret.json")}},
    }
    (folder / "compose.yml").write_text(yaml.safe_dump(document))
    override = {"services": {"postgres": {"environment": {"ADDED": "by the override"}}}}
    (folder / "override.yml").write_text(yaml.safe_dump(override))
    return ComposeOrder(PROJECT, (folder / "compose.yml", folder / "override.yml"), folder)


def test_the_file_of_an_environment_is_valid_for_compose_v2(tmp_path: Path) -> None:
    """docker-compose 1.29 is asked in `test_compose_command`."""
    compose = named_compose("v2", "unix:///nowhere")
    config = load_config(find_project(PLAIN), {"version": "3.3.1"}, {}).config
    document = build_compose(inputs("3.3.1", network_mode="private", autoscale=True, max_workers="2"))
    (tmp_path / "compose.yml").write_text(render_compose(document, config))
    command = [*compose.command, "--file", str(tmp_path / "compose.yml"), "config", "--format", "json"]
    answer = SystemCommands().run(command, env=compose.environ, timeout=60)
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert set(json.loads(answer.stdout)["services"]) == set(document["services"])


def test_podman_builds_an_image_and_names_the_step_that_fails(podman: Opened, tmp_path: Path) -> None:
    def build(text: str) -> tuple[list[str], str]:
        write_context(tmp_path / "context.tar", {"Dockerfile": text}, {})
        order = BuildOrder(
            tmp_path / "context.tar", "last", "made:1", (), (("mwaa-local.digest", "d1"),), "linux/amd64"
        )
        lines: list[str] = []
        return lines, podman.engine.build(order, lines.append).label("mwaa-local.digest")

    first = 'FROM small:1 AS first\nRUN ["/bin/sh", "-c", "echo made > /made"]\n'
    lines, digest = build(f'{first}FROM small:1 AS last\nCOPY --from=first /made /made\nCMD ["true"]\n')
    assert digest == "d1"
    assert any(line.startswith("Step ") and "COPY --from=first" in line for line in lines)
    with pytest.raises(ImageBuildError, match=r"The step `RUN \[.*exit 7.*\]` failed"):
        build('FROM small:1 AS last\nRUN ["/bin/sh", "-c", "echo out of luck; exit 7"]\n')


def test_a_layer_of_archives_makes_an_image_on_podman(podman: Opened, tmp_path: Path) -> None:
    text = 'FROM small:1 AS last\nENV WORD=hello\nCMD ["true"]\n'
    write_context(tmp_path / "context.tar", {"Dockerfile": text}, {})
    labels = (("mwaa-local.digest", "d2"),)
    podman.engine.build(
        BuildOrder(tmp_path / "context.tar", "last", "team/bare:1", (), labels, "linux/amd64"), print
    )
    archives = (layer(tmp_path, "a"), layer(tmp_path, "b"))
    made = podman.engine.add_layer(LayerOrder("team/bare:1", archives, "team/layered:1"))
    assert made.label("mwaa-local.digest") == "d2"
    podman.engine.remove_image("team/bare:1")
    found = podman.engine.find_image("team/layered:1")
    assert found is not None
    assert (found.id.removeprefix("sha256:"), found.platform) == (
        made.id.removeprefix("sha256:"),
        "linux/amd64",
    )
    lines: list[str] = []
    script = "cat /data/a.txt /data/b.txt; echo; echo $WORD"
    order = ContainerOrder("team/layered:1", ("sh", "-c", script), network=False)
    assert podman.engine.run(order, lines.append).exit_code == 0
    assert lines == ["a is hereb is here", "hello"]


def test_a_projects_life(place: Place, tmp_path: Path) -> None:
    place.compose.up(write_project(tmp_path))
    seen = tmp_path / "written" / "seen"
    eventually(lambda: seen.exists() and seen.read_text() == '{"word": "a secret"}', "the secret is read")
    eventually(lambda: place.find("migrate").state == "exited", "the migration ends")
    see_what_is_told_of_it(place)
    see_commands_inside(place)
    see_it_come_back(place)
    see_it_leave(place, tmp_path)
    assert place.containers.remove(PROJECT, volumes=False)
    assert place.containers.list(PROJECT) == ()
    assert place.containers.volumes_of(PROJECT) == {"kept"}
    assert place.containers.remove(PROJECT, volumes=True)
    assert not place.containers.remove(PROJECT, volumes=True)


def see_what_is_told_of_it(place: Place) -> None:
    found = place.find("scheduler")
    assert (found.role, found.run_id, found.state) == ("scheduler", "first", "running")
    assert found.pid
    assert abs((found.started or 0) - time.time()) < 600
    assert place.find("migrate").exit_code == 0
    with closing(docker.DockerClient(base_url=place.address)) as client:
        seen = client.containers.get(found.id).attrs
        assert "a secret" not in json.dumps(seen)
        assert seen["HostConfig"]["Memory"] == LIMIT
        (bound,) = seen["NetworkSettings"]["Ports"]["8080/tcp"]
        assert bound["HostIp"] == "127.0.0.1"
        assert "ADDED=by the override" in str(client.containers.get(place.find("postgres").id).attrs)


def see_commands_inside(place: Place) -> None:
    """Run a command as environments do; variables that the caller has not got are no reason to refuse it."""
    client = find_client(place.variables, place.address)
    assert client is not None
    command = container_command(client, place.containers.list(PROJECT), terminal=False)
    entry = command.index("python3")
    script = 'cat; echo "at $MWAA_LOCAL_REQUEST"; exit 5'
    without = {name: value for name, value in place.variables.items() if name not in ("TERM", "NO_COLOR")}
    done = subprocess.run(
        [*command[:entry], "sh", "-c", script],
        env={**client_variables(without), "MWAA_LOCAL_REQUEST": "work"},
        input="words\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (5, "words\nat work\n"), done.stderr


def see_it_come_back(place: Place) -> None:
    before = place.find("scheduler")
    assert before.pid
    os.kill(before.pid, signal.SIGKILL)
    eventually(
        lambda: (after := place.find("scheduler")).state == "running" and after.pid != before.pid,
        "the engine starts it again",
    )
    assert place.find("scheduler").restarts == 1
    place.containers.restart(place.find("scheduler"))
    assert place.find("scheduler").state == "running"


def see_it_leave(place: Place, folder: Path) -> None:
    """Ask a container to end for good: it does, or is seen to have been started again by an engine like Podman 4.3."""
    before = place.find("scheduler")
    place.containers.let_go(before)
    tell_to_leave(folder, "scheduler", 60)
    eventually(lambda: has_left(place.find("scheduler"), read_leaves(folder)), "it has left")
    assert not has_left(before, read_leaves(folder))
