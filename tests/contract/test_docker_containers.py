"""What belongs to a Compose project on an engine, and its removal: on the fake and on a real engine."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mwaa_local.adapters.docker_containers import SdkContainers
from mwaa_local.adapters.docker_engine import connect_client
from mwaa_local.docker_ports import Containers
from tests.docker_engine import PrivateEngine, engine_problem, private_engine
from tests.fakes_compose import FakeContainers

PROJECT = "mwaa-local-contract-1a2b3c"


@dataclass(frozen=True, slots=True)
class Site:
    """Containers, and how volumes get there."""

    containers: Containers
    engine: PrivateEngine | None

    def make_volume(self, project: str, name: str) -> None:
        """Make a volume as Compose does."""
        if self.engine is None:
            assert isinstance(self.containers, FakeContainers)
            self.containers.volumes.setdefault(project, set()).add(name)
            return
        labels = (f"com.docker.compose.project={project}", f"com.docker.compose.volume={name}")
        options = [part for label in labels for part in ("--label", label)]
        self.engine.docker("volume", "create", *options, f"{project}_{name}")


@pytest.fixture(scope="module", params=["fake", pytest.param("real", marks=pytest.mark.docker)])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    if request.param == "fake":
        yield Site(FakeContainers(), None)
        return
    problem = engine_problem("3.11")
    if problem and os.environ.get("CI") != "true":
        pytest.skip(problem)
    assert not problem
    with private_engine() as engine:
        client, _ = connect_client({"DOCKER_HOST": engine.address}, Path("/nowhere"), 0)
        yield Site(SdkContainers(client), engine)
        client.close()


def test_a_project_that_nobody_knows_has_nothing(site: Site) -> None:
    assert site.containers.list(PROJECT) == ()
    assert not site.containers.remove(PROJECT, volumes=True)
    assert not site.containers.remove_volume(PROJECT, "postgres-2.2.2")


def test_one_volume_is_removed_by_its_name_in_the_file_and_only_of_that_project(site: Site) -> None:
    for project, name in ((PROJECT, "one"), (PROJECT, "two"), (f"{PROJECT}-other", "one")):
        site.make_volume(project, name)
    assert site.containers.remove_volume(PROJECT, "one")
    assert not site.containers.remove_volume(PROJECT, "one")
    assert site.containers.remove_volume(PROJECT, "two")
    assert site.containers.remove_volume(f"{PROJECT}-other", "one")


def test_volumes_stay_unless_their_removal_is_asked_for(site: Site) -> None:
    site.make_volume(PROJECT, "kept")
    assert not site.containers.remove(PROJECT, volumes=False)
    assert site.containers.remove(PROJECT, volumes=True)
    assert not site.containers.remove(PROJECT, volumes=True)


def test_volumes_are_known_by_the_names_that_they_have_in_the_file(site: Site) -> None:
    site.make_volume(PROJECT, "kept")
    assert site.containers.volumes_of(PROJECT) == {"kept"}
    site.containers.remove(PROJECT, volumes=True)
    assert site.containers.volumes_of(PROJECT) == frozenset()


def test_the_machine_has_something(site: Site) -> None:
    machine = site.containers.machine()
    assert machine.cpus >= 1
    assert machine.memory > 0
    assert not machine.rootless
