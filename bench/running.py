"""The section `running`: what an environment that runs answers, and what it takes while it has nothing to do."""

import json
import time
from collections.abc import Iterator
from datetime import datetime

from bench.figures import Figure
from bench.processes import memory, processor_share
from bench.project import BenchProject
from bench.session import Session, say
from bench.web import Visitor, seconds_to_visible

DAG = "hello_pipeline"
QUIET = 60.0
"""Seconds that an environment is left alone before its idling is measured, and that it is measured for."""


def measure_running(session: Session) -> Iterator[Figure]:
    """Measure how soon an environment sees a DAG and runs a task, then its idling."""
    with session.project() as project:
        say("start")
        project.run("start")
        yield measure_visibility(session, project)
        project.run("run", DAG)
        yield session.repeated("trigger to task running", lambda: seconds_to_running(project), 2.0)
        say(f"leave it alone for {QUIET:.0f} s, then watch it for {QUIET:.0f} s")
        time.sleep(QUIET)
        yield Figure("processor at idle, of one core", "%", (processor_share(project, QUIET),), 5.0)
        yield session.repeated("memory (PSS) at idle", lambda: memory(project), 900.0, "MB")


def measure_visibility(session: Session, project: BenchProject) -> Figure:
    """Measure how soon a saved DAG file is visible in the UI."""
    visitor = Visitor(project)
    visitor.log_in()
    numbers = iter(range(session.rounds))
    return session.repeated(
        "saved DAG file to visible in the UI",
        lambda: seconds_to_visible(project, visitor, f"bench_{next(numbers)}"),
        3.0,
    )


def seconds_to_running(project: BenchProject) -> float:
    """Trigger a DAG; return how many seconds later its first task ran."""
    _, output = project.run("run", DAG, "--json")
    result = json.loads(output)
    starts = [datetime.fromisoformat(task["start"]) for task in result["tasks"] if task["start"]]
    return (min(starts) - datetime.fromisoformat(result["logical_date"])).total_seconds()
