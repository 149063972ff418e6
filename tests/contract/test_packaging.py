"""The data files are found in each way of installing the package: wheel, editable, strict editable."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]

# setuptools' own entry points: no pip, no index.
BUILD = """
import sys
from setuptools import build_meta
kind, folder = sys.argv[1:]
settings = {"editable_mode": "strict"} if kind == "strict" else {}
build = build_meta.build_wheel if kind == "wheel" else build_meta.build_editable
build(folder, settings)
"""
LOOK = """
import mwaa_local
from mwaa_local.catalog import constraints_for, data_folder, list_versions, load_version
print(mwaa_local.__file__)
print(data_folder("images"))
print(len(list_versions()), len(constraints_for(load_version("2.2.2"), "3.4.0")))
"""


def run(*command: str | Path, cwd: Path) -> list[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    line = [str(each) for each in command]
    done = subprocess.run(line, cwd=cwd, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def build(kind: str, source: Path, folder: Path) -> Path:
    folder.mkdir()
    run(sys.executable, "-W", "ignore", "-c", BUILD, kind, folder, cwd=source)
    return next(folder.glob("*.whl"))


def install(wheel: Path, folder: Path) -> Path:
    """Unpack a wheel into a new environment without anything else and return its interpreter."""
    venv.create(folder, with_pip=False, symlinks=True)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(next(folder.glob("lib/python*/site-packages")))
    return folder / "bin" / "python"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a copy of the checkout, so that a build leaves nothing behind in ours."""
    copy = tmp_path / "checkout"
    copy.mkdir()
    for name in ("mwaa_local", "images", "compose", "sample_dags"):
        if (CHECKOUT / name).is_dir():
            skipped = shutil.ignore_patterns("__pycache__", ".mwaa-local")
            shutil.copytree(CHECKOUT / name, copy / name, symlinks=True, ignore=skipped)
    for name in ("setup.cfg", "pyproject.toml", "README.md"):
        (copy / name).write_text((CHECKOUT / name).read_text() if (CHECKOUT / name).exists() else "")
    return copy


@pytest.mark.parametrize("kind", ["wheel", "editable", "strict"])
def test_an_installed_package_finds_the_catalogue(kind: str, source: Path, tmp_path: Path) -> None:
    interpreter = install(build(kind, source, tmp_path / "dist"), tmp_path / "env")

    package, images, counts = run(interpreter, "-c", LOOK, cwd=tmp_path)

    assert counts == "16 539"
    assert Path(images).parent == Path(package).parent
    home = tmp_path / "env" if kind == "wheel" else source
    assert Path(package).is_relative_to(home)


def test_an_editable_install_sees_a_changed_catalogue_at_once(source: Path, tmp_path: Path) -> None:
    interpreter = install(build("editable", source, tmp_path / "dist"), tmp_path / "env")
    shutil.rmtree(source / "images" / "3.3.1")

    assert run(interpreter, "-c", LOOK, cwd=tmp_path)[-1] == "15 539"


def test_the_wheel_holds_every_module_and_data_file(source: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(build("wheel", source, tmp_path / "dist")) as archive:
        held = set(archive.namelist())

    modules = {str(each.relative_to(source)) for each in (source / "mwaa_local").rglob("*.py")}
    data = {
        str(Path("mwaa_local", f"_{name}", each.relative_to(source / name)))
        for name in ("compose", "sample_dags")
        for each in (source / name).rglob("*")
        if each.is_file()
    }
    catalogue = {
        f"mwaa_local/_images/{each.relative_to(source / 'images')}" for each in source.glob("images/*/*.t*")
    }
    catalogue |= {f"mwaa_local/_images/{name}" for name in ("Dockerfile", "collect_wheels.py")}
    assert modules | data | catalogue | {"mwaa_local/py.typed"} <= held
    assert not [each for each in held if "__pycache__" in each or each.endswith("update_catalog.py")]
