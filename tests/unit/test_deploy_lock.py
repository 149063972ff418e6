"""The lock object that keeps two deploys apart."""

from pathlib import Path

import pytest

from mwaa_local.deploy.lock import STALE, Lock, render_lock
from mwaa_local.errors import AwsError, ConflictError
from tests.deployed_project import DeployedProject, new_deployment
from tests.fakes_aws import FakeObjectStore

KEY = ".mwaa-local/staging/lock.json"


def new_project(folder: Path, store: FakeObjectStore, holder: str = "one") -> DeployedProject:
    (folder / "project").mkdir(parents=True)
    project = DeployedProject(folder / "project", store=store, holder=holder)
    project.deployment = new_deployment(project.folder, lock=True)
    project.put(f"dags/{holder}.py", "1")
    return project


def test_a_lock_keeps_two_deploys_apart_and_is_removed_at_the_end(tmp_path: Path) -> None:
    store = FakeObjectStore()
    one = new_project(tmp_path / "one", store, "one")
    other = new_project(tmp_path / "other", store, "other")
    hints: list[str] = []

    def deploy_too(*_: object) -> None:
        with pytest.raises(ConflictError, match="alice@laptop is deploying this too: that began") as raised:
            other.deploy()
        hints.append(raised.value.hint)

    one.on_step = deploy_too
    one.deploy()
    assert hints == ["Wait until it has ended. If it was killed, take its lock: add --break-lock."]
    other.deploy()
    assert sorted(one.in_bucket()) == ["dags/one.py", "dags/other.py"]
    assert KEY not in store.contents()


@pytest.mark.parametrize(
    ("holder", "age", "said"),
    [
        ("one", 60.0, "Took the lock of an earlier run of this checkout."),
        ("other", STALE + 60, "Took the lock of bob@desk, who began 2 hours ago."),
    ],
)
def test_a_lock_that_is_left_over_is_taken(tmp_path: Path, holder: str, age: float, said: str) -> None:
    store = FakeObjectStore()
    project = new_project(tmp_path, store)
    store.write(KEY, render_lock(Lock(holder, "bob@desk", project.clock.time - age)))
    project.deploy()
    assert project.in_bucket() == {"dags/one.py": "1"}
    assert project.said == [said]


def test_what_is_no_lock_of_ours_does_not_hold_anybody_up(tmp_path: Path) -> None:
    store = FakeObjectStore()
    store.write(KEY, b"not JSON")
    new_project(tmp_path, store).deploy()
    assert KEY not in store.contents()


def test_a_lock_that_cannot_be_removed_is_said_and_does_not_fail_the_deploy(tmp_path: Path) -> None:
    project = new_project(tmp_path, Undeletable())
    assert project.deploy() is not None
    assert project.said == [f"The lock {KEY} could not be removed: No."]


class Undeletable(FakeObjectStore):
    """A bucket whose lock nobody may delete."""

    def delete(self, key: str) -> None:
        if key == KEY:
            raise AwsError("No.")
        FakeObjectStore.delete(self, key)
