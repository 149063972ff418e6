"""One S3 bucket: ObjectStore over `object_store_transport.py`; large files go the way of `object_store_parts.py`."""

from collections.abc import Iterator, Mapping
from hashlib import md5
from pathlib import Path
from urllib.parse import quote

import botocore.session
from botocore.exceptions import BotoCoreError

from mwaa_local.adapters.aws_errors import Request, translate
from mwaa_local.adapters.object_store_address import find_address
from mwaa_local.adapters.object_store_look import look_at
from mwaa_local.adapters.object_store_parts import PART, write_parts
from mwaa_local.adapters.object_store_transport import Call, Patience, Reply, Transport, is_damaged
from mwaa_local.adapters.object_store_xml import parse_answer, parse_page
from mwaa_local.aws_ports import BucketFacts, Condition, ObjectFacts, ObjectRecord, ObjectVersion
from mwaa_local.errors import AwsError, ConflictError, ProjectError

_META = "x-amz-meta-"
_CONDITION_FAILED = frozenset({404, 409, 412})
_ABSENT = frozenset({"NoSuchKey", "NoSuchVersion", "MethodNotAllowed", "404", "405"})


def open_bucket(
    session: botocore.session.Session,
    region: str,
    bucket: str,
    *,
    profile: str | None = None,
    patience: Patience | None = None,
) -> "S3Bucket":
    """Return a bucket, reached as botocore's session says (endpoint, proxies, credentials); nothing is asked yet."""
    try:
        address = find_address(session, region, bucket)
        credentials = session.get_credentials()
    except BotoCoreError as error:
        raise translate(error, Request("s3:ListBucket", f"arn:aws:s3:::{bucket}", profile)) from error
    return S3Bucket(Transport(address, bucket, credentials, profile=profile, patience=patience or Patience()))


