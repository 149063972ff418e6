"""Plays the triggerer for one task: runs its trigger until the first event and resumes the task. Python 3.7 and up."""

import asyncio
import importlib

PATIENCE = 60.0
"""Seconds that a trigger may take where the task gives no timeout of its own."""


def deferral_class():
    """Return the exception by which a task defers itself; a class that nobody raises before 2.2."""
    for module in ("airflow.sdk.exceptions", "airflow.exceptions"):
        try:
            return importlib.import_module(module).TaskDeferred
        except (ImportError, AttributeError):
            continue
    return type("NoDeferral", (BaseException,), {})


def finish(task, deferred, context, events):
    """Resume a deferred task until it ends, and return its result.

    `events` are payloads that stand for those of the triggers, one for each time that the task defers; where there is
    none left, the trigger itself runs.
    """
    waiting = list(events)
    while True:
        payload = waiting.pop(0) if waiting else run_trigger(deferred)
        named = dict(deferred.kwargs or {}, event=payload)
        try:
            return getattr(task, deferred.method_name)(context, **named)
        except deferral_class() as again:
            deferred = again


def run_trigger(deferred):
    """Run a trigger as the triggerer would, from its serialized form, and return the payload of its first event."""
    trigger = rebuild(deferred.trigger)
    timeout = deferred.timeout.total_seconds() if deferred.timeout else PATIENCE
    loop = asyncio.new_event_loop()
    try:
        event = loop.run_until_complete(asyncio.wait_for(first_event(trigger), timeout))
    except asyncio.TimeoutError:
        raise TimeoutError(
            "%s gave no event within %g s; hand one over: run_task(task, events=[...])"
            % (type(trigger).__name__, timeout)
        ) from None
    finally:
        loop.close()
    return event.payload


def rebuild(trigger):
    """Return the trigger that the triggerer makes of what is stored of it."""
    path, arguments = trigger.serialize()
    module, _, name = path.rpartition(".")
    kind = getattr(importlib.import_module(module), name)
    made = kind(**arguments)
    if type(made) is not type(trigger):
        raise TypeError("%s.serialize() names another class: %s" % (type(trigger).__name__, path))
    return made


async def first_event(trigger):
    """Return the first event of a trigger."""
    events = trigger.run()
    try:
        async for event in events:
            return event
    finally:
        await events.aclose()
    raise RuntimeError("%s ended without an event" % type(trigger).__name__)
