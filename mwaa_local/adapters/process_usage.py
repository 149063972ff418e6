"""What trees of processes use: processor time, memory, and the titles by which PostgreSQL's connections are known."""

import contextlib
from collections.abc import Iterable

import psutil

from mwaa_local.adapters.processes import start_of
from mwaa_local.ports import ProcessId, TreeUsage


def measure_trees(roots: Iterable[ProcessId]) -> dict[ProcessId, TreeUsage]:
    """Return what each living process uses with all its descendants."""
    children: dict[int, list[psutil.Process]] = {}
    own: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            children.setdefault(process.ppid(), []).append(process)
            own[process.pid] = process
    return {
        root: _measure(own[root.pid], children)
        for root in roots
        if root.pid in own and start_of(root.pid) == root.started
    }


def free_memory() -> int:
    """Return how many bytes this machine could still give to processes."""
    return int(psutil.virtual_memory().available)


def _measure(root: psutil.Process, children: dict[int, list[psutil.Process]]) -> TreeUsage:
    seconds, memory, titles = 0.0, 0, []
    waiting = [root]
    while waiting:
        process = waiting.pop()
        waiting += children.get(process.pid, [])
        with contextlib.suppress(psutil.Error):
            times, held = process.cpu_times(), process.memory_info()
            # With the time of children that have ended, which nobody else has.
            seconds += times.user + times.system
            seconds += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
            # Libraries are shared by all of Airflow's processes; on macOS it is not known how much of them is.
            memory += held.rss - getattr(held, "shared", 0)
            titles.append(" ".join(process.cmdline()[:1]))
    return TreeUsage(seconds, memory, tuple(titles))
