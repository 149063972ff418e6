"""Images: what decides their names, what is in a build context, how a build uses what is there already."""

import re
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from mwaa_local.catalog import Pin, data_folder, list_versions, load_version
from mwaa_local.docker_ports import ImageRecord
from mwaa_local.errors import ImageBuildError, UsageError
from mwaa_local.runtime.image import (
    ImageRecipe,
    ImageWishes,
    describe_difference,
    make_recipe,
    write_context,
)
from mwaa_local.runtime.image_build import BuildSite, build_image, ensure_packages, find_built
from mwaa_local.runtime.image_packages import Difference, PackageDifference, compare_packages, list_packages
from tests.fakes_docker import FakeEngine

each_version = pytest.mark.parametrize("name", list_versions())


@dataclass(slots=True)
class Said:
    """Progress that remembers."""

    texts: list[str] = field(default_factory=list)

    @contextmanager
    def following(self, title: str) -> Iterator[Callable[[str], None]]:
        self.texts.append(title)
        yield self.texts.append


def recipe(name: str = "2.2.2", provider: str | None = "3.4.0", **wishes: str) -> ImageRecipe:
    return make_recipe(load_version(name), provider, ImageWishes(**wishes), "0.9.9")


def small(engine_pins: tuple[Pin, ...] = (Pin("flask", "1.1.2"),)) -> ImageRecipe:
    return replace(recipe(), pins=engine_pins)


def site(engine: FakeEngine, tmp_path: Path, said: Said | None = None, **environ: str) -> BuildSite:
    return BuildSite(engine, tmp_path, lambda _path: nullcontext(), environ, said or Said())


def with_packages(*names: str) -> FakeEngine:
    return FakeEngine(leaves=tuple((name, b"packed") for name in names))


FLASK, UV = "flask-1.1.2.tar.gz", "uv-0.9.9-py3-none-manylinux_2_17_x86_64.whl"


@each_version
def test_every_version_has_a_base_of_its_python_pinned_by_digest(name: str) -> None:
    version = load_version(name)
    form = (
        rf"docker\.io/library/python:{re.escape(version.python)}(\.\d+)?-slim-bookworm@sha256:[0-9a-f]{{64}}"
    )
    assert re.fullmatch(form, version.base_image)
    assert len(set(version.base_image.rpartition(":")[2])) > 8  # a digest, not a placeholder


@each_version
def test_every_version_has_the_tools_that_startup_scripts_expect(name: str) -> None:
    packages = load_version(name).system_packages
    assert {"awscli", "jq", "unzip", "zip", "netcat-openbsd", "sudo", "gcc", "curl"} <= {*packages}
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9.+-]+", each) for each in packages)


@each_version
def test_every_version_has_an_image_recipe_of_its_own(name: str) -> None:
    version = load_version(name)
    made = recipe(name, version.amazon_provider_default)
    assert re.fullmatch(rf"mwaa-local/airflow:{re.escape(name)}-[0-9a-f]{{12}}", made.tag)
    assert Pin("apache-airflow", name) in made.pins


def test_the_same_inputs_give_the_same_name() -> None:
    assert recipe().tag == recipe().tag


@pytest.mark.parametrize(
    "other",
    [
        recipe(provider="2.4.0"),
        recipe(base_image="example.com/python:3.7"),
        recipe(platform="linux/arm64"),
        replace(recipe(), uv="0.9.8"),
        replace(recipe(), pins=recipe().pins[:-1]),
        replace(recipe(), dockerfile=recipe().dockerfile + "# x"),
    ],
)
def test_each_input_changes_the_name(other: ImageRecipe) -> None:
    assert other.tag != recipe().tag


def test_versions_on_one_base_share_the_system() -> None:
    assert recipe("2.9.2", "8.24.0").system_tag == recipe("2.10.3", "9.0.0").system_tag
    assert recipe("2.9.2", "8.24.0").system_tag != recipe().system_tag


def test_a_change_above_the_system_leaves_the_system_alone() -> None:
    changed = replace(recipe(), dockerfile=recipe().dockerfile + "RUN true\n")
    assert (changed.system_tag, changed.tag) != (recipe().system_tag, recipe().tag)
    assert changed.system_tag == recipe().system_tag


