"""A project and its bucket, deployed without a command line: where tests of plans, deploys and rollbacks begin."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from mwaa_local.aws_ports import EnvironmentRecord, EnvironmentService, ObjectStore
from mwaa_local.deploy.apply import Run, World, apply_plan
from mwaa_local.deploy.manifest import Manifest, Part, StagedFile
from mwaa_local.deploy.plan import make_plan
from mwaa_local.deploy.plan_steps import Plan, PlanOptions, Step
from mwaa_local.deploy.receipt import Author, Receipt
from mwaa_local.deploy.remote import Remote, look_at_remote
from mwaa_local.deploy.rollback import make_rollback_plan
from mwaa_local.deploy.rollback_history import load_history
from mwaa_local.deployment import DeployedTree, Deployment, S3Layout
from tests.fakes import FakeClock
from tests.fakes_aws import ChangingEnvironments, FakeObjectStore
from tests.fakes_environment import ENVIRONMENT

PARTS = {
    "plugins.zip": Part.PLUGINS,
    "requirements.txt": Part.REQUIREMENTS,
    "startup.sh": Part.STARTUP_SCRIPT,
}


def new_deployment(
    folder: Path, *, bucket: str = "orders", lock: bool = False, prefix: str = ""
) -> Deployment:
    """A deployment of everything in a folder; `prefix` ends with a slash."""
    return Deployment(
        name="staging",
        bucket=bucket,
        region="us-east-1",
        profile=None,
        environment=ENVIRONMENT.name,
        version="2.10.3",
        layout=S3Layout(
            f"{prefix}dags", f"{prefix}plugins.zip", f"{prefix}requirements.txt", f"{prefix}startup.sh"
        ),
        dags=(DeployedTree(folder / "dags", f"{prefix}dags"),),
        plugins=None,
        requirements=None,
        startup_script=None,
        extras=(DeployedTree(folder / "config", f"{prefix}config"),),
        lock=lock,
        state=f"{prefix}.mwaa-local/staging",
    )


@dataclass
class DeployedProject:
    """A folder whose files are keys of the bucket."""

    folder: Path
    store: ObjectStore = field(default_factory=FakeObjectStore)
    environments: EnvironmentService = field(
        default_factory=lambda: ChangingEnvironments({ENVIRONMENT.name: ENVIRONMENT})
    )
    deployment: Deployment | None = None
    clock: FakeClock = field(default_factory=FakeClock)
    said: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    holder: str = "checkout-1"
    on_step: Callable[[Step, int, int], None] | None = None
    runs: int = 0

    @property
    def target(self) -> Deployment:
        self.deployment = self.deployment or new_deployment(self.folder)
        return self.deployment

    def write(self, **files: str) -> None:
        """Write files; `dags__a_py` is dags/a.py."""
        for name, text in files.items():
            self.put(name.replace("__", "/").replace("_py", ".py").replace("_txt", ".txt"), text)

    def put(self, key: str, text: str) -> None:
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def remove(self, key: str) -> None:
        (self.folder / key).unlink()

    def manifest(self) -> Manifest:
        paths = sorted(
            path for path in self.folder.rglob("*") if path.is_file() and "receipts" not in path.parts
        )
        return Manifest("staging", tuple(self._staged(path) for path in paths))

    def _staged(self, path: Path) -> StagedFile:
        file = staged(path, str(path.relative_to(self.folder)))
        return replace(file, key=self.target.layout.dags.removesuffix("dags") + file.key)

    def environment(self) -> EnvironmentRecord | None:
        return self.environments.get(self.target.environment or "")

    def look(self) -> Remote:
        return look_at_remote(self.store, self.target, self.manifest())

    def plan(
        self, *, delete: bool = False, take_over: tuple[str, ...] = (), only: tuple[str, ...] = ()
    ) -> Plan:
        options = PlanOptions(self.target, take_over, delete, only)
        return make_plan(self.manifest(), self.look(), self.environment(), options)

    def deploy(
        self, *, delete: bool = False, take_over: tuple[str, ...] = (), only: tuple[str, ...] = ()
    ) -> Receipt | None:
        remote = self.look()
        options = PlanOptions(self.target, take_over, delete, only)
        plan = make_plan(self.manifest(), remote, self.environment(), options)
        return apply_plan(plan, remote, self.new_run(), self.world())

    def plan_rollback(
        self, wanted: str | None = None, take_over: tuple[str, ...] = ()
    ) -> tuple[Plan, Remote, str | None]:
        remote = look_at_remote(self.store, self.target, Manifest("staging", ()))
        history = load_history(self.store, self.target.state, remote, wanted)
        options = PlanOptions(self.target, take_over)
        plan = make_rollback_plan(history.undone, remote, self.environment(), options)
        return plan, remote, history.target

    def roll_back(self, wanted: str | None = None, take_over: tuple[str, ...] = ()) -> Receipt | None:
        plan, remote, target = self.plan_rollback(wanted, take_over)
        run = replace(self.new_run(), kind="rollback", target=target)
        return apply_plan(plan, remote, run, self.world())

    def new_run(self) -> Run:
        self.runs += 1
        self.clock.time += 1
        author = Author("alice@laptop", commit="c0ffee")
        return Run(self.target, author, token=f"{self.runs:06}", holder=self.holder)

    def world(self) -> World:
        def note(step: Step, done: int, total: int) -> None:
            self.steps.append(step)
            if self.on_step:
                self.on_step(step, done, total)

        receipts = self.folder.parent / "receipts"
        return World(self.store, self.environments, self.clock, receipts, note, self.said.append)

    def in_bucket(self) -> dict[str, str]:
        """What the bucket holds besides our state."""
        found = (record.key for record in self.store.list_objects(""))
        keys = [key for key in found if not key.startswith(self.target.state)]
        return {key: (self.store.read(key) or b"").decode() for key in keys}


def staged(path: Path, key: str) -> StagedFile:
    content = path.read_bytes()
    part = PARTS.get(key) or (Part.DAGS if key.startswith("dags/") else Part.EXTRA)
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return StagedFile(key, path, part, len(content), hashlib.sha256(content).hexdigest(), md5)
