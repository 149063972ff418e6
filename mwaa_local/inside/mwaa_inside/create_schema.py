"""Runs in an Airflow environment: makes the metadata schema with Airflow's own commands, in one process.

With the argument `upgrade` it migrates the schema that an older Airflow has made, and what is in it; with `downgrade`
and a version it takes it back for that older Airflow.

One process, because importing Airflow takes about as long as either command. Permissions are synchronised too, so that
the web server need not do it at each start.
"""

import os
import sys


def main():
    """Make the schema, then roles and permissions where this Airflow has them."""
    # 1.10 has the tables of the login that MWAA uses only with this; later versions do not read it.
    os.environ.setdefault("AIRFLOW__WEBSERVER__RBAC", "True")
    leave_out_rest_api()
    if sys.argv[1:2] == ["downgrade"]:
        run(["db", "downgrade", "--to-version", sys.argv[2], "--yes"])
        return
    for command in commands(airflow_version(), upgrade=sys.argv[1:2] == ["upgrade"]):
        run(command)


def airflow_version():
    """Return the version as numbers."""
    from airflow.version import version

    return tuple(int(part) for part in version.split(".")[:2])


def commands(version, upgrade=False):
    """Return Airflow's commands that make a database ready for its web server."""
    if version < (2, 0):
        return [["upgradedb" if upgrade else "initdb"], ["sync_perm"]]
    old = ["db", "upgrade"] if upgrade else ["db", "init"]
    migrate = old if version < (2, 7) else ["db", "migrate"]
    has_fab = version < (3, 0) or "Fab" in os.environ.get("AIRFLOW__CORE__AUTH_MANAGER", "")
    return [migrate, ["sync-perm"]] if has_fab else [migrate]


def leave_out_rest_api():
    """Make the web applications that migrations and `sync-perm` build (four in 2.2.2) without the REST API.

    No permission comes from it, and reading its description takes most of the time that such an application takes.
    """
    try:
        from airflow.www import app
    except ImportError:  # 1.10 and 3.x
        return
    if hasattr(app, "init_api_connexion"):
        app.init_api_connexion = lambda _: None


def run(command):
    """Run one Airflow command as its console script would."""
    try:
        from airflow.__main__ import main as airflow_main
    except ImportError:  # 1.10
        from airflow.bin.cli import CLIFactory

        arguments = CLIFactory.get_parser().parse_args(command)
        arguments.func(arguments)
        return
    sys.argv = ["airflow", *command]
    airflow_main()


if __name__ == "__main__":
    main()
