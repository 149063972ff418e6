"""The endpoint's process, composed: `python -m mwaa_local.cli.endpoint`, an `aws.server` that runs environments.

An environment that the MWAA API creates is a project of its own below the endpoint's state folder.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from mwaa_local.adapters.commands import SystemCommands
from mwaa_local.adapters.processes import SystemProcesses
from mwaa_local.aws import server
from mwaa_local.aws.access_keys import REQUIRE_VARIABLE
from mwaa_local.aws.account import ENVIRONMENTS, TOKEN_VARIABLE
from mwaa_local.aws.web_doors.settings import KEY_VARIABLE

if TYPE_CHECKING:
    from mwaa_local.aws.environments.backend import NativeEnvironments
    from mwaa_local.aws.persistence import S3Store

KEPT = frozenset({"MWAA_LOCAL_CACHE", "MWAA_LOCAL_POSTGRES", "MWAA_LOCAL_RUN", REQUIRE_VARIABLE})
"""Variables of ours that an environment takes over; all others say what the project's own environment is like.

MWAA_LOCAL_RUN marks the supervisors of environments, so that the project's next start removes what a crash has left."""
SECRET = frozenset({KEY_VARIABLE, TOKEN_VARIABLE})


def main() -> int:
    """Serve until SIGTERM."""
    # The supervisors of environments come to us when `start` has ended; else the project's own would kill them.
    SystemProcesses().adopt_orphans()
    return server.main(sys.argv[1:], partial(make_environments, environ=dict(os.environ)))


def make_environments(
    options: argparse.Namespace, objects: "S3Store", environ: Mapping[str, str]
) -> "NativeEnvironments":
    """Return what runs the environments of the API."""
    # Imported here: server.main has configured moto by now.
    from mwaa_local.aws.environments.backend import NativeEnvironments, Site
    from mwaa_local.aws.environments.rest import call_rest_api
    from mwaa_local.aws.mwaa_api.buckets import find_bucket
    from mwaa_local.aws.seeding import create_queue, remove_queue
    from mwaa_local.deploy.unpacking import unpack_archive

    site = Site(
        root=options.state / ENVIRONMENTS,
        endpoint_url=f"http://127.0.0.1:{options.port}",
        commands=SystemCommands(),
        environment=environment_of_commands(environ),
        find_source=find_bucket,
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
