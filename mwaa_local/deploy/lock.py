"""The lock object that keeps two deploys of one deployment apart."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from mwaa_local.aws_ports import Condition, ObjectStore
from mwaa_local.errors import AwsError, ConflictError
from mwaa_local.ports import Clock

STALE = 2 * 3600.0
"""Seconds after which a lock is taken to be left over: no upload lasts so long."""


@dataclass(frozen=True, slots=True)
class Lock:
    """Who deploys, since when. `holder` is one checkout's: it deploys once at a time, so its own lock is left over."""

    holder: str
    user: str
    began: float


@dataclass(frozen=True, slots=True)
class LockWish:
    """The lock that a run wants, and where it lies; `force` takes it from whoever has it."""

    key: str
    holder: str
    user: str
    force: bool = False


@contextmanager
def held(store: ObjectStore, wish: LockWish, clock: Clock, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock; ConflictError if somebody else has it. That it cannot be removed at the end is only said."""
    take_lock(store, wish, clock, say)
    try:
        yield
    finally:
        try:
            store.delete(wish.key)
        except AwsError as error:
            say(f"The lock {wish.key} could not be removed: {error.message}")


def take_lock(store: ObjectStore, wish: LockWish, clock: Clock, say: Callable[[str], None]) -> None:
    """Write the lock object; what is left over of an earlier run is replaced, and that is said."""
    text = render_lock(Lock(wish.holder, wish.user, clock.now()))
    metadata = {"holder": wish.holder}
    with suppress(ConflictError):
        store.write(wish.key, text, metadata=metadata, condition=Condition(None))
        return
    found = store.describe(wish.key)
    content = store.read(wish.key) if found else None
    lock = parse_lock(content) if content else None
    if lock is not None and lock.holder == wish.holder:
        say("Took the lock of an earlier run of this checkout.")
    elif lock is not None:
        age = clock.now() - lock.began
        if not wish.force and age < STALE:
            raise _is_held(lock, age)
        say(f"Took the lock of {lock.user}, who began {_ago(age)}.")
    condition = Condition(found.version.etag if found else None)
    store.write(wish.key, text, metadata=metadata, condition=condition)


def clear_own_lock(store: ObjectStore, wish: LockWish) -> None:
    """Remove the lock that an earlier run of the same checkout could not remove."""
    content = store.read(wish.key)
    lock = parse_lock(content) if content else None
    if lock is not None and lock.holder == wish.holder:
        store.delete(wish.key)


def render_lock(lock: Lock) -> bytes:
    """Return the text of the lock object."""
    return json.dumps({"holder": lock.holder, "user": lock.user, "began": lock.began}).encode()


def parse_lock(text: bytes) -> Lock | None:
    """Return the lock of an object's text; None if that is no lock of ours."""
    try:
        document: Any = json.loads(text)
        return Lock(str(document["holder"]), str(document["user"]), float(document["began"]))
    except (KeyError, TypeError, ValueError):
        return None


def _is_held(lock: Lock, age: float) -> ConflictError:
    return ConflictError(
        f"{lock.user} is deploying this too: that began {_ago(age)}.",
        hint="Wait until it has ended. If it was killed, take its lock: add --break-lock.",
    )


def _ago(seconds: float) -> str:
    minutes = round(max(0.0, seconds) / 60)
    if minutes < 1:
        return "less than a minute ago"
    return f"{minutes} minutes ago" if minutes < 120 else f"{minutes // 60} hours ago"
