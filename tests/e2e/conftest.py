"""What the end-to-end tests share: where environments are cached, and small projects."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.small_project import SmallProject, write_project

MakeProject = Callable[..., SmallProject]


@pytest.fixture(scope="session")
def environment_cache() -> Path:
    """Return where environments are kept."""
    return Path(os.environ["MWAA_LOCAL_CACHE"])


@pytest.fixture(scope="module")
def make_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeProject]:
    """Make a small project in a new folder; at the end its environment is destroyed."""
    made: list[SmallProject] = []

    def make(name: str = "small", version: str = "2.2.2", folder: Path | None = None) -> SmallProject:
        project = SmallProject((folder or tmp_path_factory.mktemp("projects")) / name, version)
        write_project(project)
        made.append(project)
        return project

    yield make
    for project in made:
        if project.state.exists():
            project.run("destroy", "--yes")
        for process in project.processes():
            process.kill()
        shutil.rmtree(project.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def running(make_project: MakeProject) -> SmallProject:
    """A project whose environment runs and whose metadata hold something; a test may leave it in any state."""
    project = make_project()
    project.start()
    project.remember()
    return project


@pytest.fixture
def healthy(running: SmallProject) -> Iterator[SmallProject]:
    """The same, healthy before the test; after it nothing may be lost or left over, and the next start works."""
    running.start()
    yield running
    running.start()
    running.recall()
