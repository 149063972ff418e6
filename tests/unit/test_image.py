"""Images: what decides their names, what is in a build context, how a build uses what is there already."""

import re
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from mwaa_local.catalog import Pin, data_folder, list_versions, load_version
from mwaa_local.errors import ImageBuildError, UsageError
from mwaa_local.runtime.image import (
    ImageRecipe,
    ImageWishes,
    describe_difference,
    make_recipe,
    write_context,
)
from mwaa_local.runtime.image_build import BuildSite, build_image, find_built
from mwaa_local.runtime.image_packages import Difference, PackageDifference, compare_packages, list_packages
from mwaa_local.wheel_files import wheel_of
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


def with_wheels(*names: str) -> FakeEngine:
    return FakeEngine(leaves=tuple((name, b"wheel") for name in names))


FLASK, UV = "Flask-1.1.2-py2.py3-none-any.whl", "uv-0.9.9-py3-none-manylinux_2_17_x86_64.whl"


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
    given = {name for name, _ in recipe().arguments(schema_is_made=False)}
    assert given == {*re.findall(r"^ARG (\w+)", text, re.MULTILINE)}
    assert "\nFROM system AS database" in text


def test_a_context_is_the_same_every_time(tmp_path: Path) -> None:
    wheel = tmp_path / FLASK
    wheel.write_bytes(b"wheel")
    for name in ("one.tar", "two.tar"):
        write_context(tmp_path / name, recipe().context_texts(), {"wheels": [wheel]})
        wheel.touch()
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    with tarfile.open(tmp_path / "one.tar") as archive:
        names = archive.getnames()
    assert [name for name in names if not name.startswith("inside/")] == [
        "Dockerfile",
        "constraints.txt",
        "essential.txt",
        "finish_packages.py",
        "install_system.sh",
        "make_schema.sh",
        "pins.txt",
        "wheels",
        f"wheels/{FLASK}",
    ]
    assert "inside/mwaa_inside/container.py" in names


@pytest.mark.parametrize(
    ("pin", "file", "fits"),
    [
        (Pin("flask", "1.1.2"), FLASK, True),
        (Pin("flask-appbuilder", "3.3.4"), "Flask_AppBuilder-3.3.4-py3-none-any.whl", True),
        (Pin("pytz", "2021.03"), "pytz-2021.3-py2.py3-none-any.whl", True),
        (Pin("flask", "1.1.20"), FLASK, False),
        (Pin("flask", "1.1.2"), "notes.whl", False),
    ],
)
def test_a_wheel_is_found_by_the_rules_of_packaging(pin: Pin, file: str, fits: bool) -> None:
    assert wheel_of(pin, [file]) == (file if fits else None)


def test_a_first_build_makes_the_system_then_the_wheels_then_the_image(tmp_path: Path) -> None:
    engine, said = with_wheels(FLASK, UV), Said()
    image = build_image(small(), site(engine, tmp_path, said, PIP_INDEX_URL="https://me:secret@index"))
    assert [order.target for order in engine.orders] == ["system", "airflow"]
    assert engine.contexts[0] == ("Dockerfile", "install_system.sh")
    assert {f"wheels/{FLASK}", f"wheels/{UV}"} <= {*engine.contexts[1]}
    assert engine.ran[0].environment == (("PIP_INDEX_URL", "https://me:secret@index"),)
    assert "secret" not in str(engine.orders)
    assert find_built(engine, small()) == image
    assert said.texts[0] == "System below Airflow"


def test_a_base_of_another_platform_is_refused_and_leaves_no_image(tmp_path: Path) -> None:
    engine = FakeEngine(platform="linux/amd64")
    with pytest.raises(ImageBuildError, match=r"python:3\.7-slim.* is for linux/amd64, not for linux/arm64"):
        build_image(replace(small(), platform="linux/arm64"), site(engine, tmp_path))
    assert engine.images == {}


def test_the_schema_of_the_database_is_made_once_and_kept_for_the_next_build(tmp_path: Path) -> None:
    pins = (Pin("apache-airflow", "2.2.2"),)
    leaves = (("apache_airflow-2.2.2-py3-none-any.whl", b"wheel"), (UV, b"wheel"), ("schema.sql", b"CREATE"))
    engine = FakeEngine(leaves=leaves)
    for _ in range(2):
        build_image(small(pins), site(engine, tmp_path))
    made = [
        dict(order.arguments)["DATABASE_PACKAGES"] for order in engine.orders if order.target == "airflow"
    ]
    assert made == ["postgresql", ""]
    assert ["schema/schema.sql" in names for names in engine.contexts] == [False, False, True]
    kept = tmp_path / "schemas" / small(pins).schema_digest
    assert [path.name for path in kept.iterdir()] == ["schema.sql"]
    assert small((Pin("apache-airflow", "2.3.0"),)).schema_digest != small(pins).schema_digest


def test_a_second_build_makes_no_wheels_and_no_system(tmp_path: Path) -> None:
    engine = with_wheels(FLASK, UV)
    build_image(small(), site(engine, tmp_path))
    build_image(small(), site(engine, tmp_path))
    assert [order.target for order in engine.orders] == ["system", "airflow", "airflow"]
    assert len(engine.ran) == 1


def test_only_wheels_that_are_missing_are_made(tmp_path: Path) -> None:
    build_image(small(), site(with_wheels(FLASK, UV), tmp_path))
    engine = with_wheels("jinja2-3.0.2-py3-none-any.whl")
    build_image(small((Pin("flask", "1.1.2"), Pin("jinja2", "3.0.2"))), site(engine, tmp_path))
    assert dict(engine.ran[0].files)["missing.txt"] == b"jinja2==3.0.2\n"
    assert engine.ran[0].command[2] == ""  # uv is there


def test_without_the_cache_everything_is_built_anew(tmp_path: Path) -> None:
    engine = with_wheels(FLASK, UV)
    build_image(small(), site(engine, tmp_path))
    build_image(small(), site(engine, tmp_path), use_cache=False)
    assert [(order.target, order.use_cache) for order in engine.orders][2:] == [
        ("system", False),
        ("airflow", True),
    ]


def test_wheels_that_cannot_be_made_end_the_build_with_pips_last_lines(tmp_path: Path) -> None:
    engine = FakeEngine(exit_code=1, prints=("ERROR: No matching distribution found for flask==1.1.2",))
    with pytest.raises(ImageBuildError, match="No matching distribution found for flask"):
        build_image(small(), site(engine, tmp_path))


def test_wheels_that_do_not_come_are_named(tmp_path: Path) -> None:
    with pytest.raises(ImageBuildError, match=r"No wheels came of flask 1\.1\.2\."):
        build_image(small(), site(with_wheels(UV), tmp_path))


def test_an_image_of_the_name_but_other_inputs_is_not_taken_for_the_recipes(tmp_path: Path) -> None:
    engine = with_wheels(FLASK, UV)
    made = build_image(small(), site(engine, tmp_path))
    engine.images[made.tags[0]] = replace(made, labels=())
    assert find_built(engine, small()) is None


def test_packages_are_compared_with_the_published_set(tmp_path: Path) -> None:
    stock = recipe(provider="2.4.0")
    engine = with_wheels(FLASK, UV)
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
    engine = with_wheels(FLASK, UV)
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
