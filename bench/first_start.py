"""The section `first`: a first start on a machine that has the wheels, but no environment and no database template."""

from collections.abc import Iterator
from dataclasses import replace

from bench.figures import Figure
from bench.session import Session


def measure_first_start(session: Session) -> Iterator[Figure]:
    """Measure a start that builds everything, each time in a new cache."""
    numbers = iter(range(session.rounds))

    def first_start() -> float:
        number = next(numbers)
        fresh = replace(session, cache=session.folder / f"cache-{number}")
        with fresh.project(f"first-{number}") as project:
            return project.seconds("start")

    yield session.repeated("first `start`, wheels at hand, nothing built", first_start, 25.0)
