"""Does many things of one kind at once, a few threads sharing them; what was done is always told, however it ends."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 16
PATIENCE = 15.0
"""Seconds that what is under way gets to end after an interrupt."""


def do_in_parallel(work: Callable[[T], R], items: Sequence[T], on_done: Callable[[T, R], None]) -> None:
    """Do `work` for each item and tell `on_done` in this thread, in the order in which they end.

    After the first error nothing new is begun; what is under way ends and is told, then the error is raised. The same
    after an interrupt, with limited patience.
    """
    if len(items) == 1:
        on_done(items[0], work(items[0]))
    elif items:
        _Team(work, items).run(on_done)


class _Team(Generic[T, R]):
    def __init__(self, work: Callable[[T], R], items: Sequence[T]) -> None:
        self._work = work
        self._waiting = deque(items)
        self._stopped = threading.Event()
        self._ended: SimpleQueue[tuple[T, R] | BaseException | None] = SimpleQueue()
        self._at_work = min(AT_ONCE, len(items))

    def run(self, on_done: Callable[[T, R], None]) -> None:
        for _ in range(self._at_work):
            threading.Thread(target=self._do, daemon=True).start()
        try:
            failure = self._listen(on_done, None)
        except BaseException:
            self._stopped.set()
            self._listen(on_done, PATIENCE)
            raise
        if failure is not None:
            raise failure

    def _do(self) -> None:
        while not self._stopped.is_set():
            try:
                item = self._waiting.popleft()
            except IndexError:
                break
            try:
                self._ended.put((item, self._work(item)))
            except BaseException as error:
                self._stopped.set()
                self._ended.put(error)
        self._ended.put(None)

    def _listen(self, on_done: Callable[[T, R], None], patience: float | None) -> BaseException | None:
        """Tell what has ended until nobody works any more; return the first error."""
        failure: BaseException | None = None
        while self._at_work:
            try:
                ended = self._ended.get(timeout=patience)
            except Empty:
                break
            if ended is None:
                self._at_work -= 1
            elif isinstance(ended, BaseException):
                failure = failure or ended
            else:
                on_done(*ended)
        return failure
