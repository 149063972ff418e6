"""The endpoint's process, composed: `python -m mwaa_local.cli.endpoint`, an `aws.server` that runs environments.

An environment that the MWAA API creates is a project of its own below the endpoint's state folder.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mwaa_local.adapters.clock import SystemClock
from mwaa_local.adapters.commands import SystemCommands
from mwaa_local.adapters.process_usage import free_memory, measure_trees
from mwaa_local.adapters.processes import SystemProcesses
from mwaa_local.aws import server
from mwaa_local.aws.access_keys import REQUIRE_VARIABLE
from mwaa_local.aws.account import ENVIRONMENTS, TOKEN_VARIABLE
from mwaa_local.aws.metrics.figures import Machine
from mwaa_local.aws.web_doors.settings import KEY_VARIABLE
from mwaa_local.project import find_project, path_overrides
from mwaa_local.stack_workers import FOLDER_VARIABLE, SCALE_IN_VARIABLE

if TYPE_CHECKING:
    from mwaa_local.aws.environments.backend import NativeEnvironments
    from mwaa_local.aws.environments.source import FindSource, Source
    from mwaa_local.aws.home_bucket import HomeBucket, HomeFile, ReadFolder
    from mwaa_local.aws.persistence import S3Store

KEPT = frozenset(
    {"MWAA_LOCAL_CACHE", "MWAA_LOCAL_POSTGRES", "MWAA_LOCAL_RUN", REQUIRE_VARIABLE, SCALE_IN_VARIABLE}
)
"""Variables of ours that an environment takes over; all others say what the project's own environment is like.

MWAA_LOCAL_RUN marks the supervisors of environments, so that the project's next start removes what a crash has left."""
STATE = ".mwaa-local"
"""The state folder of a project."""
THIS_MACHINE = Machine(measure_trees, free_memory)
SECRET = frozenset({KEY_VARIABLE, TOKEN_VARIABLE})


def main() -> int:
    """Serve until SIGTERM."""
    # The supervisors of environments come to us when `start` has ended; else the project's own would kill them.
    SystemProcesses().adopt_orphans()
    if FOLDER_VARIABLE in os.environ:
        from mwaa_local.adapters.http import LocalHttp
        from mwaa_local.cli.worker_scaling import start_worker_scaling

        start_worker_scaling(Path(os.environ[FOLDER_VARIABLE]), LocalHttp(), SystemClock())
    composition = Composition(dict(os.environ))
    return server.main(sys.argv[1:], composition.make_environments, composition.make_home, THIS_MACHINE)


@dataclass(slots=True)
class Composition:
    """What the server is made of, given the process's variables."""

    environ: Mapping[str, str]
    home: "HomeBucket | None" = None

    def make_environments(self, options: argparse.Namespace, objects: "S3Store") -> "NativeEnvironments":
        """Return what runs the environments of the API."""
        return make_environments(options, objects, self.environ, self._find_bucket)

    def make_home(self, options: argparse.Namespace, objects: "S3Store") -> "HomeBucket | None":
        """Return what fills the project's own bucket; None where the project's files are out of sight."""
        from mwaa_local.aws.home_bucket import HomeBucket

        read = folder_reader(options, self.environ)
        self.home = (
            HomeBucket(options.bucket, read, objects.recording, SystemClock().monotonic) if read else None
        )
        return self.home

    def _find_bucket(self, name: str) -> "Source | None":
        from mwaa_local.aws.mwaa_api.buckets import find_bucket

        if self.home is not None and self.home.name == name:
            self.home.sync()
        return find_bucket(name)


def folder_reader(options: argparse.Namespace, environ: Mapping[str, str]) -> "ReadFolder | None":
    """Return what reads the files of the endpoint's project; None where they are out of sight, as in a container."""
    root = options.state.absolute().parent.parent
    dags = environ.get("MWAA_LOCAL_DAGS")
    if not options.bucket or not dags or not Path(dags).is_dir() or not (root / STATE).is_dir():
        return None
    overrides = path_overrides({}, environ)

    def read() -> "list[HomeFile]":
        # Packing is for those who look into the bucket.
        from mwaa_local.cli.home_files import read_folder

        return list(read_folder(find_project(root, overrides), options))

    return read


def make_environments(
    options: argparse.Namespace,
    objects: "S3Store",
    environ: Mapping[str, str],
    find_source: "FindSource",
) -> "NativeEnvironments":
    """Return what runs the environments of the API."""
    # Imported here: server.main has configured moto by now.
    from mwaa_local.aws.environments.backend import NativeEnvironments, Site
    from mwaa_local.aws.environments.rest import call_rest_api
    from mwaa_local.aws.seeding import create_queue, remove_queue
    from mwaa_local.deploy.unpacking import unpack_archive

    site = Site(
        root=options.state / ENVIRONMENTS,
        endpoint_url=f"http://127.0.0.1:{options.port}",
        commands=SystemCommands(),
        environment=environment_of_commands(environ),
        find_source=find_source,
        unpack=unpack_archive,
        create_queue=create_queue,
        remove_queue=remove_queue,
        call_rest_api=call_rest_api,
    )
    environments = NativeEnvironments(site)
    objects.listeners.append(environments.note_object)
    return environments


def environment_of_commands(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the commands that run environments: the user's, without what is the project's own."""
    return {
        name: value
        for name, value in environ.items()
        if name not in SECRET and (name in KEPT or not name.startswith("MWAA_LOCAL_"))
    }


if __name__ == "__main__":
    raise SystemExit(main())
