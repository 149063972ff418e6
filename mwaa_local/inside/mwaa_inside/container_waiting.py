"""What a role waits for before it starts in its container, and what it has the endpoint do.

Python 3.7 and up, with the standard library.
"""

import os
import re
import socket
import time
import urllib.error
import urllib.parse
import urllib.request

MARKER = "/run/mwaa-local/migrated"
"""Holds the run whose database is ready."""
RUN_VARIABLE = "MWAA_LOCAL_RUN"
PATIENCE = 120.0
"""Seconds to wait for the database and for AWS."""
MIGRATION_PATIENCE = 600.0


class WaitFailure(Exception):
    """Something did not come in time."""


def wanted_servers(orders):
    """Return (host, port) of what must answer before a role can start, the database first."""
    asked = orders.get("wait_for")
    if not asked:
        asked = [re.sub(r"^.*@([^/?]+).*$", r"\1", orders["database_url"]), "aws:4566"]
    pairs = (each.rpartition(":") for each in asked)
    return [(host, int(port)) if host else (port, 5432) for host, _, port in pairs]


def wait_for_servers(servers, patience=PATIENCE):
    """Wait until each server takes connections."""
    deadline = time.monotonic() + patience
    for host, port in servers:
        while not takes_connections(host, port):
            if time.monotonic() > deadline:
                raise WaitFailure("{}:{} does not answer after {:.0f} s".format(host, port, patience))
            time.sleep(0.05)


def takes_connections(host, port):
    """Tell whether somebody listens; a name that is not known yet counts as nobody."""
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError:
        return False
    return True


def say_migrated(path=MARKER):
    """Say that the database is ready for this run."""
    run = os.environ.get(RUN_VARIABLE)
    if run:
        partial = path + ".new"
        with open(partial, "w", encoding="utf-8") as stream:
            stream.write(run)
        os.replace(partial, path)


def wait_until_migrated(path=MARKER, patience=MIGRATION_PATIENCE):
    """Wait until the database is ready for this run."""
    run = os.environ.get(RUN_VARIABLE)
    deadline = time.monotonic() + patience
    while run and marked_run(path) != run:
        if time.monotonic() > deadline:
            raise WaitFailure(
                "the database is not ready after {:.0f} s: see the log of `migrate`".format(patience)
            )
        time.sleep(0.05)


def marked_run(path):
    """Return the run whose database is ready, None if there is none."""
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except OSError:
        return None


def release_messages(variables):
    """Have the endpoint give back what a worker of this name held that was killed: others shall receive it."""
    endpoint = variables.get("MWAA_LOCAL_AWS_ENDPOINT") or endpoint_of(
        variables.get("MWAA_LOCAL_SQS_QUEUE_URL")
    )
    service = variables.get("MWAA_LOCAL_SERVICE")
    if not endpoint or not service:
        return
    url = "{}/_mwaa_local/release?consumer={}".format(endpoint, urllib.parse.quote(service))
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, b"", timeout=10).close()
    except (OSError, urllib.error.URLError) as error:
        # Without it they come back by themselves, after twelve hours as on MWAA.
        print(
            "mwaa-local: messages of a former {} were not given back: {}".format(service, error), flush=True
        )


def endpoint_of(queue_url):
    """Return the address of the endpoint that a queue lies at."""
    parts = urllib.parse.urlsplit(queue_url or "")
    return "{}://{}".format(parts.scheme, parts.netloc) if parts.netloc else None
