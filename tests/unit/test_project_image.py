"""Images of projects and of the services, and trials in containers: names, and what a container is given."""

import json
from collections.abc import Mapping
from contextlib import nullcontext
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.catalog import load_version
from mwaa_local.config_loading import load_config
from mwaa_local.docker_ports import ContainerOrder, ImageRecord
from mwaa_local.errors import RequirementsError, StartupScriptError
from mwaa_local.own_packages import needed_packages
from mwaa_local.project import find_project
from mwaa_local.runtime.image_build import BuildSite, network_access
from mwaa_local.runtime.project_image import (
    ProjectRecipe,
    build_project_image,
    find_project_image,
    make_project_recipe,
)
from mwaa_local.runtime.requirements_container import try_in_container
from mwaa_local.runtime.services_image import find_services_image, make_services_recipe
from mwaa_local.runtime.startup_container import ContainerTrial, run_in_container
from mwaa_local.runtime.startup_script import Ending
from tests.fakes_docker import FakeEngine
from tests.unit.test_image import Said

AIRFLOW = "mwaa-local/airflow:2.2.2-abc"
CHANGES = (("humanize", None, "3.12.0"), ("flask", "1.1.2", "1.1.4"))
DONE = (("changes.json", json.dumps(CHANGES).encode()), ("removed.txt", b"old\n"), ("packages.tar", b"tar"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "orders"
    (root / "dags").mkdir(parents=True)
    (root / "plugins").mkdir()
    (root / "requirements.txt").write_text("humanize==3.12.0\n")
    return root


def recipe(root: Path, version: str = "2.2.2", **environ: str) -> ProjectRecipe | None:
    found = find_project(root, {})
    loaded = load_config(found, {"version": version}, {})
    return make_project_recipe(AIRFLOW, loaded, found, {"AIRFLOW__FOO__USER": "me"}, environ)


def some(root: Path, version: str = "2.2.2", **environ: str) -> ProjectRecipe:
    made = recipe(root, version, **environ)
    assert made is not None
    return made


def engine(**wishes: Any) -> FakeEngine:
    image = ImageRecord("sha256:0", (AIRFLOW,), 1, "linux/amd64", ())
    return FakeEngine(**{"images": {AIRFLOW: image}, "leaves": DONE, **wishes})


def site(engine: FakeEngine, tmp_path: Path, said: Said | None = None, **environ: str) -> BuildSite:
    return BuildSite(engine, tmp_path, lambda _path: nullcontext(), environ, said or Said())


def given(order: ContainerOrder) -> dict[str, bytes]:
    return dict(order.files)


def orders_of(order: ContainerOrder) -> Mapping[str, Any]:
    document: Mapping[str, Any] = json.loads(given(order)["requirements/orders.json"])
    return document


def test_a_project_without_requirements_has_no_image_of_its_own(project: Path) -> None:
    (project / "requirements.txt").write_text("# nothing\n--constraint constraints.txt\n")
    (project / "constraints.txt").write_text("flask==1.1.2\n")
    assert recipe(project) is None
    (project / "requirements.txt").unlink()
    assert recipe(project) is None


def test_an_image_is_named_by_what_is_installed_and_not_by_tokens(project: Path) -> None:
    (project / "requirements.txt").write_text("--index-url https://${TOKEN}@index/simple\nhumanize==3.12.0\n")
    first = some(project, TOKEN="one")
    assert some(project, TOKEN="two").tag == first.tag
    (project / "startup.sh").write_text("export A=1\n")
    assert some(project).tag != first.tag
    (project / "startup.sh").unlink()
    (project / "requirements.txt").write_text("humanize==3.13.0\n")
    assert some(project).tag != first.tag


def test_a_container_is_given_the_variables_that_the_files_name_and_no_others(project: Path) -> None:
    (project / "requirements.txt").write_text("--index-url https://${TOKEN}@index/simple\nhumanize==3.12.0\n")
    made = some(project, TOKEN="secret", OTHER="x")
    assert made.variables == {"TOKEN": "secret", "AIRFLOW__FOO__USER": "me"}
    assert "secret" not in repr(made)


def test_files_of_the_project_lie_where_mwaa_has_them(project: Path, tmp_path: Path) -> None:
    (project / "plugins" / "own-1.0-py3-none-any.whl").write_bytes(b"wheel")
    (project / "more").mkdir()
    (project / "more" / "other-1.0-py3-none-any.whl").write_bytes(b"other")
    lines = ["/usr/local/airflow/plugins/own-1.0-py3-none-any.whl", "./more/other-1.0-py3-none-any.whl"]
    (project / "requirements.txt").write_text("\n".join(lines) + "\n")
    uploads = dict(some(project).uploads)
    assert uploads["plugins/own-1.0-py3-none-any.whl"] == b"wheel"
    assert uploads["requirements/local/1/other-1.0-py3-none-any.whl"] == b"other"
    assert uploads["requirements/requirements.txt"].decode().splitlines() == [
        "file:///usr/local/airflow/plugins/own-1.0-py3-none-any.whl",
        "file:///usr/local/airflow/requirements/local/1/other-1.0-py3-none-any.whl",
    ]


def test_constraints_are_forced_where_mwaa_forces_them(project: Path) -> None:
    assert some(project).constraints == ()
    assert "names no constraints; without them" in some(project).notes[0]
    made = some(project, "2.10.3")
    assert made.constraints == ("forced.txt", "essential.txt")
    assert "MWAA forces its own" in made.notes[0]
    assert (some(project).watchtower, made.watchtower) == ("2.0.1", "")


def test_requirements_become_one_layer_and_no_secret_gets_into_an_image(
    project: Path, tmp_path: Path
) -> None:
    (project / "requirements.txt").write_text("--index-url https://${TOKEN}@index/simple\nhumanize==3.12.0\n")
    (project / "startup.sh").write_text("export A=1\n")
    fake = engine(prints=("Collecting humanize==3.12.0", "Successfully installed humanize-3.12.0"))
    said = Said()
    made = some(project, TOKEN="secret")
    built = build_project_image(made, site(fake, tmp_path, said))
    (order,) = fake.ran
    assert order.command == (
        "python3",
        "-m",
        "mwaa_inside.container_requirements",
        "/usr/local/airflow/requirements",
    )
    told = orders_of(order)
    assert told["variables"]["TOKEN"] == "secret"
    assert "secret" not in str(order.environment) + str(fake.orders)
    assert told["arguments"] == ["--requirement", "/usr/local/airflow/requirements/requirements.txt"]
    assert given(order)["startup/startup.sh"] == b"export A=1\n"
    assert fake.contexts == [("Dockerfile", "removed.txt", "installed", "installed/packages.tar")]
    assert find_project_image(fake, made) == built.image
    assert [each.name for each in built.changes] == ["flask"]
    assert built.warnings[-1].startswith("The requirements change flask from 1.1.2 to 1.1.4")
    assert "Collecting humanize==3.12.0" in said.texts


@pytest.mark.parametrize(
    ("code", "prints", "error", "message"),
    [
        (
            1,
            ("ERROR: No matching distribution found for humanize==3.12.0",),
            RequirementsError,
            r"requirements\.txt:1: humanize==3\.12\.0: cannot be installed",
        ),
        (124, (), RequirementsError, "not installed after 540 seconds"),
        (97, ("The startup script ended early",), StartupScriptError, "did not come to its end"),
    ],
)
def test_an_installation_that_fails_says_what_and_builds_nothing(
    project: Path,
    tmp_path: Path,
    code: int,
    prints: tuple[str, ...],
    error: type[Exception],
    message: str,
) -> None:
    fake = engine(exit_code=code, prints=prints)
    with pytest.raises(error, match=message):
        build_project_image(some(project), site(fake, tmp_path))
    assert fake.orders == []


def test_a_container_trusts_whom_the_user_trusts(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("certificate")
    access = network_access(
        {"PIP_CERT": str(bundle), "HTTPS_PROXY": "http://proxy", "HOME": "/root"}, "/inner"
    )
    assert dict(access.environment) == {
        "HTTPS_PROXY": "http://proxy",
        "PIP_CERT": "/inner/certificates.pem",
        "REQUESTS_CA_BUNDLE": "/inner/certificates.pem",
        "SSL_CERT_FILE": "/inner/certificates.pem",
    }
    assert access.files == (("certificates.pem", b"certificate"),)
    assert network_access({"PIP_CERT": str(tmp_path / "none")}, "/inner").environment == ()


def test_a_trial_of_requirements_takes_the_steps_of_the_trial_on_this_machine(
    project: Path, tmp_path: Path
) -> None:
    step = {"exit_code": 0, "stdout": "", "stderr": ""}
    results = {
        "install": 0,
        "complaints": ["flask 1.1.4 has requirement x"],
        "changes": [["humanize", None, "3.12.0"]],
        "steps": {
            "cli": step,
            "imports": {**step, "stdout": "{}"},
            "database": {**step, "exit_code": 1, "stderr": "no"},
        },
    }
    fake = engine(leaves=(("results.json", json.dumps(results).encode()),))
    found = find_project(project, {})
    loaded = load_config(found, {"version": "2.2.2"}, {})
    trial = try_in_container(AIRFLOW, loaded, found, {}, site(fake, tmp_path))
    assert [(each.name, each.ok) for each in trial.steps] == [
        ("install", True),
        ("pip-check", False),
        ("cli", True),
        ("imports", True),
        ("database", False),
    ]
    assert trial.changes == (("humanize", None, "3.12.0"),)
    names = [name for name, _ in orders_of(fake.ran[0])["steps"]]
    assert names == ["cli", "imports", "database", "scheduler", "webserver", "dags", "plugins"]
    with pytest.raises(RequirementsError, match="could not be tried out"):
        try_in_container(AIRFLOW, loaded, found, {}, site(engine(leaves=()), tmp_path))


def test_a_startup_script_in_a_container_is_reported_as_one_on_this_machine(
    project: Path, tmp_path: Path
) -> None:
    script = project / "startup.sh"
    script.write_text("export A=2\n")
    (project / "dags" / "one.py").write_text("x")
    leaves = (
        ("before", b"A=1\0PATH=/bin\0GONE=1"),
        ("exports", b"A=2\0PATH=/bin\0"),
        ("unexported", b"LOST=1\0"),
    )
    fake, lines = engine(leaves=leaves, prints=("working",), exit_code=3), list[str]()
    trial = ContainerTrial(AIRFLOW, script, find_project(project, {}), {"B": "c"}, 5.0, lines.append)
    run = run_in_container(fake, trial)
    assert (run.exit_code, run.ending, run.output, lines) == (3, Ending.COMPLETED, "working", ["working"])
    assert (run.exports, run.removed, run.unexported) == ((("A", "2"),), ("GONE",), (("LOST", "1"),))
    files = given(fake.ran[0])
    assert files["startup/startup.sh"] == b"export A=2\n"
    assert files["dags/one.py"] == b"x"
    early = engine(leaves=leaves[:1], exit_code=1)
    assert run_in_container(early, trial).ending is Ending.EARLY
    late = engine(leaves=(*leaves[:1], ("timed-out", b"")), exit_code=124)
    assert run_in_container(late, trial).ending is Ending.TIMED_OUT


def test_the_services_share_a_base_with_a_version_and_hold_what_they_run() -> None:
    made = make_services_recipe("linux/amd64")
    assert made.base_image == load_version("2.10.3").base_image
    assert made.tag == make_services_recipe("linux/amd64").tag
    others = (make_services_recipe("linux/arm64"), make_services_recipe("linux/amd64", "a:1"))
    assert len({made.tag, *(each.tag for each in others)}) == 3
    names = [each.partition("==")[0] for each in made.packages]
    assert {"moto", "boto3", "werkzeug", "psutil"} <= {*names}
    assert not {"uv", "rich", "docker", "mwaa-local"} & {*names}
    assert find_services_image(engine(), made) is None


def test_needed_packages_are_those_of_another_system(tmp_path: Path) -> None:
    def distribution(name: str, version: str, *requires: str) -> Distribution:
        folder = tmp_path / f"{name}-{version}.dist-info"
        folder.mkdir()
        lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {each}" for each in requires)]
        (folder / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", *lines]) + "\n")
        return Distribution.at(folder)

    here = {
        "mwaa-local": distribution(
            "mwaa-local",
            "1",
            "one[more]",
            'mac; sys_platform == "darwin"',
            'old; python_version < "3.12"',
            "uv",
        ),
        "one": distribution("one", "2", 'two; extra == "more"', 'three; extra == "other"'),
        "two": distribution("two", "3"),
        "uv": distribution("uv", "4"),
    }

    def find(name: str) -> Distribution:
        if name not in here:
            raise PackageNotFoundError(name)
        return here[name]

    assert needed_packages("3.11", ("uv",), find) == ("old", "one==2", "two==3")
