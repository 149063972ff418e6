"""SQS queues and messages as journal records, and back.

The only place that knows which of moto's attributes make up a queue and a message.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.sqs.models import Message, Queue, SQSBackend

from mwaa_local.aws.journal import Record

QUEUE_ATTRIBUTES = (
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "Policy",
    "ReceiveMessageWaitTimeSeconds",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
)
MESSAGE_CONTENT = (
    "body",
    "message_attributes",
    "system_attributes",
    "sender_id",
    "sent_timestamp",
    "deduplication_id",
    "group_id",
    "sequence_number",
    "delayed_until",
)
MESSAGE_PROGRESS = (
    "receipt_handle",
    "approximate_first_receive_timestamp",
    "approximate_receive_count",
    "visible_at",
)
"""What changes while a message travels; written without the body."""


def queue_record(queue: Queue) -> Record:
    """Return the record that creates or changes `queue`."""
    attributes = queue.attributes
    wanted = {name: attributes[name] for name in QUEUE_ATTRIBUTES if attributes.get(name) is not None}
    return {"op": "queue", "queue": _key(queue), "attributes": wanted, "tags": queue.tags}


def queue_deleted_record(queue: Queue) -> Record:
    """Return the record that removes `queue`."""
    return {"op": "queue-deleted", "queue": _key(queue)}


def purged_record(queue: Queue) -> Record:
    """Return the record that empties `queue`."""
    return {"op": "purged", "queue": _key(queue)}


def message_record(queue: Queue, message: Message, holder: str) -> Record:
    """Return the record of a whole message."""
    content = {name: getattr(message, name) for name in MESSAGE_CONTENT}
    return {**progress_record(queue, message, holder), "op": "message", "content": content}


def progress_record(queue: Queue, message: Message, holder: str) -> Record:
    """Return the record of a message that was received, released or postponed."""
    progress = {name: getattr(message, name) for name in MESSAGE_PROGRESS}
    return {"op": "progress", "queue": _key(queue), "id": message.id, "progress": progress, "holder": holder}


def deleted_record(queue: Queue, message_id: str) -> Record:
    """Return the record that removes a message."""
    return {"op": "deleted", "queue": _key(queue), "id": message_id}


def new_receipt_handle(message: Message) -> str:
    """Return a receipt handle that names its message, so that it stays good when the receiving went unrecorded."""
    return f"{message.id}/{uuid.uuid4()}"


def message_id_of(receipt_handle: str) -> str | None:
    """Return which message a receipt handle is for, None if it is none of ours."""
    message_id, slash, rest = receipt_handle.partition("/")
    return message_id if slash and message_id and rest else None


def _key(queue: Queue) -> list[str]:
    return [queue.region, queue.name]


@dataclass(slots=True)
class _SavedQueue:
    attributes: Mapping[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)


SavedQueues = dict[tuple[str, str], _SavedQueue]


def is_record(record: Record) -> bool:
    """Return whether `replay` can use a record: a damaged disk or another program may have written anything."""
    match record:
        case {"op": "queue", "queue": [str(), str()], "attributes": dict(), "tags": dict()}:
            return True
        case {"op": "queue-deleted" | "purged", "queue": [str(), str()]}:
            return True
        case {"op": "deleted", "queue": [str(), str()], "id": str()}:
            return True
        case {"op": "progress" | "message", "queue": [str(), str()], "id": str(), "holder": str()}:
            content = (
                record.get("content", {}) if record["op"] == "message" else dict.fromkeys(MESSAGE_CONTENT)
            )
            return _has(record.get("progress"), MESSAGE_PROGRESS) and _has(content, MESSAGE_CONTENT)
        case _:
            return False


def _has(value: object, names: tuple[str, ...]) -> bool:
    return isinstance(value, dict) and all(name in value for name in names)


def replay(records: Iterable[Record]) -> SavedQueues:
    """Return the queues that a journal describes, by region and name."""
    queues: SavedQueues = {}
    for record in records:
        region, name = record["queue"]
        key = (str(region), str(name))
        if record["op"] == "queue":
            saved = queues.setdefault(key, _SavedQueue())
            saved.attributes, saved.tags = record["attributes"], record["tags"]
        elif record["op"] == "queue-deleted":
            queues.pop(key, None)
        elif key in queues:
            _replay_message(queues[key].messages, record)
    return queues


def _replay_message(messages: dict[str, dict[str, Any]], record: Record) -> None:
    match record["op"]:
        case "message":
            messages[record["id"]] = {**record["content"], **record["progress"], "holder": record["holder"]}
        case "progress" if record["id"] in messages:
            messages[record["id"]].update(record["progress"], holder=record["holder"])
        case "deleted":
            messages.pop(record["id"], None)
        case "purged":
            messages.clear()


def restore_queue(backend: SQSBackend, name: str, saved: _SavedQueue) -> Queue:
    """Create the queue in `backend`, all but its dead-letter queue, which may not exist yet."""
    attributes = {key: value for key, value in saved.attributes.items() if key != "RedrivePolicy"}
    queue = Queue(  # type: ignore[abstract]
        name, region=backend.region_name, account_id=backend.account_id, **attributes
    )
    queue.tags = dict(saved.tags)
    backend.queues[name] = queue
    return queue


def restore_messages(queue: Queue, saved: _SavedQueue) -> Iterator[tuple[str, str]]:
    """Put the saved messages into `queue`, in their order; yields the id and the holder of those that are in flight."""
    for message_id, state in saved.messages.items():
        message = Message(message_id, state["body"])
        for name in (*MESSAGE_CONTENT, *MESSAGE_PROGRESS):
            setattr(message, name, state[name])
        queue._messages.append(message)
        if not message.visible and message.approximate_receive_count:
            queue._pending_messages.add(message)
            yield message_id, state["holder"]
