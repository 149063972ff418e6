"""Deploys and rollbacks that lose the connection at each single call, and what the next run makes of it."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Literal

import pytest

from mwaa_local.deploy.receipt import PENDING
from mwaa_local.deploy.receipt_store import receipt_ids
from mwaa_local.errors import AwsError
from tests.deployed_project import DeployedProject, new_deployment
from tests.fakes_aws import (
    ChangingEnvironments,
    FakeObjectStore,
    InterruptedEnvironments,
    InterruptedStore,
    Interruption,
)
from tests.fakes_environment import ENVIRONMENT

Etags = Literal["md5", "parts", "kms"]
FOREIGN = {"dags/theirs.py": "theirs", "elsewhere/x.txt": "theirs too"}
FIRST = {"dags/a.py": "a1", "dags/b.py": "b1", "dags/c.py": "c1", "plugins.zip": "p1"}
SECOND = {
    "dags/a.py": "a1",
    "dags/b.py": "b2",
    "dags/d.py": "d2",
    "plugins.zip": "p2",
    "requirements.txt": "r2",
}


@dataclass
class Scene:
    """A bucket that others use too, in which FIRST was deployed; SECOND is what the project has now."""

    folder: Path
    etags: Etags
    store: FakeObjectStore = field(init=False)
    environments: ChangingEnvironments = field(init=False)
    project: DeployedProject = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self.store = FakeObjectStore(etags=self.etags)
        self.environments = ChangingEnvironments({ENVIRONMENT.name: ENVIRONMENT})
        self.project = DeployedProject(self.folder / "project")
        self.project.deployment = new_deployment(self.project.folder, lock=True)
        self.heal()
        for key, text in FOREIGN.items():
            self.store.write(key, text.encode())
        self._write(FIRST)
        self.project.deploy()
        self._write(SECOND)
        self.project.remove("dags/c.py")

    def _write(self, files: dict[str, str]) -> None:
        for key, text in files.items():
            self.project.put(key, text)

    def interrupt(self, at: int, *, late: bool, for_good: bool) -> Interruption:
        interruption = Interruption(at, late=late, for_good=for_good)
        self.project.store = InterruptedStore(self.store, interruption)
        self.project.environments = InterruptedEnvironments(self.environments, interruption)
        return interruption

    def heal(self) -> None:
        self.project.store, self.project.environments = self.store, self.environments

    def check(self, files: dict[str, str]) -> None:
        """Look whether the bucket has these files and what is others', and the environment what is in the bucket.

        What the environment takes stays too: MWAA cannot take it back, and its next update would fail without.
        """
        environment = self.environments.get(ENVIRONMENT.name)
        assert environment is not None
        sources = (environment.plugins, environment.requirements, environment.startup_script)
        kept = {source.path for source in sources if source} - files.keys()
        found = {key: text for key, text in self.project.in_bucket().items() if key not in kept}
        assert found == {**files, **FOREIGN}
        state = {key for key in self.store.contents() if key.startswith(self.project.target.state)}
        assert not [key for key in state if key.endswith((PENDING, "lock.json"))]
        assert self.project.plan(delete=True).update is None or "requirements.txt" not in files


def interruptions(folder: Path, etags: Etags, action: str) -> Iterator[Scene]:
    """Yield scenes after a run that failed at the first call, at the second, ..., until one runs through."""
    for late, for_good in product((False, True), repeat=2):
        at = 0
        while True:
            at += 1
            scene = Scene(folder / f"{at}{late}{for_good}", etags)
            if action == "roll back":
                scene.project.deploy(delete=True)
            interruption = scene.interrupt(at, late=late, for_good=for_good)
            with suppress(AwsError):
                if action == "deploy":
                    scene.project.deploy(delete=True)
                else:
                    scene.project.roll_back()
            scene.heal()
            if interruption.count < at:
                break
            yield scene


@pytest.mark.parametrize("etags", ["md5", "parts", "kms"])
def test_a_deploy_that_is_interrupted_anywhere_is_finished_by_the_next(tmp_path: Path, etags: Etags) -> None:
    number = 0
    for scene in interruptions(tmp_path, etags, "deploy"):
        number += 1
        plan = scene.project.plan(delete=True)
        assert plan.conflicts == ()
        scene.project.deploy(delete=True)
        scene.check(SECOND)
        assert scene.project.plan(delete=True).steps == ()
    assert number > 80


@pytest.mark.parametrize("etags", ["md5", "parts", "kms"])
def test_a_deploy_that_is_interrupted_anywhere_can_be_taken_back(tmp_path: Path, etags: Etags) -> None:
    for scene in interruptions(tmp_path, etags, "deploy"):
        first = receipt_ids(scene.store, scene.project.target.state)[0]
        scene.project.roll_back(first)
        scene.check(FIRST)
        while scene.project.look().ledger.receipt is not None:
            scene.project.roll_back()
        scene.check({})


@pytest.mark.parametrize("etags", ["md5", "parts", "kms"])
def test_a_rollback_that_is_interrupted_anywhere_is_finished_by_the_next(
    tmp_path: Path, etags: Etags
) -> None:
    for scene in interruptions(tmp_path, etags, "roll back"):
        first = receipt_ids(scene.store, scene.project.target.state)[0]
        scene.project.roll_back(first)
        scene.check(FIRST)
        environment = scene.environments.get(ENVIRONMENT.name)
        assert environment is not None
        assert environment.plugins is not None
        assert scene.store.read("plugins.zip", environment.plugins.version) == b"p1"
