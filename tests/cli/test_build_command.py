"""`build` from the command line: without an engine, what is refused, what it prints."""

import json
from importlib.metadata import version as installed_version
from pathlib import Path

import pytest

from mwaa_local.adapters.ecr import EcrRegistry
from mwaa_local.catalog import Pin, load_version
from mwaa_local.cli import build as command
from mwaa_local.cli.app import make_app
from mwaa_local.cli.image_push import push_image, remove_pushed
from mwaa_local.cli.image_set import BuiltImage, Workshop
from mwaa_local.cli.progress import open_progress
from mwaa_local.docker_ports import ImageRecord
from mwaa_local.errors import UsageError
from mwaa_local.runtime.image import ImageWishes, make_recipe
from mwaa_local.runtime.image_packages import Difference, PackageDifference
from mwaa_local.runtime.image_registry import parse_repository
from mwaa_local.runtime.services_image import make_services_recipe
from tests.aws_credentials import use_fake_credentials
from tests.cli.environments import Cli
from tests.fakes_docker import FakeEngine
from tests.mwaa_endpoint import MwaaEndpoint

TAG = make_recipe(load_version("2.2.2"), "3.4.0", ImageWishes(), installed_version("uv")).tag
SHOWN = f"""\
Image     {TAG} (was there)
Size      1,500 MB, linux/amd64
Base      {load_version("2.2.2").base_image}
Differs   Debian 12 instead of Amazon Linux 2: startup scripts find apt-get,
          not yum or dnf.
"""


WISHES = {
    "version": None,
    "amazon_provider": None,
    "platform": "linux/amd64",
    "base_image": None,
    "services_base_image": None,
}


def workshop(engine: FakeEngine) -> Workshop:
    return Workshop(engine, make_app(), open_progress())


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")


def built() -> FakeEngine:
    """Return an engine that has the image of 2.2.2."""
    recipe = make_recipe(load_version("2.2.2"), "3.4.0", ImageWishes(), installed_version("uv"))
    image = ImageRecord("sha256:1", (recipe.tag,), 1_500_000_000, "linux/amd64", recipe.labels)
    return FakeEngine(images={recipe.tag: image})


