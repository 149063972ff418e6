"""Our verdict on requirements is that of MWAA's own pip.

truth.json is what pip did (`pip_truth.py` records it); the index is looked at as it was then.
"""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from mwaa_local.catalog import load_version
from mwaa_local.cli.resolver_tools import make_resolver
from mwaa_local.errors import RequirementsError
from mwaa_local.validation.base_environment import make_base
from mwaa_local.validation.requirements_verdict import Inputs, Verdict, judge_requirements
from tests.contract.agreement_cases import Case, load_cases, load_truth, write_project

TRUTH = load_truth()
CASES = load_cases()


def judge(case: Case, root: Path) -> Verdict:
    version = load_version(case.version)
    base = make_base(version, version.amazon_provider_stock)
    try:
        return judge_requirements(
            Inputs(write_project(case, root), base, {}), make_resolver(base, sys.executable)
        )
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
    verdict = judge(case, tmp_path / "project")
    assert verdict.installs == (truth.exit_code == 0), [each.message for each in verdict.findings]
    if verdict.installs:
        ours = {each.name: each.version for each in verdict.packages if each.is_changed}
        pips: dict[str, str] = {canonicalize_name(name): number for name, number in truth.installs}
        assert ours.keys() == pips.keys()
        # The version of a folder is not known before it is built.
        assert {
            name: (ours[name], pips[name]) for name in ours if ours[name] and differ(ours[name], pips[name])
        } == {}


def differ(one: str, other: str) -> bool:
    return Version(one) != Version(other)
