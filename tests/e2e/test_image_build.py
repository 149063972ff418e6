"""An image built on a real engine: MWAA's user, paths and tools, packages exactly as pinned, and kept."""

import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.adapters.docker_engine import SdkEngine, connect_engine
from mwaa_local.catalog import Pin, load_version
from mwaa_local.config import Project
from mwaa_local.config_loading import load_config
from mwaa_local.docker_ports import ContainerOrder, ImageRecord
from mwaa_local.errors import ImageBuildError, RequirementsError
from mwaa_local.project import find_project
from mwaa_local.runtime.image import ImageRecipe, ImageWishes, make_recipe
from mwaa_local.runtime.image_build import BuildSite, build_image, find_built
from mwaa_local.runtime.image_packages import list_packages
from mwaa_local.runtime.project_image import (
    ProjectRecipe,
    build_project_image,
    find_project_image,
    make_project_recipe,
)
from mwaa_local.runtime.startup_container import ContainerTrial, run_in_container
from tests.e2e.container_environment import base_image, open_engine

pytestmark = pytest.mark.docker

PYTHON = "3.7"
# A package with a wheel, one without that is pure Python, and one that is compiled against a library of the system.
PINS = (Pin("flask", "1.1.2"), Pin("pip", "21.3.1"), Pin("psycopg2", "2.9.2"), Pin("termcolor", "1.1.0"))
ASK = """
set -e
echo user=$(id -un) home=$HOME here=$PWD
sudo -n true 2>/dev/null  # it warns of its host's name, which needs a network
python3 -c 'import psycopg2; print("psycopg2=" + psycopg2.__version__[:5])'
pip3 --version | cut -d" " -f1-4
test -w dags && test -w plugins && echo writable
ls /wheels /uv /usr/local/bin/uv 2>/dev/null | wc -l
"""
TOLD = [
    "user=airflow home=/usr/local/airflow here=/usr/local/airflow",
    "psycopg2=2.9.2",
    "pip 21.3.1 from /usr/local/airflow/.local/lib/python3.7/site-packages/pip",
    "writable",
    "0",
]


class Quiet:
    """Progress that says nothing."""

    @contextmanager
    def following(self, _title: str) -> Iterator[object]:
        yield lambda _text: None


@pytest.fixture(scope="module")
def engine() -> Iterator[tuple[SdkEngine, str]]:
    """The engine of these tests, and the name of its base image."""
    opened = open_engine()
    base = base_image(opened, PYTHON, Path(os.environ["MWAA_LOCAL_CACHE"]))
    sdk = connect_engine({"DOCKER_HOST": opened.address}, Path("/nowhere"), 0)
    yield sdk, base
    sdk.close()


@pytest.fixture(scope="module")
def recipe(engine: tuple[SdkEngine, str]) -> ImageRecipe:
    """2.2.2 with a few packages only, since all of them take minutes; what lies below is the same for all files."""
    made = make_recipe(load_version("2.2.2"), "2.4.0", ImageWishes(base_image=engine[1]), "0.8.0")
    return replace(made, pins=PINS)


@pytest.fixture(scope="module")
def site(engine: tuple[SdkEngine, str], tmp_path_factory: pytest.TempPathFactory) -> BuildSite:
    return BuildSite(engine[0], tmp_path_factory.mktemp("wheels"), lambda _lock: nullcontext(), {}, Quiet())  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def image(recipe: ImageRecipe, site: BuildSite) -> ImageRecord:
    return build_image(recipe, site)


def ask(engine: SdkEngine, image: str, script: str) -> list[str]:
    lines: list[str] = []
    outcome = engine.run(ContainerOrder(image, ("bash", "-c", script), network=False), lines.append)
    assert outcome.exit_code == 0, lines
    return lines


def test_it_has_the_user_the_paths_and_the_tools_of_mwaa(
    engine: tuple[SdkEngine, str], recipe: ImageRecipe, image: ImageRecord
) -> None:
    assert image.platform == "linux/amd64"
    assert ask(engine[0], recipe.tag, ASK) == TOLD


def test_its_packages_are_exactly_the_pins(
    engine: tuple[SdkEngine, str], recipe: ImageRecipe, image: ImageRecord
) -> None:
    found = {pin.name: pin.version for pin in list_packages(engine[0], recipe.tag)}
    assert {pin.name: pin.version for pin in PINS}.items() <= found.items()
    assert found.keys() - {pin.name for pin in PINS} <= {"setuptools", "wheel"}  # of the base


def test_its_environment_holds_no_secret_and_names_mwaas_files(
    engine: tuple[SdkEngine, str], recipe: ImageRecipe, image: ImageRecord
) -> None:
    (text,) = ask(engine[0], recipe.tag, "python3 -c 'import json, os; print(json.dumps(dict(os.environ)))'")
    variables = json.loads(text)
    assert variables["AIRFLOW_VERSION"] == "2.2.2"
    assert variables["PIP_USER"] == "true"
    assert ask(engine[0], recipe.tag, "head -n 1 $AIRFLOW_CONSTRAINTS_FILE") == ["adal==1.2.7"]


