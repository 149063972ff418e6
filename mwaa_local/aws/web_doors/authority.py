"""The local certificate authority, one for each user, and the certificate of an environment's doors.

Whoever trusts the authority trusts it for this machine's loopback names only: its certificate says so itself.
"""

import datetime
import ipaddress
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mwaa_local.aws.private_file import replace_private

NAME = "mwaa-local authority of this user"
AUTHORITY_DAYS = 3650
CERTIFICATE_DAYS = 365
"""Browsers take no certificate of more than 398 days; each start makes a new one."""
LOOPBACK = ipaddress.ip_address("127.0.0.1")
LOOPBACK_NETWORK = ipaddress.ip_network("127.0.0.0/8")

Time = datetime.datetime
PrivateKey = ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Authority:
    """The authority: its certificate, and the key that signs others."""

    certificate: x509.Certificate
    key: PrivateKey


def ensure_authority(folder: Path, now: Time) -> Authority:
    """Return the authority in `folder`, made if there is none or if it will not outlive another certificate."""
    found = _load(folder)
    if found is not None and found.certificate.not_valid_after_utc > now + datetime.timedelta(
        CERTIFICATE_DAYS
    ):
        return found
    if folder.exists():
        folder.rename(folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.old"))
    _make(folder, now)
    made = _load(folder)
    if made is None:
        raise OSError(f"the authority in {folder} cannot be read back")
    return made


def write_certificate(authority: Authority, names: Sequence[str], folder: Path, now: Time) -> Path:
    """Issue a certificate for loopback names; return a private file in `folder` with it and its key."""
    key = _new_key()
    alternatives = [*(x509.DNSName(name) for name in names), x509.IPAddress(LOOPBACK)]
    certificate = (
        _builder(_name(names[0]), authority.certificate.subject, key, now, CERTIFICATE_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False
        )
        .sign(authority.key, hashes.SHA256())
    )
    path = folder / "doors.pem"
    replace_private(path, _key_text(key) + _certificate_text(certificate))
    return path


def _load(folder: Path) -> Authority | None:
    try:
        key = serialization.load_pem_private_key((folder / "key.pem").read_bytes(), None)
        certificate = x509.load_pem_x509_certificate((folder / "certificate.pem").read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(key, PrivateKey) or key.public_key() != certificate.public_key():
        return None
    return Authority(certificate, key)


def _make(folder: Path, now: Time) -> None:
    """Make an authority; another process may be doing the same, and one of the two wins."""
    key = _new_key()
    constraints = x509.NameConstraints(
        [x509.DNSName("localhost"), x509.IPAddress(LOOPBACK_NETWORK)], excluded_subtrees=None
    )
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        _builder(_name(NAME), _name(NAME), key, now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(constraints, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    partial = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    partial.mkdir(mode=0o700, parents=True)
    replace_private(partial / "key.pem", _key_text(key))
    replace_private(partial / "certificate.pem", _certificate_text(certificate))
    try:
        partial.rename(folder)
    except OSError:
        shutil.rmtree(partial)  # somebody was quicker


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, now: Time, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _new_key() -> PrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _key_text(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _certificate_text(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
