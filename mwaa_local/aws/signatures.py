"""The signature of a request to AWS: who has signed it, and whether with the secret that belongs to the key.

Signature version 4 in headers and in links, and version 2 in links, which boto3 still makes for S3. When a request was
signed is not looked at: there is no wire between two programs of one machine where somebody could keep it for later.
"""

import hashlib
import hmac
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, parse_qs, quote, urlsplit

from botocore.auth import HmacV1QueryAuth
from botocore.credentials import Credentials
from botocore.utils import normalize_url_path

UNSIGNED = "UNSIGNED-PAYLOAD"
ALGORITHM = "AWS4-HMAC-SHA256"
LARGEST_BODY = 64 * 1024 * 1024
"""Of a service that is not S3, whose requests name the digest of their body themselves."""

Environ = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Signature:
    """What a request says of its signature; version 2 has a key and a value only."""

    key: str
    value: str
    scope: str = ""
    """DATE/REGION/SERVICE/aws4_request."""
    headers: tuple[str, ...] = ()
    is_link: bool = False

    @property
    def service(self) -> str:
        """Return the service that the request was signed for."""
        parts = self.scope.split("/")
        return parts[2] if len(parts) == 4 else "s3"


def read_signature(environ: Mapping[str, Any]) -> Signature | None:
    """Return the signature of a request, None if it is not signed."""
    given = str(environ.get("HTTP_AUTHORIZATION", ""))
    fields = dict(re.findall(r"(Credential|SignedHeaders|Signature)=([^,\s]+)", given))
    is_link = not fields
    query = {name: values[0] for name, values in parse_qs(_target(environ).query).items()}
    if is_link:
        fields = {
            name: query.get(f"X-Amz-{name}", "") for name in ("Credential", "SignedHeaders", "Signature")
        }
    if fields.get("Credential"):
        key, _, scope = fields["Credential"].partition("/")
        headers = tuple(fields.get("SignedHeaders", "").split(";"))
        return Signature(key, fields.get("Signature", ""), scope, headers, is_link)
    if "AWSAccessKeyId" in query:
        return Signature(query["AWSAccessKeyId"], query.get("Signature", ""), is_link=True)
    return None


def is_genuine(environ: Environ, signature: Signature, secret: str) -> bool:
    """Tell whether the holder of a secret has signed a request."""
    made = (
        _sign(environ, signature, secret) if signature.scope else _sign_old_link(environ, signature, secret)
    )
    return hmac.compare_digest(made.encode(), signature.value.encode(errors="replace"))


def _sign(environ: Environ, signature: Signature, secret: str) -> str:
    request = hashlib.sha256(_canonical(environ, signature).encode(errors="surrogateescape")).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in signature.scope.split("/"):
        key = hmac.digest(key, part.encode(errors="replace"), "sha256")
    query = parse_qs(_target(environ).query)
    when = query.get("X-Amz-Date", [""])[0] if signature.is_link else _header(environ, "x-amz-date")
    text = "\n".join((ALGORITHM, when, signature.scope, request))
    return hmac.digest(key, text.encode(errors="replace"), "sha256").hex()


def _canonical(environ: Environ, signature: Signature) -> str:
    target = _target(environ)
    path = target.path or "/"
    if signature.service != "s3":
        path = quote(normalize_url_path(path), safe="/~")
    pairs = sorted(tuple(each.partition("=")[::2]) for each in target.query.split("&") if each)
    query = "&".join(f"{name}={value}" for name, value in pairs if name != "X-Amz-Signature")
    headers = "".join(f"{name}:{' '.join(_header(environ, name).split())}\n" for name in signature.headers)
    return "\n".join(
        (
            environ["REQUEST_METHOD"],
            path,
            query,
            headers,
            ";".join(signature.headers),
            _payload(environ, signature),
        )
    )


def _payload(environ: Environ, signature: Signature) -> str:
    """Return the digest of the body as it was signed; the body can be read again afterwards."""
    if signature.is_link and signature.service == "s3":
        return UNSIGNED
    named = _header(environ, "x-amz-content-sha256")
    if named and signature.service == "s3":
        return named
    length = str(environ.get("CONTENT_LENGTH") or "0")
    most = LARGEST_BODY if environ.get("wsgi.input_terminated") else min(int(length), LARGEST_BODY)
    body: bytes = environ["wsgi.input"].read(most)
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("wsgi.input_terminated", None)
    return hashlib.sha256(body).hexdigest()


def _sign_old_link(environ: Environ, signature: Signature, secret: str) -> str:
    target = _target(environ)
    auth = HmacV1QueryAuth(Credentials(signature.key, secret))
    names = ("content-md5", "content-type")
    headers = {name: _header(environ, name) for name in names if _header(environ, name)}
    expires = parse_qs(target.query).get("Expires", [""])[0]
    ends = int(expires) if expires.isdecimal() else None
    made: str = auth.get_signature(environ["REQUEST_METHOD"], target, headers, expires=ends)
    return made


def _header(environ: Mapping[str, Any], name: str) -> str:
    variable = name.upper().replace("-", "_")
    return str(
        environ.get(variable if name in ("content-type", "content-length") else f"HTTP_{variable}", "")
    )


def _target(environ: Mapping[str, Any]) -> SplitResult:
    """Return the undecoded path and query, which werkzeug hands over."""
    return urlsplit(
        str(environ.get("REQUEST_URI") or environ.get("RAW_URI") or environ.get("PATH_INFO", "/"))
    )
