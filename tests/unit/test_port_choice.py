"""Which ports an environment gets."""

from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.config import EnvironmentConfig
from mwaa_local.config_loading import load_config
from mwaa_local.environment_stack import Ports
from mwaa_local.errors import UsageError
from mwaa_local.project import find_project
from mwaa_local.runtime.port_choice import PortFinder, choose_ports
from mwaa_local.runtime.state import StateFolder
from tests.unit.settings_of_a_project import PLAIN


class Scene:
    """A state folder, a configuration and a machine on which some ports are taken."""

    def __init__(self, root: Path) -> None:
        self.folder = StateFolder(root)
        self.folder.create()
        self.config: EnvironmentConfig = load_config(find_project(PLAIN), {}, {}).config
        self.taken: set[int] = set()
        self.notes: list[str] = []

    def choose(self) -> Ports:
        free = iter(range(40001, 50000))
        finder = PortFinder(
            lambda port: port not in self.taken,
            lambda others: next(port for port in free if port not in self.taken | others),
        )
        return choose_ports(self.config, self.folder, finder, self.notes.append)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / ".mwaa-local")


def test_the_first_time_the_web_server_gets_its_usual_port_and_the_others_free_ones(scene: Scene) -> None:
    assert scene.choose() == Ports(webserver=8080, aws=40001, postgres=40002, doors=40003)
    assert scene.notes == []


def test_ports_are_remembered(scene: Scene) -> None:
    before = scene.choose()
    scene.taken.update(range(40004, 40010))

    assert scene.choose() == before


def test_a_taken_port_is_replaced_and_that_is_said(scene: Scene) -> None:
    scene.choose()
    scene.taken |= {8080, 40002}

    chosen = scene.choose()

    assert {chosen.webserver, chosen.postgres}.isdisjoint({8080, 40002})
    assert chosen.aws == 40001
    assert scene.notes == [
        f"Port 8080 is taken; webserver uses {chosen.webserver}.",
        f"Port 40002 is taken; postgres uses {chosen.postgres}.",
    ]


def test_a_port_that_was_asked_for_is_used(scene: Scene) -> None:
    scene.config = replace(scene.config, aws_port=5000)

    assert scene.choose().aws == 5000


def test_a_port_that_was_asked_for_and_is_taken_is_an_error(scene: Scene) -> None:
    scene.config = replace(scene.config, aws_port=5000)
    scene.taken.add(5000)

    with pytest.raises(UsageError, match=r"Port 5000 for aws is taken on 127\.0\.0\.1\.") as caught:
        scene.choose()
    assert "--aws-port" in caught.value.hint


def test_a_port_cannot_be_asked_for_twice(scene: Scene) -> None:
    scene.config = replace(scene.config, webserver_port=5000, aws_port=5000)

    with pytest.raises(UsageError, match="Port 5000 for aws is taken"):
        scene.choose()


def test_a_port_that_was_asked_for_is_not_given_to_an_earlier_service(scene: Scene) -> None:
    scene.choose()
    scene.config = replace(scene.config, postgres_port=8080)

    chosen = scene.choose()

    assert chosen.postgres == 8080
    assert chosen.webserver != 8080


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff", b'{"webserver": "x", "aws": -1, "postgres": 99999999}', b'{"aws": true}'],
)
def test_damaged_memories_are_forgotten(scene: Scene, content: bytes) -> None:
    scene.folder.ports.write_bytes(content)

    assert scene.choose() == Ports(webserver=8080, aws=40001, postgres=40002, doors=40003)
