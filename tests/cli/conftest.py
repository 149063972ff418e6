"""A project to run commands in, and running them."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from mwaa_local.cli.entry import run
from tests.aws_credentials import use_fake_credentials
from tests.cli.deploying import DAG, DeployedSite
from tests.cli.environments import Cli, Outcome, SeemingEnvironment
from tests.mwaa_endpoint import MwaaEndpoint, running_endpoint


@pytest.fixture(autouse=True)
def plain_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("MWAA_LOCAL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MWAA_LOCAL_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder, which is the current one."""
    root = tmp_path / "orders"
    (root / "dags").mkdir(parents=True)
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def environment(project: Path) -> Iterator[SeemingEnvironment]:
    """The project's environment; nothing runs until the test says so."""
    seeming = SeemingEnvironment(project)
    yield seeming
    seeming.stop()


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command line in this process."""

    def call(*arguments: str) -> Outcome:
        capsys.readouterr()
        exit_code = run(arguments)
        printed = capsys.readouterr()
        return Outcome(exit_code, printed.out, printed.err)

    return call


@pytest.fixture
def cli_process() -> Cli:
    """Run a command line as a process of its own: for commands that become another program."""

    def call(*arguments: str, stdin: str = "") -> Outcome:
        command = [sys.executable, "-c", "from mwaa_local.cli import main; main()", *arguments]
        ended = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=60)
        return Outcome(ended.returncode, ended.stdout, ended.stderr)

    return call


@pytest.fixture(scope="session")
def mwaa_endpoint() -> Iterator[MwaaEndpoint]:
    """Our endpoint with the MWAA API, for all tests of deployments; each uses a bucket of its own."""
    with running_endpoint() as running:
        yield running


@pytest.fixture
def site(
    project: Path, mwaa_endpoint: MwaaEndpoint, cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[DeployedSite]:
    """A project with one DAG file, and a bucket as MWAA wants it; no environment yet."""
    use_fake_credentials(monkeypatch, tmp_path, mwaa_endpoint.url)
    made = DeployedSite(project, mwaa_endpoint, f"b{uuid.uuid4().hex[:12]}", cli)
    made.configure()
    made.write("dags/orders.py", DAG.format(name="orders"))
    made.make_bucket()
    yield made
    made.remove_environment()