class S3Bucket:
    """ObjectStore of one bucket; may be used by several threads at once."""

    def __init__(self, transport: Transport, *, part_size: int = PART, page: int = 1000) -> None:
        self._transport = transport
        self._part_size = part_size
        self._page = page
        self._knows_conditions = True

    def list_objects(self, prefix: str) -> Iterator[ObjectRecord]:
        """Yield the objects whose keys begin with `prefix`, in the order of their keys."""
        query = (
            ("encoding-type", "url"),
            ("list-type", "2"),
            ("max-keys", str(self._page)),
            ("prefix", prefix),
        )
        token: str | None = None
        while True:
            # The signature wants the names in order.
            more = (("continuation-token", token),) if token else ()
            reply = self._transport.send(Call("GET", None, "s3:ListBucket", (*more, *query)))
            records, token = parse_page(reply.content)
            yield from records
            if not token:
                return

    def describe(self, key: str) -> ObjectFacts | None:
        """Return the current version of an object, None if there is none."""
        reply = self._transport.send(Call("HEAD", key, "s3:GetObject", accepted=frozenset({404})))
        if reply.status == 404:
            return None
        metadata = {
            name.removeprefix(_META): value for name, value in reply.headers.items() if name.startswith(_META)
        }
        size = int(reply.headers.get("content-length", "0"))
        return ObjectFacts(_version(key, reply), size, tuple(sorted(metadata.items())))

    def read(self, key: str, version_id: str | None = None) -> bytes | None:
        """Return an object's content, None if there is none (or no such version)."""
        query = (("versionId", version_id),) if version_id else ()
        action = "s3:GetObjectVersion" if version_id else "s3:GetObject"
        accepted = frozenset({404, 405})
        reply = self._transport.send(Call("GET", key, action, query, accepted=accepted))
        return None if reply.status in accepted and reply.code in _ABSENT else self._content(reply)

    def _content(self, reply: Reply) -> bytes:
        if reply.code:
            raise self._transport.no_bucket()
        return reply.content

    def write(
        self,
        key: str,
        content: Path | bytes,
        *,
        metadata: Mapping[str, str] | None = None,
        condition: Condition | None = None,
    ) -> ObjectVersion:
        """Write an object in one piece or in parts that never stay behind; ConflictError if `condition` fails."""
        headers = {_META + name.lower(): value for name, value in (metadata or {}).items()}
        if condition and not self._knows_conditions:
            self._check(key, condition)
            condition = None
        reply = self._send(key, content, headers, condition)
        if reply.code == "NotImplemented" and condition:
            self._knows_conditions = False
            self._check(key, condition)
            reply = self._send(key, content, headers, None)
        if not reply.code:
            return _version(key, reply)
        # The first answer may have been lost on the way: then it is our own write that stands in the way.
        there = self.describe(key) if reply.attempts > 1 else None
        if there is not None and headers and set(_plain(metadata)) <= set(there.metadata):
            return there.version
        raise conflict(key)

    def _send(
        self, key: str, content: Path | bytes, headers: Mapping[str, str], condition: Condition | None
    ) -> Reply:
        asked = {**headers, **_condition_headers(condition)}
        try:
            if isinstance(content, Path) and content.stat().st_size > self._part_size:
                return write_parts(self._transport, (key, content), asked, self._part_size)
            body = content.read_bytes() if isinstance(content, Path) else content
        except OSError as error:
            raise ProjectError(f"{content!s} cannot be read: {error.strerror}.") from error
        accepted = _CONDITION_FAILED | {501} if condition else frozenset[int]()
        reply = self._transport.send(Call("PUT", key, "s3:PutObject", (), asked, body, accepted))
        if reply.status == 404 and reply.code == "NoSuchBucket":
            raise self._transport.no_bucket()
        if not reply.code and is_damaged(reply, md5(body, usedforsecurity=False).hexdigest()):
            raise AwsError(
                f"{key} has arrived with another content than it was sent with.",
                hint="Run the command again; if it stays so, look for a proxy that changes what passes through it.",
            )
        return reply

    def _check(self, key: str, condition: Condition) -> None:
        """Look before the write, where the server cannot do it during the write."""
        there = self.describe(key)
        if (there.version.etag if there else None) != condition.etag:
            raise conflict(key)

    def restore(self, key: str, version_id: str) -> ObjectVersion:
        """Make an earlier version the current one (a copy on top of it, metadata included)."""
        source = f"/{self._transport.bucket}/{quote(key, safe='/~')}?versionId={quote(version_id, safe='~')}"
        call = Call(
            "PUT",
            key,
            "s3:PutObject",
            headers={"x-amz-copy-source": source},
            accepted=frozenset({400, 404}),
        )
        reply = self._transport.send(call)
        if reply.code == "InvalidRequest":
            # It is the current version already, which S3 does not copy onto itself.
            there = self.describe(key)
            if there is not None and there.version.version_id == version_id:
                return there.version
        if reply.code:
            raise AwsError(
                f"Version {version_id} of {key} cannot be put back: {reply.code}.",
                hint="The bucket may have expired it; deploy the files of that time from git instead.",
            )
        etag = (parse_answer(reply.content).findtext("ETag") or "").strip('"')
        return ObjectVersion(key, etag, reply.headers.get("x-amz-version-id"))

    def delete(self, key: str) -> None:
        """Remove an object (its versions stay); no error if there is none."""
        reply = self._transport.send(Call("DELETE", key, "s3:DeleteObject", accepted=frozenset({404})))
        if reply.code == "NoSuchBucket":
            raise self._transport.no_bucket()

    def look(self) -> BucketFacts:
        """Return the facts about the bucket; AwsError if there is no such bucket."""
        return look_at(self._transport)


def conflict(key: str) -> ConflictError:
    """Return the error of a write whose condition failed."""
    return ConflictError(
        f"{key} was changed in the bucket by somebody else in the meantime.",
        hint="Look again with the plan, then decide.",
    )


def _plain(metadata: Mapping[str, str] | None) -> Iterator[tuple[str, str]]:
    return ((name.lower(), value) for name, value in (metadata or {}).items())


def _condition_headers(condition: Condition | None) -> dict[str, str]:
    if condition is None:
        return {}
    return {"If-None-Match": "*"} if condition.etag is None else {"If-Match": f'"{condition.etag}"'}


def _version(key: str, reply: Reply) -> ObjectVersion:
    return ObjectVersion(key, reply.headers.get("etag", "").strip('"'), reply.headers.get("x-amz-version-id"))
