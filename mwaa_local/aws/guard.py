"""Refuses requests that nobody on the list of access keys has signed, in the words of the service that was asked."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from mwaa_local.aws.access_keys import AccessKeys, key_id
from mwaa_local.aws.signatures import Environ, is_genuine, read_signature

FORBIDDEN = "403 Forbidden"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a request is refused: the error's code in S3, in services that take forms, in those that take JSON."""

    s3: str
    form: str
    json: str
    message: str


UNSIGNED = Reason(
    "AccessDenied",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "Missing Authentication Token",
)
UNKNOWN = Reason(
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "The security token included in the request is invalid.",
)
FORGED = Reason(
    "SignatureDoesNotMatch",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "The request signature we calculated does not match the signature you provided. Check your secret access key.",
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer: status, headers, body."""

    status: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Guard:
    """Knows the keys; `is_mwaa` tells whether a request is for MWAA's API."""

    keys: AccessKeys
    is_mwaa: Callable[[Mapping[str, Any]], bool]

    def refusal(self, environ: Environ) -> Refusal | None:
        """Return the answer to a request that is refused, None for one that is not."""
        reason = None if environ["REQUEST_METHOD"] == "OPTIONS" else self._reason(environ)
        if reason is None:
            return None
        if environ.get("HTTP_X_AMZ_TARGET") or self.is_mwaa(environ):
            content = json.dumps({"__type": reason.json, "message": reason.message})
            return _refusal("application/json", content, ("x-amzn-errortype", reason.json))
        error = "<Code>{}</Code><Message>{}</Message>"
        if str(environ.get("CONTENT_TYPE", "")).startswith(FORM):
            inner = error.format(reason.form, escape(reason.message))
            return _refusal(
                "text/xml", f"<ErrorResponse><Error><Type>Sender</Type>{inner}</Error></ErrorResponse>"
            )
        return _refusal(
            "application/xml", f"<Error>{error.format(reason.s3, escape(reason.message))}</Error>"
        )

    def _reason(self, environ: Environ) -> Reason | None:
        signature = read_signature(environ)
        if signature is None:
            return UNSIGNED
        key = self.keys.get(key_id(signature.key))
        if key is None:
            return UNKNOWN
        return FORGED if key.secret and not is_genuine(environ, signature, key.secret) else None


def _refusal(kind: str, content: str, *more: tuple[str, str]) -> Refusal:
    body = content.encode()
    return Refusal(FORBIDDEN, (("Content-Type", kind), ("Content-Length", str(len(body))), *more), body)
