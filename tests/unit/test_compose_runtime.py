"""The Compose runtime with an engine in memory: what is started, left alone, given up, kept and removed."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml

from mwaa_local.errors import EngineError, RoleFailedError, RuntimeStateError
from mwaa_local.ports import CommandResult
from mwaa_local.project import find_project
from mwaa_local.runtime.start_record import load_record
from tests.compose_site import Site
from tests.fakes import FakeClock, RanCommand


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path / "orders")
    made.answer()
    return made


def test_a_start_brings_up_the_file_and_waits_until_every_service_is_healthy(site: Site) -> None:
    site.http.answers.clear()
    waits = 0

    def sleep(seconds: float) -> None:
        nonlocal waits
        waits += 1
        if waits == 3:
            site.answer()

    site.runtime = replace(site.runtime, host=replace(site.runtime.host, clock=_Sleeping(site.clock, sleep)))
    assert site.start()
    assert waits == 3
    (order,) = site.compose.orders
    assert order.files == (site.runtime.kept.file,)
    assert site.runtime.is_healthy()
    record = load_record(site.runtime.folder)
    assert record is not None
    assert (record.runtime, record.compose_project, record.engine) == ("compose", site.name, "unix:///fake")


@dataclass(frozen=True, slots=True)
class _Sleeping:
    """A clock that tells when somebody sleeps."""

    clock: FakeClock
    sleep: Callable[[float], None]

    def now(self) -> float:
        return self.clock.now()

    def monotonic(self) -> float:
        return self.clock.monotonic()


def test_what_runs_as_asked_is_left_alone_and_what_has_changed_is_started_anew(site: Site) -> None:
    assert site.start()
    assert not site.start()
    assert site.start(schedulers="1", environment_class="mw1.medium")
    assert [volumes for _, volumes in site.containers.removals] == [False]
    assert len(site.compose.orders) == 2


def test_an_override_file_of_the_project_is_merged(site: Site) -> None:
    override = site.root / "compose.override.yml"
    override.write_text("services: {}\n", encoding="utf-8")
    site.start()
    assert site.compose.orders[0].files[1:] == (override,)
    assert site.compose.orders[0].folder == site.root


def test_private_files_are_private_and_hold_what_the_compose_file_does_not(site: Site) -> None:
    site.start()
    folder = site.runtime.folder.compose
    secrets = json.loads(site.runtime.folder.secrets.read_text())
    text = (folder / "compose.yml").read_text()
    for name in ("roles", "postgres", "aws"):
        assert (folder / f"{name}.json").stat().st_mode & 0o777 == 0o600
    for secret in ("database_password", "fernet_key", "token_key", "admin_password", "webserver_secret"):
        assert secrets[secret] not in text
    assert secrets["database_password"] in (folder / "postgres.json").read_text()
    assert secrets["token_key"] not in (folder / "roles.json").read_text()


def test_what_compose_refuses_leaves_nothing_behind(site: Site) -> None:
    site.compose.fails = "services.worker.frobnicate is unknown"
    with pytest.raises(EngineError, match="frobnicate"):
        site.start()
    assert not site.runtime.is_running()
    assert site.containers.removals == [(site.name, False)]


def test_a_container_that_keeps_ending_is_given_up_with_its_last_words(site: Site) -> None:
    site.compose.state, site.compose.exit_code, site.compose.restarts = "restarting", 1, 3
    site.containers.prints["aws"] = ("no such port",)
    with pytest.raises(RoleFailedError, match=r"The aws container ended with exit code 1(.|\n)*no such port"):
        site.start()
    assert site.containers.removals == [(site.name, False)]


def test_patience_ends(site: Site) -> None:
    site.http.answers.clear()
    with pytest.raises(RoleFailedError, match="aws container was not healthy after 30 s"):
        site.start(wait="30")
    assert not site.runtime.is_running()


def test_images_are_there_before_what_runs_is_stopped(site: Site) -> None:
    site.start()
    site.images.fails = "no space left"
    with pytest.raises(EngineError, match="no space left"):
        site.start(environment_class="mw1.medium")
    assert site.runtime.is_running()


def test_stop_keeps_volumes_and_destroy_does_not(site: Site) -> None:
    site.start()
    name = site.name
    assert site.runtime.stop()
    assert not site.runtime.stop()
    assert site.containers.volumes[name] == {"postgres-2.2.2", "commands"}
    assert site.runtime.destroy()
    assert name not in site.containers.volumes
    assert not site.runtime.folder.root.exists()
    assert not site.runtime.destroy()


def test_destroy_removes_the_image_of_the_project_only(site: Site) -> None:
    (site.root / "requirements.txt").write_text("humanize\n", encoding="utf-8")
    site.runtime = replace(site.runtime, project=find_project(site.root, {}))
    site.start()
    site.runtime.destroy()
    assert site.images.discarded == ["project:1"]


def test_a_reset_removes_the_database_of_the_version_only(site: Site) -> None:
    site.start()
    site.containers.volumes[site.name].add("postgres-2.10.3")
    site.runtime.reset_database(site.load().version)
    assert site.containers.volumes[site.name] == {"postgres-2.10.3", "commands"}
    assert not site.runtime.is_running()


def test_a_service_is_restarted_by_its_name_and_an_unknown_one_is_refused(site: Site) -> None:
    with pytest.raises(RuntimeStateError) as raised:
        site.runtime.restart_service("scheduler")
    assert raised.value.hint == "start the environment first"
    site.start()
    site.runtime.restart_service("scheduler")
    assert site.containers.restarted == ["scheduler"]
    with pytest.raises(RuntimeStateError, match="no service 'migrate'") as raised:
        site.runtime.restart_service("migrate")
    assert raised.value.hint == "there are: aws, postgres, scheduler, webserver"


def test_the_database_is_asked_from_the_schedulers_container(site: Site) -> None:
    asked: list[RanCommand] = []

    def answer(command: RanCommand) -> CommandResult:
        asked.append(command)
        return CommandResult(0, json.dumps({"mark": "m", "dags": [], "import_errors": []}), "")

    site.commands.answers[("docker",)] = answer
    site.start()
    assert site.runtime.metadata().load().dags == ()
    (ran,) = asked
    assert ran.command[:3] == ("docker", "exec", "-i")
    assert ran.command[-3:] == ("python3", "/opt/mwaa-local/inside/mwaa_inside/database.py", "summary")
    assert f"{site.name}_scheduler_1" in ran.command
    password = json.loads(site.runtime.folder.secrets.read_text())["database_password"]
    assert not any(password in part for part in ran.command)


def test_the_name_moves_with_the_folder_and_a_copy_gets_its_own(site: Site, tmp_path: Path) -> None:
    site.start()
    name = site.name
    shutil.copytree(site.root, tmp_path / "copy")
    copied = replace(site.runtime, project=find_project(tmp_path / "copy", {}))
    assert copied.kept.ensure_name("orders") != name
    site.root.rename(tmp_path / "moved")
    moved = replace(site.runtime, project=find_project(tmp_path / "moved", {}))
    assert moved.kept.ensure_name("orders") == name


def test_the_file_names_the_folders_that_containers_write_and_they_are_there(site: Site) -> None:
    site.start()
    document = yaml.safe_load(site.runtime.kept.file.read_text())
    sources = {
        volume["source"]
        for service in document["services"].values()
        for volume in service.get("volumes", ())
        if volume["type"] == "bind"
    }
    assert sources
    assert all(Path(source).is_dir() for source in sources)
