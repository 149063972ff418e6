import json
from pathlib import Path

import pytest

from tests.cli.environments import Cli, SeemingEnvironment

TRUSTED = "-----BEGIN CERTIFICATE-----\ncompany\n-----END CERTIFICATE-----\n"
AUTHORITY = "-----BEGIN CERTIFICATE-----\nours\n-----END CERTIFICATE-----\n"


def test_without_an_environment_there_is_nothing_to_print(project: Path, cli: Cli) -> None:
    shown = cli("env", "aws")
    assert shown.exit_code == 1
    assert shown.stdout == ""
    assert shown.stderr == "Error: The environment is not running.\n  Hint: start it: mwaa-local start\n"


def test_a_shell_gets_the_local_endpoint_and_loses_what_would_lead_elsewhere(
    environment: SeemingEnvironment, cli: Cli
) -> None:
    environment.run()
    environment.leave_stack({})
    shown = cli("env", "aws")
    assert shown.exit_code == 0
    assert shown.stdout == (
        "export AWS_ENDPOINT_URL=http://127.0.0.1:4000\n"
        "export AWS_ACCESS_KEY_ID=mwaa-local\n"
        "export AWS_SECRET_ACCESS_KEY=mwaa-local\n"
        "export AWS_DEFAULT_REGION=us-east-1\n"
        "export AWS_REGION=us-east-1\n"
        "export AWS_DISABLE_HOST_PREFIX_INJECTION=true\n"
        "unset AWS_PROFILE AWS_SESSION_TOKEN\n"
    )
    assert "Config(inject_host_prefix=False)" in shown.stderr


def test_certificates_that_are_trusted_already_stay_trusted(
    environment: SeemingEnvironment, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment.run()
    environment.leave_stack({})
    company = tmp_path / "company.pem"
    company.write_text(TRUSTED)
    authority = tmp_path / "cache" / "authority" / "certificate.pem"
    authority.parent.mkdir(parents=True)
    authority.write_text(AUTHORITY)
    for name in ("AWS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(company))
    document = json.loads(cli("env", "aws", "--json").stdout)
    assert document["AWS_PROFILE"] is None
    assert document["NODE_EXTRA_CA_CERTS"] == str(authority)
    bundle = Path(document["AWS_CA_BUNDLE"])
    assert bundle.read_text() == TRUSTED + AUTHORITY
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    cli("env", "aws")
    assert bundle.read_text().endswith(AUTHORITY)
    assert bundle.read_text().count("ours") == 1
