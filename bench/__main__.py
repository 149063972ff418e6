"""`python -m bench [--rounds N] [--json]`: measures and prints a table; says on stderr what it is at.

Everything is measured in one run on one machine. What is compared alternates, so that a busy spell hits both.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from bench.figures import Figure, ratio, render_table
from bench.local_runner import measure_sequence
from bench.processes import memory, processor_share
from bench.project import BenchProject
from bench.web import Visitor, seconds_to_visible

VERSION = "2.2.2"
DAG = "hello_pipeline"
QUIET = 60.0
"""Seconds that an environment is left alone before its idling is measured, and that it is measured for."""


def main() -> None:
    """Measure and print."""
    options = parse_options()
    with tempfile.TemporaryDirectory(prefix="mwaa-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL may run as another user
        cache = Path(os.environ.get("MWAA_LOCAL_CACHE", folder / "cache"))
        project = BenchProject.make(folder / "sample", cache, VERSION)
        load = os.getloadavg()[0]
        try:
            figures = tuple(measure(project, options.rounds))
        finally:
            project.run("destroy", "--yes")
        figures += tuple(measure_cold(folder, options.rounds))
    if options.json:
        document = {
            "version": VERSION,
            "rounds": options.rounds,
            "cores": os.cpu_count(),
            "load_before": round(load, 2),
            "figures": [figure.as_document() for figure in figures],
        }
        print(json.dumps(document, indent=2))
    else:
        print(render_table(figures))


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each thing is measured")
    parser.add_argument("--json", action="store_true", help="print JSON with every single value")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds: at least 1")
    return options


def measure(project: BenchProject, rounds: int) -> Iterator[Figure]:
    """Measure what one project's environment does, warm."""
    say("build and start once")
    project.run("start")
    project.run("stop")
    yield from measure_starts(project, rounds)
    yield repeated("`start` when it already runs", rounds, lambda: project.seconds("start"), 0.5)
    yield repeated("`status`", rounds, lambda: project.seconds("status"), 0.3)
    yield repeated("`mwaa-local --help`", rounds, lambda: project.seconds("--help"), 0.15)
    yield measure_visibility(project, rounds)
    project.run("run", DAG)
    yield repeated("trigger to task running", rounds, lambda: seconds_to_running(project), 2.0)
    yield from measure_idling(project, rounds)


def measure_starts(project: BenchProject, rounds: int) -> Iterator[Figure]:
    """Compare a warm start with the sequence of AWS's local runner; the environment runs afterwards."""
    ours, theirs = [], []
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}: the sequence of AWS's local runner")
        theirs.append(measure_sequence(project))
        say(f"round {number + 1} of {rounds}: warm start")
        ours.append(project.seconds("start"))
        if number + 1 < rounds:
            project.run("stop")
    start = Figure(f"warm `start` to all roles healthy, {VERSION}", "s", tuple(ours), 8.0)
    sequence = Figure("the sequence of AWS's local runner", "s", tuple(theirs))
    yield start
    yield sequence
    yield ratio("share of the sequence that `start` takes", start, sequence, 1 / 3)


def measure_visibility(project: BenchProject, rounds: int) -> Figure:
    """Measure how soon a saved DAG file is visible in the UI."""
    visitor = Visitor(project)
    visitor.log_in()
    numbers = iter(range(rounds))
    return repeated(
        "saved DAG file to visible in the UI",
        rounds,
        lambda: seconds_to_visible(project, visitor, f"bench_{next(numbers)}"),
        3.0,
    )


def seconds_to_running(project: BenchProject) -> float:
    """Trigger a DAG; return how many seconds later its first task ran."""
    _, output = project.run("run", DAG, "--json")
    result = json.loads(output)
    starts = [datetime.fromisoformat(task["start"]) for task in result["tasks"] if task["start"]]
    return (min(starts) - datetime.fromisoformat(result["logical_date"])).total_seconds()


def measure_idling(project: BenchProject, rounds: int) -> Iterator[Figure]:
    """Measure memory and processor time of an environment that has nothing to do."""
    say(f"leave it alone for {QUIET:.0f} s, then watch it for {QUIET:.0f} s")
    time.sleep(QUIET)
    yield Figure("processor at idle, of one core", "%", (processor_share(project, QUIET),), 5.0)
    yield repeated("memory (PSS) at idle", rounds, lambda: memory(project), 900.0, "MB")


def measure_cold(folder: Path, rounds: int) -> Iterator[Figure]:
    """Measure a first start on a machine that has the wheels, but no environment and no database template."""
    numbers = iter(range(rounds))

    def first_start() -> float:
        number = next(numbers)
        project = BenchProject.make(folder / f"first-{number}", folder / f"cache-{number}", VERSION)
        try:
            return project.seconds("start")
        finally:
            project.run("destroy", "--yes")

    yield repeated("first `start`, wheels at hand, nothing built", rounds, first_start, 25.0)


def repeated(title: str, rounds: int, once: Callable[[], float], bar: float, unit: str = "s") -> Figure:
    """Measure something some times."""
    say(title)
    return Figure(title, unit, tuple(once() for _ in range(rounds)), bar)


def say(text: str) -> None:
    """Tell what is being done."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
