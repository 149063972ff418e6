"""The form in which PostgreSQL keeps a password (SCRAM-SHA-256): made here, so that the password never travels."""

import base64
import hashlib
import hmac
import secrets

ITERATIONS = 4096


def build_verifier(password: str, salt: bytes | None = None) -> str:
    """Return what PostgreSQL stores for `password` (ASCII, as ours are: no SASLprep is done)."""
    salt = secrets.token_bytes(16) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${ITERATIONS}:{_text(salt)}${_text(stored)}:{_text(server)}"


def is_verifier_of(password: str, verifier: str) -> bool:
    """Tell whether `verifier` was made from `password`."""
    try:
        salt = base64.b64decode(verifier.split("$")[1].split(":")[1], validate=True)
    except (IndexError, ValueError):
        return False
    return hmac.compare_digest(build_verifier(password, salt), verifier)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
