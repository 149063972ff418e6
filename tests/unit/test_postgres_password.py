"""The stored form of a password, against the example of RFC 7677."""

import base64
import hashlib
import hmac

from mwaa_local.runtime.postgres_password import build_verifier, is_verifier_of

SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
NONCE = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
MESSAGE = (
    f"n=user,r=rOprNGfwEbeRWgbNEkqO,r={NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r={NONCE}".encode()
)


def test_the_server_key_signs_as_in_the_example() -> None:
    server_key = base64.b64decode(build_verifier("pencil", SALT).rsplit(":", 1)[1])
    signature = base64.b64encode(hmac.digest(server_key, MESSAGE, "sha256"))
    assert signature == b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_the_stored_key_recognises_the_proof_of_the_example() -> None:
    stored = base64.b64decode(build_verifier("pencil", SALT).split("$")[2].split(":")[0])
    proof = base64.b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    signature = hmac.digest(stored, MESSAGE, "sha256")
    client_key = bytes(left ^ right for left, right in zip(proof, signature, strict=True))
    assert hashlib.sha256(client_key).digest() == stored


def test_only_the_password_it_was_made_from_fits() -> None:
    verifier = build_verifier("pencil")
    assert is_verifier_of("pencil", verifier)
    assert not is_verifier_of("pen", verifier)
    assert not is_verifier_of("pencil", "damaged")


def test_the_same_password_is_stored_differently_each_time() -> None:
    assert build_verifier("pencil") != build_verifier("pencil")
