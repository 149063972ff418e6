"""A project with an engine in memory, and the Compose runtime on both."""

import json
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from mwaa_local.cli.container_aws import ContainerAws
from mwaa_local.config import LoadedConfig
from mwaa_local.config_loading import FlagValue, load_config
from mwaa_local.ports import HttpAnswer
from mwaa_local.project import find_project
from mwaa_local.runtime.backend import NO_WISHES, StartWishes
from mwaa_local.runtime.compose import ComposeRuntime
from mwaa_local.runtime.compose_preparation import ComposeSite
from mwaa_local.runtime.host import Host
from mwaa_local.runtime.leftovers import Watch
from mwaa_local.runtime.port_choice import PortFinder
from tests.fakes import FakeClock, FakeCommands, FakeHttp, FakeProcesses
from tests.fakes_compose import FakeCompose, FakeContainers, FakeImages, QuietProgress

ROLES = ("scheduler", "triggerer", "dag_processor")
HEALTHY = HttpAnswer(200, json.dumps({role: {"status": "healthy"} for role in ROLES}).encode())
FERNET = "k" * 43 + "="


@dataclass(slots=True)
class Site:
    """A project, an engine in memory, and the runtime on both."""

    root: Path
    clock: FakeClock = field(default_factory=FakeClock)
    http: FakeHttp = field(default_factory=FakeHttp)
    commands: FakeCommands = field(default_factory=FakeCommands)
    progress: QuietProgress = field(default_factory=QuietProgress)
    images: FakeImages = field(default_factory=FakeImages)
    containers: FakeContainers = field(init=False)
    compose: FakeCompose = field(init=False)
    runtime: ComposeRuntime = field(init=False)

    def __post_init__(self) -> None:
        (self.root / "dags").mkdir(parents=True)
        self.containers = FakeContainers(self.clock.now)
        self.compose = FakeCompose(self.containers)
        self.runtime = ComposeRuntime(find_project(self.root, {}), self._host(), self._site())

    def _site(self) -> ComposeSite:
        return ComposeSite(
            address="unix:///fake",
            containers=self.containers,
            compose=lambda: self.compose,
            images=self.images,
            aws=ContainerAws({"MWAA_LOCAL_CACHE": str(self.root.parent / "cache")}),
            client=("docker",),
            postgres_answers=lambda _port: True,
            user=(1000, 1000),
        )

    def _host(self) -> Host:
        processes = FakeProcesses()
        return Host(
            commands=self.commands,
            processes=processes,
            clock=self.clock,
            http=self.http,
            environ={},
            cache=self.root.parent / "cache",
            uv=Path("uv"),
            lock=lambda _path: nullcontext(),
            watch=Watch(processes, self.clock, lambda _path: False),
            port_finder=PortFinder(lambda _port: True, self._pick),
            aws=None,  # type: ignore[arg-type]  # of the native runtime
            new_fernet_key=lambda: FERNET,
        )

    def _pick(self, taken: frozenset[int]) -> int:
        return next(port for port in range(9000, 9100) if port not in taken)

    def load(self, **flags: FlagValue) -> LoadedConfig:
        return load_config(self.runtime.project, {"version": "2.2.2", "executor": "local", **flags}, {})

    def answer(self) -> None:
        """Have every service be healthy from now on."""
        for port in (8080, *range(9000, 9010)):
            for path in ("/health", "/api/v2/monitor/health", "/_mwaa_local/health"):
                self.http.answers[f"http://127.0.0.1:{port}{path}"] = HEALTHY

    def start(self, wishes: StartWishes = NO_WISHES, **flags: FlagValue) -> bool:
        return self.runtime.start(self.load(**flags), self.progress, wishes)[1]

    @property
    def name(self) -> str:
        return self.runtime.kept.name()
