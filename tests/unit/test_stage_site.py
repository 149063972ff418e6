"""A staged folder as a project of its own: its files, the checkout's wishes, nothing in the checkout touched."""

from pathlib import Path

import pytest

from mwaa_local.cli.stage_site import open_stage
from mwaa_local.cli.staging import choose_deployment
from mwaa_local.config import AwsKind, Executor
from mwaa_local.config_loading import load_config
from mwaa_local.deploy.stage_folder import write_stage
from mwaa_local.errors import UsageError
from mwaa_local.project import find_project
from tests.unit.test_stage_manifest import write

CONFIG = """\
[environment]
name = "orders"
version = "2.10.3"
class = "mw1.medium"
workers = 3
[airflow_options]
core.default_task_retries = 3
"webserver.x" = 'a "quoted" \\ text'
[paths]
secrets = "secrets.yaml"
[ports]
webserver = 8080
[runtime]
executor = "local"
aws = "none"
[deployments.staging]
bucket = "orders"
version = "2.9.2"
dag_s3_path = "airflow/dags"
"""


@pytest.fixture
def staged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose deployment is staged in `out`, beside it."""
    monkeypatch.setenv("MWAA_LOCAL_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "orders"
    for name in ("dags/a.py", "plugins/p/q.py", "requirements.txt", "secrets.yaml"):
        write(root / name)
    write(root / "mwaa-local.toml", CONFIG)
    restage(root)
    return root


def restage(root: Path) -> None:
    chosen = choose_deployment(root, None)
    write_stage(chosen.deployment, chosen.manifest(), root.parent / "out")


def test_it_has_the_files_of_the_stage_and_the_wishes_of_the_project(staged: Path, tmp_path: Path) -> None:
    before = sorted(staged.rglob("*"))
    site = open_stage(tmp_path / "out", staged, {"workers": 2})
    project = find_project(site)
    assert (project.root, project.state) == (
        tmp_path / "out.environment",
        tmp_path / "out.environment/.mwaa-local",
    )
    assert project.dags == tmp_path / "out" / "airflow" / "dags"
    assert project.requirements == tmp_path / "out" / "requirements.txt"
    assert project.startup_script is None
    assert project.plugins == site / "plugins"
    assert (site / "plugins" / "p" / "q.py").is_file()
    config = load_config(project, {}, {}).config
    assert (config.name, config.version, config.environment_class) == ("orders", "2.9.2", "mw1.medium")
    assert (config.workers, config.executor, config.aws.kind) == (2, Executor.LOCAL, AwsKind.NONE)
    assert config.airflow_options == (
        ("core.default_task_retries", "3"),
        ("webserver.x", 'a "quoted" \\ text'),
    )
    assert (config.webserver_port, config.secrets_file) == (None, staged / "secrets.yaml")
    assert sorted(staged.rglob("*")) == before


def test_it_needs_no_project(staged: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    site = open_stage(tmp_path / "out", elsewhere, {})
    assert load_config(find_project(site), {}, {}).config.version == "2.9.2"


def test_a_flag_can_ask_for_another_version(staged: Path, tmp_path: Path) -> None:
    site = open_stage(tmp_path / "out", staged, {"version": "2.10.1"})
    assert load_config(find_project(site), {}, {}).config.version == "2.10.1"


def test_state_survives_another_stage_and_plugins_follow_it(staged: Path, tmp_path: Path) -> None:
    site = open_stage(tmp_path / "out", staged, {})
    write(site / ".mwaa-local" / "kept")
    unpacked = (site / "plugins").stat().st_ino
    assert open_stage(tmp_path / "out", staged, {}) == site
    assert (site / "plugins").stat().st_ino == unpacked
    write(staged / "plugins" / "new.py", "new")
    restage(staged)
    open_stage(tmp_path / "out", staged, {})
    assert (site / "plugins" / "new.py").is_file()
    (staged / "plugins" / "new.py").unlink()
    (staged / "plugins" / "p" / "q.py").unlink()
    restage(staged)
    open_stage(tmp_path / "out", staged, {})
    assert find_project(site).plugins is None
    assert (site / ".mwaa-local" / "kept").is_file()


def test_a_stage_without_dags_is_not_started(staged: Path, tmp_path: Path) -> None:
    (staged / "dags" / "a.py").unlink()
    restage(staged)
    with pytest.raises(UsageError, match="out has no airflow/dags: nothing would run"):
        open_stage(tmp_path / "out", staged, {})


def test_paths_of_variables_are_refused(
    staged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MWAA_LOCAL_DAGS", "dags")
    with pytest.raises(UsageError, match="MWAA_LOCAL_DAGS and --from-stage exclude one another"):
        open_stage(tmp_path / "out", staged, {})
