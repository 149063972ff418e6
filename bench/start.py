"""The section `start`: a warm start against the sequence of AWS's local runner, then the commands that are typed most.

The two that are compared alternate, so that a busy spell hits both.
"""

from collections.abc import Iterator

from bench.figures import Figure, ratio
from bench.local_runner import measure_sequence
from bench.project import BenchProject
from bench.session import Session, say


def measure_start(session: Session) -> Iterator[Figure]:
    """Measure what starting costs when everything has been built, and what the quick commands take."""
    with session.project() as project:
        say("build and start once")
        project.run("start")
        project.run("stop")
        yield from compare_starts(session, project)
        yield session.repeated("`start` when it already runs", lambda: project.seconds("start"), 0.5)
        yield session.repeated("`status`", lambda: project.seconds("status"), 0.3)
        yield session.repeated("`mwaa-local --help`", lambda: project.seconds("--help"), 0.15)


def compare_starts(session: Session, project: BenchProject) -> Iterator[Figure]:
    """Compare a warm start with the sequence of AWS's local runner; the environment runs afterwards."""
    ours, theirs = [], []
    for number in range(session.rounds):
        say(f"round {number + 1} of {session.rounds}: the sequence of AWS's local runner")
        theirs.append(measure_sequence(project))
        say(f"round {number + 1} of {session.rounds}: warm start")
        ours.append(project.seconds("start"))
        if number + 1 < session.rounds:
            project.run("stop")
    start = Figure(f"warm `start` to all roles healthy, {project.version}", "s", tuple(ours), 8.0)
    sequence = Figure("the sequence of AWS's local runner", "s", tuple(theirs))
    yield start
    yield sequence
    yield ratio("share of the sequence that `start` takes", start, sequence, 1 / 3)
