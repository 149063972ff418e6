"""Where a container engine is looked for, and what Podman says in other words than Docker."""

import json
import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import docker
import pytest

from mwaa_local.adapters.build_lines import as_docker_says, build_lines
from mwaa_local.adapters.docker_address import find_address
from mwaa_local.adapters.docker_containers import SdkContainers
from mwaa_local.adapters.docker_engine import connect_engine
from mwaa_local.adapters.docker_files import pack_files, unpack_stream
from mwaa_local.docker_ports import tells_of_full_disk
from mwaa_local.errors import EngineError


@pytest.fixture
def runtime() -> Iterator[Path]:
    """A user's runtime folder, short enough for the names of sockets."""
    with tempfile.TemporaryDirectory(prefix="mwl-") as name:
        folder = Path(name)
        (folder / "podman").mkdir()
        yield folder


def listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    return listener


def leave_behind(path: Path) -> None:
    """Make the socket of an engine that has ended."""
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(path))


def test_the_socket_of_a_users_own_podman_is_found(runtime: Path, tmp_path: Path) -> None:
    path = runtime / "podman" / "podman.sock"
    with closing(listen(path)):
        found = find_address({"XDG_RUNTIME_DIR": str(runtime)}, tmp_path, 1000)
    if not Path("/var/run/docker.sock").exists():
        assert found == f"unix://{path}"


def test_a_socket_that_nobody_listens_at_does_not_hide_one_that_answers(
    runtime: Path, tmp_path: Path
) -> None:
    leave_behind(runtime / "docker.sock")
    path = runtime / "podman" / "podman.sock"
    with closing(listen(path)):
        found = find_address({"XDG_RUNTIME_DIR": str(runtime)}, tmp_path, 1000)
    assert found != f"unix://{runtime}/docker.sock"


def test_a_socket_that_nobody_listens_at_is_named_where_there_is_no_other(
    runtime: Path, tmp_path: Path
) -> None:
    leave_behind(runtime / "podman" / "podman.sock")
    assert find_address({"XDG_RUNTIME_DIR": str(runtime)}, tmp_path, 1000) is not None


def test_what_the_user_says_goes_before_the_context_and_that_before_sockets(
    runtime: Path, tmp_path: Path
) -> None:
    meta = tmp_path / ".docker" / "contexts" / "meta" / "abc"
    meta.mkdir(parents=True)
    (tmp_path / ".docker" / "config.json").write_text('{"currentContext": "mine"}')
    document = {"Name": "mine", "Endpoints": {"docker": {"Host": "unix:///of/the/context"}}}
    (meta / "meta.json").write_text(json.dumps(document))
    variables = {"XDG_RUNTIME_DIR": str(runtime)}
    with closing(listen(runtime / "docker.sock")):
        assert find_address(variables, tmp_path, 1000) == "unix:///of/the/context"
        said = {**variables, "DOCKER_HOST": "tcp://there:2375"}
        assert find_address(said, tmp_path, 1000) == "tcp://there:2375"


@pytest.mark.parametrize(
    ("podman", "docker"),
    [
        ("STEP 6/7: RUN sh /opt/install.sh", "Step 6/7 : RUN sh /opt/install.sh"),
        ("[2/4] STEP 1/9: FROM base AS system", "Step 1/9 : FROM base AS system"),
        ("STEP 3: RUN as Podman 3 says it", "Step 3 : RUN as Podman 3 says it"),
        ("Step 5/7 : RUN x", "Step 5/7 : RUN x"),
        ("--> 914316431538", "--> 914316431538"),
        ("the program says STEP 1/2: no", "the program says STEP 1/2: no"),
    ],
)
def test_podmans_steps_are_told_as_dockers(podman: str, docker: str) -> None:
    assert as_docker_says(podman) == docker


def test_lines_of_a_build_have_no_colours_and_none_is_empty() -> None:
    said = "\x1b[91mE: You don't have enough room.\n\x1b[0m\n\nSTEP 2/2: RUN true\n"
    assert [*build_lines(said)] == ["E: You don't have enough room.", "Step 2/2 : RUN true"]


def test_a_full_disk_is_told_from_what_the_kernel_uv_and_apt_say_of_it() -> None:
    for said in (
        "write /usr/lib/x: no space left on device",
        "error: failed to copy (os error 28)",
        "E: You don't have enough free space in /var/cache/apt/archives/.",
    ):
        assert tells_of_full_disk(said)
    assert not tells_of_full_disk("Err:1 http://mirror.example Temporary failure resolving")


class Told:
    """A client that has been told what a real engine answered."""

    def __init__(self, **facts: Any) -> None:
        self.facts = facts

    def info(self) -> dict[str, Any]:
        return {"NCPU": 2, "MemTotal": 25276116992, **self.facts}


@pytest.mark.parametrize(
    ("facts", "rootless"),
    [
        ({"SecurityOptions": ["name=seccomp,profile=default"], "Rootless": True}, True),  # Podman 4.3.1
        ({"SecurityOptions": ["name=seccomp,profile=default"], "Rootless": False}, False),
        ({"SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"]}, True),  # Docker
        ({"SecurityOptions": None}, False),
    ],
)
def test_a_rootless_engine_is_known_as_such(facts: dict[str, Any], rootless: bool) -> None:
    machine = SdkContainers(cast(docker.DockerClient, Told(**facts))).machine()
    assert (machine.cpus, machine.rootless) == (2, rootless)


def test_an_address_where_nobody_listens_says_so_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="there is no such socket") as caught:
        connect_engine({"DOCKER_HOST": f"unix://{tmp_path}/none"}, tmp_path, 1000)
    assert "DOCKER_HOST" in caught.value.hint


def test_the_context_in_use_says_where_the_engine_is(tmp_path: Path) -> None:
    meta = tmp_path / ".docker" / "contexts" / "meta" / "abc"
    meta.mkdir(parents=True)
    (tmp_path / ".docker" / "config.json").write_text('{"currentContext": "mine"}')
    (meta / "meta.json").write_text('{"Name": "mine", "Endpoints": {"docker": {"Host": "unix:///mine"}}}')
    assert find_address({}, tmp_path, 1000) == "unix:///mine"
    assert find_address({"DOCKER_HOST": "tcp://x:1"}, tmp_path, 1000) == "tcp://x:1"


def test_an_archive_cannot_write_outside_its_folder(tmp_path: Path) -> None:
    archive = pack_files("/", (("../../evil", b"x"),))
    unpack_stream([archive], tmp_path / "out")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["evil"]
    assert (tmp_path / "out" / "evil").exists()


def test_the_sdk_is_the_one_that_is_installed() -> None:
    assert int(docker.__version__.split(".")[0]) >= 7
