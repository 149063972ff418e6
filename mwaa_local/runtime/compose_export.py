"""Writes an environment's Compose file for others to run: with secrets and data beside it, and nothing of ours running.

Its containers have volumes of their own, under the name that Compose gives the project (its folder's, or `-p NAME`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.config import LoadedConfig
from mwaa_local.runtime.backend import StartProgress
from mwaa_local.runtime.compose import ComposeRuntime
from mwaa_local.runtime.compose_file import ComposePlaces
from mwaa_local.runtime.compose_preparation import ComposeTarget, plan_compose
from mwaa_local.runtime.port_choice import choose_ports
from mwaa_local.runtime.state import unwritable

RUN = "exported"


@dataclass(frozen=True, slots=True)
class ExportPlace:
    """Where an exported file lies, and what belongs to it."""

    file: Path

    @property
    def secrets(self) -> Path:
        """Return the folder of the private files."""
        return self.file.with_name(f"{self.file.stem}.secrets")

    @property
    def data(self) -> Path:
        """Return the folder that the containers write."""
        return self.file.with_name(f"{self.file.stem}.data")

    @property
    def authority(self) -> Path:
        """Return the folder of the authority that the doors' certificates are from."""
        return self.data / "authority"


def export_compose(
    runtime: ComposeRuntime,
    loaded: LoadedConfig,
    place: ExportPlace,
    progress: StartProgress,
    make_authority: Callable[[Path], object],
) -> None:
    """Write the file and what belongs to it; RuntimeStateError where that cannot be.

    `make_authority` makes a certificate authority in a folder, if there is none.
    """
    folder, host, site = runtime.folder, runtime.host, runtime.site
    folder.create()
    try:
        place.secrets.mkdir(mode=0o700, exist_ok=True)
        place.data.mkdir(mode=0o700, exist_ok=True)
        # The host's own stays the host's. Containers cannot make one themselves where a folder is mounted.
        make_authority(place.authority)
    except OSError as error:
        raise unwritable(Path(error.filename or place.file), error) from error
    images = site.images.ensure(loaded, progress)
    with host.lock(folder.start_lock):
        ports = choose_ports(loaded.config, folder, host.port_finder, progress.note)
    places = ComposePlaces(place.data, place.secrets, place.authority)
    target = ComposeTarget(loaded.config.name, ports, images, places, RUN)
    parts = plan_compose(loaded, runtime.project, host, site, target).with_requirements(site.images, progress)
    parts.write(place.file)
