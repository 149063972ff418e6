"""What runs an environment, as the commands see it: native processes or containers, with the same methods."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from mwaa_local.catalog import MwaaVersion
from mwaa_local.config import LoadedConfig, Project
from mwaa_local.runtime.host import Host, Progress
from mwaa_local.runtime.metadata import MetadataClient
from mwaa_local.runtime.start_record import StartRecord
from mwaa_local.runtime.state import ServiceReport, StateFolder


@dataclass(frozen=True, slots=True)
class StartWishes:
    """How to go over from what runs, or ran, to what is asked for; nothing of it outlasts the start."""

    graceful: bool = False
    """Let workers end what they run."""
    carry_over: bool | None = None
    """Whether another version takes the metadata over; None: where that loses nothing."""


NO_WISHES = StartWishes()


class StartProgress(Progress, Protocol):
    """Shows steps, and what is going on in a long one."""

    def following(self, title: str) -> AbstractContextManager[Callable[[str], None]]:
        """Show `title`, and what is going on as it is told."""
        ...


class Runtime(Protocol):
    """One project's environment."""

    @property
    def project(self) -> Project:
        """Return the project."""
        ...

    @property
    def host(self) -> Host:
        """Return this machine."""
        ...

    @property
    def folder(self) -> StateFolder:
        """Return the project's state folder."""
        ...

    def start(
        self, loaded: LoadedConfig, progress: StartProgress, wishes: StartWishes = NO_WISHES
    ) -> tuple[StartRecord, bool]:
        """Start the environment, or leave it alone if it runs already as asked; (record, whether it was started).

        Raises RoleFailedError when a role does not become healthy; nothing is left running then.
        """
        ...

    def wait_for_replaced_workers(self) -> None:
        """Wait until the workers that have been replaced have ended what they run: twelve hours at most."""
        ...

    def stop(self) -> bool:
        """Stop the environment, all data are kept; False if nothing ran."""
        ...

    def restart_service(self, name: str) -> None:
        """End one service and have it started again; RuntimeStateError if there is none of this name."""
        ...

    def is_running(self) -> bool:
        """Tell whether the environment runs."""
        ...

    def is_healthy(self) -> bool:
        """Tell whether the environment runs and every service is healthy."""
        ...

    def services(self) -> tuple[ServiceReport, ...]:
        """Return the services as they are; none if nothing runs."""
        ...

    def metadata(self) -> MetadataClient:
        """Return what asks the database of the environment that runs."""
        ...

    def reset_database(self, version: MwaaVersion) -> None:
        """Stop the environment and delete a version's metadata database."""
        ...

    def destroy(self) -> bool:
        """Stop the environment and remove all that is kept for the project; False if there was nothing."""
        ...


def comes_back(runtime: Runtime, progress: Progress, patience: float, interval: float) -> bool:
    """Tell whether what runs is healthy, or becomes so by itself within `patience` seconds."""
    if runtime.is_healthy():
        return True
    clock = runtime.host.clock
    with progress.step("Waiting for services that are being restarted"):
        deadline = clock.monotonic() + patience
        while runtime.is_running() and clock.monotonic() < deadline:
            if runtime.is_healthy():
                return True
            clock.sleep(interval)
    return False
