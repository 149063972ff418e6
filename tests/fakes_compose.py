"""Containers, Compose and images in memory; `tests/contract/test_docker_containers.py` keeps the first honest."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from mwaa_local.config import LoadedConfig
from mwaa_local.docker_ports import ComposeOrder, ContainerRecord, EngineMachine
from mwaa_local.errors import EngineError
from mwaa_local.runtime.backend import StartProgress
from mwaa_local.runtime.compose_file import ComposeImages
from mwaa_local.runtime.compose_preparation import ProjectOrder


@dataclass(slots=True)
class FakeContainers:
    """Containers that do what they are told; `now` is when they start."""

    now: Callable[[], float] = lambda: 1_700_000_000.0
    found: dict[str, list[ContainerRecord]] = field(default_factory=dict)
    """By project."""
    volumes: dict[str, set[str]] = field(default_factory=dict)
    prints: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By service."""
    rootless: bool = False
    removals: list[tuple[str, bool]] = field(default_factory=list)
    restarted: list[str] = field(default_factory=list)
    let_go_of: list[str] = field(default_factory=list)
    idle: bool = False
    """Whether those that are let go end at once."""
    starts_again: bool = False
    """Whether those that have ended then are started again: an engine that cannot be told not to."""

    def machine(self) -> EngineMachine:
        """Return a machine with two cores."""
        return EngineMachine(2, 8 << 30, self.rootless)

    def list(self, project: str) -> tuple[ContainerRecord, ...]:
        """Return what there is."""
        return tuple(sorted(self.found.get(project, ()), key=lambda record: record.service))

    def restart(self, container: ContainerRecord) -> None:
        """Note it."""
        self.restarted.append(container.service)

    def let_go(self, container: ContainerRecord) -> None:
        """Note it; it ends at once if it has nothing to do, or when a test says so."""
        self.let_go_of.append(container.service)
        if self.idle:
            for project in self.found:
                self.end(project, container.service)

    def end(self, project: str, service: str) -> None:
        """Have a container end that has been let go."""
        self.change(project, service, state="exited", pid=None)
        if self.starts_again:
            self.change(project, service, state="running", pid=200, started=self.now() + 1.0, restarts=1)

    def discard(self, container: ContainerRecord) -> None:
        """Remove one container."""
        for project, containers in self.found.items():
            self.found[project] = [each for each in containers if each.id != container.id]

    def tail(self, container: ContainerRecord, lines: int) -> tuple[str, ...]:
        """Return what was said in advance."""
        return self.prints.get(container.service, ())[-lines:]

    def remove(self, project: str, *, volumes: bool) -> bool:
        """Remove all of a project."""
        self.removals.append((project, volumes))
        gone = bool(self.found.pop(project, None))
        return bool(volumes and self.volumes.pop(project, None)) or gone

    def volumes_of(self, project: str) -> frozenset[str]:
        """Return what there is."""
        return frozenset(self.volumes.get(project, ()))

    def remove_volume(self, project: str, name: str) -> bool:
        """Remove one volume."""
        known = self.volumes.get(project, set())
        if name not in known:
            return False
        known.remove(name)
        return True

    def change(self, project: str, service: str, **changes: object) -> None:
        """Have something happen to a container."""
        self.found[project] = [
            replace(each, **changes) if each.service == service else each  # type: ignore[arg-type]
            for each in self.found[project]
        ]


@dataclass(slots=True)
class FakeCompose:
    """Compose that starts a container for each service of the file, anew if it has changed; `migrate` ends at once."""

    containers: FakeContainers
    fails: str = ""
    """What it says instead of starting anything."""
    state: str = "running"
    exit_code: int = 0
    restarts: int = 0
    migration: int = 0
    """How migrations end."""
    orders: list[ComposeOrder] = field(default_factory=list)
    ups: list[dict[str, Any]] = field(default_factory=list)
    """What the files said."""
    services: dict[str, Any] = field(default_factory=dict)
    name: str = "docker compose 2.0"

    def up(self, order: ComposeOrder) -> None:
        """Start what the file says."""
        self.orders.append(order)
        if self.fails:
            raise EngineError(f"docker compose could not start the containers:\n    {self.fails}")
        document = yaml.safe_load(order.files[0].read_text(encoding="utf-8"))
        self.ups.append(document)
        self.containers.volumes.setdefault(order.project, set()).update(document["volumes"])
        there = {each.service: each for each in self.containers.found.get(order.project, ())}
        services, before = document["services"], self.services
        self.services = services
        orphans = [each for name, each in there.items() if name not in services and order.keeps_orphans]
        self.containers.found[order.project] = orphans + [
            there[name]
            if name in there and before.get(name) == service
            else self._container(order.project, name, service["labels"])
            for name, service in services.items()
        ]

    def _container(self, project: str, name: str, labels: dict[str, str]) -> ContainerRecord:
        ended = name == "migrate"
        return ContainerRecord(
            id=f"id-{name}-{len(self.orders)}",
            name=f"{project}_{name}_1",
            service=name,
            role=labels["mwaa-local.role"],
            run_id=labels["mwaa-local.run"],
            state="exited" if ended else self.state,
            exit_code=self.migration if ended else self.exit_code,
            out_of_memory=False,
            restarts=0 if ended else self.restarts,
            pid=None if ended else 100,
            started=self.containers.now(),
            finished=None,
        )


@dataclass(slots=True)
class FakeImages:
    """Images that are there, or are built at once."""

    absent: tuple[str, ...] = ()
    fails: str = ""
    """Why none can be built."""
    built: int = 0
    discarded: list[str] = field(default_factory=list)

    def missing(self, loaded: LoadedConfig) -> tuple[str, ...]:
        """Return what was said to be absent."""
        return self.absent

    def ensure(self, loaded: LoadedConfig, progress: StartProgress) -> ComposeImages:
        """Return names."""
        if self.fails:
            raise EngineError(self.fails)
        self.built += 1
        name = f"airflow:{loaded.version.airflow}"
        return ComposeImages(name, name, "services:1")

    def ensure_project(self, airflow: str, order: ProjectOrder, progress: StartProgress) -> str:
        """Return a name."""
        return "project:1" if order.project.requirements else airflow

    def find_version(self, airflow: str) -> str | None:
        """Return a name, unless it was said to be absent."""
        return None if airflow in self.absent else f"airflow:{airflow}"

    def discard(self, image: str) -> None:
        """Note it."""
        self.discarded.append(image)


@dataclass(slots=True)
class QuietProgress:
    """Remembers what was said."""

    said: list[str] = field(default_factory=list)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Note a step."""
        self.said.append(title)
        yield

    @contextmanager
    def following(self, title: str) -> Iterator[Callable[[str], None]]:
        """Note a step."""
        self.said.append(title)
        yield self.said.append

    def note(self, text: str) -> None:
        """Note a remark."""
        self.said.append(text)

    def warn(self, text: str) -> None:
        """Note a warning."""
        self.said.append(f"Warning: {text}")
