"""`[deployments.NAME]`: what comes out of it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from mwaa_local.config_loading import load_config
from mwaa_local.deployment import DeployedTree, Deployment
from mwaa_local.deployment_loading import deployment_names, load_deployment
from mwaa_local.errors import ConfigError
from mwaa_local.project import find_project

ENVIRON = {"ENV": "dev", "EMPTY": ""}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_root(tmp_path)


def make_root(tmp_path: Path) -> Path:
    """Make a project with everything that a deployment can name."""
    for folder in ("dags/etl", "plugins", "config"):
        (tmp_path / folder).mkdir(parents=True)
    for file in (
        "dags/.airflowignore",
        "dags/one.py",
        "plugins/a.py",
        "requirements.txt",
        "webserver_config.py",
    ):
        (tmp_path / file).write_text("", encoding="utf-8")
    return tmp_path


def load(root: Path, text: str, name: str | None = None, environ: Mapping[str, str] = ENVIRON) -> Deployment:
    (root / "mwaa-local.toml").write_text(text, encoding="utf-8")
    project = find_project(root)
    return load_deployment(project, load_config(project, {}, {}), name, environ)


def section(text: str, name: str = "staging") -> str:
    return f'[deployments.{name}]\nbucket = "orders-dev"\n{text}\n'


def test_what_is_left_out_has_mwaas_usual_names(root: Path) -> None:
    got = load(root, section("") + '[environment]\nregion = "eu-west-1"\nversion = "2.10.3"')
    assert (got.name, got.bucket, got.region, got.version) == ("staging", "orders-dev", "eu-west-1", "2.10.3")
    assert (got.profile, got.environment, got.lock, got.state) == (None, None, True, ".mwaa-local/staging")
    layout = got.layout
    assert (layout.dags, layout.plugins, layout.requirements) == ("dags", "plugins.zip", "requirements.txt")
    assert layout.startup_script is None
    assert got.startup_script is None
    assert got.dags == (DeployedTree(root / "dags", "dags"),)
    assert (got.plugins, got.requirements) == (root / "plugins", root / "requirements.txt")
    assert got.prefixes == ("dags", "plugins.zip", "requirements.txt")


def test_every_key_is_read(root: Path) -> None:
    text = """[deployments.staging]
bucket = "vm-${ENV}"
region = "eu-west-1"
profile = "team-${ENV}"
environment = "orders-${ENV}"
version = "2.2.2"
dag_s3_path = "airflow/dags"
plugins_s3_path = "airflow/plugins/plugins.zip"
requirements_s3_path = "airflow/dags/requirements.txt"
startup_script_s3_path = "airflow/startup.sh"
include = ["*.py"]
plugins = false
requirements = "requirements.txt"
extras = { "config" = "airflow/config", "webserver_config.py" = "airflow/webserver_config.py" }
lock = false
receipts = "airflow/.receipts"
"""
    got = load(root, text)
    assert (got.bucket, got.profile, got.environment) == ("vm-dev", "team-dev", "orders-dev")
    assert (got.version, got.lock, got.state) == ("2.2.2", False, "airflow/.receipts")
    assert got.layout.plugins == "airflow/plugins/plugins.zip"
    assert got.plugins is None
    assert got.layout.requirements == "airflow/dags/requirements.txt"
    assert got.dags == (DeployedTree(root / "dags", "airflow/dags", ("*.py",)),)
    assert got.extras == (
        DeployedTree(root / "config", "airflow/config"),
        DeployedTree(root / "webserver_config.py", "airflow/webserver_config.py"),
    )


def test_two_dollars_are_one(root: Path) -> None:
    assert load(root, section('receipts = "$${ENV}"')).state == "${ENV}"


def test_a_prefix_takes_that_folder_and_the_ignore_file_of_the_base(root: Path) -> None:
    got = load(root, section('dag_s3_path = "airflow/dags"\nprefix = "etl"'))
    assert got.dags == (
        DeployedTree(root / "dags" / "etl", "airflow/dags/etl"),
        DeployedTree(root / "dags" / ".airflowignore", "airflow/dags/.airflowignore"),
    )


def test_one_folder_can_have_two_copies(root: Path) -> None:
    copies = '[[deployments.staging.dags]]\nprefix = "orders_staging"\n'
    copies += '[[deployments.staging.dags]]\nsource = "dags"\nprefix = "orders_prod"\ninclude = "*.py"'
    assert load(root, section(copies)).dags == (
        DeployedTree(root / "dags", "dags/orders_staging"),
        DeployedTree(root / "dags", "dags/orders_prod", ("*.py",)),
    )


def test_a_single_file_can_be_a_part_of_the_dag_folder(root: Path) -> None:
    got = load(root, section('dags = [{ source = "dags/one.py", prefix = "etl" }]'))
    assert got.dags == (DeployedTree(root / "dags" / "one.py", "dags/etl/one.py"),)


def test_a_list_of_extras_keeps_their_names(root: Path) -> None:
    got = load(root, section('extras = ["config/", "webserver_config.py"]'))
    assert [(tree.source, tree.key) for tree in got.extras] == [
        (root / "config", "config"),
        (root / "webserver_config.py", "webserver_config.py"),
    ]


def test_variables_are_replaced_once(root: Path) -> None:
    (root / "${ENV}").mkdir()
    (root / "dev").mkdir()
    for extras in ('["$${ENV}"]', '{ "${ENV}" = "$${ENV}" }'):
        (extra,) = load(root, section(f"extras = {extras}")).extras
        assert (extra.source, extra.key) == (root / "${ENV}", "${ENV}")
    (extra,) = load(root, section('extras = ["${ENV}"]')).extras
    assert (extra.source, extra.key) == (root / "dev", "dev")


def test_a_plugins_zip_that_is_alone_is_taken_as_it_is(root: Path) -> None:
    (root / "plugins" / "a.py").rename(root / "plugins" / "plugins.zip")
    assert load(root, section("")).plugins == root / "plugins" / "plugins.zip"


def test_a_plugins_zip_at_the_top_counts_where_there_is_no_folder(root: Path) -> None:
    (root / "plugins" / "a.py").rename(root / "plugins.zip")
    (root / "plugins").rmdir()
    assert load(root, section("")).plugins == root / "plugins.zip"


def test_a_variable_of_another_deployment_is_not_needed(root: Path) -> None:
    text = section("") + section("", "other").replace("orders-dev", "${MISSING}")
    assert load(root, text, "staging").bucket == "orders-dev"
    assert deployment_names(find_project(root)) == ("staging", "other")


def test_a_pipeline_does_without_the_profile_of_the_file(root: Path) -> None:
    text = section('profile = "me"')
    assert load(root, text).profile == "me"
    assert load(root, text, environ={"MWAA_LOCAL_PROFILE": "none"}).profile is None
    assert load(root, text, environ={"MWAA_LOCAL_PROFILE": "other"}).profile == "other"
    with pytest.raises(ConfigError, match=r"variable MWAA_LOCAL_PROFILE: MWAA_LOCAL_PROFILE cannot be"):
        load(root, text, environ={"MWAA_LOCAL_PROFILE": "a]"})
