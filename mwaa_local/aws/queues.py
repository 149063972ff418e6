"""SQS that waits without polling and survives `kill -9`: the one place where moto's SQS is changed.

What differs from moto's own backend, and why:

- A long poll sleeps until a message is sent or becomes visible, instead of looking again and again.
- Operations are serialised; moto's are not, and two at once could lose a message or deliver it twice.
- Every change is journaled. A message counts as received only once the answer has left, so a crash in between delivers
  it again (as SQS may, at any time) instead of hiding it for the twelve hours of MWAA's visibility timeout.
- A client that hung up while it waited is given nothing.
"""

import logging
import threading
import time
from collections.abc import Iterator
from functools import partial
from types import ModuleType
from typing import Any, ClassVar

from moto.core.utils import unix_time, unix_time_millis
from moto.sqs import urls
from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import Message, Queue, SQSBackend, sqs_backends

from mwaa_local.aws import queue_records as records
from mwaa_local.aws.account import ACCOUNT_ID
from mwaa_local.aws.exchange import current_exchange
from mwaa_local.aws.journal import Journal, Record

LONGEST_SLEEP = 60.0
"""Seconds after which a waiting poll looks again whatever happens: the wall clock may have been set."""

log = logging.getLogger(__name__)


class QueueStore:
    """The lock under which all queues change, the journal of the changes, and who holds which message."""

    def __init__(self, journal: Journal) -> None:
        self.lock = threading.RLock()
        self.holders: dict[str, str] = {}
        self._journal = journal

    def write(self, record: Record) -> None:
        """Journal one change; the lock is held."""
        self._journal.append(record)
        if self._journal.needs_rewrite():
            self.compact()

    def compact(self) -> None:
        """Rewrite the journal as what it amounts to."""
        self._journal.rewrite(self._snapshot())

    def restore(self) -> None:
        """Fill the (empty) backends from the journal."""
        saved_queues = records.replay(self._journal.load(records.is_record))
        for (region, name), saved in saved_queues.items():
            queue = records.restore_queue(sqs_backends[ACCOUNT_ID][region], name, saved)
            self.adopt(queue)
            self.holders.update(records.restore_messages(queue, saved))
        for (region, name), saved in saved_queues.items():
            if saved.attributes.get("RedrivePolicy"):
                _restore_redrive(
                    sqs_backends[ACCOUNT_ID][region].queues[name], saved.attributes["RedrivePolicy"]
                )
        self.compact()

    def adopt(self, queue: Queue) -> None:
        """Make `queue` use the common lock."""
        queue._messages_lock = threading.Condition(self.lock)

    def queues(self) -> Iterator[Queue]:
        """Return every queue of every region."""
        for _, _, backend in sqs_backends.iter_backends():
            if isinstance(backend, SQSBackend):
                yield from backend.queues.values()

    def release(self, consumer: str, queue_name: str = "") -> int:
        """Make every message that `consumer` holds (of one queue) available again; return how many there were."""
        released = 0
        with self.lock:
            for queue in self.queues():
                if queue_name not in ("", queue.name):
                    continue
                for message in list(queue._pending_messages):
                    if not message.visible and self.holders.get(message.id) == consumer:
                        self.make_visible(queue, message)
                        released += 1
        return released

    def figures(self, queue_name: str) -> dict[str, int]:
        """Return how many messages of a queue are in flight and how many could be received: a task each."""
        with self.lock:
            messages = [
                message for queue in self.queues() if queue.name == queue_name for message in queue._messages
            ]
            queued = sum(message.visible for message in messages)
            return {"running": len(messages) - queued, "queued": queued}

    def make_visible(self, queue: Queue, message: Message) -> None:
        """Hand a received message back to its queue; the lock is held."""
        message.visible_at = 0.0
        queue._pending_messages.discard(message)
        self.holders.pop(message.id, None)
        self.write(records.progress_record(queue, message, ""))
        queue._messages_lock.notify_all()

    def _snapshot(self) -> Iterator[Record]:
        for queue in self.queues():
            yield records.queue_record(queue)
            for message in queue._messages:
                yield records.message_record(queue, message, self.holders.get(message.id, ""))


def _restore_redrive(queue: Queue, policy: str) -> None:
    from moto.sqs.exceptions import SQSException

    try:
        queue._setup_dlq(policy)
    except SQSException as error:
        log.warning("queue %s: its dead-letter queue could not be restored (%s)", queue.name, error)


