"""How a project's requirements are installed on the base environment."""

from pathlib import Path

from mwaa_local.catalog import load_version
from mwaa_local.config import Project
from mwaa_local.ports import CommandResult
from mwaa_local.requirements_files import read_requirements
from mwaa_local.runtime.installer import Toolchain
from mwaa_local.runtime.interpreters import Interpreter
from mwaa_local.runtime.requirements_layer import Layer, install_layer
from mwaa_local.runtime.venv import AirflowEnvironment
from tests.cache_locks import LOCKS
from tests.fakes import FakeCommands


def test_pip_does_not_install_for_the_user_although_the_roles_of_mwaa_do(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("humanize==3.12.0\n")
    python = tmp_path / "environment" / "bin" / "python"
    commands = FakeCommands({(str(python),): CommandResult(0, "", "")})
    interpreter = Interpreter(Path("/usr/bin/python3.7"), "3.7.16", "PATH", "", "linux-x86_64")
    project = Project(tmp_path, tmp_path / "dags", None, tmp_path / "requirements.txt", None, None)
    layer = Layer(
        base=AirflowEnvironment(python.parent.parent, python, "key", interpreter, (), False),
        version=load_version("1.10.12"),
        files=read_requirements(project, {}, lambda airflow, python: None),
        forced=(),
        essential=(),
        variables={"PIP_USER": "true", "AIRFLOW__FOO__USER": "me"},
        timeout=10.0,
        work=tmp_path / "work",
        tools=Toolchain(commands, tmp_path / "uv", {"PATH": "/bin"}, lambda text: None, LOCKS),
    )
    install_layer(layer, python)
    variables = commands.ran[0].env
    assert variables is not None
    assert "PIP_USER" not in variables
    assert variables["AIRFLOW__FOO__USER"] == "me"
