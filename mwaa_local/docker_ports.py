"""A container engine (Docker, Podman) as the rest of the package sees it: a Protocol, and the records it exchanges.

`adapters/` holds the real one, `tests/fakes_docker.py` the fake; `tests/contract/` keeps both honest.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

MAKE_ROOM = "make room: `docker system df` shows what the engine keeps"
"""What to do about an engine whose disk is full."""

_SIGNS_OF_FULL_DISK = (
    "no space left on device",
    "os error 28",
    "disk quota exceeded",
    "have enough free space in /",
)
"""What the kernel, programs in Rust, and apt say."""


def tells_of_full_disk(said: str) -> bool:
    """Tell whether an engine, or a program in a container, failed because the engine's disk was full."""
    return any(sign in said.lower() for sign in _SIGNS_OF_FULL_DISK)


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What answers: `Docker` or `Podman`, its version, its own platform (`linux/amd64`), and where it listens."""

    name: str
    version: str
    platform: str
    address: str


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """An image that the engine has."""

    id: str
    tags: tuple[str, ...]
    size: int
    platform: str
    labels: tuple[tuple[str, str], ...]

    def label(self, name: str) -> str:
        """Return the value of a label, "" where it has none."""
        return dict(self.labels).get(name, "")


@dataclass(frozen=True, slots=True)
class BuildOrder:
    """What to build: a context as a tar archive with the Dockerfile in it, up to one of its stages."""

    context: Path
    target: str
    tag: str
    arguments: tuple[tuple[str, str], ...]
    labels: tuple[tuple[str, str], ...]
    platform: str
    use_cache: bool = True


@dataclass(frozen=True, slots=True)
class ContainerOrder:
    """What to run once: `files` are put into `folder` before, and the content of `outputs` is fetched after it.

    Before the files, `archives` are unpacked at the root, as those of a `LayerOrder`.
    """

    image: str
    command: tuple[str, ...]
    user: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    folder: str = "/"
    files: tuple[tuple[str, bytes], ...] = ()
    outputs: str = ""
    outputs_to: Path | None = None
    network: bool = True
    archives: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class LayerOrder:
    """What to put on top of an image, which has a command: archives from the root, as one layer.

    Each is a .tar.gz without an end of its own, so that one after the other they are one archive.
    """

    image: str
    archives: tuple[Path, ...]
    tag: str


@dataclass(frozen=True, slots=True)
class ContainerOutcome:
    """How a container ended: its exit code, and whether the engine killed it for its memory."""

    exit_code: int
    out_of_memory: bool


@dataclass(frozen=True, slots=True)
class EngineMachine:
    """What the engine's machine has; on a rootless engine, root in a container is the user who runs the engine."""

    cpus: int
    memory: int
    rootless: bool


@dataclass(frozen=True, slots=True)
class ContainerRecord:
    """One container of an environment as its engine sees it; times in seconds since the epoch."""

    id: str
    name: str
    service: str
    role: str
    run_id: str
    state: str
    """created, running, paused, restarting, exited or dead."""
    exit_code: int
    out_of_memory: bool
    restarts: int
    pid: int | None
    started: float | None
    finished: float | None


@dataclass(frozen=True, slots=True)
class ComposeOrder:
    """What Compose is to bring up: `files` in the order of their precedence, paths in them relative to `folder`."""

    project: str
    files: tuple[Path, ...]
    folder: Path
    keeps_orphans: bool = False
    """Whether containers stay that the files do not name."""


@dataclass(frozen=True, slots=True)
class RegistryLogin:
    """Who we are to a registry."""

    user: str
    password: str = field(repr=False)


class ImageRegistry(Protocol):
    """A registry that repositories can be made in. Every method raises AwsError."""

    def ensure_repository(self, name: str) -> bool:
        """Make a repository unless it is there; tell whether it was made."""
        ...

    def login(self) -> RegistryLogin:
        """Return who we are to it, for some hours."""
        ...

    def remove_image(self, name: str, tag: str) -> bool:
        """Remove a tag, then the repository if we made it and it is empty; tell whether the tag was there."""
        ...


class DockerEngine(Protocol):
    """One container engine. Every method raises EngineError: what was refused, and what to do next."""

    def facts(self) -> EngineFacts:
        """Return what answers."""
        ...

    def find_image(self, name: str) -> ImageRecord | None:
        """Return the image of a tag or id, None if the engine has none."""
        ...

    def list_images(self, label: str) -> tuple[ImageRecord, ...]:
        """Return the images that carry a label (`name` or `name=value`)."""
        ...

    def build(self, order: BuildOrder, on_line: Callable[[str], None]) -> ImageRecord:
        """Build an image and hand each line of the output to `on_line`; ImageBuildError with the step that failed."""
        ...

    def run(self, order: ContainerOrder, on_line: Callable[[str], None]) -> ContainerOutcome:
        """Run a container to its end, hand each line of its output to `on_line`, and remove it, however that ends."""
        ...

    def add_layer(self, order: LayerOrder) -> ImageRecord:
        """Make an image of another one and of archives; nothing of it stays where that fails."""
        ...

    def remove_image(self, name: str) -> None:
        """Remove an image; no error if there is none, or if another image is built on it: then only its name goes."""
        ...

    def push(self, image: str, to: str, login: RegistryLogin | None, on_line: Callable[[str], None]) -> str:
        """Push an image to `HOST/NAME:TAG` and return its digest; without a login as Docker is logged in there."""
        ...


class Containers(Protocol):
    """The containers of environments on one engine, by Compose project. Every method raises EngineError."""

    def machine(self) -> EngineMachine:
        """Return what the engine has."""
        ...

    def list(self, project: str) -> tuple[ContainerRecord, ...]:
        """Return the containers of a project, whatever their state, by service."""
        ...

    def restart(self, container: ContainerRecord) -> None:
        """Ask a container to end, and start it again."""
        ...

    def let_go(self, container: ContainerRecord) -> None:
        """Ask a container to end for good, in its own time; an engine that cannot be told so starts it again."""
        ...

    def discard(self, container: ContainerRecord) -> None:
        """End a container and remove it; no error if it is gone."""
        ...

    def tail(self, container: ContainerRecord, lines: int) -> tuple[str, ...]:
        """Return the last lines that a container has printed."""
        ...

    def remove(self, project: str, *, volumes: bool) -> bool:
        """Stop and remove a project's containers and networks, and its volumes if asked; tell whether there were any.

        What needs nothing else of the project ends last.
        """
        ...

    def volumes_of(self, project: str) -> frozenset[str]:
        """Return the names that a project's volumes have in its Compose file."""
        ...

    def remove_volume(self, project: str, name: str) -> bool:
        """Remove one of a project's volumes; tell whether there was one."""
        ...


class ComposeProgram(Protocol):
    """Compose, whichever of its programs the machine has."""

    @property
    def name(self) -> str:
        """Return what it is, with its version."""
        ...

    def up(self, order: ComposeOrder) -> None:
        """Create and start what a project consists of; EngineError with what Compose said."""
        ...
