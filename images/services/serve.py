#!/usr/bin/env python3
"""The entry program of the services' containers, started as root; each service runs as a user of its own.

    mwaa-local-serve postgres                          PostgreSQL with the database `airflow`, for this network
    mwaa-local-serve carry-over NAME                   PostgreSQL with a copy of /source, which is kept by that name
    mwaa-local-serve template                          makes the cluster that all others are copies of
    mwaa-local-serve aws ARGUMENTS...                  the local AWS endpoint, as the host's user
    mwaa-local-serve forward ARGUMENTS...              a gateway to a service that has no way out

What is secret lies in a file that only root can read, so that it does not show in the containers' description.
"""

import hashlib
import json
import os
import pwd
import secrets
import subprocess
import sys
from pathlib import Path

ORDERS = Path("/run/secrets/mwaa-local-services.json")
PROGRAMS = "/usr/lib/postgresql/bin"
TEMPLATE = Path("/var/lib/postgresql/cluster.tar.gz")
DATA = Path("/var/lib/postgresql/data")
CLUSTER = DATA / "cluster"
REPLACED = DATA / "replaced"
SOURCE = Path("/source/cluster")
KNOWN = DATA / "password.json"
SETTINGS = Path("/opt/mwaa-local/postgres.json")
DATABASE = "airflow"
ACCESS = "local all all trust\nhost all all 0.0.0.0/0 scram-sha-256\nhost all all ::/0 scram-sha-256\n"
LOG_VARIABLE = "MWAA_LOCAL_LOG"
MODULES = {"aws": "mwaa_local.cli.endpoint", "forward": "mwaa_local.aws.forward"}


def main(arguments):
    """Become a service; return the exit code of wrong usage."""
    service = arguments[0] if arguments else ""
    nameless = service == "carry-over" and len(arguments) != 2
    if service not in ("postgres", "carry-over", "template", *MODULES) or nameless:
        sys.stderr.write(__doc__)
        return 2
    if service == "forward":
        # It needs no secret, and so is given none.
        become(pwd.getpwnam("nobody"))
        return run_module(service, arguments[1:], {})
    if service == "template":
        return make_template()
    orders = json.loads(ORDERS.read_text(encoding="utf-8"))
    user = orders["user"]
    if os.environ.get(LOG_VARIABLE):
        write_log_too(os.environ[LOG_VARIABLE], user)
    if service == "postgres":
        return run_postgres(orders["database_password"], orders.get("adopt"))
    if service == "carry-over":
        return run_carried(orders["database_password"], arguments[1])
    become_number(user["uid"], user["gid"])
    return run_module(service, arguments[1:], orders.get("endpoint_environment") or {})


def run_module(service, arguments, variables):
    """Become a module of mwaa-local."""
    environment = {"HOME": "/tmp", **os.environ, **variables}  # noqa: S108
    os.execve(sys.executable, [sys.executable, "-m", MODULES[service], *arguments], environment)  # noqa: S606


def run_postgres(password, adopted):
    """Make the cluster if there is none, and become its server; `adopted` is one to put in its place."""
    become_postgres()
    if adopted:
        adopt(DATA / adopted, password)
    if not CLUSTER.is_dir():
        make_cluster(password)
    elif not is_known(password):
        change_password(CLUSTER, password)
        remember(password)
    serve(CLUSTER)


def run_carried(password, name):
    """Copy another version's cluster and become the server of the copy; the original is as it was."""
    become_postgres()
    release = subprocess.run(
        [PROGRAMS + "/postgres", "-V"], check=True, capture_output=True, text=True
    ).stdout
    found = (SOURCE / "PG_VERSION").read_text(encoding="ascii").strip() if SOURCE.is_dir() else "none"
    if f" {found}." not in release:
        sys.stderr.write(f"mwaa-local: the data are of PostgreSQL {found}, and here is {release}")
        return 1
    for stale in DATA.glob("carried-*"):
        subprocess.run(["rm", "-rf", stale], check=True)
    carried, building = DATA / name, DATA / f"{name}.new"
    subprocess.run(["cp", "-a", "--reflink=auto", SOURCE, building], check=True)
    # A server that was killed has left it; only the copy's own may be there.
    (building / "postmaster.pid").unlink(missing_ok=True)
    change_password(building, password)
    building.rename(carried)
    return serve(carried)


