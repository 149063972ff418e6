"""Our verdict on requirements is that of MWAA's own pip.

truth.json is what pip did (`pip_truth.py` records it); the index is looked at as it was then.
"""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mwaa_local.catalog import load_version
from mwaa_local.cli.app import make_app
from mwaa_local.errors import MwaaLocalError, RequirementsError
from mwaa_local.runtime.environment_copy import copy_environment
from mwaa_local.runtime.installer import Toolchain
from mwaa_local.runtime.interpreters import Search, find_interpreter
from mwaa_local.runtime.venv import ensure_base_environment
from mwaa_local.validation.requirements_verdict import Verdict
from tests.contract.agreement_cases import Case, find_difference, judge_case, load_cases, load_truth
from tests.contract.pip_truth import find_environment, run_pip

TRUTH = load_truth()
CASES = load_cases()


def judge(case: Case, root: Path) -> Verdict:
    try:
        return judge_case(case, root)
    except RequirementsError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"the package index cannot be reached: {error.message.splitlines()[0]}")


def test_enough_is_compared() -> None:
    assert len({case.name for case in CASES}) >= 60
    assert {case.key for case in CASES} == set(TRUTH)


@pytest.mark.airflow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)
def test_the_verdict_is_pips(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = TRUTH[case.key]
    if truth.date < datetime.now(UTC).date().isoformat():
        monkeypatch.setenv("UV_EXCLUDE_NEWER", f"{truth.date}T23:59:59Z")
    assert find_difference(judge(case, tmp_path / "project"), truth) == ""


SAMPLE = (
    "2.2.2: amazon 3.4.0 on the stock environment",
    "2.2.2: a conflict between two packages",
    "2.2.2: Jinja2 3.1",
)


@pytest.fixture(scope="module")
def environment() -> Path:
    """Return the stock environment of 2.2.2, building it where this machine has none yet."""
    host = make_app().host
    tools = Toolchain(host.commands, host.uv, host.environ, lambda text: None, host.locks)
    version = load_version("2.2.2")
    try:
        interpreter = find_interpreter(version, None, Search(tools, host.cache))
        provider = version.amazon_provider_stock
        base = ensure_base_environment(version, provider, interpreter, host.cache, tools)
    except MwaaLocalError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no environment of Airflow 2.2.2: {error.message.splitlines()[0]}")
    return base.root


@pytest.mark.airflow
@pytest.mark.parametrize("key", SAMPLE)
def test_pip_still_does_what_was_recorded(key: str, environment: Path, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.key == key)
    copy = tmp_path / "2.2.2-copy"
    copy.mkdir()
    copy_environment(environment, copy)
    now = run_pip(case, find_environment(tmp_path, "2.2.2"))
    assert (now.exit_code == 0) == (TRUTH[key].exit_code == 0)
    assert {name for name, _ in now.installs} == {name for name, _ in TRUTH[key].installs}
