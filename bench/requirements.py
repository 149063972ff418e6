"""The section `requirements`: `test-requirements` beside `pip install -r` of the same file, and where they disagree."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.figures import Figure, ratio
from bench.project import COMMAND
from bench.session import VERSION, Session, say
from bench.timing import run_timed
from mwaa_local.catalog import constraints_for, load_version
from mwaa_local.cli.app import make_app
from mwaa_local.runtime.environment_copy import copy_environment
from mwaa_local.runtime.installer import Toolchain
from mwaa_local.runtime.interpreters import Search, find_interpreter
from mwaa_local.runtime.venv import ensure_base_environment, write_pins
from tests.contract.agreement_cases import Case, Truth, find_difference, judge_case, load_cases, load_truth

_PROVIDERS = ("http", "mongo", "redis", "sftp", "slack", "ssh")
_CONSTRAINTS = "/usr/local/airflow/dags/constraints.txt"


def measure_requirements(session: Session) -> Iterator[Figure]:
    """Measure ours, remembered and with nothing cached, and pip in turns; then compare the verdicts."""
    place = _Place.make(session)
    place.ours(place.warm)
    say("requirements: test-requirements and pip in turns")
    cached, edited, uncached, pip = [], [], [], []
    for number in range(session.rounds):
        cached.append(place.ours(place.warm))
        edited.append(place.after_an_edit(number))
        with tempfile.TemporaryDirectory(dir=session.folder) as nothing:
            uncached.append(place.ours({"MWAA_LOCAL_CACHE": nothing, "UV_CACHE_DIR": f"{nothing}/uv"}))
        pip.append(place.pip())
    what = "six providers, pandas, scikit-learn"
    same = Figure(f"`test-requirements`, {what}: asked before", "s", tuple(cached), 1.0)
    other = Figure("the same, a line edited, metadata cached", "s", tuple(edited), 1.0)
    first = Figure("the same, nothing cached", "s", tuple(uncached))
    theirs = Figure("`pip install -r` of the same file, as on MWAA without a cache", "s", tuple(pip))
    yield from (same, other, first, theirs)
    yield ratio("asked before / pip", same, theirs, 1 / 50)
    yield ratio("metadata cached / pip", other, theirs, 1 / 50)
    yield ratio("nothing cached / pip", first, theirs, 1 / 10)
    yield from _agreement(session)


@dataclass(frozen=True, slots=True)
class _Place:
    project: Path
    base: Path
    warm: Mapping[str, str]

    @classmethod
    def make(cls, session: Session) -> "_Place":
        """Make the project, and the environment that pip installs into copies of."""
        version = load_version(VERSION)
        project = session.folder / "project"
        (project / "dags").mkdir(parents=True)
        write_pins(project / "dags" / "constraints.txt", constraints_for(version, None))
        lines = [f"--constraint {_CONSTRAINTS}", *(f"apache-airflow-providers-{each}" for each in _PROVIDERS)]
        lines += ["pandas", "scikit-learn"]
        (project / "requirements.txt").write_text("\n".join(lines) + "\n")
        host = make_app().host
        tools = Toolchain(host.commands, host.uv, host.environ, say, host.locks)
        interpreter = find_interpreter(version, None, Search(tools, session.cache))
        provider = version.amazon_provider_stock
        base = ensure_base_environment(version, provider, interpreter, session.cache, tools)
        warm = session.folder / "warm"
        return cls(project, base.root, {"MWAA_LOCAL_CACHE": str(warm)})

    def ours(self, variables: Mapping[str, str], file: str = "requirements.txt") -> float:
        """Return how long test-requirements takes."""
        command = [COMMAND, "test-requirements", str(self.project / file), "--version", VERSION]
        return run_timed(command, self.project, variables)[0]

    def after_an_edit(self, number: int) -> float:
        """Return how long it takes for a file that was never asked about, of packages that were."""
        text = (self.project / "requirements.txt").read_text()
        (self.project / "edited.txt").write_text(text.replace("pandas\n", f"pandas<{9 + number}\n"))
        return self.ours(self.warm, "edited.txt")

    def pip(self) -> float:
        """Return how long pip takes to install the file into a copy of the environment."""
        copy = self.project.parent / "copy"
        copy.mkdir()
        try:
            python = copy_environment(self.base, copy)
            file = copy / "requirements.txt"
            text = (self.project / "requirements.txt").read_text()
            file.write_text(text.replace(_CONSTRAINTS, str(self.project / "dags" / "constraints.txt")))
            command = [str(python), "-m", "pip", "install", "--no-cache-dir", "-r", str(file)]
            return run_timed(command, copy, {"PIP_DISABLE_PIP_VERSION_CHECK": "1"})[0]
        finally:
            shutil.rmtree(copy)


def _agreement(session: Session) -> Iterator[Figure]:
    truth, cases = load_truth(), load_cases()
    say(f"requirements: {len(cases)} sets, our verdict beside what pip did")
    differences = [
        _difference(case, truth[case.key], session.folder / str(n)) for n, case in enumerate(cases)
    ]
    verdicts = [each for each in differences if each.startswith("verdict")]
    for each in filter(None, differences):
        say(each)
    yield Figure("verdicts like pip's, of all sets", "%", (100 * (1 - len(verdicts) / len(cases)),))
    yield Figure("verdicts unlike pip's", "", (float(len(verdicts)),), 0.0)
    yield Figure(
        "sets with other packages than pip's", "", (float(len(differences) - differences.count("")),), 0.0
    )


def _difference(case: Case, truth: Truth, folder: Path) -> str:
    if truth.date < datetime.now(UTC).date().isoformat():
        os.environ["UV_EXCLUDE_NEWER"] = f"{truth.date}T23:59:59Z"
    try:
        return find_difference(judge_case(case, folder), truth)
    finally:
        os.environ.pop("UV_EXCLUDE_NEWER", None)
