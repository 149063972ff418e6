"""The entry program of a role's container: `python3 -m mwaa_inside.container ROLE`, started as root.

Makes the container's user the host's, waits for what the role needs, runs the startup script as MWAA does, then becomes
the role. `migrate` makes the database ready and ends; with the version of an older Airflow it takes it back for that.
`exec -- COMMAND...` becomes a command in the role's environment. What it is told lies in a file that only root can
read, so that no secret shows in the container's description. Runs on Python 3.7 and up, with the standard library.
"""

import json
import os
import subprocess
import sys

from mwaa_inside.container_environment import for_a_command, remember, remembered, role_environment
from mwaa_inside.container_startup import StartupFailure, run_startup_script
from mwaa_inside.container_user import become_user, give_folder, name_user, write_as
from mwaa_inside.container_waiting import (
    RUN_VARIABLE,
    WaitFailure,
    release_messages,
    wait_for_servers,
    wanted_servers,
)
from mwaa_inside.container_worker import SCALED_VARIABLE, Worker, keep_worker

SECRET = "/run/secrets/mwaa-local.json"  # noqa: S105 (a path)
SCRIPT = "/usr/local/airflow/startup/startup.sh"
ROLES = ("scheduler", "worker", "webserver", "triggerer", "dag-processor")
OWN_FOLDERS = (".", ".local", ".local/bin", "logs", "requirements", "startup")
"""Of the home: what the user must be able to write beside its own new files."""
SOCKET_VARIABLE = "MWAA_LOCAL_COMMAND_SOCKET"
LOG_VARIABLE = "MWAA_LOCAL_LOG"
PASSWORDS_VARIABLE = "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"
USAGE = "usage: python3 -m mwaa_inside.container {} | migrate [OLDER] | exec -- COMMAND...\n".format(
    " | ".join(ROLES)
)


def main(arguments):
    """Become what is asked for; return the exit code where that cannot be."""
    role = arguments[0] if arguments else ""
    wrong = (role == "exec") != (arguments[1:2] == ["--"])
    if role not in (*ROLES, "migrate", "exec") or wrong:
        sys.stderr.write(USAGE)
        return 2
    try:
        orders = load_orders(SECRET)
        if role == "exec":
            return run_command(orders, arguments[2:])
        prepare_container(orders)
        return migrate(orders, arguments[1:2]) if role == "migrate" else run_role(orders, role)
    except (ContainerFailure, StartupFailure, WaitFailure) as failure:
        sys.stderr.write("mwaa-local: {}\n".format(failure))
        return 1


class ContainerFailure(Exception):
    """The container cannot do its work, in words."""


def load_orders(path):
    """Read what this container is told."""
    try:
        with open(path, encoding="utf-8") as stream:
            return json.load(stream)
    except (OSError, ValueError) as error:
        raise ContainerFailure("{} cannot be read: {}".format(path, error)) from error


def prepare_container(orders):
    """Make the user, give it what it has to write, and keep a log of what is printed from now on."""
    user = orders["user"]
    home = name_user(user["uid"], user["gid"])
    for name in OWN_FOLDERS:
        give_folder(os.path.join(home, name), user["uid"], user["gid"])
    log = os.environ.get(LOG_VARIABLE)
    if log:
        write_log_too(log, user)


def migrate(orders, older):
    """Make schema and admin ready, as the user; needs no startup script, as on MWAA.

    With an older version, take the schema back for that: the settings are that version's, so that none is used.
    """
    wait_for_servers(wanted_servers(orders)[:1])
    environment = role_environment(orders, "scheduler", {})
    environment["MWAA_LOCAL_DATABASE_URL"] = orders["database_url"]
    environment["MWAA_LOCAL_ADMIN_PASSWORD"] = login_password(orders, os.environ.get("AIRFLOW_VERSION", ""))
    if older:
        environment = {name: value for name, value in environment.items() if not name.startswith("AIRFLOW__")}
        for section in ("CORE", "DATABASE"):
            environment["AIRFLOW__{}__SQL_ALCHEMY_CONN".format(section)] = orders["database_url"]
    return become(orders, [sys.executable, "-m", "mwaa_inside.container_database", *older], environment)


def run_role(orders, role):
    """Become the role; a worker does so only while it is wanted."""
    if role != "worker":
        return become_role(orders, role)
    service = os.environ.get("MWAA_LOCAL_SERVICE", role)
    is_scaled = bool(os.environ.get(SCALED_VARIABLE))
    worker = Worker(orders["user"], service, os.environ.get(RUN_VARIABLE), is_scaled)
    return keep_worker(
        worker, lambda: become_role(orders, role), lambda: release_messages({**orders["fixed"], **os.environ})
    )


def login_password(orders, version):
    """Return the password of the admin in the metadata database, "" where an Airflow has its users in a file.

    From 3.2 on Airflow makes the tables of every login that a provider brings; those that are not in use have no roles.
    """
    return "" if version.startswith("3.") else orders.get("admin_password") or ""


def become_role(orders, role):
    """Run the startup script, which may use AWS, and become the role; that waits for the database itself."""
    database, *others = wanted_servers(orders)
    wait_for_servers(others)
    environment = whole_environment(orders, role)
    if role == "webserver":
        prepare_webserver(orders, environment)
    remember(environment)
    program = [sys.executable, "-m", "mwaa_inside.container_role", role, database[0], str(database[1])]
    return become(orders, program, environment)


def prepare_webserver(orders, environment):
    """Make the place of the command server's socket, and tell Airflow 3 the admin's password."""
    user = orders["user"]
    if environment.get(SOCKET_VARIABLE):
        give_folder(os.path.dirname(environment[SOCKET_VARIABLE]), user["uid"], user["gid"])
    passwords = environment.get(PASSWORDS_VARIABLE)
    if passwords and orders.get("admin_password"):
        write_as(passwords, json.dumps({"admin": orders["admin_password"]}), user["uid"], user["gid"])


def run_command(orders, command):
    """Become a command, in the environment of the role that runs here or else of a scheduler."""
    if not command:
        raise ContainerFailure("exec needs a command after --")
    environment = remembered()
    if environment is None:
        prepare_container(orders)
        environment = whole_environment(orders, os.environ.get("MWAA_LOCAL_ROLE", "scheduler"))
    return become(orders, command, for_a_command(environment, orders))


def whole_environment(orders, role):
    """Return the environment of a role after its startup script."""
    exports = {}
    if orders.get("startup_script") and os.path.exists(SCRIPT):
        exports = run_startup_script(SCRIPT, role_environment(orders, role, {}), orders["user"])
    return role_environment(orders, role, exports)


def write_log_too(path, user):
    """Have what this process prints from now on written to a file as well, as the user's."""
    as_user = ["setpriv", "--reuid", str(user["uid"]), "--regid", str(user["gid"]), "--clear-groups"]
    writer = subprocess.Popen([*as_user, "tee", "-ia", path], stdin=subprocess.PIPE)
    sys.stdout.flush()
    os.dup2(writer.stdin.fileno(), 1)
    os.dup2(1, 2)
    writer.stdin.close()


def become(orders, command, environment):
    """Replace this process by a command of the user; return an exit code only if there is no such command."""
    become_user(orders["user"]["uid"], orders["user"]["gid"])
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606
    except OSError as error:
        sys.stderr.write("mwaa-local: {}: {}\n".format(command[0], error.strerror))
        return 127


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