def test_an_amazon_provider_that_was_not_resolved_is_refused_with_those_that_are() -> None:
    with pytest.raises(UsageError, match=r"amazon provider 7\.0\.0") as caught:
        recipe(provider="7.0.0")
    assert caught.value.hint.startswith("--amazon-provider takes stock, 2.4.0, 3.4.0 here")


def test_the_differences_from_mwaa_are_said() -> None:
    assert describe_difference(recipe()) == (
        "Debian 12 instead of Amazon Linux 2: startup scripts find apt-get, not yum or dnf.",
    )
    assert "linux/arm64 instead of linux/amd64" in describe_difference(recipe(platform="linux/arm64"))[1]
    assert describe_difference(recipe(base_image="mine:1")) == (
        "Built on mine:1, which mwaa-local does not know.",
    )


def test_the_dockerfile_takes_every_argument_that_it_is_given() -> None:
    text = (data_folder("images") / "Dockerfile").read_text(encoding="utf-8")
    given = {name for name, _ in recipe().arguments}
    assert given == {*re.findall(r"^ARG (\w+)", text, re.MULTILINE)}
    assert "\nFROM system AS airflow" in text


def test_a_context_is_the_same_every_time(tmp_path: Path) -> None:
    extra = tmp_path / "extra.txt"
    extra.write_bytes(b"extra")
    for name in ("one.tar", "two.tar"):
        write_context(tmp_path / name, recipe().context_texts(), {"more": [extra]})
        extra.touch()
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    with tarfile.open(tmp_path / "one.tar") as archive:
        names = archive.getnames()
    assert [name for name in names if not name.startswith("inside/")] == [
        "Dockerfile",
        "install_system.sh",
        "more",
        "more/extra.txt",
    ]
    assert "inside/mwaa_inside/container.py" in names


def test_a_first_build_makes_the_system_then_the_packages_then_the_image(tmp_path: Path) -> None:
    engine, said = with_packages(FLASK, UV), Said()
    image = build_image(small(), site(engine, tmp_path, said, PIP_INDEX_URL="https://me:secret@index"))
    assert [order.target for order in engine.orders] == ["system", "airflow"]
    assert engine.contexts[0] == ("Dockerfile", "install_system.sh")
    assert [path.name for path in engine.layers[0].archives] == ["first.tar.gz", FLASK]
    assert engine.ran[0].environment == (("PIP_INDEX_URL", "https://me:secret@index"),)
    assert "secret" not in str(engine.orders)
    assert find_built(engine, small()) == image
    assert said.texts[0] == "System below Airflow"
    assert {*engine.images} == {small().system_tag, small().tag}  # none without its packages


def test_a_base_of_another_platform_is_refused_and_leaves_no_image(tmp_path: Path) -> None:
    engine = FakeEngine(platform="linux/amd64")
    with pytest.raises(ImageBuildError, match=r"python:3\.7-slim.* is for linux/amd64, not for linux/arm64"):
        build_image(replace(small(), platform="linux/arm64"), site(engine, tmp_path))
    assert engine.images == {}


def test_the_schema_of_the_database_is_made_once_and_kept_for_the_next_build(tmp_path: Path) -> None:
    pins = (Pin("apache-airflow", "2.2.2"),)
    engine = with_packages("apache-airflow-2.2.2.tar.gz", UV, "schema.sql")
    for _ in range(2):
        build_image(small(pins), site(engine, tmp_path))
    assert [order.command[0] for order in engine.ran] == ["python3", "sh"]
    assert [path.name for path in engine.ran[1].archives] == ["apache-airflow-2.2.2.tar.gz"]
    build_image(small(pins), site(engine, tmp_path), use_cache=False)
    assert [order.command[0] for order in engine.ran[2:]] == ["python3", "sh"]
    kept = tmp_path / "schemas" / small(pins).schema_digest
    assert {path.name for path in kept.iterdir()} == {"airflow.txt", "schema.sql"}
    assert small((Pin("apache-airflow", "2.3.0"),)).schema_digest != small(pins).schema_digest


def test_a_database_that_cannot_be_made_ends_the_build_and_leaves_no_image(tmp_path: Path) -> None:
    pins = (Pin("apache-airflow", "2.2.2"),)
    engine = with_packages("apache-airflow-2.2.2.tar.gz", UV)
    engine.images[small(pins).system_tag] = ImageRecord(
        "sha256:0", (small(pins).system_tag,), 1, "linux/amd64", ()
    )
    ensure_packages(small(pins), site(engine, tmp_path))
    engine.exit_code, engine.prints = 100, ("E: Unable to locate package postgresql",)
    with pytest.raises(ImageBuildError, match="Unable to locate package postgresql"):
        build_image(small(pins), site(engine, tmp_path))
    assert {*engine.images} == {small(pins).system_tag}


