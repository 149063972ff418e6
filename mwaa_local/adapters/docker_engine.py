"""DockerEngine over the Docker SDK: Docker's and Podman's sockets speak the same language."""

import contextlib
import functools
import socket
import string
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import docker
from docker.errors import ImageNotFound, NotFound

from mwaa_local.adapters.build_lines import build_lines
from mwaa_local.adapters.docker_address import find_address
from mwaa_local.adapters.docker_errors import GENERAL_HINT, LOST, translated
from mwaa_local.adapters.docker_files import chain_archives, pack_files, unpack_stream
from mwaa_local.adapters.docker_output import follow_to_end
from mwaa_local.docker_ports import (
    MAKE_ROOM,
    BuildOrder,
    ContainerOrder,
    ContainerOutcome,
    EngineFacts,
    ImageRecord,
    LayerOrder,
    RegistryLogin,
    tells_of_full_disk,
)
from mwaa_local.errors import EngineError, ImageBuildError

_PATIENCE = 3600
"""Seconds that an answer may take: an installation may be silent for minutes."""
_KEPT = 40
"""So many lines of a step's output are shown when it fails."""
_KILLED = ("exited on killed", "returned a non-zero code: 137", "exit status 137")
"""How Podman and Docker say that a step was killed."""
_REASONS: Mapping[type[OSError], str] = {
    FileNotFoundError: "there is no such socket",
    PermissionError: "you may not use its socket (are you in the group docker?)",
    ConnectionRefusedError: "nobody listens there",
}
_START = "start Docker or Podman, or say where it listens: DOCKER_HOST=unix:///path/to/socket"


def connect_engine(environ: Mapping[str, str], home: Path, uid: int) -> "SdkEngine":
    """Return the engine of this machine; EngineError if none answers."""
    return SdkEngine(*connect_client(environ, home, uid))


def connect_client(environ: Mapping[str, str], home: Path, uid: int) -> tuple[docker.DockerClient, str]:
    """Return the SDK's client of this machine's engine, and where that listens; EngineError if none answers."""
    address = find_address(environ, home, uid)
    if address is None:
        raise EngineError("No container engine was found on this machine.", hint=_START)
    _knock(address)
    try:
        client = docker.DockerClient.from_env(
            version="auto", timeout=_PATIENCE, environment={**environ, "DOCKER_HOST": address}
        )
    except LOST as error:
        text = str(error)
        reason = "nobody listens there." if "Connection refused" in text else text
        raise EngineError(
            f"The container engine at {address} does not answer: {reason}", hint=_START
        ) from error
    # No proxy is between us and a socket, and looking for one takes longer than asking.
    client.api.trust_env = not address.startswith("unix://")
    return client, address


def _knock(address: str) -> None:
    """See that somebody listens at a socket: the SDK's own complaint would be about HTTP."""
    if not address.startswith("unix://"):
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(address.removeprefix("unix://"))
        except OSError as error:
            reason = _REASONS.get(type(error), error.strerror or str(error))
            raise EngineError(
                f"The container engine at {address} does not answer: {reason}.", hint=_START
            ) from error


