"""What an environment of the API is made of: the folder that follows the bucket, and the commands that run it."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.aws.environments.backend import NativeEnvironments, Site
from mwaa_local.aws.environments.dag_sync import SyncedFolder, plan_sync
from mwaa_local.aws.environments.project_folder import ProjectFolder, render_config
from mwaa_local.aws.environments.source import RemoteObject
from mwaa_local.aws.mwaa_api.backend import BackendError, RestAnswer, RestCall, Wish
from mwaa_local.config_loading import load_config
from mwaa_local.errors import MwaaLocalError
from mwaa_local.ports import CommandResult
from mwaa_local.project import find_project
from tests.fakes import FakeCommands


@dataclass
class FakeSource:
    """A bucket: content by key and version; the last version of a key is the current one."""

    contents: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def put(self, key: str, content: bytes) -> str:
        versions = self.contents.setdefault(key, {})
        version = f"v{len(versions) + 1}"
        versions[version] = content
        return version

    def objects(self, prefix: str) -> tuple[RemoteObject, ...]:
        return tuple(
            RemoteObject(key, list(versions)[-1])
            for key, versions in self.contents.items()
            if key.startswith(prefix)
        )

    def read(self, key: str, version: str = "") -> bytes | None:
        versions = self.contents.get(key, {})
        return versions.get(version or (list(versions) or [""])[-1])


def wish(**settings: Any) -> Wish:
    base = {
        "AirflowVersion": "2.2.2",
        "EnvironmentClass": "mw1.small",
        "MinWorkers": 1,
        "MaxWorkers": 10,
        "Schedulers": 2,
        "SourceBucketArn": "arn:aws:s3:::bucket",
        "DagS3Path": "dags",
    }
    return Wish("one", "a1b2", "us-east-1", {**base, **settings})


def unpack(archive: Path, folder: Path) -> None:
    content = archive.read_bytes()
    if content == b"broken":
        raise MwaaLocalError("the archive is broken")
    folder.mkdir()
    (folder / "plugin.py").write_bytes(content)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_folder_of_dags_follows_the_prefix_deletions_included(tmp_path: Path) -> None:
    source, folder = FakeSource(), SyncedFolder(tmp_path / "dags")
    source.put("dags/a.py", b"a")
    source.put("dags/deep/er/b.py", b"b")
    source.put("dags-of-others/c.py", b"c")
    assert folder.sync(source, "dags/")
    assert tree(tmp_path / "dags") == {"a.py": b"a", "deep/er/b.py": b"b"}
    assert not folder.sync(source, "dags")
    (tmp_path / "dags" / "__pycache__").mkdir()
    (tmp_path / "dags" / "__pycache__" / "a.pyc").write_bytes(b"compiled")
    del source.contents["dags/deep/er/b.py"]
    source.put("dags/a.py", b"changed")
    assert folder.sync(source, "dags")
    assert tree(tmp_path / "dags") == {"a.py": b"changed", "__pycache__/a.pyc": b"compiled"}
    assert not (tmp_path / "dags" / "deep").exists()


def test_a_file_that_somebody_removed_from_the_folder_comes_back(tmp_path: Path) -> None:
    source, folder = FakeSource(), SyncedFolder(tmp_path / "dags")
    source.put("dags/a.py", b"a")
    folder.sync(source, "dags")
    (tmp_path / "dags" / "a.py").unlink()
    assert folder.sync(source, "dags")
    assert tree(tmp_path / "dags") == {"a.py": b"a"}


@pytest.mark.parametrize("key", ["dags/../../x", "dags//x", "dags/./x", "dags/x/", "dags/", "dags/a\0b"])
def test_a_key_that_is_no_path_inside_is_passed_over(key: str) -> None:
    assert plan_sync([RemoteObject(key, "1")], "dags", {}).write == ()


def test_an_object_and_a_folder_of_one_name_leave_one_of_them(tmp_path: Path) -> None:
    source, folder = FakeSource(), SyncedFolder(tmp_path / "dags")
    source.put("dags/a", b"file")
    source.put("dags/a/b.py", b"below")
    folder.sync(source, "dags")
    assert tree(tmp_path / "dags") == {"a": b"file"}


def test_a_project_is_written_that_the_configuration_reads(tmp_path: Path) -> None:
    source = FakeSource()
    source.put("dags/a.py", b"a")
    version = source.put("files/req.txt", b"humanize")
    folder = ProjectFolder(tmp_path / "one", unpack)
    options = {"core.parallelism": "7", "smtp.smtp_password": 'quo"te \\ é'.replace("é", "e")}
    wanted = wish(
        RequirementsS3Path="files/req.txt",
        RequirementsS3ObjectVersion=version,
        AirflowConfigurationOptions=options,
        MinWorkers=2,
        Schedulers=3,
    )
    folder.materialise(wanted, source)
    project = find_project(tmp_path / "one")
    config = load_config(project, {}, {}).config
    assert (config.name, config.version, config.workers, config.schedulers) == ("one", "2.2.2", 2, 3)
    assert dict(config.airflow_options) == options
    assert config.ignore_requirements_failure
    assert project.requirements is not None
    assert project.requirements.read_bytes() == b"humanize"
    folder.materialise(wish(), source)
    assert find_project(tmp_path / "one").requirements is None


def test_two_schedulers_are_one_on_a_laptop() -> None:
    assert b'"schedulers" = 1' in render_config(wish())


def test_plugins_change_only_with_their_version_and_broken_ones_leave_what_is_there(tmp_path: Path) -> None:
    source, folder = FakeSource(), ProjectFolder(tmp_path / "one", unpack)
    first, broken, empty = (source.put("p.zip", content) for content in (b"first", b"broken", b""))

    def materialise(version: str) -> None:
        folder.materialise(wish(PluginsS3Path="p.zip", PluginsS3ObjectVersion=version), source)

    materialise(first)
    plugin = tmp_path / "one" / "plugins" / "plugin.py"
    before = plugin.stat()
    with pytest.raises(BackendError, match="the archive is broken") as refused:
        materialise(broken)
    assert refused.value.code == "INCORRECT_CONFIGURATION"
    materialise(first)
    assert plugin.stat() == before
    materialise(empty)
    assert not plugin.exists()
    with pytest.raises(BackendError, match=r"Unable to read version v9 of file p\.zip"):
        materialise("v9")


@dataclass
class Started:
    """Environments over fakes, and what they did."""

    environments: NativeEnvironments
    commands: "RecordedCommands"
    queues: set[tuple[str, str]]
    source: FakeSource
    buckets: dict[str, FakeSource]
    root: Path


class RecordedCommands(FakeCommands):
    """Commands that leave what `start` leaves, or fail."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[list[str]] = []
        self.failure = ""

    def run(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float | None = None,
        stdin: str = "",
    ) -> CommandResult:
        assert cwd is not None
        self.calls.append(list(command[3:]))
        if self.failure:
            return CommandResult(1, "", self.failure)
        if command[3] == "start":
            state = cwd / ".mwaa-local"
            (state / "ports.json").write_text(json.dumps({"doors": 4001, "webserver": 4002}))
            (state / "secrets.json").write_text(
                json.dumps({"token_key": base64.urlsafe_b64encode(b"k").decode()})
            )
        return CommandResult(0, "", "")