def test_a_second_build_makes_no_packages_and_no_system(tmp_path: Path) -> None:
    engine = with_packages(FLASK, UV)
    build_image(small(), site(engine, tmp_path))
    build_image(small(), site(engine, tmp_path))
    assert [order.target for order in engine.orders] == ["system", "airflow", "airflow"]
    assert len(engine.ran) == 1


def test_only_packages_that_are_missing_are_made_with_the_uv_that_is_there(tmp_path: Path) -> None:
    build_image(small(), site(with_packages(FLASK, UV), tmp_path))
    engine = with_packages("jinja2-3.0.2.tar.gz")
    build_image(small((Pin("flask", "1.1.2"), Pin("jinja2", "3.0.2"))), site(engine, tmp_path))
    files = dict(engine.ran[0].files)
    assert files["missing.txt"] == b"jinja2==3.0.2\n"
    assert f"uv/{UV}" in files


def test_without_the_cache_everything_is_built_anew(tmp_path: Path) -> None:
    engine = with_packages(FLASK, UV)
    build_image(small(), site(engine, tmp_path))
    build_image(small(), site(engine, tmp_path), use_cache=False)
    assert [(order.target, order.use_cache) for order in engine.orders][2:] == [
        ("system", False),
        ("airflow", True),
    ]
    assert [dict(order.files)["missing.txt"] for order in engine.ran] == 2 * [b"flask==1.1.2\n"]


def test_packages_that_cannot_be_made_end_the_build_with_the_installers_last_lines(tmp_path: Path) -> None:
    engine = FakeEngine(exit_code=1, prints=("Because there is no version of flask==1.1.2",))
    with pytest.raises(ImageBuildError, match=r"no version of flask==1\.1\.2"):
        build_image(small(), site(engine, tmp_path))


def test_packages_that_do_not_come_are_named(tmp_path: Path) -> None:
    with pytest.raises(ImageBuildError, match=r"Nothing was installed of flask 1\.1\.2\."):
        build_image(small(), site(with_packages(UV), tmp_path))


def test_an_image_of_the_name_but_other_inputs_is_not_taken_for_the_recipes(tmp_path: Path) -> None:
    engine = with_packages(FLASK, UV)
    made = build_image(small(), site(engine, tmp_path))
    engine.images[made.tags[0]] = replace(made, labels=())
    assert find_built(engine, small()) is None


def test_packages_are_compared_with_the_published_set(tmp_path: Path) -> None:
    stock = recipe(provider="2.4.0")
    engine = with_packages(FLASK, UV)
    build_image(small(), site(engine, tmp_path))
    pins = {pin.name: pin.version for pin in stock.pins} | {"flask": "1.1.4", "extra": "1"}
    del pins["alembic"]
    engine.prints = ("noise", "MWAA-LOCAL " + str(pins).replace("'", '"'))
    found = list_packages(engine, small().tag)
    assert compare_packages(stock, found) == (
        PackageDifference("alembic", Difference.MISSING, "1.7.4", ""),
        PackageDifference("extra", Difference.ADDED, "", "1"),
        PackageDifference("flask", Difference.OTHER_VERSION, "1.1.2", "1.1.4"),
    )


def test_an_image_that_cannot_list_its_packages_says_what_it_printed(tmp_path: Path) -> None:
    engine = with_packages(FLASK, UV)
    build_image(small(), site(engine, tmp_path))
    engine.prints, engine.exit_code = ("no python3",), 127
    with pytest.raises(ImageBuildError, match="no python3"):
        list_packages(engine, small().tag)


def test_a_context_holds_folders_with_all_that_is_in_them(tmp_path: Path) -> None:
    (tmp_path / "packages" / "one").mkdir(parents=True)
    (tmp_path / "packages" / "one" / "module.py").touch()
    write_context(tmp_path / "context.tar", {"Dockerfile": ""}, {"packages": [tmp_path / "packages" / "one"]})
    with tarfile.open(tmp_path / "context.tar") as archive:
        assert archive.getnames() == ["Dockerfile", "packages", "packages/one/module.py"]
