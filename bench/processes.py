"""What an environment takes while it idles: memory as PSS, processor time of all its processes."""

import time
from pathlib import Path

import psutil

from bench.project import BenchProject

MEGABYTE = 1_000_000


def find_processes(project: BenchProject) -> list[psutil.Process]:
    """Return the supervisor and everything below it."""
    supervisor = psutil.Process(int(project.read("run", "supervisor.json")["pid"]))
    return [supervisor, *supervisor.children(recursive=True)]


def memory(project: BenchProject) -> float:
    """Return the proportional set size of all processes in MB: shared pages are divided among those that share them."""
    return sum(proportional_size(process.pid) for process in find_processes(project)) / MEGABYTE


def proportional_size(pid: int) -> int:
    """Return a process's PSS in bytes; 0 if it has ended meanwhile."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def processor_share(project: BenchProject, seconds: float) -> float:
    """Return how many percent of one core all processes take together over some seconds."""
    before, began = processor_time(project), time.monotonic()
    time.sleep(seconds)
    return 100 * (processor_time(project) - before) / (time.monotonic() - began)


def processor_time(project: BenchProject) -> float:
    """Return the processor time of all processes, those included that have ended and been collected."""
    total = 0.0
    for process in find_processes(project):
        try:
            spent = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += spent.user + spent.system + spent.children_user + spent.children_system
    return total
