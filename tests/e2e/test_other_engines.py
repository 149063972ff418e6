"""Podman, and Compose v2: what we ask of an engine and of Compose, done by those that the other tests do not use.

The image is a shell of this machine, and the file what environments have in theirs: building Airflow's image on each
engine would take minutes. Docker with docker-compose 1.29 is what `test_containers` has whole environments on.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import docker
import pytest
import yaml

from mwaa_local.adapters.commands import SystemCommands
from mwaa_local.adapters.compose_command import InstalledCompose, find_client, find_compose
from mwaa_local.adapters.docker_containers import SdkContainers
from mwaa_local.adapters.docker_engine import SdkEngine, connect_client
from mwaa_local.docker_ports import BuildOrder, ComposeOrder, ContainerOrder, ContainerRecord, LayerOrder
from mwaa_local.errors import ImageBuildError
from mwaa_local.runtime.image import write_context
from mwaa_local.runtime.visitor import client_variables, container_command
from tests.contract.test_docker_engine import layer, write_busybox
from tests.docker_engine import PATIENCE, engine_problem, private_engine
from tests.e2e.local_environment import eventually

pytestmark = pytest.mark.docker

PROJECT = "mwaa-local-others-1a2b3c"
LIMIT = 96 << 20
LIMITS = '["nofile=4096:4096", "nproc=4096:4096"]'


@dataclass(frozen=True, slots=True)
class Place:
    """An engine, and a Compose that is used with it."""

    engine: SdkEngine
    containers: SdkContainers
    compose: InstalledCompose
    address: str
    variables: Mapping[str, str]

    def find(self, service: str) -> ContainerRecord:
        """Return the container of a service."""
        return next(each for each in self.containers.list(PROJECT) if each.service == service)


def missing_podman() -> str:
    """Say why there can be no Podman here; "" if there can."""
    if os.geteuid() != 0:
        return "an engine of our own needs root"
    missing = [name for name in ("podman", "runc", "catatonit") if shutil.which(name) is None]
    return f"{' and '.join(missing)} not installed" if missing else ""


@contextmanager
def private_podman() -> Iterator[str]:
    """Run Podman's service in a folder of its own and yield its address; at the end nothing of it is left."""
    folder = Path(tempfile.mkdtemp(prefix="mwl-podman-"))
    address = f"unix://{folder}/socket"
    # crun refuses machines with both versions of control groups; who may not raise limits needs ones below his own.
    settings = (
        f'[containers]\ndefault_ulimits = {LIMITS}\n[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\n'
    )
    settings += f'events_logger = "file"\n[network]\nnetwork_config_dir = "{folder}/networks"\n'
    (folder / "containers.conf").write_text(settings)
    own = ["podman", "--root", f"{folder}/root", "--runroot", f"{folder}/run", "--tmpdir", f"{folder}/tmp"]
    variables = {**os.environ, "CONTAINERS_CONF": f"{folder}/containers.conf"}
    with (folder / "log").open("wb") as log:
        service = subprocess.Popen(
            [*own, "system", "service", "--time=0", address], env=variables, stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not (folder / "socket").is_socket():
            assert service.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield address
    finally:
        service.send_signal(signal.SIGTERM)
        service.wait(timeout=PATIENCE)
        subprocess.run([*own, "rm", "--all", "--force", "--time", "0"], env=variables, capture_output=True)
        subprocess.run([*own, "system", "reset", "--force"], env=variables, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


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
    found = find_compose(SystemCommands(), os.environ, address)
    if found.version.startswith("1.") is (wanted == "1.29"):
        return found
    legacy = shutil.which("docker-compose") if wanted == "1.29" else None
    if legacy is None:
        # Debian's stable release has only docker-compose 1.29, so that CI skips this too.
        pytest.skip(f"this machine has {found.name}, not Compose {wanted}")
    return replace(found, command=("docker-compose",), version="1.29")


@pytest.fixture(scope="module", params=["podman 1.29", "podman v2", "docker v2"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    name, generation = request.param.split()
    named_compose(generation, "unix:///nowhere")
    with open_engine(name) as address:
        variables = {**os.environ, "DOCKER_HOST": address}
        client, _ = connect_client(variables, Path("/nowhere"), 0)
        files = tmp_path_factory.mktemp("small") / "small.tar"
        write_busybox(files)
        program = find_client(variables, address)
        assert program is not None
        subprocess.run([*program, "import", str(files), "small:1"], check=True, capture_output=True)
        made = SdkContainers(client)
        yield Place(SdkEngine(client, address), made, named_compose(generation, address), address, variables)
        made.remove(PROJECT, volumes=True)
        client.close()


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


def test_an_image_is_built_and_the_step_that_fails_is_named(place: Place, tmp_path: Path) -> None:
    def build(text: str) -> tuple[list[str], str]:
        write_context(tmp_path / "context.tar", {"Dockerfile": text}, {})
        order = BuildOrder(
            tmp_path / "context.tar", "last", "made:1", (), (("mwaa-local.digest", "d1"),), "linux/amd64"
        )
        lines: list[str] = []
        return lines, place.engine.build(order, lines.append).label("mwaa-local.digest")

    first = 'FROM small:1 AS first\nRUN ["/bin/sh", "-c", "echo made > /made"]\n'
    lines, digest = build(f'{first}FROM small:1 AS last\nCOPY --from=first /made /made\nCMD ["true"]\n')
    assert digest == "d1"
    assert any(line.startswith("Step ") and "COPY --from=first" in line for line in lines)
    with pytest.raises(ImageBuildError, match=r"The step `RUN \[.*exit 7.*\]` failed"):
        build('FROM small:1 AS last\nRUN ["/bin/sh", "-c", "echo out of luck; exit 7"]\n')


def test_a_layer_of_archives_makes_an_image(place: Place, tmp_path: Path) -> None:
    text = 'FROM small:1 AS last\nENV WORD=hello\nCMD ["true"]\n'
    write_context(tmp_path / "context.tar", {"Dockerfile": text}, {})
    labels = (("mwaa-local.digest", "d2"),)
    place.engine.build(
        BuildOrder(tmp_path / "context.tar", "last", "team/bare:1", (), labels, "linux/amd64"), print
    )
    archives = (layer(tmp_path, "a"), layer(tmp_path, "b"))
    made = place.engine.add_layer(LayerOrder("team/bare:1", archives, "team/layered:1"))
    assert made.label("mwaa-local.digest") == "d2"
    place.engine.remove_image("team/bare:1")
    found = place.engine.find_image("team/layered:1")
    assert found is not None
    assert (found.id.removeprefix("sha256:"), found.platform) == (
        made.id.removeprefix("sha256:"),
        "linux/amd64",
    )
    lines: list[str] = []
    script = "cat /data/a.txt /data/b.txt; echo; echo $WORD"
    order = ContainerOrder("team/layered:1", ("sh", "-c", script), network=False)
    assert place.engine.run(order, lines.append).exit_code == 0
    assert lines == ["a is hereb is here", "hello"]


def test_a_projects_life(place: Place, tmp_path: Path) -> None:
    place.compose.up(write_project(tmp_path))
    eventually(lambda: (tmp_path / "written" / "seen").exists(), "the program runs")
    assert (tmp_path / "written" / "seen").read_text() == '{"word": "a secret"}'
    eventually(lambda: place.find("migrate").state == "exited", "the migration ends")
    see_what_is_told_of_it(place)
    see_commands_inside(place)
    see_it_come_back(place)
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
