"""`deployments` from the command line, with an MWAA that answers over HTTP as AWS does."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.cli.environments import Cli

CONFIG = """\
# kept
[environment]
version = "2.2.2"
region = "eu-west-1"
[deployments.staging]
bucket = "orders-${STAGE}"
environment = "orders-staging"
"""
LIVE: dict[str, Any] = {
    "Name": "orders-prod",
    "Status": "AVAILABLE",
    "AirflowVersion": "2.10.3",
    "EnvironmentClass": "mw1.small",
    "SourceBucketArn": "arn:aws:s3:::orders-bucket",
    "DagS3Path": "airflow/dags",
    "RequirementsS3Path": "requirements.txt",
    "RequirementsS3ObjectVersion": "v1",
    "AirflowConfigurationOptions": {"core.parallelism": "64"},
    "MinWorkers": 1,
    "MaxWorkers": 10,
    "Schedulers": 2,
}
SECTION = """\
[deployments.orders-prod]
bucket = "orders-bucket"
region = "eu-west-1"
environment = "orders-prod"
version = "2.10.3"
dag_s3_path = "airflow/dags"
requirements_s3_path = "requirements.txt"
"""
DIFFERENCES = """
The project's own environment differs:
  SETTING           HERE   THERE
  version           2.2.2  2.10.3
  core.parallelism  -      64
"""


class Mwaa(BaseHTTPRequestHandler):
    """Answers GetEnvironment and ListEnvironments."""

    def do_GET(self) -> None:
        if self.path.startswith("/environments/orders-prod"):
            self._answer(200, {"Environment": LIVE})
        elif self.path.startswith("/environments/"):
            self._answer(404, {"message": "Environment not found"}, "ResourceNotFoundException")
        else:
            self._answer(200, {"Environments": ["orders-prod"]})

    def _answer(self, status: int, document: dict[str, Any], error: str = "") -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if error:
            self.send_header("x-amzn-ErrorType", error)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def mwaa(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Mwaa)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_MWAA", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    yield
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def config(project: Path) -> Path:
    path = project / "mwaa-local.toml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def test_nothing_is_written_without_a_yes(config: Path, cli: Cli, mwaa: None) -> None:
    done = cli("deployments", "import", "orders-prod")
    assert done.exit_code == 2
    assert done.stdout == SECTION + DIFFERENCES
    assert done.stderr == "Error: Nothing was written: there is no terminal to ask on.\n  Hint: Add --yes.\n"
    assert config.read_text(encoding="utf-8") == CONFIG


def test_a_deployment_of_that_name_ends_with_2(config: Path, cli: Cli) -> None:
    done = cli("deployments", "import", "orders-prod", "--as", "staging", "--yes")
    assert done.exit_code == 2
    assert 'mwaa-local.toml line 5: there is a deployment "staging" already.' in done.stderr


def test_an_environment_that_is_not_there_ends_with_2(config: Path, cli: Cli, mwaa: None) -> None:
    done = cli("deployments", "import", "orders-prd", "--yes")
    assert done.exit_code == 2
    assert 'eu-west-1 has no environment "orders-prd".' in done.stderr
    assert 'Did you mean "orders-prod"?' in done.stderr


def test_an_import_adds_a_section_and_nothing_else(config: Path, cli: Cli, mwaa: None) -> None:
    config.chmod(0o600)
    done = cli("deployments", "import", "orders-prod", "--yes")
    assert (done.exit_code, done.stdout) == (0, SECTION + DIFFERENCES)
    assert done.stderr == "Written to mwaa-local.toml. Next: mwaa-local plan orders-prod\n"
    assert config.read_text(encoding="utf-8") == f"{CONFIG}\n{SECTION}"
    assert config.stat().st_mode & 0o777 == 0o600


def test_the_file_is_made_where_there_is_none(project: Path, cli: Cli, mwaa: None) -> None:
    done = cli("deployments", "import", "orders-prod", "--yes", "--region", "eu-west-1", "--json")
    document = json.loads(done.stdout)
    assert set(document) == {"schema", "deployment", "section", "differences"}
    assert (document["deployment"], document["section"]) == ("orders-prod", SECTION)
    assert document["differences"][0] == {"name": "version", "here": "2.2.2", "there": "2.10.3"}
    assert (project / "mwaa-local.toml").read_text(encoding="utf-8") == SECTION


def test_deployments_are_listed(config: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGE", "dev")
    shown = (
        "NAME     ENVIRONMENT     VERSION  REGION     DAGS\n"
        "staging  orders-staging  2.2.2    eu-west-1  s3://orders-dev/dags\n"
    )
    assert cli("deployments").stdout == cli("deployments", "list").stdout == shown
    (listed,) = json.loads(cli("deployments", "list", "--json").stdout)["deployments"]
    assert (listed["bucket"], listed["dag_s3_path"], listed["receipts"]) == (
        "orders-dev",
        "dags",
        ".mwaa-local/staging",
    )


def test_one_that_cannot_be_read_does_not_hide_the_others(config: Path, cli: Cli) -> None:
    config.write_text(f'{CONFIG}[deployments.other]\nbucket = "abc"\n', encoding="utf-8")
    done = cli("deployments")
    assert done.exit_code == 2
    assert done.stdout.splitlines()[1].startswith("other ")
    assert "mwaa-local.toml line 6: bucket needs the environment variable STAGE" in done.stderr


def test_a_project_without_deployments_is_shown_one(project: Path, cli: Cli) -> None:
    done = cli("deployments")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "[deployments.staging]" in done.stderr


def test_a_deployment_is_priced_as_its_live_environment_is(config: Path, cli: Cli, mwaa: None) -> None:
    config.write_text(
        CONFIG.replace("orders-staging", "orders-prod").replace("${STAGE}", "x"), encoding="utf-8"
    )
    done = cli("cost", "staging", "--hours", "100", "--storage", "0")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "Total: $49.00")
    config.write_text(CONFIG.replace("${STAGE}", "x"), encoding="utf-8")
    done = cli("cost", "staging")
    assert done.exit_code == 2
    assert 'eu-west-1 has no environment "orders-staging".' in done.stderr
