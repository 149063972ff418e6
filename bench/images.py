"""The section `images`: how long images take to build, how large they are, and a start with them.

Compared with what users do today: the steps that AWS's local runner takes for 2.2.2, on the same base, with the same
Debian packages and the same versions of Python packages (see `local_runner_image`). The engine is that of DOCKER_HOST;
without one, a daemon of our own is started, with a stand-in for the official base.
"""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from bench.figures import Figure, ratio
from bench.local_runner_image import LocalRunnerImage, forget_images
from bench.project import BenchProject
from bench.session import VERSION, Session, say
from mwaa_local.catalog import load_version
from tests.docker_engine import PrivateEngine, engine_problem, ensure_base, private_engine

PYTHON_OF_SERVICES = "3.11"
REQUIREMENT = "shortuuid==1.0.{number}"
"""Versions of a small package that no constraints name and every Python can install: a change of requirements each."""
FIRST_NUMBER = 3
READY = ("--runtime", "compose")


@dataclass(frozen=True, slots=True)
class Engine:
    """Where images are built, and on what."""

    address: str
    variables: dict[str, str]
    """What our own command is given."""


def measure_images(session: Session) -> Iterator[Figure]:
    """Measure building, rebuilding, size and start."""
    with engine_of(session) as engine, ExitStack() as undo:
        for name, value in engine.variables.items():
            undo.callback(put_back, name, os.environ.get(name))
            os.environ[name] = value
        with session.project() as project:
            say("the system, the wheels and the services (not measured)")
            project.run("build", "--services")
            yield from measure_build(session, project)
            yield from measure_rebuild(session, project)
            yield from measure_start(session, project)


def measure_build(session: Session, project: BenchProject) -> Iterator[Figure]:
    """Measure an image whose wheels are cached against the local runner's, in time and in size."""
    theirs = LocalRunnerImage.make(session.folder / "local-runner", load_version(VERSION))
    numbers = iter(range(session.rounds))
    built = session.repeated("image of 2.2.2, wheels cached", lambda: build_anew(project))
    reference = session.repeated("the local runner's pip sequence", lambda: theirs.seconds(next(numbers)))
    yield built
    yield reference
    yield ratio("image build: share of the local runner's sequence", built, reference, 0.25)
    ours, other = image_size(project) / 1e6, theirs.size() / 1e6
    yield Figure("size of the image of 2.2.2", "MB", (ours,))
    yield Figure("size of the local runner's image, same packages", "MB", (other,))
    yield Figure("image size: share of the local runner's", "", (ours / other,), 2 / 3)
    theirs.remove()


def measure_rebuild(session: Session, project: BenchProject) -> Iterator[Figure]:
    """Measure the project's image after a line of its requirements has changed."""
    project.run("build", "--requirements")
    numbers = iter(range(FIRST_NUMBER, FIRST_NUMBER + session.rounds))
    requirements = project.folder / "requirements.txt"
    text = requirements.read_text(encoding="utf-8")

    def rebuild() -> float:
        line = REQUIREMENT.format(number=next(numbers))
        requirements.write_text(f"{text}\n{line}\n", encoding="utf-8")
        return project.seconds("build", "--requirements")

    yield session.repeated("rebuild after a requirements change", rebuild, 15.0)
    requirements.write_text(text, encoding="utf-8")


def measure_start(session: Session, project: BenchProject) -> Iterator[Figure]:
    """Measure a start in containers with everything built, until every role is healthy."""

    def start() -> float:
        project.run("destroy", "--yes")
        # It has removed the image with the requirements.
        project.run("build", "--requirements")
        return project.seconds("start", *READY)

    yield session.repeated("`start --runtime compose`, images built, new database", start, 20.0)

    def again() -> float:
        project.run("stop")
        return project.seconds("start", *READY)

    yield session.repeated("`start --runtime compose` again, database kept", again)


def build_anew(project: BenchProject) -> float:
    """Build the image as if nothing but the system and the wheels were there."""
    forget_images(VERSION)
    return project.seconds("build")


def image_size(project: BenchProject) -> int:
    """Return the bytes of the version's image."""
    return int(json.loads(project.run("build", "--json")[1])["size"])


@contextmanager
def engine_of(session: Session) -> Iterator[Engine]:
    """Yield the user's engine, or one of our own with stand-ins for the bases."""
    if os.environ.get("DOCKER_HOST"):
        yield Engine(os.environ["DOCKER_HOST"], {})
        return
    python = load_version(VERSION).python
    problem = engine_problem(python) or engine_problem(PYTHON_OF_SERVICES)
    if problem:
        raise RuntimeError(f"No container engine to measure: {problem}; set DOCKER_HOST.")
    with private_engine(firewall=True) as private:
        yield Engine(private.address, own_variables(private, python, session))


def own_variables(private: PrivateEngine, python: str, session: Session) -> dict[str, str]:
    """Return what leads our commands to an engine of our own, and its bases to them."""
    return {
        "DOCKER_HOST": private.address,
        "MWAA_LOCAL_BASE_IMAGE": ensure_base(private, python, session.cache),
        "MWAA_LOCAL_SERVICES_BASE_IMAGE": ensure_base(private, PYTHON_OF_SERVICES, session.cache),
    }


def put_back(name: str, value: str | None) -> None:
    """Set a variable as it was."""
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
