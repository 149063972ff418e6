"""Becomes a role in its container, as its user: `python3 -m mwaa_inside.container_role ROLE DATABASE_HOST PORT`.

Imports what the role needs while the database is still being made ready, as importing takes longer. Runs on Python 3.7
and up.
"""

import os
import sys

from mwaa_inside.container_waiting import (
    WaitFailure,
    release_messages,
    wait_for_servers,
    wait_until_migrated,
)
from mwaa_inside.role_modules import modules_of_role, preload
from mwaa_inside.roles import airflow_version, freeze_memory, run_role


def main(role, host, port):
    """Run the role until it ends; the exit code is 1 where the database does not come."""
    preload(modules_of_role(role, airflow_version()))
    freeze_memory()
    try:
        wait_for_servers([(host, int(port))])
        wait_until_migrated()
    except WaitFailure as failure:
        raise SystemExit("mwaa-local: {}".format(failure)) from None
    if role == "worker":
        release_messages(os.environ)
    run_role(role)


if __name__ == "__main__":
    main(*sys.argv[1:])