class SdkEngine:
    """One engine, reached through the SDK's client."""

    def __init__(self, client: docker.DockerClient, address: str) -> None:
        self._client = client
        self._address = address

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def facts(self) -> EngineFacts:
        """Return what answers."""
        with _translated("asked for its version"):
            version = self._client.version()
        parts = [str(part.get("Name", "")) for part in version.get("Components") or ()]
        name = "Podman" if any("podman" in part.lower() for part in parts) else "Docker"
        platform = f"{version.get('Os', 'linux')}/{version.get('Arch', '')}"
        return EngineFacts(name, str(version.get("Version", "")), platform, self._address)

    def find_image(self, name: str) -> ImageRecord | None:
        """Return the image of a tag or id, None if the engine has none."""
        with _translated(f"asked for the image {name}"):
            try:
                return _record(self._client.images.get(name).attrs)
            except ImageNotFound:
                return None

    def list_images(self, label: str) -> tuple[ImageRecord, ...]:
        """Return the images that carry a label."""
        with _translated("asked for its images"):
            return tuple(_record(image.attrs) for image in self._client.images.list(filters={"label": label}))

    def build(self, order: BuildOrder, on_line: Callable[[str], None]) -> ImageRecord:
        """Build an image; ImageBuildError with the step that failed and its last lines."""
        step, lines, error = "", list[str](), ""
        with _translated("building an image"), order.context.open("rb") as context:
            answers: Iterator[dict[str, Any]] = self._client.api.build(
                fileobj=context,
                custom_context=True,
                decode=True,
                rm=True,
                forcerm=True,
                nocache=not order.use_cache,
                target=order.target,
                tag=order.tag,
                buildargs=dict(order.arguments),
                labels=dict(order.labels),
                platform=order.platform,
            )
            for answer in answers:
                # Read to the end even so: an answer that is left half read keeps its connection.
                error = str(answer.get("error", "")) or error
                for line in build_lines(str(answer.get("stream", ""))):
                    if line.startswith("Step "):
                        step, lines = line, []
                    else:
                        lines.append(line)
                    on_line(line)
        if error:
            raise _build_error(_filled_in(step, order), lines, error)
        image = self.find_image(order.tag)
        if image is None:
            raise ImageBuildError(f"The engine has built {order.tag} but does not show it.")
        return image

    def run(self, order: ContainerOrder, on_line: Callable[[str], None]) -> ContainerOutcome:
        """Run a container to its end and remove it."""
        with _translated(f"running {order.image}"):
            container = self._client.containers.create(
                order.image,
                # As the entry program: a base image may have one of its own.
                entrypoint=list(order.command),
                user=order.user,
                environment=dict(order.environment),
                network_mode="bridge" if order.network else "none",
            )
            try:
                if order.archives:
                    container.put_archive("/", chain_archives(order.archives))
                if order.files:
                    container.put_archive("/", pack_files(order.folder, order.files))
                container.start()
                code = follow_to_end(container, on_line)
                container.reload()
                if order.outputs_to is not None:
                    stream, _ = container.get_archive(order.outputs)
                    unpack_stream(stream, order.outputs_to)
                return ContainerOutcome(code, bool(container.attrs["State"].get("OOMKilled")))
            finally:
                with contextlib.suppress(NotFound):
                    container.remove(force=True, v=True)

    def add_layer(self, order: LayerOrder) -> ImageRecord:
        """Make an image of another one and of archives, in a container that never starts."""
        repository, _, tag = order.tag.rpartition(":")
        with _translated(f"putting packages on {order.image}"):
            container = self._client.containers.create(order.image)
            try:
                container.put_archive("/", chain_archives(order.archives))
                container.commit(repository, tag)
                return _record(self._client.images.get(order.tag).attrs)
            finally:
                with contextlib.suppress(NotFound):
                    container.remove(force=True, v=True)

    def remove_image(self, name: str) -> None:
        """Remove an image; no error if there is none."""
        with _translated(f"removing the image {name}"), contextlib.suppress(ImageNotFound):
            # What has no name may hang on a container that a failed build has left: nobody can start that by name.
            self._client.images.remove(name, force=name.startswith("sha256:"))

    def push(self, image: str, to: str, login: RegistryLogin | None, on_line: Callable[[str], None]) -> str:
        """Push an image and return its digest."""
        repository, _, tag = to.rpartition(":")
        digest, error = "", ""
        with _translated(f"pushing {to}"):
            self._client.api.tag(image, repository, tag)
            auth = {"username": login.user, "password": login.password} if login else None
            try:
                answers = self._client.api.push(repository, tag, stream=True, decode=True, auth_config=auth)
                for answer in answers:
                    error = str(answer.get("error", "")) or error
                    digest = str((answer.get("aux") or {}).get("Digest", "")) or digest
                    if answer.get("status"):
                        on_line(f"{answer.get('id', '')} {answer['status']}".strip())
            finally:
                # The name was only needed on the way out.
                self._client.images.remove(to, noprune=True)
        if error or not digest:
            raise EngineError(
                f"{to} was not pushed: {error or 'the registry gave no digest'}",
                hint="log in to the registry (`docker login HOST`), and see that you may push there",
            )
        return digest


def _record(attributes: Mapping[str, Any]) -> ImageRecord:
    labels = (attributes.get("Config") or {}).get("Labels") or {}
    return ImageRecord(
        id=str(attributes["Id"]),
        tags=tuple(attributes.get("RepoTags") or ()),
        size=int(attributes.get("Size") or 0),
        platform=f"{attributes.get('Os', '')}/{attributes.get('Architecture', '')}",
        labels=tuple(sorted((str(name), str(value)) for name, value in labels.items())),
    )


def _filled_in(step: str, order: BuildOrder) -> str:
    """Return a step with the name of the image that it begins with; other arguments are long, and known."""
    if " FROM " not in f" {step}":
        return step
    return string.Template(step).safe_substitute(dict(order.arguments))


def _build_error(step: str, lines: list[str], error: str) -> ImageBuildError:
    shown = "\n".join(f"    {line}" for line in lines[-_KEPT:])
    where = f"The step `{step.partition(' : ')[2] or step}` failed" if step else "The image cannot be built"
    if "exec format error" in shown + error:
        return ImageBuildError(
            f"{where}: this engine cannot run programs of another platform.",
            hint="install QEMU's binfmt support on the machine of the engine, or build for its own --platform",
        )
    message = f"{where}: {error.strip()}" + (f"\n{shown}" if shown else "")
    hint = "the lines above are the step's own; Debian's mirrors and the package index must be reachable"
    if any(words in error for words in _KILLED):
        hint = "the engine was stopped, or short of memory: see to that, then run the command again"
    if tells_of_full_disk(message):
        hint = MAKE_ROOM
    elif " FROM " in f" {step}":
        hint = "see that the engine reaches the registry, or build on an image that it has: --base-image NAME"
    return ImageBuildError(message, hint=hint)


def _advice(reason: str) -> str:
    low = reason.lower()
    if tells_of_full_disk(reason):
        return MAKE_ROOM
    if "pull access denied" in low or "manifest unknown" in low or "not found" in low:
        return "check the name of the base image (--base-image), and that you are logged in where it lies"
    if "in use" in low or "being used" in low:
        return "a container still uses it: stop that first"
    return GENERAL_HINT


_translated = functools.partial(translated, advise=_advice)
