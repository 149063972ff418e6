"""What every section of `python -m bench` is given: a folder of its own, the cache, how many rounds; and how it says
what it is at."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Figure
from bench.project import BenchProject

VERSION = "2.2.2"


@dataclass(frozen=True, slots=True)
class Session:
    """One section's part of a run."""

    folder: Path
    """Empty, the section's own, open to other users; removed afterwards."""
    cache: Path
    """The user-wide cache of all sections of this run."""
    rounds: int

    @contextmanager
    def project(self, name: str = "sample", version: str = VERSION) -> Iterator[BenchProject]:
        """Yield a copy of the sample project, not started; destroy its environment afterwards."""
        project = BenchProject.make(self.folder / name, self.cache, version)
        try:
            yield project
        finally:
            project.run("destroy", "--yes")

    def repeated(
        self, title: str, once: Callable[[], float], bar: float | None = None, unit: str = "s"
    ) -> Figure:
        """Measure something once a round."""
        say(title)
        return Figure(title, unit, tuple(once() for _ in range(self.rounds)), bar)


Section = Callable[[Session], Iterable[Figure]]
"""What `bench/<section>.py` offers: it measures, and returns the rows of the table."""


def say(text: str) -> None:
    """Tell what is being done."""
    print(text, file=sys.stderr, flush=True)
