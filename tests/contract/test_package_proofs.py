"""The proofs of what is packed, in real environments: plugins that Airflow loads, a bundle that installs offline."""

import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest
import uv

from mwaa_local.adapters.commands import SystemCommands
from mwaa_local.catalog import load_version
from mwaa_local.cli.entry import run
from mwaa_local.errors import InterpreterError
from mwaa_local.runtime.index_settings import uv_environ
from mwaa_local.runtime.installer import Toolchain
from mwaa_local.runtime.interpreters import Search, find_interpreter
from tests.cache_locks import LOCKS

pytestmark = pytest.mark.airflow

PROJECTS = Path(__file__).parents[1] / "projects"


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    given = os.environ.get("MWAA_LOCAL_CACHE")
    return Path(given) if given else tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session", autouse=True)
def _interpreter(cache: Path) -> None:
    tools = Toolchain(
        SystemCommands(), Path(uv.find_uv_bin()), uv_environ(os.environ), lambda text: None, LOCKS
    )
    try:
        find_interpreter(load_version("2.2.2"), None, Search(tools, cache))
    except InterpreterError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(error.message)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> Path:
    monkeypatch.setenv("MWAA_LOCAL_CACHE", str(cache))
    root = Path(shutil.copytree(PROJECTS / "plugins-mixed", tmp_path / "a projéct"))
    monkeypatch.chdir(root)
    return root


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, object]]:
    """Run a command that prints JSON."""
    capsys.readouterr()
    exit_code = run([*arguments, "--json"])
    printed = capsys.readouterr()
    assert printed.out, printed.err
    document: dict[str, object] = json.loads(printed.out)
    return exit_code, document


def findings(document: dict[str, object]) -> list[tuple[str, str, int]]:
    found = document["findings"]
    assert isinstance(found, list)
    return [(each["rule"], each["location"]["file"], each["location"]["line"]) for each in found]


def test_airflow_says_what_each_file_registers_and_what_is_broken(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exit_code, document = command(capsys, "package-plugins", "--version", "2.2.2")
    assert exit_code == 3
    assert findings(document) == [
        ("plugin-needs-requirements", "plugins/banner.py", 3),
        ("plugin-broken", "plugins/broken.py", 3),
        ("plugin-lazily-loaded", "plugins/my_plugin.py", 1),
    ]
    assert not (project / "plugins.zip").exists()
    loaded = document["loaded"]
    assert isinstance(loaded, dict)
    assert loaded["on_webserver"]
    full = loaded["with_requirements"]
    assert full["plugins"] == [
        {
            "name": "my_plugin",
            "file": "my_plugin.py",
            "registers": {"appbuilder_menu_items": ["Docs"], "macros": ["shout"]},
        }
    ]
    defined = {each["file"]: each["defines"] for each in full["modules"]}
    assert defined["operators/copy_files.py"] == {"hooks": ["FileHook"], "operators": ["CopyFiles"]}


def test_plugins_that_load_pass(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "plugins" / "broken.py").unlink()
    exit_code, document = command(capsys, "package-plugins", "--version", "2.2.2")
    assert exit_code == 0
    assert findings(document) == [
        ("plugin-needs-requirements", "plugins/banner.py", 3),
        ("plugin-lazily-loaded", "plugins/my_plugin.py", 1),
    ]
    assert (project / "plugins.zip").is_file()


def test_a_plugin_that_exits_is_found(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("broken.py", "banner.py"):
        (project / "plugins" / name).unlink()
    (project / "requirements.txt").unlink()
    (project / "plugins" / "exits.py").write_text("import sys\n\nsys.exit(1)\n")
    exit_code, document = command(capsys, "package-plugins", "--version", "2.2.2")
    assert (exit_code, findings(document)) == (3, [("plugin-exits", "plugins/exits.py", 3)])


def test_a_bundle_is_made_built_and_installed_without_a_network(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "requirements.txt").write_text("pyfiglet==0.8.post1\nfuture==0.18.2\nboto3\n")
    (project / "plugins" / "broken.py").unlink()
    exit_code, document = command(capsys, "package-requirements", "--version", "2.2.2", "--with-plugins")
    assert exit_code == 0
    assert document["wheels"] == [
        {"name": "future", "version": "0.18.2", "file": "future-0.18.2-py3-none-any.whl", "built": True},
        {
            "name": "pyfiglet",
            "version": "0.8.post1",
            "file": "pyfiglet-0.8.post1-py2.py3-none-any.whl",
            "built": False,
        },
    ]
    assert document["proven"]
    assert "boto3" in str(document["preinstalled"])
    with zipfile.ZipFile(project / "plugins.zip") as archive:
        assert {"constraints.txt", "future-0.18.2-py3-none-any.whl", "my_plugin.py"} <= set(
            archive.namelist()
        )
    packaged = (project / "packaged-requirements" / "packaged_requirements.txt").read_text()
    assert "--no-index" in packaged
    assert "pyfiglet==0.8.post1" in packaged


def test_a_package_without_a_wheel_for_mwaa_is_refused_by_name(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "requirements.txt").write_text("pycrypto==2.6.1\n")
    capsys.readouterr()
    assert run(["package-requirements", "--version", "2.2.2"]) == 1
    assert "pycrypto 2.6.1 has only a source package" in capsys.readouterr().err
    assert not (project / "packaged-requirements").exists()
