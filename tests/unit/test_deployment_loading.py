"""`[deployments.NAME]`: what comes out of it, and the whole of what is said about each mistake."""

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


MISTAKES: tuple[tuple[str, str, str], ...] = (
    (
        'enviroment = "orders"',
        'line 3: unknown key "enviroment" in [deployments.staging].',
        'Did you mean "environment"?',
    ),
    ("lock = 1", "line 3: lock must be true or false, not 1.", "Write true or false, without quotes."),
    ("region = 1", "line 3: region must be a text, not 1.", 'Put it in quotes: "1".'),
    (
        'profile = "${MISSING}"',
        "line 3: profile needs the environment variable MISSING, which is not set.",
        "Set it, for example: MISSING=staging mwaa-local ...",
    ),
    (
        'profile = "${EMPTY}"',
        "line 3: profile needs the environment variable EMPTY, which is not set.",
        "Set it, for example: EMPTY=staging mwaa-local ...",
    ),
    (
        'profile = "${a b}"',
        "line 3: profile holds ${a b}, which names no variable.",
        "For example: ${ENV}.",
    ),
    ('profile = "a]"', "line 3: profile cannot be 'a]'.", "Give the name of a profile in ~/.aws/config."),
    (
        'dag_s3_path = "/dags"',
        "line 3: dag_s3_path cannot be '/dags': it begins with a slash.",
        'Write it without: "dags".',
    ),
    (
        'dag_s3_path = "dags/"',
        "line 3: dag_s3_path cannot be 'dags/': it ends with a slash.",
        'Write it without: "dags".',
    ),
    (
        'dag_s3_path = "/"',
        "line 3: dag_s3_path cannot be '/': it begins with a slash.",
        "The bucket itself cannot be given to MWAA.",
    ),
    (
        'plugins_s3_path = "s3://b/plugins.zip"',
        "line 3: plugins_s3_path cannot be 's3://b/plugins.zip'.",
        'Leave the bucket out: "plugins.zip".',
    ),
    (
        'dag_s3_path = "a//b"',
        "line 3: dag_s3_path cannot be 'a//b'.",
        'S3 has no "//", "." or ".." as folders: write the plain path.',
    ),
    (
        'dag_s3_path = "a\\\\b"',
        "line 3: dag_s3_path cannot be 'a\\\\b'.",
        "Use slashes between folders, and printable characters.",
    ),
    (
        f'dag_s3_path = "{"a" * 1025}"',
        "line 3: dag_s3_path is too long.",
        "S3 takes keys of up to 1024 bytes.",
    ),
    (
        'plugins_s3_path = "dags"',
        'line 3: "dags" (plugins_s3_path) is "dags" (dag_s3_path) too.',
        "Give each a place of its own.",
    ),
    (
        'plugins_s3_path = "a"\ndag_s3_path = "a/dags"',
        'line 4: "a/dags" (dag_s3_path) lies below "a" (plugins_s3_path).',
        "Give each a place of its own.",
    ),
    (
        'extras = { "config" = "dags/config" }',
        'line 3: "dags/config" (extras) lies below "dags" (dag_s3_path).',
        "Give each a place of its own.",
    ),
    (
        'receipts = "dags/.state"',
        'line 3: "dags/.state" (receipts) and "dags" (dag_s3_path) lie in one another.',
        'Choose a place beside the layout, such as ".mwaa-local/staging".',
    ),
    (
        'receipts = "dags/.state"\nprefix = "etl"',
        'line 3: "dags/.state" (receipts) and "dags" (dag_s3_path) lie in one another.',
        'Choose a place beside the layout, such as ".mwaa-local/staging".',
    ),
    (
        'prefix = "etl"\n[[deployments.staging.dags]]\nprefix = "a"',
        "line 3: prefix cannot stand beside [[dags]].",
        "Give each [[deployments.staging.dags]] its own prefix.",
    ),
    (
        '[[deployments.staging.dags]]\nprefix = "a"\n[[deployments.staging.dags]]\nprefx = "b"',
        'line 6: unknown key "prefx" in [deployments.staging.dags].',
        'Did you mean "prefix"? (Valid: "source", "prefix", "include".)',
    ),
    (
        'dags = "dags"',
        "line 3: dags must be a list of tables.",
        'For example, twice: [[deployments.NAME.dags]] source = "dags" prefix = "orders_staging"',
    ),
    ("dags = []", "line 3: dags is empty.", "Leave it out for the project's dags folder."),
    (
        "include = []",
        "line 3: include must be a list of patterns.",
        'For example: include = ["etl/", "/.airflowignore"]',
    ),
    ("include = [1]", "line 3: include holds 1, which is no pattern.", 'For example: include = ["etl/"]'),
    (
        "extras = 1",
        "line 3: extras must be a table or a list.",
        'For example: extras = { "config" = "airflow/config" }, source = key; or a list: ["config"].',
    ),
    (
        "extras = [1]",
        "line 3: extras holds 1, which is no text.",
        'For example: extras = { "config" = "airflow/config" }, source = key; or a list: ["config"].',
    ),
)