class DurableQueues(SQSBackend):
    """moto's SQS of one region, with the differences that the module's docstring names."""

    store: ClassVar[QueueStore]

    @property
    def _url_module(self) -> ModuleType:
        # moto derives it from the name of the class's own module.
        return urls

    def create_queue(self, name: str, tags: dict[str, str] | None = None, **kwargs: Any) -> Queue:
        with self.store.lock:
            known = name in self.queues
            queue = super().create_queue(name, tags, **kwargs)
            if not known:
                self.store.adopt(queue)
            self.store.write(records.queue_record(queue))
            return queue

    def delete_queue(self, queue_name: str) -> None:
        with self.store.lock:
            queue = self.get_queue(queue_name)
            super().delete_queue(queue_name)
            for message in queue._messages:
                self.store.holders.pop(message.id, None)
            self.store.write(records.queue_deleted_record(queue))
            queue._messages_lock.notify_all()

    def set_queue_attributes(self, queue_name: str, attributes: dict[str, Any]) -> Queue:
        with self.store.lock:
            queue = super().set_queue_attributes(queue_name, attributes)
            self.store.write(records.queue_record(queue))
            return queue

    def tag_queue(self, queue_name: str, tags: dict[str, str]) -> None:
        with self.store.lock:
            super().tag_queue(queue_name, tags)
            self.store.write(records.queue_record(self.get_queue(queue_name)))

    def untag_queue(self, queue_name: str, tag_keys: list[str]) -> None:
        with self.store.lock:
            super().untag_queue(queue_name, tag_keys)
            self.store.write(records.queue_record(self.get_queue(queue_name)))

    def purge_queue(self, queue_name: str) -> None:
        with self.store.lock:
            super().purge_queue(queue_name)
            self.store.write(records.purged_record(self.get_queue(queue_name)))

    def send_message(self, queue_name: str, *args: Any, **kwargs: Any) -> Message:
        with self.store.lock:
            message = super().send_message(queue_name, *args, **kwargs)
            queue = self.get_queue(queue_name)
            if message in queue._messages:
                self.store.write(records.message_record(queue, message, ""))
            return message

    def receive_message(
        self,
        queue_name: str,
        count: int,
        wait_seconds_timeout: int,
        visibility_timeout: int,
        message_attribute_names: list[str] | None = None,
    ) -> list[Message]:
        exchange = current_exchange()
        deadline = time.monotonic() + wait_seconds_timeout
        with self.store.lock:
            while True:
                queue = self.get_queue(queue_name)
                self._drop_expired(queue)
                if exchange is not None and not exchange.is_listening():
                    return []
                found = self._take(queue, count, visibility_timeout, message_attribute_names)
                remaining = deadline - time.monotonic()
                if found or remaining <= 0:
                    return found
                queue._messages_lock.wait(min(remaining, _seconds_to_next(queue)))

    def delete_message(self, queue_name: str, receipt_handle: str) -> None:
        with self.store.lock:
            queue = self.get_queue(queue_name)
            message_id = records.message_id_of(receipt_handle)
            if message_id is None:
                raise ReceiptHandleIsInvalid
            message = _find(queue, message_id)
            if message is not None:
                self._remove(queue, message)

    def change_message_visibility(
        self, queue_name: str, receipt_handle: str, visibility_timeout: int
    ) -> None:
        with self.store.lock:
            queue = self.get_queue(queue_name)
            message = _find(queue, records.message_id_of(receipt_handle) or "")
            if message is None or message.receipt_handle is None:
                raise ReceiptHandleIsInvalid
            super().change_message_visibility(queue_name, message.receipt_handle, visibility_timeout)
            self.store.write(records.progress_record(queue, message, self.store.holders.get(message.id, "")))
            queue._messages_lock.notify_all()

    def _take(
        self, queue: Queue, count: int, visibility_timeout: int, attribute_names: list[str] | None
    ) -> list[Message]:
        before = list(queue._messages) if queue.dead_letter_queue is not None else []
        copies = super().receive_message(queue.name, count, 0, visibility_timeout, attribute_names)
        self._journal_dead_letters(queue, before)
        for copy in copies:
            message = _find(queue, copy.id)
            if message is not None:
                copy.receipt_handle = message.receipt_handle = records.new_receipt_handle(message)
                message._old_receipt_handles.clear()
                self._hand_out(queue, message)
        return copies

    def _hand_out(self, queue: Queue, message: Message) -> None:
        exchange = current_exchange()
        if exchange is None:
            self._received(queue, message, message.receipt_handle)
            return
        self.store.holders[message.id] = exchange.consumer
        exchange.answered.append(partial(self._received, queue, message, message.receipt_handle))
        exchange.abandoned.append(partial(self._unreceived, queue, message, message.receipt_handle))

    def _received(self, queue: Queue, message: Message, receipt_handle: str | None) -> None:
        with self.store.lock:
            if message.receipt_handle == receipt_handle and message in queue._messages:
                holder = self.store.holders.get(message.id, "")
                self.store.write(records.progress_record(queue, message, holder))

    def _unreceived(self, queue: Queue, message: Message, receipt_handle: str | None) -> None:
        with self.store.lock:
            if message.receipt_handle == receipt_handle and message in queue._messages:
                self.store.make_visible(queue, message)

    def _remove(self, queue: Queue, message: Message) -> None:
        queue._messages.remove(message)
        queue._pending_messages.discard(message)
        self.store.holders.pop(message.id, None)
        self.store.write(records.deleted_record(queue, message.id))
        queue._messages_lock.notify_all()

    def _drop_expired(self, queue: Queue) -> None:
        retention: int = queue.message_retention_period  # type: ignore[attr-defined]
        oldest = (unix_time() - retention) * 1000
        for message in list(queue._messages):
            if (message.sent_timestamp or 0) < oldest:
                self._remove(queue, message)

    def _journal_dead_letters(self, queue: Queue, before: list[Message]) -> None:
        target = queue.dead_letter_queue
        for message in before:
            if target is not None and message not in queue._messages:
                self.store.write(records.deleted_record(queue, message.id))
                self.store.write(records.message_record(target, message, ""))


def _find(queue: Queue, message_id: str) -> Message | None:
    return next((message for message in queue._messages if message.id == message_id), None)


def _seconds_to_next(queue: Queue) -> float:
    """Return how long until a hidden or delayed message can be received."""
    now = unix_time_millis()
    waits = [max(message.visible_at, message.delayed_until) - now for message in queue._messages]
    # One millisecond more: moto's comparison is strict, and a wait that ends too early would only be repeated.
    return min([max(wait + 1, 0) / 1000 for wait in waits if wait > -1] + [LONGEST_SLEEP])


def install(journal: Journal) -> QueueStore:
    """Make moto's SQS durable and fill it from `journal`; call it once, before the first request."""
    store = QueueStore(journal)
    DurableQueues.store = store
    sqs_backends.backend = DurableQueues
    store.restore()
    return store
