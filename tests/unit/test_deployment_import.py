"""A live environment as a section of the configuration, and how it differs from the project's own."""

from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.aws_ports import EnvironmentRecord, EnvironmentService, S3Source
from mwaa_local.cli.deployments import ImportWish, PreparedImport, prepare_import
from mwaa_local.config_loading import load_config
from mwaa_local.deployment_import import Difference, Origins
from mwaa_local.deployment_loading import load_deployment
from mwaa_local.errors import ConfigError, UsageError
from mwaa_local.project import find_project
from tests.fakes_environment import FakeEnvironments

LIVE = EnvironmentRecord(
    name="orders-prod",
    status="AVAILABLE",
    airflow_version="2.10.3",
    environment_class="mw1.medium",
    bucket="orders-bucket",
    dags_path="airflow/dags/",
    plugins=S3Source("plugins.zip", "v1"),
    requirements=S3Source("/airflow/requirements.txt", "v2"),
    startup_script=None,
    airflow_options=(("core.parallelism", "64"), ("smtp.smtp_password", "hunter2")),
    webserver_access="PUBLIC_ONLY",
    min_workers=1,
    max_workers=10,
    schedulers=2,
    last_update=None,
    log_groups=(),
)
SECTION = """\
[deployments.orders-prod]
bucket = "orders-bucket"
region = "eu-west-1"
profile = "prod"
environment = "orders-prod"
version = "2.10.3"
dag_s3_path = "airflow/dags"
plugins_s3_path = "plugins.zip"
requirements_s3_path = "airflow/requirements.txt"
"""


def prepare(root: Path, environment: str = "orders-prod", name: str | None = None) -> PreparedImport:
    (root / "dags").mkdir(exist_ok=True)
    project = find_project(root)
    asked: list[tuple[str | None, str]] = []

    def open_service(profile: str | None, region: str) -> EnvironmentService:
        asked.append((profile, region))
        return FakeEnvironments([LIVE])

    wish = ImportWish(environment, name or environment, Origins("eu-west-1", "prod"))
    prepared = prepare_import(project, load_config(project, {}, {}), wish, open_service)
    assert asked == [("prod", "eu-west-1")]
    return prepared


def test_the_section_says_where_everything_lies(tmp_path: Path) -> None:
    prepared = prepare(tmp_path)
    assert prepared.section == prepared.text == SECTION
    (tmp_path / "mwaa-local.toml").write_text(prepared.text, encoding="utf-8")
    project = find_project(tmp_path)
    read = load_deployment(project, load_config(project, {}, {}), "orders-prod", {})
    assert (read.bucket, read.environment, read.layout.dags) == (
        "orders-bucket",
        "orders-prod",
        "airflow/dags",
    )


@pytest.mark.parametrize(
    ("before", "gap"),
    [
        ("# mine\n[environment]\nversion = '2.2.2'", "\n\n"),
        ("# mine\n", "\n"),
        ("[deployments.a] # first\nbucket = 'abc'\n\n", "\n"),
        ("\ufeff# mine\n", "\n"),
    ],
)
def test_the_rest_of_the_file_stays_as_it_is(tmp_path: Path, before: str, gap: str) -> None:
    (tmp_path / "mwaa-local.toml").write_bytes(before.encode())
    assert prepare(tmp_path).text == before + gap + SECTION


def test_the_line_ends_of_the_file_are_kept(tmp_path: Path) -> None:
    (tmp_path / "mwaa-local.toml").write_bytes(b"[environment]\r\nname = 'a'\r\n")
    text = prepare(tmp_path).text
    assert text.count("\n") == text.count("\r\n")


def test_differences_are_named_and_secrets_are_not_shown(tmp_path: Path) -> None:
    (tmp_path / "mwaa-local.toml").write_text(
        '[environment]\nversion = "2.2.2"\n[airflow_options]\n"core.parallelism" = 32\n"core.x" = "y"\n',
        encoding="utf-8",
    )
    assert prepare(tmp_path).differences == (
        Difference("version", "2.2.2", "2.10.3"),
        Difference("class", "mw1.small", "mw1.medium"),
        Difference("core.parallelism", "32", "64"),
        Difference("core.x", "y", None),
        Difference("smtp.smtp_password", None, "(hidden)"),
    )


def test_a_deployment_that_exists_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "mwaa-local.toml").write_text(
        "\n[deployments.orders-prod]\nbucket = 'abc'\n", encoding="utf-8"
    )
    with pytest.raises(ConfigError) as caught:
        prepare(tmp_path)
    assert caught.value.message == 'mwaa-local.toml line 2: there is a deployment "orders-prod" already.'
    assert prepare(tmp_path, name="other").section == SECTION.replace(
        "[deployments.orders-prod]", "[deployments.other]"
    )


def test_an_inline_table_cannot_be_added_to(tmp_path: Path) -> None:
    (tmp_path / "mwaa-local.toml").write_text('deployments = { a = { bucket = "abc" } }\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="in a form that nothing can be added to") as caught:
        prepare(tmp_path)
    assert "[deployments.NAME]" in caught.value.hint


def test_an_environment_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        prepare(tmp_path, "orders-prd")
    assert caught.value.message == 'eu-west-1 has no environment "orders-prd".'
    assert caught.value.hint == 'Did you mean "orders-prod"? (Valid: "orders-prod".)'


@pytest.mark.parametrize(("environment", "name"), [("1a", None), ("orders-prod", "a/b")])
def test_names_are_checked_before_anybody_is_asked(
    tmp_path: Path, environment: str, name: str | None
) -> None:
    with pytest.raises(UsageError, match="cannot be"):
        prepare(tmp_path, environment, name)


def test_a_dollar_in_a_live_name_stays_a_dollar(tmp_path: Path) -> None:
    record = replace(LIVE, dags_path="dags/${x}")
    (tmp_path / "dags").mkdir()
    project = find_project(tmp_path)
    wish = ImportWish("orders-prod", "orders-prod", Origins("eu-west-1", None))
    prepared = prepare_import(
        project, load_config(project, {}, {}), wish, lambda profile, region: FakeEnvironments([record])
    )
    (tmp_path / "mwaa-local.toml").write_text(prepared.text, encoding="utf-8")
    project = find_project(tmp_path)
    assert load_deployment(project, load_config(project, {}, {}), None, {}).layout.dags == "dags/${x}"
