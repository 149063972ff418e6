"""A program inside an environment ends with whoever has asked it to do something, however that ends."""

import subprocess
import sys

import pytest

from tests.inside_modules import INSIDE

PROGRAM = (
    "import sys, time; from mwaa_inside.channel import end_with_caller; end_with_caller(); time.sleep(%s)"
)


def begin(seconds: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM % seconds], env={"PYTHONPATH": str(INSIDE)}, stdin=subprocess.PIPE
    )


def test_it_ends_when_its_caller_has_gone() -> None:
    with begin(60) as program:
        with pytest.raises(subprocess.TimeoutExpired):
            program.wait(timeout=0.5)
        assert program.stdin is not None
        program.stdin.close()
        assert program.wait(timeout=20) == 130


def test_it_ends_by_itself_although_its_caller_waits() -> None:
    with begin(0.1) as program:
        assert program.wait(timeout=20) == 0
