"""Real environments: built, shared, extended, and never half there."""

import hashlib
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import uv

from mwaa_local.adapters.commands import SystemCommands
from mwaa_local.catalog import load_version
from mwaa_local.config import Project
from mwaa_local.errors import InterpreterError, RequirementsError
from mwaa_local.runtime.cache_entry import MARKER
from mwaa_local.runtime.environment_copy import installed_versions
from mwaa_local.runtime.index_settings import uv_environ
from mwaa_local.runtime.installer import Toolchain
from mwaa_local.runtime.interpreters import Interpreter, Search, find_interpreter
from mwaa_local.runtime.requirements_install import (
    ProjectEnvironment,
    RequirementsOptions,
    ensure_project_environment,
)
from mwaa_local.runtime.venv import AirflowEnvironment, ensure_base_environment
from tests.cache_locks import LOCKS

pytestmark = pytest.mark.airflow

VERSION = load_version("2.2.2")
PROVIDER = "3.4.0"
CONSTRAINTS = "https://raw.githubusercontent.com/apache/airflow/constraints-2.2.2/constraints-3.7.txt"

BUILD = """\
import os, sys
from pathlib import Path
import uv
from mwaa_local.adapters.commands import SystemCommands
from mwaa_local.adapters.locks import held_lock, is_locked
from mwaa_local.catalog import load_version
from mwaa_local.runtime.cache_entry import Locks
from mwaa_local.runtime.index_settings import uv_environ
from mwaa_local.runtime.installer import Toolchain
from mwaa_local.runtime.interpreters import Search, find_interpreter
from mwaa_local.runtime.venv import ensure_base_environment

cache = Path(sys.argv[1])
version = load_version("2.2.2")
say = lambda text: print(text, flush=True)
locks = Locks(lambda path: held_lock(path, on_wait=lambda: say("waiting")), is_locked)
tools = Toolchain(SystemCommands(), Path(uv.find_uv_bin()), uv_environ(os.environ), say, locks)
interpreter = find_interpreter(version, None, Search(tools, cache))
environment = ensure_base_environment(version, "3.4.0", interpreter, cache, tools)
say(f"built={environment.built}")
"""


@pytest.fixture(scope="session")
def tools() -> Toolchain:
    return Toolchain(
        SystemCommands(), Path(uv.find_uv_bin()), uv_environ(os.environ), lambda text: None, LOCKS
    )


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    given = os.environ.get("MWAA_LOCAL_CACHE")
    return Path(given) if given else tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def interpreter(cache: Path, tools: Toolchain) -> Interpreter:
    try:
        return find_interpreter(VERSION, None, Search(tools, cache))
    except InterpreterError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(error.message)


@pytest.fixture(scope="session")
def base(cache: Path, interpreter: Interpreter, tools: Toolchain) -> AirflowEnvironment:
    return ensure_base_environment(VERSION, PROVIDER, interpreter, cache, tools)


@dataclass(frozen=True, slots=True)
class Layers:
    """Installs the requirements of one project."""

    project: Project
    base: AirflowEnvironment
    tools: Toolchain

    def install(
        self, text: str, *, ignore_failure: bool = False, variables: Mapping[str, str] | None = None
    ) -> ProjectEnvironment:
        assert self.project.requirements is not None
        self.project.requirements.write_text(text)
        options = RequirementsOptions(PROVIDER, variables or {}, ignore_failure)
        return ensure_project_environment(self.base, self.project, VERSION, options, self.tools)


@pytest.fixture
def layers(base: AirflowEnvironment, tools: Toolchain, tmp_path: Path) -> Layers:
    root = tmp_path / "a projéct"
    (root / "dags").mkdir(parents=True)
    (root / "plugins").mkdir()
    project = Project(root, root / "dags", root / "plugins", root / "requirements.txt", None, None)
    return Layers(project, base, tools)


def test_the_environment_is_what_mwaa_runs(base: AirflowEnvironment, tmp_path: Path) -> None:
    versions = installed_versions(base.root)
    assert versions["apache-airflow"] == "2.2.2"
    assert versions["apache-airflow-providers-amazon"] == PROVIDER
    assert versions["boto3"] == "1.18.65"
    assert versions["watchtower"] == "2.0.1"
    assert _run(base.root / "bin" / "airflow", "version", home=tmp_path).endswith("2.2.2\n")


def test_modules_are_byte_compiled_ahead(base: AirflowEnvironment) -> None:
    assert list((base.root / "lib").glob("python3.7/site-packages/airflow/__pycache__/configuration.*.pyc"))


def test_two_builders_at_once_build_once_and_the_second_says_that_it_waits(
    base: AirflowEnvironment, tmp_path: Path
) -> None:
    builders = [_start_build(tmp_path) for _ in range(2)]
    said = [builder.communicate()[0] for builder in builders]
    assert [builder.returncode for builder in builders] == [0, 0]
    assert sorted(text.splitlines()[-1] for text in said) == ["built=False", "built=True"]
    assert any("waiting" in text for text in said)


