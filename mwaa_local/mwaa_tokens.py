"""The tokens with which the MWAA API opens the web server's doors: made by one, checked by the other.

A token is a signed text of its claims. Whoever makes or checks one passes the environment's key and the time.
"""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass
from enum import StrEnum

LIFETIME = 60.0
"""Seconds that a token of the API opens its door."""
LONGEST_USER = 64
"""Characters of a user name; the service hashes longer ones."""


class Purpose(StrEnum):
    """Which door a token opens."""

    CLI = "cli"
    WEB = "web"
    LOGIN = "login"
    """From our door to the web server behind it: this user may have a session."""


class AirflowRole(StrEnum):
    """The roles of an Airflow user that MWAA knows."""

    ADMIN = "Admin"
    OP = "Op"
    USER = "User"
    VIEWER = "Viewer"
    PUBLIC = "Public"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says: who may do what, where, until when."""

    environment: str
    purpose: Purpose
    role: AirflowRole
    user: str
    expires: float
    """Seconds since the epoch."""
    id: str
    """Random, so that no two tokens are equal."""


class TokenRefusedError(Exception):
    """The token opens nothing here; the reason is for people, never for a decision."""


def new_claims(
    environment: str,
    purpose: Purpose,
    role: AirflowRole,
    user: str,
    *,
    now: float,
    lifetime: float = LIFETIME,
) -> Claims:
    """Return fresh claims; a user name that is too long becomes a digest of itself."""
    name = user if len(user) <= LONGEST_USER else hashlib.sha256(user.encode()).hexdigest()
    return Claims(environment, purpose, role, name, now + lifetime, secrets.token_urlsafe(16))


def make_token(key: bytes, claims: Claims) -> str:
    """Return the token that says `claims`: letters, digits, `-`, `_` and a dot."""
    body = _encode(json.dumps(asdict(claims), separators=(",", ":"), sort_keys=True).encode())
    return f"{body}.{_encode(_sign(key, body))}"


def read_token(key: bytes, token: str, environment: str, purpose: Purpose, *, now: float) -> Claims:
    """Return what a token says; TokenRefusedError unless it is genuine, of this environment, for this, and in time."""
    body, _, signature = token.partition(".")
    if not hmac.compare_digest(_encode(_sign(key, body)).encode(), signature.encode(errors="replace")):
        raise TokenRefusedError("the token is not one of this environment")
    claims = _parse(body)
    if claims.environment != environment:
        raise TokenRefusedError("the token is for another environment")
    if claims.purpose is not purpose:
        raise TokenRefusedError(f"the token is for {claims.purpose}, not for {purpose}")
    if now >= claims.expires:
        raise TokenRefusedError("the token has expired")
    return claims


def login_key(key: bytes) -> bytes:
    """Return the key of Purpose.LOGIN: all that the web server gets, so that it can make no token of the API."""
    return hmac.digest(key, b"mwaa-local login", "sha256")


def _sign(key: bytes, body: str) -> bytes:
    return hmac.digest(key, body.encode(errors="replace"), "sha256")


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def _parse(body: str) -> Claims:
    """Read the claims of a body whose signature is right: we have made it ourselves."""
    document = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return Claims(
        **{**document, "purpose": Purpose(document["purpose"]), "role": AirflowRole(document["role"])}
    )
