"""What becomes of workers and metadata of an environment of the API: its bounds, and how an update replaces it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.aws.environments.backend import NativeEnvironments, Site
from mwaa_local.aws.environments.project_folder import ProjectFolder
from mwaa_local.aws.mwaa_api.backend import RestAnswer
from mwaa_local.config_loading import load_config
from mwaa_local.project import find_project
from tests.unit.test_mwaa_api_environments import FakeSource, RecordedCommands, unpack, wish


@pytest.mark.parametrize(
    ("least", "most", "scales"), [(1, 10, True), (2, 2, False), (3, 4, True), (1, 1, False)]
)
def test_the_workers_follow_the_tasks_between_the_bounds_of_the_environment(
    tmp_path: Path, least: int, most: int, scales: bool
) -> None:
    source = FakeSource()
    source.put("dags/a.py", b"a")
    ProjectFolder(tmp_path / "one", unpack).materialise(wish(MinWorkers=least, MaxWorkers=most), source)
    config = load_config(find_project(tmp_path / "one"), {}, {}).config
    assert (config.autoscale, config.min_workers, config.max_workers) == (scales, least, most)
    assert config.workers == least


def test_the_workers_of_a_graceful_update_end_their_tasks_and_another_version_takes_the_metadata_over(
    tmp_path: Path,
) -> None:
    root, commands, source = tmp_path / "environments", RecordedCommands(), FakeSource()
    queue: list[str] = []
    site = Site(
        root=root,
        endpoint_url="http://127.0.0.1:1",
        commands=commands,
        environment={},
        find_source={"bucket": source}.get,
        unpack=unpack,
        create_queue=lambda _region, name: queue.append(name),
        remove_queue=lambda _region, name: queue.remove(name),
        call_rest_api=lambda *_: RestAnswer(200, None),
    )
    environments = NativeEnvironments(site)

    def wishes_of_start(strategy: str, version: str, *, rolls_back: bool = False) -> list[str]:
        environments.apply(replace(wish(AirflowVersion=version), strategy=strategy, rolls_back=rolls_back))
        last = root / "one" / ".mwaa-local" / "database.json"
        last.write_text(json.dumps({"version": version}))
        return commands.calls[-1][2:-2]

    assert wishes_of_start("", "2.2.2") == []
    assert wishes_of_start("FORCED", "2.2.2") == []
    assert wishes_of_start("GRACEFUL", "2.2.2") == ["--graceful"]
    assert wishes_of_start("FORCED", "2.10.3") == ["--carry-over"]
    assert wishes_of_start("GRACEFUL", "2.11.0") == ["--graceful", "--carry-over"]
    assert wishes_of_start("FORCED", "2.10.3") == ["--carry-over"]
    assert wishes_of_start("FORCED", "2.2.2", rolls_back=True) == []
