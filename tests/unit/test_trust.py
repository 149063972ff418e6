"""The bundle of certificates that tasks and shells get."""

from pathlib import Path

import pytest

from mwaa_local.cli.trust import write_bundle


def certificate(name: str) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{name}\n-----END CERTIFICATE-----\n"


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    path = tmp_path / "authority.pem"
    path.write_text(certificate("ours"))
    return path


def test_what_a_variable_names_stays_trusted_each_certificate_once(tmp_path: Path, authority: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(f"# {name}\n" + certificate(name) + certificate("both"))
    variables = {"SSL_CERT_FILE": str(tmp_path / "one"), "REQUESTS_CA_BUNDLE": str(tmp_path / "two")}
    write_bundle(tmp_path / "bundle.pem", variables, authority)
    names = ("two", "both", "one", "ours")
    assert (tmp_path / "bundle.pem").read_text() == "".join(map(certificate, names))


def test_a_bundle_for_all_programs_has_the_usual_certificates_too(tmp_path: Path, authority: Path) -> None:
    (tmp_path / "company").write_text(certificate("company"))
    variables = {"SSL_CERT_FILE": str(tmp_path / "company")}
    write_bundle(tmp_path / "some.pem", variables, authority)
    write_bundle(tmp_path / "all.pem", variables, authority, for_all=True)
    assert (tmp_path / "some.pem").read_text().count("BEGIN") == 2
    everything = (tmp_path / "all.pem").read_text()
    assert everything.count("BEGIN") > 50
    assert certificate("company") in everything


def test_an_earlier_bundle_of_ours_and_what_is_not_there_are_passed_over(
    tmp_path: Path, authority: Path
) -> None:
    earlier = tmp_path / "earlier" / "bundle.pem"
    earlier.parent.mkdir()
    earlier.write_text(certificate("stale"))
    variables = {"SSL_CERT_FILE": str(earlier), "CURL_CA_BUNDLE": str(tmp_path / "none")}
    write_bundle(tmp_path / "bundle.pem", variables, authority)
    assert certificate("stale") not in (tmp_path / "bundle.pem").read_text()
