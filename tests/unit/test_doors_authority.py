"""The local authority and the certificates that it issues."""

import datetime
import ipaddress
import stat
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from mwaa_local.aws.web_doors.authority import ensure_authority, write_certificate

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def years(number: int) -> datetime.timedelta:
    return datetime.timedelta(days=365 * number)


def test_the_authority_is_made_once_and_private(tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "authority"
    made = ensure_authority(folder, NOW)
    assert ensure_authority(folder, NOW + years(5)).certificate == made.certificate
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert [path.name for path in folder.parent.iterdir()] == ["authority"]


def test_an_authority_that_is_damaged_or_about_to_expire_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "authority"
    first = ensure_authority(folder, NOW)
    second = ensure_authority(folder, NOW + years(9) + datetime.timedelta(days=1))
    assert second.certificate != first.certificate
    (folder / "key.pem").write_text("damaged")
    third = ensure_authority(folder, NOW)
    assert third.certificate != second.certificate
    assert ensure_authority(folder, NOW).certificate == third.certificate


def test_the_authority_is_good_for_loopback_names_only(tmp_path: Path) -> None:
    certificate = ensure_authority(tmp_path / "authority", NOW).certificate
    found = certificate.extensions.get_extension_for_oid(ExtensionOID.NAME_CONSTRAINTS)
    assert found.critical
    assert found.value == x509.NameConstraints(
        [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_network("127.0.0.0/8"))], None
    )


def test_a_certificate_is_for_its_names_and_for_less_than_398_days(tmp_path: Path) -> None:
    authority = ensure_authority(tmp_path / "authority", NOW)
    path = write_certificate(authority, ("localhost", "mine.localhost"), tmp_path, NOW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    certificate.verify_directly_issued_by(authority.certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "mine.localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("127.0.0.1")]
    lifetime = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert lifetime < datetime.timedelta(days=398)