def test_without_an_engine_it_ends_with_1_and_says_how_to_have_one(
    project: Path, cli: Cli, tmp_path: Path
) -> None:
    done = cli("build")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        f"Error: The container engine at unix://{tmp_path}/none does not answer: there is no such socket.\n"
        "  Hint: start Docker or Podman, or say where it listens: DOCKER_HOST=unix:///path/to/socket\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--version", "9.9"), "MWAA never offered Airflow '9.9'."),
        (("--platform", "windows/amd64"), "is not one of 'linux/amd64', 'linux/arm64'"),
        (("--push", "Not A Repository"), "'Not A Repository' is no repository to push to."),
        (("--push", "example.com/airflow:latest"), "is no repository to push to."),
        (("--remove", "--packages"), "--remove goes with no other order."),
        (("--remove", "--services"), "--remove goes with no other order."),
        (("--amazon-provider", "7.0.0"), "No image of Airflow 2.2.2 can be built with amazon provider 7.0.0"),
    ],
)
def test_what_cannot_be_asked_for_ends_with_2(
    project: Path, cli: Cli, arguments: tuple[str, ...], message: str
) -> None:
    done = cli("build", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr


def test_requirements_without_a_project_are_refused_before_anything_is_built(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = cli("build", "--version", "2.2.2", "--requirements")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        "Error: --requirements needs a project.\n  Hint: run it in a project, or name one: --project\n"
    )


def test_an_image_that_is_there_is_not_built_again() -> None:
    engine = built()
    recipe = make_recipe(load_version("2.2.2"), "3.4.0", ImageWishes(), installed_version("uv"))
    made = workshop(engine).airflow(recipe)
    assert (made.built, engine.orders) == (False, [])
    assert command.render_report(command.BuildReport(recipe, made)) + "\n" == SHOWN


def test_the_differences_are_a_table_and_json() -> None:
    recipe = make_recipe(load_version("2.2.2"), "3.4.0", ImageWishes(), installed_version("uv"))
    found = (PackageDifference("flask", Difference.OTHER_VERSION, "1.1.2", "1.1.4"),)
    assert command.render_differences(recipe, found) == (
        "PACKAGE  DIFFERENCE     PUBLISHED  HERE\nflask    other version  1.1.2      1.1.4"
    )
    made = BuiltImage(TAG, built().images[TAG], built=False)
    document = command.BuildReport(recipe, made, found).as_document()
    assert json.loads(json.dumps(document))["packages"] == [
        {"name": "flask", "difference": "other version", "published": "1.1.2", "found": "1.1.4"}
    ]
    assert command.render_differences(recipe, ()) == "Every package is as AWS published it for Airflow 2.2.2."


def test_only_images_of_the_version_are_removed() -> None:
    engine = built()
    other = ImageRecord("sha256:2", ("other:1",), 1, "linux/amd64", (("mwaa-local.version", "2.10.3"),))
    engine.images["other:1"] = other
    assert command.remove_images(engine, "2.2.2") == (TAG,)
    assert engine.images == {"other:1": other}
    system = ImageRecord("sha256:3", ("system:1",), 1, "linux/amd64", (("mwaa-local.digest", "abc"),))
    engine.images["system:1"] = system
    assert command.remove_images(engine, "2.2.2") == ()
    assert command.remove_images(engine, "2.10.3") == ("other:1", "system:1")
    assert command.render_removed((), "2.2.2", as_json=False) == "There is no image of Airflow 2.2.2."


def test_the_image_of_a_project_is_that_of_its_version(project: Path) -> None:
    (project / "mwaa-local.toml").write_text('[environment]\nversion = "2.10.3"\n', encoding="utf-8")
    assert Pin("apache-airflow", "2.10.3") in command.choose(project, WISHES).recipe.pins


def test_no_project_is_needed(tmp_path: Path) -> None:
    wishes = {**WISHES, "version": "2.2.2", "amazon_provider": "stock", "base_image": "mine:1"}
    choice = command.choose(tmp_path, wishes)
    assert (choice.recipe.amazon_provider, choice.recipe.base_image) == ("2.4.0", "mine:1")
    assert choice.project is None


def test_bases_come_from_the_projects_file_unless_an_option_names_others(project: Path) -> None:
    text = '[images]\nbase = "mine:1"\nservices_base = "mine:2"\n'
    (project / "mwaa-local.toml").write_text(text, encoding="utf-8")
    choice = command.choose(project, WISHES)
    assert (choice.recipe.base_image, choice.services_base) == ("mine:1", "mine:2")
    choice = command.choose(project, {**WISHES, "base_image": "other:1"})
    assert (choice.recipe.base_image, choice.services_base) == ("other:1", "mine:2")


def test_services_and_project_are_built_where_they_were_asked_for(project: Path, tmp_path: Path) -> None:
    engine = built()
    services = make_services_recipe("linux/amd64")
    image = ImageRecord("sha256:2", (services.tag,), 400_000_000, "linux/amd64", services.labels)
    engine.images[services.tag] = image
    choice = command.choose(project, WISHES)
    made = workshop(engine).airflow(choice.recipe)
    others = tuple(command.build_others(workshop(engine), choice, made, services=True, requirements=True))
    # A project without requirements runs in its version's own image.
    assert [(name, each.name, each.built) for name, each in others] == [
        ("services", services.tag, False),
        ("project", TAG, False),
    ]
    shown = command.render_report(command.BuildReport(choice.recipe, made, others=others))
    assert f"Services  {services.tag} (was there), 400 MB" in shown
    assert (
        command.BuildReport(choice.recipe, made, others=others).as_document()["services"]["size"]
        == 400_000_000
    )
    nowhere = command.choose(tmp_path, WISHES)
    with pytest.raises(UsageError, match="--requirements needs a project"):
        tuple(command.build_others(workshop(engine), nowhere, made, services=False, requirements=True))


def test_the_image_of_a_project_is_for_the_platform_of_what_it_is_built_on(project: Path) -> None:
    (project / "requirements.txt").write_text("humanize==3.12.0\n", encoding="utf-8")
    choice = command.choose(project, {**WISHES, "platform": "linux/arm64"})
    image = ImageRecord("sha256:1", (choice.recipe.tag,), 1, "linux/arm64", choice.recipe.labels)
    leaves = (("changes.json", b"[]"), ("removed.txt", b""), ("packages.tar", b"tar"))
    engine = FakeEngine(images={choice.recipe.tag: image}, leaves=leaves)
    workshop(engine).project(BuiltImage(choice.recipe.tag, image, built=False), *choice.see_project())
    assert [order.platform for order in engine.orders] == ["linux/arm64"]


def test_ecr_gets_a_repository_and_a_login_for_the_push_and_gives_both_back(
    mwaa_endpoint: MwaaEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_fake_credentials(monkeypatch, tmp_path, mwaa_endpoint.url)
    engine, account = built(), "123456789012"
    recipe = make_recipe(load_version("2.2.2"), "3.4.0", ImageWishes(), installed_version("uv"))
    repository = parse_repository(f"{account}.dkr.ecr.us-east-1.amazonaws.com/team/airflow")
    pushed = push_image(engine, recipe, repository)
    assert pushed == f"{repository.address}@sha256:{'0' * 64}"
    ((image, to, login),) = engine.pushed
    assert (image, to) == (TAG, f"{repository.address}:{TAG.rpartition(':')[2]}")
    assert login is not None
    assert login.user == "AWS"
    assert "password" not in repr(login)
    registry = EcrRegistry(account, "us-east-1")
    assert registry.ensure_repository("team/airflow") is False
    # The engine only seemed to push: the tag is not there, and the repository that was made for it goes.
    assert remove_pushed(recipe, repository) == ()
    assert registry.ensure_repository("team/airflow") is True


def test_what_was_pushed_elsewhere_is_not_ours_to_remove(project: Path) -> None:
    recipe = make_recipe(load_version("2.2.2"), "3.4.0", ImageWishes(), installed_version("uv"))
    with pytest.raises(UsageError, match="is not in Amazon ECR"):
        remove_pushed(recipe, parse_repository("localhost:5000/airflow"))