@pytest.mark.parametrize(("text", "message", "hint"), MISTAKES, ids=[text[:40] for text, _, _ in MISTAKES])
def test_a_mistake_is_named_with_its_line(root: Path, text: str, message: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(root, section(text))
    assert caught.value.message == f"mwaa-local.toml {message}"
    assert caught.value.hint.startswith(hint)


@pytest.mark.parametrize(
    "name",
    ["ab", "Orders", "a_b", "a..b", "-ab", "ab-", "1.2.3.4", "xn--ab", "ab-s3alias", "x" * 64, "a/b"],
)
def test_a_name_that_s3_would_not_take_is_no_bucket(root: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"line 2: bucket cannot be") as caught:
        load(root, f'[deployments.a]\nbucket = "{name}"')
    assert caught.value.hint.startswith("Bucket names are 3 to 63 lower-case letters")


@pytest.mark.parametrize("address", ["s3://orders/dags", "arn:aws:s3:::orders"])
def test_the_address_of_a_bucket_is_answered_with_its_name(root: Path, address: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(root, f'[deployments.a]\nbucket = "{address}"')
    assert caught.value.hint == 'Give the bare name: "orders". Keys have their own settings.'


def test_sources_must_exist(root: Path) -> None:
    for text in ('plugins = "no.zip"', 'extras = ["no"]', '[[deployments.staging.dags]]\nsource = "no"'):
        with pytest.raises(ConfigError, match="which does not exist") as caught:
            load(root, section(text))
        assert caught.value.hint == "Name a folder or a file that exists."
    with pytest.raises(ConfigError, match="which is not a file"):
        load(root, section('requirements = "config"'))
    with pytest.raises(ConfigError, match=r"line 3: prefix names .*no, which is not a folder") as caught:
        load(root, section('prefix = "no"'))
    assert '[[deployments.staging.dags]] prefix = "no"' in caught.value.hint


def test_without_a_bucket_there_is_no_deployment(root: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(root, "[environment]\n\n[deployments.a]\nlock = true")
    assert caught.value.message == "mwaa-local.toml line 3: [deployments.a] does not say bucket."


def test_without_a_section_a_complete_one_is_shown(root: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(root, "", "prod")
    assert caught.value.message == f"{root}/mwaa-local.toml describes no deployment."
    shown = caught.value.hint.partition("\n\n")[2]
    assert load(root, "\n".join(line.strip() for line in shown.splitlines())).name == "prod"


def test_of_several_one_must_be_named(root: Path) -> None:
    text = section("") + section("", "production")
    with pytest.raises(ConfigError, match="has 2 deployments: staging, production") as caught:
        load(root, text)
    assert caught.value.hint == "Name the one that you mean."
    with pytest.raises(ConfigError, match='has no deployment "prodction"') as caught:
        load(root, text, "prodction")
    assert caught.value.hint.startswith('Did you mean "production"?')


def test_a_deployment_is_a_table_with_a_plain_name(root: Path) -> None:
    with pytest.raises(ConfigError, match='line 1: "a" must be a table') as caught:
        load(root, "deployments.a = 1")
    assert caught.value.hint == "Write it as [deployments.a]."
    with pytest.raises(ConfigError, match='line 1: a deployment cannot be named "a/b"'):
        load(root, '[deployments."a/b"]')


def test_a_pipeline_does_without_the_profile_of_the_file(root: Path) -> None:
    text = section('profile = "me"')
    assert load(root, text).profile == "me"
    assert load(root, text, environ={"MWAA_LOCAL_PROFILE": "none"}).profile is None
    assert load(root, text, environ={"MWAA_LOCAL_PROFILE": "other"}).profile == "other"
    with pytest.raises(ConfigError, match=r"variable MWAA_LOCAL_PROFILE: MWAA_LOCAL_PROFILE cannot be"):
        load(root, text, environ={"MWAA_LOCAL_PROFILE": "a]"})
