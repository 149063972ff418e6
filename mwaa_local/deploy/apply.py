"""Does what a plan says, step by step, so that it can be interrupted anywhere and run again.

Before the first change the bucket holds what is meant to be done; after the last one a receipt of what was done.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Literal, assert_never

from mwaa_local.aws_ports import EnvironmentChange, EnvironmentService, ObjectStore, S3Source
from mwaa_local.deploy.apply_objects import ObjectStep, do_object_step, key_of, with_versions
from mwaa_local.deploy.apply_parallel import do_in_parallel
from mwaa_local.deploy.lock import LockWish, clear_own_lock, held
from mwaa_local.deploy.manifest import Part
from mwaa_local.deploy.plan_steps import Delete, Plan, Restore, Step, UpdateEnvironment, Upload
from mwaa_local.deploy.receipt import (
    LOCK,
    Author,
    Change,
    EnvironmentSources,
    Ledger,
    ObjectState,
    Receipt,
)
from mwaa_local.deploy.receipt_store import StateStore, keep_copy
from mwaa_local.deploy.remote import Remote
from mwaa_local.deployment import Deployment
from mwaa_local.errors import AwsError, ConflictError, MwaaLocalError
from mwaa_local.ports import Clock

CHECKPOINT = 1000
"""After how many uploads the ledger is written in between."""


@dataclass(frozen=True, slots=True)
class Run:
    """One deploy or rollback: what the receipt says besides what was done."""

    deployment: Deployment
    author: Author
    token: str
    """A few random characters that no other run has."""
    holder: str
    """Names this checkout, of which only one run is under way at a time: its earlier lock is left over."""
    kind: Literal["deploy", "rollback"] = "deploy"
    target: str | None = None
    skipped: tuple[str, ...] = ()
    break_lock: bool = False


@dataclass(frozen=True, slots=True)
class World:
    """What a run acts on, and whom it tells: each step that was done, with how many of all; and sentences."""

    store: ObjectStore
    environments: EnvironmentService | None
    clock: Clock
    receipts: Path
    on_step: Callable[[Step, int, int], None]
    say: Callable[[str], None]


def apply_plan(plan: Plan, remote: Remote, run: Run, world: World) -> Receipt | None:
    """Do it and return the receipt; None if there was nothing to do but, at most, to write down what is known now.

    ConflictError, before anything is changed, if the plan has conflicts or somebody else deploys or has deployed.
    """
    _refuse(plan)
    deployment = run.deployment
    wish = LockWish(f"{deployment.state}/{LOCK}", run.holder, run.author.user, run.break_lock)
    if not (plan.steps or plan.learned or remote.interrupted or _moves(remote, run)):
        if deployment.lock:
            clear_own_lock(world.store, wish)
        return None
    lock = held(world.store, wish, world.clock, world.say) if deployment.lock else nullcontext()
    with lock:
        return _Application(plan, remote, run, world).apply()


def _moves(remote: Remote, run: Run) -> bool:
    """Tell whether a rollback goes to another state, even if no object differs between the two."""
    return run.kind == "rollback" and remote.ledger.receipt != run.target


def _refuse(plan: Plan) -> None:
    if plan.conflicts:
        keys = [conflict.key for conflict in plan.conflicts]
        more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
        raise ConflictError(
            f"{keys[0]}{more} in the bucket: {plan.conflicts[0].obstacle}.",
            hint=f"If it may be overwritten: --take-over {keys[0]}",
        )
    if plan.refusal is not None:
        raise AwsError(plan.refusal.message, hint=plan.refusal.hint)


class _Application:
    """One run under way."""

    def __init__(self, plan: Plan, remote: Remote, run: Run, world: World) -> None:
        self._plan = plan
        self._remote = remote
        self._run = run
        self._world = world
        self._state = StateStore(
            world.store,
            run.deployment.state,
            ledger_etag=remote.ledger_etag,
            pending_etag=remote.pending_etag,
        )
        self._done: dict[str, ObjectState | None] = {}
        self._steps_done = 0

    def apply(self) -> Receipt | None:
        """Do everything, from the look whether all is still as planned to the receipt."""
        self._state.check()
        before = self._remember()
        if not (self._plan.steps or _moves(self._remote, self._run)):
            self._state.drop_pending()
            return None
        objects = with_versions(
            self._world.store, [step for step in self._plan.steps if not isinstance(step, UpdateEnvironment)]
        )
        receipt = self._begun(objects)
        self._state.write_pending(receipt)
        self._change_objects(objects, replace(before, receipt=receipt.state))
        environment = self._update()
        receipt = replace(
            receipt,
            outcome="done",
            ended=render_time(self._world.clock.now()),
            changes=tuple(
                replace(change, after=self._done[change.key], md5="") for change in receipt.changes
            ),
            environment=environment,
        )
        self._state.write_receipt(receipt)
        self._state.drop_pending()
        try:
            keep_copy(receipt, self._world.receipts)
        except OSError as error:
            self._world.say(f"No copy of the receipt in {self._world.receipts}: {error.strerror}.")
        return receipt

    def _remember(self) -> Ledger:
        """Write down what is known by now, an interrupted run's doings first, and return the ledger of that."""
        remote, layout = self._remote, self._run.deployment.layout
        if remote.interrupted is not None:
            self._state.write_receipt(remote.interrupted)
        watched = tuple(key for key in (layout.plugins, layout.requirements, layout.startup_script) if key)
        ledger = remote.ledger.with_changes(dict(self._plan.learned)).watching(watched)
        if remote.interrupted is not None or not self._plan.steps:
            self._state.write_ledger(ledger)
        return ledger

    def _begun(self, steps: Sequence[ObjectStep]) -> Receipt:
        now = self._world.clock.now()
        run = self._run
        update = self._plan.update
        return Receipt(
            id=_render_id(now, run.token),
            kind=run.kind,
            outcome="begun",
            deployment=run.deployment.name,
            bucket=run.deployment.bucket,
            began=render_time(now),
            ended="",
            author=run.author,
            changes=tuple(_intention(step) for step in steps),
            environment=_sources(update, self._done) if update else None,
            previous=self._remote.ledger.receipt,
            target=run.target,
            skipped=run.skipped,
        )

    def _change_objects(self, steps: Sequence[ObjectStep], before: Ledger) -> None:
        """Do the steps of each rank at once, and write the ledger, whatever happens."""
        store = self._world.store

        def note(step: ObjectStep, state: ObjectState | None) -> None:
            self._done[key_of(step)] = state
            self._count(step)
            if len(self._done) % CHECKPOINT == 0:
                self._state.write_ledger(before.with_changes(self._known()))

        try:
            for _, group in groupby(steps, key=_rank):
                do_in_parallel(lambda step: do_object_step(store, step), tuple(group), note)
        except BaseException:
            # What made us stop is what matters; the next run finds out by itself what was done.
            with suppress(MwaaLocalError):
                self._state.write_ledger(before.with_changes(self._known()))
            raise
        ledger = before.with_changes(self._known())
        update = self._plan.update
        if update is not None:
            ledger = replace(ledger, asked={**ledger.asked, **dict(_sources(update, self._done).after)})
        self._state.write_ledger(ledger)

    def _known(self) -> dict[str, ObjectState | None]:
        """Return what was done, as the ledger has it: what somebody else's content was put back to is not ours."""
        return {
            key: state if state is not None and state.sha256 is not None else None
            for key, state in self._done.items()
        }

    def _update(self) -> EnvironmentSources | None:
        update = self._plan.update
        if update is None:
            return None
        if self._world.environments is None:
            raise AssertionError("a plan with an update was made of an environment")
        sources = _sources(update, self._done)
        wanted = dict(sources.after)
        change = EnvironmentChange(
            plugins=wanted.get(Part.PLUGINS),
            requirements=wanted.get(Part.REQUIREMENTS),
            startup_script=wanted.get(Part.STARTUP_SCRIPT),
        )
        self._world.environments.update(update.name, change)
        self._count(update)
        return sources

    def _count(self, step: Step) -> None:
        self._steps_done += 1
        self._world.on_step(step, self._steps_done, len(self._plan.steps))


