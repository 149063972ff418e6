"""What is asked of a base image before an image is built on it."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from mwaa_local.catalog import load_version
from mwaa_local.docker_ports import MAKE_ROOM, ImageRecord
from mwaa_local.errors import ImageBuildError
from mwaa_local.runtime.image import ImageRecipe, ImageWishes, make_recipe
from mwaa_local.runtime.image_base import see_base
from mwaa_local.runtime.image_build import BuildSite, build_image
from mwaa_local.runtime.services_image import make_services_recipe
from tests.fakes_docker import FakeEngine
from tests.unit.test_image import Said

HINT = "--base-image takes a Debian with Python 3.11, as docker.io/library/python:3.11.9-slim-bookworm is"


def recipe() -> ImageRecipe:
    return make_recipe(load_version("2.8.1"), "8.16.0", ImageWishes(base_image="mine:1"), "0.9.9")


def engine(*says: str, image: str = "mine:1") -> FakeEngine:
    return FakeEngine(images={image: ImageRecord("sha256:1", (image,), 1, "linux/amd64", ())}, base=says)


@pytest.mark.parametrize(
    ("says", "message"),
    [
        (
            ("python3: 3.7",),
            "The base image mine:1 has Python 3.7; on MWAA, Airflow 2.8.1 runs on Python 3.11.",
        ),
        (
            ("python3: none",),
            "The base image mine:1 has no python3 on its PATH; on MWAA, Airflow 2.8.1 runs on Python 3.11.",
        ),
        (("apt-get: none", "python3: 3.11"), "The base image mine:1 is no Debian: it has no apt-get."),
        (("what?",), "The base image mine:1 does not answer: what?"),
    ],
)
def test_a_wrong_base_is_refused_before_anything_is_built(
    says: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    wrong = engine(*says)
    with pytest.raises(ImageBuildError) as caught:
        build_image(recipe(), BuildSite(wrong, tmp_path, lambda _path: nullcontext(), {}, Said()))
    assert (caught.value.message, caught.value.hint) == (message, HINT)
    assert wrong.orders == []


def test_a_base_that_the_engine_fetches_only_while_it_builds_is_asked_as_soon_as_it_is_there(
    tmp_path: Path,
) -> None:
    fetching = FakeEngine(base=("python3: 3.12",))
    with pytest.raises(ImageBuildError, match=r"has Python 3\.12"):
        build_image(recipe(), BuildSite(fetching, tmp_path, lambda _path: nullcontext(), {}, Said()))
    assert [order.target for order in fetching.orders] == ["system"]
    assert fetching.ran == []


def test_a_system_that_another_version_has_left_is_asked_too() -> None:
    with pytest.raises(ImageBuildError, match=r"has Python 3\.7"):
        see_base(recipe().needs, engine("python3: 3.7", image=recipe().system_tag))


def test_a_base_of_the_versions_python_will_do() -> None:
    see_base(recipe().needs, engine("python3: 3.11"))


def test_the_services_need_the_python_that_their_packages_are_for() -> None:
    needs = make_services_recipe("linux/amd64", "mine:1").needs
    with pytest.raises(ImageBuildError) as caught:
        see_base(needs, engine("python3: 3.12"))
    assert caught.value.message == (
        "The base image mine:1 has Python 3.12; PostgreSQL and the AWS endpoint are put beside Python 3.11."
    )
    assert caught.value.hint.startswith(
        "--services-base-image takes a Debian with Python 3.11, as docker.io/"
    )


def test_every_image_has_its_own_entry_program_and_not_that_of_its_base() -> None:
    for dockerfile in (recipe().dockerfile, make_services_recipe("linux/amd64").dockerfile):
        last_stage = dockerfile.rpartition("\nFROM ")[2]
        assert "\nENTRYPOINT []\nCMD [" in last_stage


def test_an_engine_without_room_is_told_from_an_index_that_cannot_be_reached(tmp_path: Path) -> None:
    full = engine("python3: 3.11")
    full.exit_code, full.prints = 2, ("error: failed to write: No space left on device (os error 28)",)
    with pytest.raises(ImageBuildError, match="No space left on device") as caught:
        build_image(recipe(), BuildSite(full, tmp_path, lambda _path: nullcontext(), {}, Said()))
    assert caught.value.hint == MAKE_ROOM
