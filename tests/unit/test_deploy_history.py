"""What a rollback goes back to after one that was interrupted."""

from dataclasses import replace

import pytest

from mwaa_local.cli.deploy_history import receipt_to_reach
from mwaa_local.deploy.receipt import Author, Receipt

BEGUN = Receipt(
    id="20261121T045227.000Z-1a2b3c",
    kind="rollback",
    outcome="interrupted",
    deployment="staging",
    bucket="orders",
    began="2026-11-21T04:52:27Z",
    ended="",
    author=Author("alice@laptop"),
    changes=(),
    environment=None,
    previous="third",
    target="second",
)


@pytest.mark.parametrize(
    ("to", "interrupted", "goal"),
    [
        (None, BEGUN, "second"),
        (None, replace(BEGUN, target=None), "start"),
        ("first", BEGUN, "first"),
        (None, replace(BEGUN, kind="deploy", target=None), None),
        (None, None, None),
    ],
)
def test_a_rollback_that_was_interrupted_is_finished_and_goes_no_further(
    to: str | None, interrupted: Receipt | None, goal: str | None
) -> None:
    assert receipt_to_reach(to, interrupted) == goal
