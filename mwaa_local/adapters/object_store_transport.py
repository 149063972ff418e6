"""Sends signed requests to one bucket over kept connections, again with back-off where that can help.

boto3's own calls take several times the processor time, which thousands of small files make felt. Credentials and
signatures are botocore's. What the requests mean is `object_store.py`'s.
"""

import http.client
import random
import re
import ssl
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from mwaa_local.adapters.aws_errors import THROTTLED, Request, translate
from mwaa_local.adapters.object_store_address import Address, open_connection
from mwaa_local.errors import AwsError

ATTEMPTS = 6
TIMEOUT = 60.0
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 20.0
WORTH_ASKING_AGAIN = THROTTLED | {
    "ConditionalRequestConflict",
    "InternalError",
    "OperationAborted",
    "RequestTimeout",
    "ServiceUnavailable",
}
_MD5 = re.compile("[0-9a-f]{32}")
_MOVED = frozenset({"PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "301", "307"})


@dataclass(frozen=True, slots=True)
class Call:
    """A request: `key` None asks the bucket itself; `action` is the IAM action that it needs."""

    method: str
    key: str | None
    action: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    accepted: frozenset[int] = frozenset()
    """Statuses besides 2xx that are answers, not errors."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: `code` is S3's word for an error, "" for none; `attempts` counts how often it was asked."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    code: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a request is sent, how long an answer may take, and what waits in between."""

    attempts: int = ATTEMPTS
    timeout: float = TIMEOUT
    pause: Callable[[float], None] = time.sleep


class Transport:
    """The way to one bucket; may be used by several threads at once."""

    def __init__(
        self, address: Address, bucket: str, credentials: Any, *, profile: str | None, patience: Patience
    ) -> None:
        self.address = address
        self.bucket = bucket
        self._credentials = credentials
        self._profile = profile
        self._patience = patience
        self._idle: list[http.client.HTTPConnection] = []
        weakref.finalize(self, _close, self._idle)

    def send(self, call: Call) -> Reply:
        """Return the answer to a request; AwsError if it is refused, or fails however often it is sent."""
        request = Request(call.action, self._resource(call.key), self._profile)
        for attempt in range(1, self._patience.attempts + 1):
            last = attempt == self._patience.attempts
            try:
                reply = self._once(call, attempt)
            except ssl.SSLCertVerificationError as error:
                raise self._untrusted(error) from error
            except (OSError, http.client.HTTPException) as error:
                if last:
                    raise translate(self._as_botocore(error), request) from error
            except BotoCoreError as error:
                raise translate(error, request) from error
            else:
                if not reply.code or reply.status in call.accepted:
                    return reply
                if last or not _passes(reply):
                    raise self._refused(reply, call, request)
            self._patience.pause(random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)))  # noqa: S311
        raise AssertionError("at least one attempt is made")

    def _once(self, call: Call, attempt: int) -> Reply:
        target, headers = self._signed(call)
        connection = self._take()
        try:
            connection.request(call.method, target, body=call.body, headers=headers)
            answer = connection.getresponse()
            content = answer.read()
        except BaseException:
            connection.close()
            raise
        if answer.will_close:
            connection.close()
        else:
            self._idle.append(connection)
        return _parse_reply(answer, content, attempt)

    def _take(self) -> http.client.HTTPConnection:
        try:
            return self._idle.pop()
        except IndexError:
            return open_connection(self.address, self._patience.timeout)

    def _signed(self, call: Call) -> tuple[str, dict[str, str]]:
        """Return the request's target and its headers with the signature."""
        if self._credentials is None:
            raise NoCredentialsError
        address = self.address
        query = "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in call.query)
        target = address.target(call.key) + (f"?{query}" if query else "")
        request = AWSRequest(call.method, address.origin + target, headers=dict(call.headers), data=call.body)
        S3SigV4Auth(self._credentials.get_frozen_credentials(), "s3", address.region).add_auth(request)
        headers = dict(request.headers.items())
        headers["Content-Length"] = str(len(call.body))
        if address.proxy and address.scheme == "http":
            target = address.origin + target
            if address.proxy.authorization:
                headers["Proxy-Authorization"] = address.proxy.authorization
        return target, headers

    def _resource(self, key: str | None) -> str:
        return f"arn:aws:s3:::{self.bucket}" + ("" if key is None else f"/{key}")

    def _as_botocore(self, error: Exception) -> BotoCoreError:
        url = self.address.origin
        if isinstance(error, TimeoutError):
            return ReadTimeoutError(endpoint_url=url, error=error)
        return EndpointConnectionError(endpoint_url=url, error=error)

    def _untrusted(self, error: Exception) -> AwsError:
        return AwsError(
            f"{self.address.host} shows a certificate that is not trusted here: {error}",
            hint="If a proxy of your company stands in between, name its certificate in AWS_CA_BUNDLE.",
        )

    def no_bucket(self) -> AwsError:
        """Return the error of a bucket that does not exist."""
        return AwsError(
            f"There is no bucket '{self.bucket}'.",
            hint="Create it, or set `bucket` in the deployment's section of mwaa-local.toml.",
        )

    def _refused(self, reply: Reply, call: Call, request: Request) -> AwsError:
        root = _parse_xml(reply.content)
        if reply.code == "NoSuchBucket":
            return self.no_bucket()
        named = root.findtext("Region") if root is not None else None
        region = reply.headers.get("x-amz-bucket-region") or named
        if region and region != self.address.region and (reply.code in _MOVED or reply.status in (301, 400)):
            return AwsError(
                f"Bucket '{self.bucket}' lies in {region}, not in {self.address.region}.",
                hint=f'Set region = "{region}" in the deployment\'s section of mwaa-local.toml.',
            )
        error = {"Code": reply.code, "Message": (root.findtext("Message") if root is not None else "") or ""}
        metadata = {"HTTPStatusCode": reply.status}
        answer: Any = {"Error": error, "ResponseMetadata": metadata}
        return translate(ClientError(answer, call.action.partition(":")[2]), request)


def _close(connections: list[http.client.HTTPConnection]) -> None:
    for connection in connections:
        connection.close()


def _parse_reply(answer: http.client.HTTPResponse, content: bytes, attempt: int) -> Reply:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    code = ""
    # A copy, or the end of an upload in parts, can fail after the status line was sent.
    if answer.status >= 300 or b"<Error>" in content[:300]:
        root = _parse_xml(content)
        code = (root.findtext("Code") if root is not None else None) or str(answer.status)
    return Reply(answer.status, headers, content, code, attempt)


def _parse_xml(content: bytes) -> ElementTree.Element | None:
    try:
        return ElementTree.fromstring(content) if content.startswith(b"<") else None  # noqa: S314
    except ElementTree.ParseError:
        return None


def _passes(reply: Reply) -> bool:
    return (
        (reply.status >= 500 and reply.status != 501)
        or reply.status == 429
        or reply.code in WORTH_ASKING_AGAIN
    )


def is_damaged(reply: Reply, digest: str) -> bool:
    """Tell whether the ETag of what was written proves that it is not what was sent; some ETags prove nothing."""
    etag = reply.headers.get("etag", "").strip('"')
    encrypted = reply.headers.get("x-amz-server-side-encryption", "").startswith("aws:kms")
    own_key = "x-amz-server-side-encryption-customer-algorithm" in reply.headers
    return bool(_MD5.fullmatch(etag)) and not encrypted and not own_key and etag != digest