def adopt(carried, password):
    """Put a carried cluster in the place of the version's own, which is put aside."""
    if not carried.is_dir():
        return
    if CLUSTER.is_dir():
        subprocess.run(["rm", "-rf", REPLACED], check=True)
        CLUSTER.rename(REPLACED)
    carried.rename(CLUSTER)
    remember(password)


def become_postgres():
    """Make the data PostgreSQL's, and go on as its user."""
    owner = pwd.getpwnam("postgres")
    os.chown(DATA, owner.pw_uid, owner.pw_gid)
    become(owner)
    os.environ["LC_ALL"] = "C"


def serve(cluster):
    """Become the server of a cluster."""
    settings = json.loads(SETTINGS.read_text(encoding="utf-8"))
    settings.update({"listen_addresses": "*", "port": "5432", "unix_socket_directories": "/tmp"})  # noqa: S108
    command = [PROGRAMS + "/postgres", "-D", str(cluster)]
    for name, value in settings.items():
        command += ["-c", name + "=" + value]
    os.execv(command[0], command)  # noqa: S606


def make_cluster(password):
    """Make a cluster with a role and a database `airflow`, complete or absent, of the image's template."""
    building = DATA / "cluster.new"
    subprocess.run(["rm", "-rf", building], check=True)
    building.mkdir(mode=0o700)
    subprocess.run(["tar", "-xzf", TEMPLATE, "-C", building], check=True)
    change_password(building, password)
    remember(password)
    subprocess.run(
        [PROGRAMS + "/initdb", "--sync-only", "-D", building], check=True, stdout=subprocess.DEVNULL
    )
    building.rename(CLUSTER)


def make_template():
    """Write the template: initialising a cluster takes seconds, unpacking one does not. Nobody knows its password."""
    become_postgres()
    building = TEMPLATE.with_name("template")
    # Through a pipe: a password in a file would outlive a container that is killed.
    reading, writing = os.pipe()
    os.write(writing, secrets.token_hex(32).encode() + b"\n")
    os.close(writing)
    command = [PROGRAMS + "/initdb", "-D", str(building), "-U", DATABASE, "--pwfile", f"/dev/fd/{reading}"]
    command += ["-E", "UTF8", "--locale=C", "--wal-segsize=4", "--auth=scram-sha-256", "--no-sync"]
    subprocess.run(command, check=True, pass_fds=[reading], stdout=subprocess.DEVNULL)
    os.close(reading)
    alone(building, "CREATE DATABASE " + DATABASE)
    (building / "pg_hba.conf").write_text(ACCESS, encoding="utf-8")
    subprocess.run(["tar", "-czf", TEMPLATE, "-C", building, "."], check=True)
    subprocess.run(["rm", "-rf", building], check=True)


def change_password(cluster, password):
    """Give the role another password: the host's secrets have been made anew."""
    quoted = password.replace("'", "''")
    alone(cluster, f"ALTER ROLE {DATABASE} PASSWORD '{quoted}'")


def alone(data, statement):
    """Run a statement in a cluster whose server does not run."""
    command = [PROGRAMS + "/postgres", "--single", "-D", data, "postgres"]
    subprocess.run(command, input=statement + "\n", text=True, check=True, stdout=subprocess.DEVNULL)


def is_known(password):
    """Tell whether the role has this password."""
    try:
        known = json.loads(KNOWN.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return digest(password, known["salt"]) == known["digest"]


def remember(password):
    """Note which password the role has, in a form that nobody can read it from."""
    salt = secrets.token_hex(16)
    partial = DATA / "password.json.new"
    partial.touch(mode=0o600)
    partial.write_text(json.dumps({"salt": salt, "digest": digest(password, salt)}), encoding="utf-8")
    partial.replace(KNOWN)


def digest(password, salt):
    """Return a digest that takes a moment to make."""
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), 20000).hex()


def become(account):
    """Give up root's rights for an account of this container."""
    become_number(account.pw_uid, account.pw_gid)


def become_number(uid, gid):
    """Give up root's rights for good."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def write_log_too(path, user):
    """Have what is printed from now on written to a file as well, which is the user's."""
    as_user = ["setpriv", "--reuid", str(user["uid"]), "--regid", str(user["gid"]), "--clear-groups"]
    writer = subprocess.Popen([*as_user, "tee", "-ia", path], stdin=subprocess.PIPE)
    os.dup2(writer.stdin.fileno(), 1)
    os.dup2(1, 2)
    writer.stdin.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
