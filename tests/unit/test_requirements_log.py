"""What is written down of an installation, for the stream that MWAA has of it."""

from pathlib import Path

import pytest

from mwaa_local.errors import RequirementsError
from mwaa_local.runtime.requirements_log import failure_logged, forget_installation, log_installation
from mwaa_local.runtime.state import StateFolder


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    made = StateFolder(tmp_path / ".mwaa-local")
    made.create()
    return made


def environment(root: Path, *packages: str) -> Path:
    for package in packages:
        (root / "lib" / "python3.7" / "site-packages" / f"{package}.dist-info").mkdir(parents=True)
    return root


def log(folder: StateFolder) -> str:
    return folder.log("requirements_install").read_text(encoding="utf-8")


def test_what_was_installed_is_listed_as_pip_does(folder: StateFolder, tmp_path: Path) -> None:
    base = environment(tmp_path / "base", "flask-1.1.2", "old-1.0")
    made = environment(tmp_path / "made", "flask-1.1.4", "cowsay-6.1")
    log_installation(folder, base, made, ("no constraints",))
    assert log(folder) == (
        "WARNING: no constraints\nUninstalled old-1.0\nSuccessfully installed cowsay-6.1 flask-1.1.4\n"
    )
    log_installation(folder, base, base, ())
    assert log(folder) == "Nothing had to be installed.\n"
    forget_installation(folder)
    assert not folder.log("requirements_install").exists()


def test_a_failure_is_written_down_without_passwords_and_goes_on(folder: StateFolder) -> None:
    with pytest.raises(RequirementsError), failure_logged(folder):
        raise RequirementsError("cowsay==99 is not on https://me:word@index.example/simple", hint="")
    assert log(folder) == "cowsay==99 is not on https://***@index.example/simple\n"
