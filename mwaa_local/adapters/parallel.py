"""Shares a pure computation out over this machine's cores; results come back in order."""

import gc
import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

WORTH_IT = 64
"""With fewer values, another process costs more than it saves."""


def share_out(function: Callable[[T], R], values: Sequence[T]) -> list[R]:
    """Apply `function` to every value, in as many processes as there are cores."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    if len(values) < WORTH_IT or cores < 2 or "fork" not in multiprocessing.get_all_start_methods():
        return _apply(function, values)
    context = multiprocessing.get_context("fork")
    # Interleaved, so that a folder of large files does not fall to one process.
    shares = [values[number::cores] for number in range(cores)]
    workers = []
    for share in shares[1:]:
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(function, share, sender), daemon=True)
        process.start()
        sender.close()
        workers.append((process, receiver, share))
    done = [_apply(function, shares[0])]
    for process, receiver, share in workers:
        try:
            done.append(receiver.recv())
        except EOFError:
            # It was ended from outside: do its part ourselves.
            done.append(_apply(function, share))
        process.join()
    results: list[R] = []
    for position in range(len(shares[0])):
        results += [part[position] for part in done if position < len(part)]
    return results


def _work(function: Callable[[T], R], values: Sequence[T], sender: Connection) -> None:
    sender.send(_apply(function, values))
    sender.close()


def _apply(function: Callable[[T], R], values: Sequence[T]) -> list[R]:
    """Apply `function` to every value, without collecting garbage in between: syntax trees make a lot to look at."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        return [function(value) for value in values]
    finally:
        if enabled:
            gc.enable()