def test_what_was_built_is_found_and_a_change_of_packages_takes_the_packages_that_are_there(
    recipe: ImageRecipe, image: ImageRecord, site: BuildSite
) -> None:
    assert find_built(site.engine, recipe) == image
    changed = replace(recipe, pins=PINS[:2])
    # Without network, with an index that nobody answers at: nothing has to be fetched.
    offline = replace(site, environ={"PIP_INDEX_URL": "http://127.0.0.1:9/simple"})
    assert build_image(changed, offline).id != image.id


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose requirements are a wheel of its own, so that no index is asked."""
    root = tmp_path_factory.mktemp("orders")
    (root / "dags").mkdir()
    (root / "plugins").mkdir()
    with zipfile.ZipFile(root / "plugins" / "own-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("own.py", "answer = 42\n")
        wheel.writestr("own-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: own\nVersion: 1.0\n")
        wheel.writestr("own-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("own-1.0.dist-info/RECORD", "")
    (root / "requirements.txt").write_text("/usr/local/airflow/plugins/own-1.0-py3-none-any.whl\n")
    (root / "startup.sh").write_text("sudo touch /usr/lib/mine && export FROM=$(id -un)\n")
    return find_project(root, {})


def project_recipe(image: str, project: Project) -> ProjectRecipe:
    loaded = load_config(project, {"version": "2.2.2"}, {})
    # The small image has no watchtower, which MWAA would put back.
    made = make_project_recipe(image, loaded, project, {}, {})
    assert made is not None
    return replace(made, watchtower="")


def test_requirements_are_a_layer_that_every_user_may_change(
    engine: tuple[SdkEngine, str], recipe: ImageRecipe, image: ImageRecord, site: BuildSite, orders: Project
) -> None:
    made = project_recipe(recipe.tag, orders)
    built = build_project_image(made, site)
    assert find_project_image(engine[0], made) == built.image
    assert ask(engine[0], made.tag, "python3 -c 'import own; print(own.answer)'; ls -A requirements") == [
        "42"
    ]
    (orders.root / "requirements.txt").write_text("/usr/local/airflow/plugins/none-1.0-py3-none-any.whl\n")
    with pytest.raises(RequirementsError, match=r"requirements\.txt"):
        build_project_image(project_recipe(recipe.tag, orders), site)


def test_a_role_starts_as_the_hosts_user_with_what_the_script_exported(
    engine: tuple[SdkEngine, str], recipe: ImageRecipe, image: ImageRecord, orders: Project
) -> None:
    told = {
        "user": {"uid": 1234, "gid": 1235},
        "defaults": {},
        "fixed": {"MINE": "1"},
        "roles": {},
        "database_url": "postgresql://nobody@nowhere/none",
        "startup_script": True,
    }
    assert orders.startup_script is not None
    files = (
        ("run/secrets/mwaa-local.json", json.dumps(told).encode()),
        ("usr/local/airflow/startup/startup.sh", orders.startup_script.read_bytes()),
    )
    script = "id -u; id -un; echo $FROM $MINE; pip3 uninstall --yes termcolor | tail -n 1; ls /usr/lib/mine"
    command = ("python3", "-m", "mwaa_inside.container", "exec", "--", "bash", "-c", script)
    lines: list[str] = []
    order = ContainerOrder(recipe.tag, command, user="root", files=files, network=False)
    assert engine[0].run(order, lines.append).exit_code == 0, lines
    assert lines[-5:] == [
        "1234",
        "airflow",
        "airflow 1",
        "  Successfully uninstalled termcolor-1.1.0",
        "/usr/lib/mine",
    ]


def test_a_startup_script_really_runs_in_a_container(
    engine: tuple[SdkEngine, str], recipe: ImageRecipe, image: ImageRecord, orders: Project
) -> None:
    assert orders.startup_script is not None
    lines: list[str] = []
    trial = ContainerTrial(recipe.tag, orders.startup_script, orders, {"A": "b"}, 30.0, lines.append)
    run = run_in_container(engine[0], trial)
    assert (run.exit_code, run.exports, run.recorded) == (0, (("FROM", "airflow"),), ())


def test_a_pin_that_does_not_exist_ends_the_build_with_uvs_own_words_and_leaves_nothing_behind(
    recipe: ImageRecipe, image: ImageRecord, site: BuildSite
) -> None:
    wrong = replace(recipe, pins=(*PINS, Pin("flask", "99.9")))
    with pytest.raises(ImageBuildError, match=r"no version of flask==99\.9"):
        build_image(wrong, site)