def test_a_build_that_is_killed_is_not_taken_for_whole(base: AirflowEnvironment, tmp_path: Path) -> None:
    builder = _start_build(tmp_path)
    environments = tmp_path / "environments"
    _wait_until(lambda: any(environments.glob(".*.partial/lib/python3.7/site-packages/*")))
    builder.send_signal(signal.SIGKILL)
    builder.communicate()
    assert not list(environments.glob("2.2.2-*"))
    again = _start_build(tmp_path)
    assert again.communicate()[0].endswith("built=True\n")
    environment = next(environments.glob("2.2.2-*"))
    assert (environment / MARKER).is_file()
    assert installed_versions(environment) == installed_versions(base.root)
    # What the killed builder had left running may only have written into its own folder.
    assert _run(environment / "bin" / "airflow", "version", home=tmp_path).endswith("2.2.2\n")


def test_without_requirements_the_project_gets_a_plain_copy_of_the_shared_environment(layers: Layers) -> None:
    result = layers.install("# nothing yet\n")
    assert result.environment.root.parent == layers.project.state
    assert installed_versions(result.environment.root) == installed_versions(layers.base.root)


def test_a_requirement_is_installed_in_the_project_only(layers: Layers) -> None:
    before = _digest(layers.base.root)
    result = layers.install(f'--constraint "{CONSTRAINTS}"\npyfiglet==0.8.post1\n')
    environment = result.environment
    assert environment.built
    assert environment.root.parent == layers.project.state
    assert installed_versions(environment.root)["pyfiglet"] == "0.8.post1"
    script = _run(
        environment.root / "bin" / "python", "-c", "import pyfiglet, airflow; print(airflow.__file__)"
    )
    assert script.strip().startswith(str(environment.root))
    assert _run(environment.root / "bin" / "airflow", "version", home=layers.project.root).endswith("2.2.2\n")
    assert "pyfiglet" not in installed_versions(layers.base.root)
    assert _digest(layers.base.root) == before


def test_a_layer_is_built_again_only_when_the_requirements_change(layers: Layers) -> None:
    first = layers.install("pyfiglet==0.8.post1\n").environment
    same = layers.install("pyfiglet==0.8.post1\n").environment
    other = layers.install("pyfiglet==0.7.6\n").environment
    assert (first.built, same.built, other.built) == (True, False, True)
    assert same.root == first.root != other.root


def test_changing_a_package_leaves_the_shared_environment_alone(layers: Layers) -> None:
    before = _digest(layers.base.root)
    result = layers.install("sqlalchemy==1.3.23\n")
    changed = [(each.name, each.before, each.after) for each in result.changes]
    assert changed == [("sqlalchemy", "1.3.24", "1.3.23")]
    assert any("change sqlalchemy from 1.3.24 to 1.3.23" in warning for warning in result.warnings)
    assert _digest(layers.base.root) == before


def test_watchtower_is_put_back(layers: Layers) -> None:
    result = layers.install("watchtower==3.0.0\n")
    assert installed_versions(result.environment.root)["watchtower"] == "2.0.1"


def test_a_requirement_that_does_not_exist_is_named_with_its_line(layers: Layers) -> None:
    with pytest.raises(RequirementsError) as caught:
        layers.install("# fine\npyfiglet==0.8.post1\npyfiglet-that-never-was==1.0\n")
    where = f"{layers.project.requirements}:3: pyfiglet-that-never-was==1.0: cannot be installed."
    assert caught.value.message.startswith(where)
    assert not list(layers.project.state.glob("environment-*"))


def test_a_failing_requirement_can_be_ignored_and_then_nothing_is_installed(layers: Layers) -> None:
    result = layers.install("pyfiglet==0.8.post1\npyfiglet-that-never-was==1.0\n", ignore_failure=True)
    assert result.environment.root.parent == layers.project.state
    assert installed_versions(result.environment.root) == installed_versions(layers.base.root)
    assert any("pyfiglet-that-never-was" in warning for warning in result.warnings)


def test_a_layer_survives_a_move_of_the_project(layers: Layers) -> None:
    layers.install("pyfiglet==0.8.post1\n")
    moved = layers.project.root.rename(layers.project.root.with_name("moved"))
    layer = next((moved / ".mwaa-local").glob("environment-*"))
    assert _run(layer / "bin" / "airflow", "version", home=moved).endswith("2.2.2\n")


def test_a_wheel_in_plugins_is_installed_without_an_index(layers: Layers) -> None:
    plugins = layers.project.plugins
    assert plugins is not None
    _write_wheel(plugins / "tiny_thing-1.0-py3-none-any.whl")
    result = layers.install("--no-index\n--find-links /usr/local/airflow/plugins\ntiny-thing==1.0\n")
    assert installed_versions(result.environment.root)["tiny-thing"] == "1.0"


def _write_wheel(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as wheel:
        wheel.writestr("tiny_thing.py", "")
        info = "tiny_thing-1.0.dist-info"
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-thing\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(
            f"{info}/RECORD", f"tiny_thing.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n"
        )


def _start_build(cache: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", BUILD, str(cache)], stdout=subprocess.PIPE, text=True)


def _run(program: Path, *arguments: str, home: Path | None = None) -> str:
    # Python 3.7 in the C locale misreads a folder name that is not ASCII.
    env = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"}
    if home:
        env["AIRFLOW_HOME"] = str(home / "airflow-home")
    result = SystemCommands().run([str(program), *arguments], env=env)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def _digest(root: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink():
            digest.update(f"{path} {path.stat().st_size}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def _wait_until(is_true: Callable[[], bool]) -> None:
    for _ in range(1200):
        if is_true():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen")
