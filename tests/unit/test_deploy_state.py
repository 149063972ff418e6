"""The state in the bucket as text, and work that several threads share."""

import threading
from pathlib import Path

import pytest

from mwaa_local.aws_ports import S3Source
from mwaa_local.deploy.apply_parallel import do_in_parallel
from mwaa_local.deploy.manifest import Part
from mwaa_local.deploy.receipt import Ledger, ObjectState
from mwaa_local.deploy.receipt_text import parse_ledger, parse_receipt, render_ledger
from mwaa_local.errors import AwsError
from tests.deployed_project import DeployedProject


def test_a_ledger_survives_being_written_and_read() -> None:
    ledger = Ledger(
        objects={
            "dags/a.py": ObjectState("e", "v", "s", ours=True),
            "b": ObjectState("e", None, None, ours=False),
        },
        receipt="20261121T045227Z-1a2b3c",
        versions={"plugins.zip": {"v1": "s1"}},
        asked={Part.PLUGINS: S3Source("plugins.zip", "v1")},
    )
    assert parse_ledger(render_ledger(ledger)) == ledger


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"schema": 1}', b'{"schema": 1, "objects": []}'])
def test_a_damaged_state_is_said_to_be_damaged(text: bytes) -> None:
    for parse in (parse_ledger, parse_receipt):
        with pytest.raises(AwsError, match="in the bucket's state folder is damaged"):
            parse(text)


def test_the_state_of_a_later_version_is_not_touched() -> None:
    with pytest.raises(AwsError, match="was written by a later version of mwaa-local") as raised:
        parse_ledger(b'{"schema": 99}')
    assert raised.value.hint == "Update mwaa-local: pip install --upgrade mwaa-local"


def test_an_interrupt_loses_nothing_of_what_was_done(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    project = DeployedProject(tmp_path / "project")
    for number in range(100):
        project.put(f"dags/dag_{number}.py", str(number))

    def interrupt(_step: object, done: int, _total: int) -> None:
        if done == 10:
            raise KeyboardInterrupt

    project.on_step = interrupt
    with pytest.raises(KeyboardInterrupt):
        project.deploy()
    put = {key for key in project.in_bucket() if key.startswith("dags/")}
    assert len(put) >= 10
    project.on_step = None
    assert {*project.plan().unchanged} == put
    project.deploy()
    assert len(project.in_bucket()) == 100


def test_after_a_failure_nothing_new_is_begun_and_what_was_done_is_told() -> None:
    begun: list[int] = []
    told: list[int] = []
    failed = threading.Event()

    def work(number: int) -> int:
        begun.append(number)
        if number == 3:
            failed.set()
            raise AwsError("No.")
        failed.wait(5)
        return number

    with pytest.raises(AwsError, match="No"):
        do_in_parallel(work, range(1000), lambda number, _: told.append(number))
    assert len(begun) < 100
    assert sorted(told) == sorted(set(begun) - {3})
