"""Bundles from elsewhere than the public index: a private index with a password, a git repository, an old Airflow."""

import base64
import os
import shutil
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.contract.test_package_proofs import _interpreter, cache, command

__all__ = ["_interpreter", "cache"]

pytestmark = pytest.mark.airflow

USER, PASSWORD = "reader", "s3cret"
TOKEN = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class PrivateIndex(SimpleHTTPRequestHandler):
    """Shows a folder to those who know the password."""

    def do_GET(self) -> None:
        if self.headers.get("Authorization") != f"Basic {TOKEN}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="private"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        super().do_GET()

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """Serve a simple index with one package; yields its host and port."""
    folder = tmp_path / "index" / "simple" / "team-tools"
    folder.mkdir(parents=True)
    write_wheel(folder / "team_tools-1.2-py3-none-any.whl")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(PrivateIndex, directory=str(tmp_path / "index")))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> Path:
    monkeypatch.setenv("MWAA_LOCAL_CACHE", str(cache))
    root = tmp_path / "project"
    (root / "dags").mkdir(parents=True)
    monkeypatch.chdir(root)
    return root


def write_wheel(path: Path) -> None:
    info = "team_tools-1.2.dist-info"
    files = {
        "team_tools.py": "NAME = 'tools'\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: team-tools\nVersion: 1.2\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            wheel.writestr(name, text)


def names_and_versions(document: dict[str, object]) -> list[tuple[str, str, bool]]:
    wheels = document["wheels"]
    assert isinstance(wheels, list)
    return [(each["name"], each["version"], each["built"]) for each in wheels]


def test_a_private_index_is_asked_with_the_password_of_the_options(
    project: Path, index: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "mwaa-local.toml").write_text(
        '[environment]\nversion = "2.2.2"\n\n[airflow_options]\n'
        f'"private.user" = "{USER}"\n"private.password" = "{PASSWORD}"\n'
    )
    (project / "requirements.txt").write_text(
        f"--index-url http://${{AIRFLOW__PRIVATE__USER}}:${{AIRFLOW__PRIVATE__PASSWORD}}@{index}/simple\n"
        f"--trusted-host {index.partition(':')[0]}\nteam-tools==1.2\n"
    )
    exit_code, document = command(capsys, "package-requirements")
    assert (exit_code, names_and_versions(document)) == (0, [("team-tools", "1.2", False)])
    assert document["proven"]
    written = [path.read_bytes() for path in (project / "packaged-requirements").rglob("*") if path.is_file()]
    assert not any(PASSWORD.encode() in content for content in written)


def test_a_wrong_password_is_said_without_the_password(
    project: Path, index: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from mwaa_local.cli.entry import run

    (project / "requirements.txt").write_text(
        f"--index-url http://{USER}:not-it@{index}/simple\nteam-tools==1.2\n"
    )
    assert run(["package-requirements", "--version", "2.2.2"]) == 1
    said = capsys.readouterr().err
    assert "requirements.txt cannot be resolved for MWAA 2.2.2" in said
    assert "not-it" not in said


def test_a_git_repository_becomes_a_wheel(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if shutil.which("git") is None:
        pytest.skip("there is no git")
    source = tmp_path / "source"
    source.mkdir()
    (source / "setup.py").write_text(
        "from setuptools import setup\n\nsetup(name='from-git', version='0.3', py_modules=['from_git'])\n"
    )
    (source / "from_git.py").write_text("NAME = 'git'\n")
    git = ["git", "-C", str(source), "-c", "user.name=test", "-c", "user.email=test@example.com"]
    for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "first"]):
        subprocess.run([*git, *arguments], check=True, env={**os.environ, "HOME": str(tmp_path)})
    (project / "requirements.txt").write_text(f"from-git @ git+{source.as_uri()}\n")
    exit_code, document = command(capsys, "package-requirements", "--version", "2.2.2")
    assert (exit_code, names_and_versions(document)) == (0, [("from-git", "0.3", True)])
    packaged = (project / "packaged-requirements" / "packaged_requirements.txt").read_text()
    assert "from-git==0.3" in packaged
    assert "git+" not in packaged


def test_backport_providers_of_1_10_are_bundled_although_its_metadata_is_not_valid(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "requirements.txt").write_text("apache-airflow-backport-providers-http==2020.10.5\n")
    exit_code, document = command(capsys, "package-requirements", "--version", "1.10.12", "--no-prove")
    assert (exit_code, names_and_versions(document)) == (
        0,
        [("apache-airflow-backport-providers-http", "2020.10.5", False)],
    )
    assert document["changes"] == []