@pytest.fixture
def started(tmp_path: Path) -> Started:
    commands, queues, source = RecordedCommands(), set[tuple[str, str]](), FakeSource()
    buckets = {"bucket": source}

    def rest(wanted: Wish, call: RestCall, ports: Mapping[str, int], key: bytes) -> RestAnswer:
        return RestAnswer(200, [wanted.name, call.path, ports["webserver"], key.decode()])

    site = Site(
        root=tmp_path / "environments",
        endpoint_url="http://127.0.0.1:1",
        commands=commands,
        environment={},
        find_source=buckets.get,
        unpack=unpack,
        create_queue=lambda region, name: queues.add((region, name)),
        remove_queue=lambda region, name: queues.discard((region, name)),
        call_rest_api=rest,
    )
    return Started(NativeEnvironments(site), commands, queues, source, buckets, site.root / "one")


def test_an_environment_is_started_attached_to_this_endpoint_and_removed_with_its_queue(
    started: Started,
) -> None:
    assert started.environments.apply(wish()) == "localhost:4001"
    assert started.commands.calls == [["start", "--json", "--project", str(started.root)]]
    attached = json.loads((started.root / ".mwaa-local" / "attached.json").read_text())
    assert attached == {"endpoint": "http://127.0.0.1:1", "queue": "airflow-celery-a1b2"}
    assert started.queues == {("us-east-1", "airflow-celery-a1b2")}
    assert started.environments.token_key("one") == b"k"
    started.environments.remove("one")
    assert started.commands.calls[-1] == ["destroy", "--yes", "--project", str(started.root)]
    assert not started.root.exists()
    assert started.queues == set()
    started.environments.remove("one")


def test_what_start_says_is_the_error_of_the_environment(started: Started) -> None:
    started.commands.failure = "Requirements (1 s)\nError: The worker ended.\n  Hint: read its log\n"
    with pytest.raises(BackendError) as refused:
        started.environments.apply(wish())
    assert refused.value.code == "INCORRECT_CONFIGURATION"
    assert refused.value.message == "Error: The worker ended.\n  Hint: read its log"


def test_a_bucket_that_is_gone_keeps_an_environment_from_starting(started: Started) -> None:
    with pytest.raises(BackendError, match="The bucket gone does not exist"):
        started.environments.apply(wish(SourceBucketArn="arn:aws:s3:::gone"))


def test_a_change_in_the_bucket_reaches_a_running_environment(started: Started) -> None:
    started.environments.apply(wish())
    started.source.put("dags/new.py", b"new")
    started.environments.note_object("bucket", "dags/new.py")
    file = started.root / "dags" / "new.py"
    while not file.exists():
        pass
    assert file.read_bytes() == b"new"


def test_the_end_stops_every_environment(started: Started) -> None:
    started.environments.apply(wish())
    started.environments.end()
    assert started.commands.calls[-1] == ["stop", "--project", str(started.root)]


def test_a_bucket_deleted_under_an_environment_leaves_its_dags_and_says_so_once(
    started: Started, caplog: pytest.LogCaptureFixture
) -> None:
    started.source.put("dags/a.py", b"a")
    started.environments.apply(wish())
    started.buckets.clear()
    for _ in range(2):
        started.environments.sync_now()
    assert (started.root / "dags" / "a.py").exists()
    assert [record.message for record in caplog.records] == [
        "environment one: the bucket bucket is gone; its DAGs stay as they are"
    ]
