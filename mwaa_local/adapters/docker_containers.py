"""Containers over the Docker SDK: what an environment's containers do, and their removal with all that belongs to them.

They are found by the label that every Compose gives them, so that those of an override file are found as well.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import docker
from docker.errors import APIError, NotFound
from docker.models.containers import Container

from mwaa_local.adapters.docker_errors import translated
from mwaa_local.docker_ports import ContainerRecord, EngineMachine

_PROJECT = "com.docker.compose.project"
_SERVICE = "com.docker.compose.service"
_VOLUME = "com.docker.compose.volume"
_ROLE = "mwaa-local.role"
_RUN = "mwaa-local.run"
_LAST = ("aws", "postgres")
"""Services that others need to end well: they are ended after those, in this order."""
_GRACE = 30
_NEVER = "0001-01-01"


class SdkContainers:
    """Containers of one engine."""

    def __init__(self, client: docker.DockerClient) -> None:
        self._client = client

    def machine(self) -> EngineMachine:
        """Return what the engine has."""
        with translated("asked for its machine"):
            found = self._client.info()
        # Docker says it among its security options, Podman (4.3) in a field of its own.
        told = any("rootless" in str(each) for each in found.get("SecurityOptions") or ())
        rootless = told or bool(found.get("Rootless"))
        return EngineMachine(int(found.get("NCPU") or 1), int(found.get("MemTotal") or 0), rootless)

    def list(self, project: str) -> tuple[ContainerRecord, ...]:
        """Return the containers of a project."""
        with translated("asked for its containers"):
            records = [_record(container.attrs) for container in self._of(project)]
        return tuple(sorted(records, key=lambda record: record.service))

    def restart(self, container: ContainerRecord) -> None:
        """Restart a container."""
        with translated(f"restarting {container.name}"):
            self._client.containers.get(container.id).restart(timeout=_GRACE)

    def let_go(self, container: ContainerRecord) -> None:
        """Ask a container to end for good."""
        with translated(f"ending {container.name}"), contextlib.suppress(NotFound):
            found = self._client.containers.get(container.id)
            with contextlib.suppress(APIError):  # an engine that cannot: it may start it again, to no harm
                found.update(restart_policy={"Name": "no"})  # type: ignore[arg-type]  # the stubs have other keys
            found.kill(signal="SIGTERM")

    def discard(self, container: ContainerRecord) -> None:
        """End a container and remove it."""
        with translated(f"removing {container.name}"), contextlib.suppress(NotFound):
            _end(self._client.containers.get(container.id))

    def tail(self, container: ContainerRecord, lines: int) -> tuple[str, ...]:
        """Return the last lines of a container's output."""
        with translated(f"asked for the log of {container.name}"):
            output = self._client.containers.get(container.id).logs(tail=lines)
        return tuple(output.decode("utf-8", "replace").splitlines())

    def remove(self, project: str, *, volumes: bool) -> bool:
        """Remove what belongs to a project."""
        with translated(f"removing the containers of {project}"):
            containers = tuple(self._of(project))
            for group in _in_order(containers):
                # Each takes its time to end; they need not wait for each other.
                with ThreadPoolExecutor(max_workers=max(len(group), 1)) as pool:
                    tuple(pool.map(_end, group))
            networks = self._client.networks.list(filters={"label": f"{_PROJECT}={project}"})
            for network in networks:
                with contextlib.suppress(NotFound):
                    network.remove()
            kept = self._volumes(project) if volumes else []
            for volume in kept:
                with contextlib.suppress(NotFound):
                    volume.remove(force=True)
        return bool(containers or networks or kept)

    def volumes_of(self, project: str) -> frozenset[str]:
        """Return the names of a project's volumes."""
        with translated(f"asked for the volumes of {project}"):
            return frozenset(str(_labels(each.attrs).get(_VOLUME, "")) for each in self._volumes(project))

    def remove_volume(self, project: str, name: str) -> bool:
        """Remove a volume by the name that it has in the Compose file."""
        with translated(f"removing the volume {name} of {project}"):
            found = [each for each in self._volumes(project) if _labels(each.attrs).get(_VOLUME) == name]
            for volume in found:
                with contextlib.suppress(NotFound):
                    volume.remove(force=True)
        return bool(found)

    def _of(self, project: str) -> Iterator[Container]:
        """Yield containers with all that the engine knows of them; one may go while we look."""
        summaries = self._client.api.containers(all=True, filters={"label": f"{_PROJECT}={project}"})
        for summary in summaries:
            with contextlib.suppress(NotFound):
                yield self._client.containers.get(summary["Id"])

    def _volumes(self, project: str) -> Any:
        return self._client.volumes.list(filters={"label": f"{_PROJECT}={project}"})


def _end(container: Container) -> None:
    with contextlib.suppress(NotFound):
        container.stop(timeout=_GRACE if _service(container) in _LAST else 15)
        container.remove(force=True, v=True)


def _in_order(containers: Iterable[Container]) -> Iterator[list[Container]]:
    listed = list(containers)
    yield [each for each in listed if _service(each) not in _LAST]
    for name in _LAST:
        yield [each for each in listed if _service(each) == name]


def _service(container: Container) -> str:
    return str(_labels(container.attrs["Config"]).get(_SERVICE, ""))


def _labels(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    return attributes.get("Labels") or {}


def _record(attributes: Mapping[str, Any]) -> ContainerRecord:
    state, labels = attributes["State"], _labels(attributes["Config"])
    return ContainerRecord(
        id=str(attributes["Id"]),
        name=str(attributes["Name"]).lstrip("/"),
        service=str(labels.get(_SERVICE, "")),
        role=str(labels.get(_ROLE, "")),
        run_id=str(labels.get(_RUN, "")),
        state=str(state.get("Status", "")),
        exit_code=int(state.get("ExitCode") or 0),
        out_of_memory=bool(state.get("OOMKilled")),
        restarts=int(attributes.get("RestartCount") or 0),
        pid=int(state.get("Pid") or 0) or None,
        started=_time(state.get("StartedAt")),
        finished=_time(state.get("FinishedAt")),
    )


def _time(text: str | None) -> float | None:
    """Return seconds since the epoch; engines give more digits of a second than Python reads."""
    if not text or text.startswith(_NEVER):
        return None
    whole, _, rest = text.partition(".")
    fraction = "".join(each for each in rest if each.isdigit())[:6] or "0"
    moment = datetime.fromisoformat(f"{whole.removesuffix('Z')}+00:00")
    return moment.timestamp() + float(f"0.{fraction}")
