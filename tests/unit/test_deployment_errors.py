"""`[deployments.NAME]`: the whole of what is said about each mistake."""

from pathlib import Path

import pytest

from mwaa_local.errors import ConfigError
from tests.unit.test_deployment_loading import load, make_root, section


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_root(tmp_path)


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
