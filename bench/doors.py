"""The section `doors`: an Airflow command through `/aws_mwaa/cli`, beside the same command in a shell."""

import json
import ssl
import time
from collections.abc import Iterator
from http.client import HTTPSConnection

from bench.figures import Figure, ratio
from bench.project import BenchProject
from bench.session import VERSION, Session, say
from mwaa_local.aws.web_doors.settings import authority_certificate, parse_key
from mwaa_local.mwaa_tokens import AirflowRole, Purpose, make_token, new_claims

COMMAND = "dags list"
VERSIONS = (VERSION, "3.0.6")
PAUSE = 2.0
"""Seconds for the command server to import what the first command has taught it."""


def measure_doors(session: Session) -> Iterator[Figure]:
    """Measure the first command, the next ones, and those of a shell."""
    for version in VERSIONS:
        with session.project(f"sample-{version}", version) as project:
            say("start")
            project.run("start")
            first = seconds_through_the_door(project)
            yield Figure(f"first `{COMMAND}` through /aws_mwaa/cli, {version}", "s", (first,))
            time.sleep(PAUSE)
            warm = session.repeated(
                f"`{COMMAND}` through /aws_mwaa/cli, {version}",
                lambda: seconds_through_the_door(project),
                0.5,
            )
            shell = session.repeated(
                f"`airflow {COMMAND}` in a shell, {version}", lambda: in_a_shell(project)
            )
            yield from (warm, shell, ratio(f"door to shell, {version}", warm, shell, 0.2))


def seconds_through_the_door(project: BenchProject) -> float:
    """Send the command with a fresh token, over a new connection; return how many seconds it took."""
    port = project.read("ports.json")["doors"]
    key = parse_key(project.read("secrets.json")["token_key"])
    name = project.read("run", "start.json")["environment"]
    claims = new_claims(name, Purpose.CLI, AirflowRole.ADMIN, "bench", now=time.time())
    headers = {"Authorization": f"Bearer {make_token(key, claims)}", "Content-Type": "text/plain"}
    context = ssl.create_default_context(cafile=authority_certificate(project.cache))
    began = time.monotonic()
    connection = HTTPSConnection("localhost", port, timeout=120, context=context)
    connection.request("POST", "/aws_mwaa/cli", COMMAND, headers)
    answer = connection.getresponse()
    said = answer.read()
    took = time.monotonic() - began
    connection.close()
    if answer.status != 200 or not json.loads(said)["stdout"]:
        raise RuntimeError(f"The door answered {answer.status}: {said!r}")
    return took


def in_a_shell(project: BenchProject) -> float:
    """Return how many seconds the environment's own `airflow` takes."""
    return project.seconds("airflow", *COMMAND.split())