def _render_id(seconds: float, token: str) -> str:
    """Return the id of a run; ids are in order of time, also those of two runs within a second."""
    whole, fraction = divmod(seconds, 1)
    return f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(whole))}.{int(fraction * 1000):03d}Z-{token}"


def render_time(seconds: float) -> str:
    """Return a time as receipts show it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _rank(step: ObjectStep) -> int:
    return step.rank if isinstance(step, Upload) else 0 if isinstance(step, Restore) else 1_000_000


def _intention(step: ObjectStep) -> Change:
    """Return a change as it is meant to be; what the write will be called by S3 is not known yet."""
    match step:
        case Upload():
            after = ObjectState("", None, step.file.sha256, ours=True)
            return Change(step.file.key, step.before, after, step.file.md5)
        case Restore():
            return Change(step.key, step.before, step.wanted)
        case Delete():
            return Change(step.key, step.before, None)
        case _:
            assert_never(step)


def _sources(update: UpdateEnvironment, done: Mapping[str, ObjectState | None]) -> EnvironmentSources:
    """Return what the environment takes before and after, with the versions of what was uploaded by now."""
    after = []
    for change in update.sources:
        state = done.get(change.path)
        version = change.version if change.version is not None or state is None else state.version
        after.append((change.part, S3Source(change.path, version)))
    before = tuple((change.part, change.before) for change in update.sources)
    return EnvironmentSources(update.name, before, tuple(after))
