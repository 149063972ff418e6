"""A container engine in memory; `tests/contract/test_docker_engine.py` keeps it honest."""

import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from mwaa_local.docker_ports import (
    BuildOrder,
    ContainerOrder,
    ContainerOutcome,
    EngineFacts,
    ImageRecord,
    LayerOrder,
    RegistryLogin,
)
from mwaa_local.errors import EngineError, ImageBuildError


@dataclass(slots=True)
class FakeEngine:
    """DockerEngine whose images have no content: what a container prints and leaves is said in advance."""

    images: dict[str, ImageRecord] = field(default_factory=dict)
    prints: tuple[str, ...] = ()
    base: tuple[str, ...] = ("python3: 3.7",)
    """What an image says of itself where somebody asks for its Python."""
    leaves: tuple[tuple[str, bytes], ...] = ()
    exit_code: int = 0
    platform: str = ""
    """Of every image that is built; "" for the one that was asked for."""
    failing_step: str = ""
    """The target of a build that fails."""
    orders: list[BuildOrder] = field(default_factory=list)
    contexts: list[tuple[str, ...]] = field(default_factory=list)
    """The names of the files in the context of each build."""
    layers: list[LayerOrder] = field(default_factory=list)
    ran: list[ContainerOrder] = field(default_factory=list)
    pushed: list[tuple[str, str, RegistryLogin | None]] = field(default_factory=list)

    def facts(self) -> EngineFacts:
        """Return what answers."""
        return EngineFacts("Docker", "0", "linux/amd64", "unix:///fake")

    def find_image(self, name: str) -> ImageRecord | None:
        """Return the image of a tag or id."""
        found = (image for image in self.images.values() if name in (image.id, *image.tags))
        return next(found, None)

    def list_images(self, label: str) -> tuple[ImageRecord, ...]:
        """Return the images that carry a label."""
        name, _, value = label.partition("=")
        return tuple(
            image
            for image in self.images.values()
            if name in dict(image.labels) and value in ("", image.label(name))
        )

    def build(self, order: BuildOrder, on_line: Callable[[str], None]) -> ImageRecord:
        """Make an image that has nothing but its labels."""
        self.orders.append(order)
        with tarfile.open(order.context) as archive:
            self.contexts.append(tuple(archive.getnames()))
        on_line("Step 1/1 : FROM fake")
        if order.target == self.failing_step:
            raise ImageBuildError("The step `FROM fake` failed: it was told to", hint="try again")
        image = ImageRecord(
            f"sha256:{len(self.orders)}",
            (order.tag,),
            1_500_000_000,
            self.platform or order.platform,
            order.labels,
        )
        self.images[order.tag] = image
        return image

    def run(self, order: ContainerOrder, on_line: Callable[[str], None]) -> ContainerOutcome:
        """Print what was said, and leave it."""
        if self.find_image(order.image) is None:
            raise EngineError(f"The container engine failed, running {order.image}: No such image")
        if "version_info" in " ".join(order.command):
            for line in self.base:
                on_line(line)
            return ContainerOutcome(0, out_of_memory=False)
        self.ran.append(order)
        for line in self.prints:
            on_line(line)
        if order.outputs_to is not None:
            order.outputs_to.mkdir(parents=True, exist_ok=True)
            for name, content in self.leaves:
                (order.outputs_to / name).write_bytes(content)
        return ContainerOutcome(self.exit_code, out_of_memory=False)

    def add_layer(self, order: LayerOrder) -> ImageRecord:
        """Make an image that has the labels of the one below it."""
        below = self.find_image(order.image)
        if below is None:
            raise EngineError(
                f"The container engine failed, putting packages on {order.image}: No such image"
            )
        self.layers.append(order)
        image = replace(below, id=f"sha256:layer{len(self.layers)}", tags=(order.tag,))
        self.images[order.tag] = image
        return image

    def remove_image(self, name: str) -> None:
        """Remove an image."""
        found = self.find_image(name)
        if found is not None:
            self.images = {tag: image for tag, image in self.images.items() if image.id != found.id}

    def push(self, image: str, to: str, login: RegistryLogin | None, on_line: Callable[[str], None]) -> str:
        """Remember what was pushed."""
        if self.find_image(image) is None:
            raise EngineError(f"The container engine failed, pushing {to}: No such image: {image}")
        self.pushed.append((image, to, login))
        on_line("abc Pushed")
        return "sha256:" + "0" * 64
