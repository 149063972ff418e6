"""What trees of processes use, measured on real ones."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from mwaa_local.adapters.process_usage import free_memory, measure_trees
from mwaa_local.adapters.processes import SystemProcesses
from mwaa_local.ports import ProcessId

PROGRAM = """
import subprocess, sys
held = bytearray(64 << 20)
if len(sys.argv) > 1:
    subprocess.run([sys.executable, "-c", sys.argv[1]])
total = sum(range(3_000_000))
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def process() -> Iterator[ProcessId]:
    """Run a program that holds 64 MB, after a child of it has used the processor and ended."""
    child = "sum(range(6_000_000))"
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, child], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"ready\n"
        found = SystemProcesses().identify(running.pid)
        assert found is not None
        yield found
        running.kill()


def test_a_tree_has_the_time_of_children_that_have_ended(process: ProcessId) -> None:
    usage = measure_trees([process])[process]
    assert usage.cpu_seconds > 0.02
    assert 64 << 20 < usage.memory < 256 << 20
    assert usage.titles == (sys.executable,)


def test_living_descendants_belong_to_a_tree(process: ProcessId) -> None:
    own = SystemProcesses().identify(os.getpid())
    assert own is not None
    usage = measure_trees([own, process])
    assert usage[own].memory > usage[process].memory
    assert usage[own].cpu_seconds > usage[process].cpu_seconds


def test_another_process_with_the_same_number_is_not_measured(process: ProcessId) -> None:
    assert measure_trees([ProcessId(process.pid, process.started - 1), ProcessId(2**22, 1.0)]) == {}


def test_a_machine_has_some_memory_left() -> None:
    assert free_memory() > 1 << 20
