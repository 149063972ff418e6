"""Writes a large file to S3 in parts, and takes back what it has sent if it cannot finish."""

import contextlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import md5
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring

from mwaa_local.adapters.object_store_transport import Call, Reply, Transport, is_damaged
from mwaa_local.adapters.object_store_xml import parse_answer, parse_uploads
from mwaa_local.errors import AwsError

PART = 8 * 1024 * 1024
_MOST_PARTS = 9_000
"""S3 takes 10,000."""
_AT_ONCE = 4
_ACTION = "s3:PutObject"


def write_parts(
    transport: Transport, what: tuple[str, Path], headers: Mapping[str, str], part_size: int
) -> Reply:
    """Write a file under a key and return the last answer, which can be that the condition in `headers` fails."""
    key, path = what
    conditions = {name: value for name, value in headers.items() if name.startswith("If-")}
    plain = {name: value for name, value in headers.items() if name not in conditions}
    _abort_leftovers(transport, key)
    begun = transport.send(Call("POST", key, _ACTION, (("uploads", ""),), plain))
    upload = parse_answer(begun.content).findtext("UploadId") or ""
    try:
        etags = _send_parts(transport, (key, upload), path, part_size)
        reply = _complete(transport, (key, upload), etags, conditions)
    except BaseException:
        _abort(transport, key, upload)
        raise
    if reply.code:
        _abort(transport, key, upload)
    return reply


def _send_parts(transport: Transport, target: tuple[str, str], path: Path, part_size: int) -> list[str]:
    key, upload = target
    before = path.stat()
    size = max(part_size, before.st_size // _MOST_PARTS + 1)

    def send(number: int) -> str:
        with path.open("rb") as stream:
            stream.seek((number - 1) * size)
            body = stream.read(size)
        query = (("partNumber", str(number)), ("uploadId", upload))
        reply = transport.send(Call("PUT", key, _ACTION, query, body=body))
        if is_damaged(reply, md5(body, usedforsecurity=False).hexdigest()):
            raise AwsError(
                f"Part {number} of {key} has arrived with another content than it was sent with.",
                hint="Run the command again.",
            )
        return reply.headers.get("etag", "")

    count = -(-before.st_size // size)
    with _pool() as pool:
        etags = list(pool.map(send, range(1, count + 1)))
    after = path.stat()
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise AwsError(f"{path} was changed while it was uploaded.", hint="Run the command again.")
    return etags


@contextlib.contextmanager
def _pool() -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        yield pool
    finally:
        # Whoever aborts must not do so while parts are still under way: they would stay behind.
        pool.shutdown(wait=True, cancel_futures=True)


def _complete(
    transport: Transport, target: tuple[str, str], etags: list[str], conditions: Mapping[str, str]
) -> Reply:
    key, upload = target
    root = Element("CompleteMultipartUpload", xmlns="http://s3.amazonaws.com/doc/2006-03-01/")
    for number, etag in enumerate(etags, 1):
        part = SubElement(root, "Part")
        SubElement(part, "PartNumber").text = str(number)
        SubElement(part, "ETag").text = etag
    accepted = frozenset({404, 409, 412, 501})
    reply = transport.send(
        Call("POST", key, _ACTION, (("uploadId", upload),), conditions, tostring(root), accepted)
    )
    if reply.code:
        return reply
    etag = parse_answer(reply.content).findtext("ETag") or ""
    return Reply(reply.status, {**reply.headers, "etag": etag}, reply.content, "", reply.attempts)


def _abort_leftovers(transport: Transport, key: str) -> None:
    """Remove what a run that was killed has left of the same key; who may not look, leaves it to the bucket's rules."""
    with contextlib.suppress(AwsError):
        query = (("encoding-type", "url"), ("prefix", key), ("uploads", ""))
        reply = transport.send(Call("GET", None, "s3:ListBucketMultipartUploads", query))
        for upload in parse_uploads(reply.content, key):
            _abort(transport, key, upload)


def _abort(transport: Transport, key: str, upload: str) -> None:
    # What made us stop is the error to show, not that this failed too.
    with contextlib.suppress(AwsError):
        query = (("uploadId", upload),)
        transport.send(Call("DELETE", key, "s3:AbortMultipartUpload", query, accepted=frozenset({404})))
