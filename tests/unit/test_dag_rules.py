"""Each rule about DAG files has one file that triggers it and a like one that does not."""

import shutil
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TypeVar

import pytest

from mwaa_local.catalog import load_version
from mwaa_local.cli.checks import project_inputs
from mwaa_local.config_loading import load_config
from mwaa_local.project import find_project
from mwaa_local.validation.dag_check import check_dag_text
from mwaa_local.validation.dag_rules import DAG_RULES, SYNTAX, UNKNOWN_IGNORE
from mwaa_local.validation.finding import Finding, Severity
from mwaa_local.validation.project_check import ProjectInputs, check_dags, check_project
from mwaa_local.validation.provider_names import load_provider_names
from mwaa_local.validation.rule import Surroundings

PROJECTS = Path(__file__).parents[1] / "projects"
BAD, GOOD = PROJECTS / "dags-with-every-problem", PROJECTS / "dags-without-problems"
TODAY = date(2026, 1, 1)
T = TypeVar("T")
R = TypeVar("R")

PROVIDERS = {"apache-airflow-providers-amazon": "3.4.0", "apache-airflow-providers-http": "2.0.1"}


def one_after_the_other(function: Callable[[T], R], values: Sequence[T]) -> list[R]:
    return [function(value) for value in values]


def inputs_of(root: Path, version: str = "2.2.2", memory: Path | None = None) -> ProjectInputs:
    project = find_project(root)
    loaded = load_config(project, {"version": version}, {})
    made = project_inputs(project, loaded)
    return ProjectInputs(
        project,
        loaded,
        made.providers,
        made.stock_providers,
        made.required_providers,
        TODAY,
        one_after_the_other,
        memory,
    )


def around(version: str = "2.2.2") -> Surroundings:
    return Surroundings(
        load_version(version), catchup_by_default=False, providers=load_provider_names(PROVIDERS)
    )


def ids_in(text: str, version: str = "2.2.2") -> list[str]:
    return [finding.rule_id for finding in check_dag_text("dags/x.py", text, around(version)).findings]


def rules_by_file(root: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for finding in check_dags(inputs_of(root)):
        name = Path(finding.location.file).stem if finding.location else ""
        found.setdefault(name, set()).add(finding.rule_id)
    return found


BAD_RULES, GOOD_RULES = rules_by_file(BAD), rules_by_file(GOOD)
WITH_FILES = [each.rule.id for each in DAG_RULES] + [SYNTAX.id, UNKNOWN_IGNORE.id, "file-encoding"]


@pytest.mark.parametrize("rule_id", WITH_FILES)
def test_each_rule_finds_what_it_is_about(rule_id: str) -> None:
    assert rule_id in BAD_RULES[rule_id.replace("-", "_")]


@pytest.mark.parametrize("rule_id", WITH_FILES)
def test_each_rule_leaves_what_is_right_alone(rule_id: str) -> None:
    assert (GOOD / "dags" / f"{rule_id.replace('-', '_')}.py").is_file()
    assert rule_id.replace("-", "_") not in GOOD_RULES


def test_a_project_without_problems_has_no_findings_but_notes() -> None:
    findings = check_project(inputs_of(GOOD))
    assert {finding.severity for finding in findings} <= {Severity.INFO}


def test_rules_about_the_whole_folder_find_what_they_are_about() -> None:
    found = {finding.rule_id for finding in check_project(inputs_of(BAD))}
    assert {
        "duplicate-dag-id",
        "ignore-file-syntax",
        "ignore-file-glob",
        "overridden-option",
        "smtp-port-25",
        "end-of-support",
        "provider-differs",
    } <= found


def test_findings_of_unchanged_files_are_remembered(tmp_path: Path) -> None:
    root = tmp_path / "project"
    shutil.copytree(BAD, root)
    memory = tmp_path / "cache" / "memory.json"
    first = tuple(check_dags(inputs_of(root, memory=memory)))
    assert memory.is_file()
    assert tuple(check_dags(inputs_of(root, memory=memory))) == first
    (root / "dags" / "subdag.py").write_text("import airflow  # dag\n", encoding="utf-8")
    after: Sequence[Finding] = tuple(check_dags(inputs_of(root, memory=memory)))
    assert {each.rule_id for each in first} - {each.rule_id for each in after} == {"subdag"}


def test_a_damaged_memory_is_not_believed(tmp_path: Path) -> None:
    memory = tmp_path / "memory.json"
    memory.write_text('{"key": 1, "files": [', encoding="utf-8")
    assert tuple(check_dags(inputs_of(GOOD, memory=memory))) == tuple(check_dags(inputs_of(GOOD)))


def test_a_module_that_a_dag_imports_is_checked_although_it_is_hidden(tmp_path: Path) -> None:
    dags = tmp_path / "dags"
    (dags / "etl").mkdir(parents=True)
    (dags / ".airflowignore").write_text("etl/.*\n", encoding="utf-8")
    (dags / "a.py").write_text("import airflow  # dag\nfrom etl.settings import X\n", encoding="utf-8")
    (dags / "etl" / "settings.py").write_text(
        "from airflow.models import Variable\nX = Variable.get('x')\n", encoding="utf-8"
    )
    (dags / "etl" / "template.py").write_text("$not python\n", encoding="utf-8")
    found = [finding for finding in check_dags(inputs_of(tmp_path)) if finding.location]
    assert [(each.rule_id, str(each.location)) for each in found] == [
        ("top-level-variable", "dags/etl/settings.py:2:5")
    ]


def test_rules_that_apply_to_plugins_are_applied_to_them(tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "a.py").write_text("import airflow  # dag\n", encoding="utf-8")
    (tmp_path / "plugins" / "hooks" / "__pycache__").mkdir(parents=True)
    (tmp_path / "plugins" / "hooks" / "__pycache__" / "x.py").write_text("(\n", encoding="utf-8")
    (tmp_path / "plugins" / "hooks" / "mine.py").write_text(
        "from airflow.models import Variable\nX = Variable.get('x')\nfrom airflow import DAG\nDAG('no_catchup')\n",
        encoding="utf-8",
    )
    (tmp_path / "plugins" / "broken.py").write_text("def f(:\n", encoding="utf-8")
    memory = tmp_path / "memory.json"
    for _ in range(2):
        found = [finding for finding in check_dags(inputs_of(tmp_path, memory=memory)) if finding.location]
        assert [(each.rule_id, str(each.location)) for each in found] == [
            ("python-syntax", "plugins/broken.py:1:7"),
            ("top-level-variable", "plugins/hooks/mine.py:2:5"),
        ]
        assert found[1].message == "Variable.get is called in every process that loads the plugins."


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("S3 = 's3://my-bucket/a/b.csv'", None),
        ("S3 = 's3://{{ var.value.bucket }}/a//b'", "two slashes"),
        ("S3 = 's3a://my-bucket'", None),
        ("S3 = 'S3://my-bucket/x'", "small letters"),
        ("S3 = 's3:///x'", "names no bucket"),
        ("S3 = 's3://my_bucket/x'", "3 to 63"),
        ("S3 = 's3://My-Bucket/x'", "capital letters"),
        ("S3 = 's3:/my-bucket/x'", "begins with s3://"),
        ("hook.load_s3(bucket_name='my-bucket/folder')", "without slashes"),
        ("hook.load_s3(bucket_name='my-bucket', key='/a')", "begins with a slash"),
        ("hook.load_s3(key='/a')", "begins with a slash"),
        ("cache.get(key='/a')  # not s3", None),
    ],
)
def test_places_in_s3_are_judged_by_their_shape(text: str, reason: str | None) -> None:
    found = [each for each in check_dag_text("x.py", text, around()).findings if each.rule_id == "s3-path"]
    assert [reason in each.message for each in found if reason] == ([True] if reason else [])
    assert len(found) == (1 if reason else 0)


def test_before_2_0_the_word_dag_is_looked_for_in_capitals() -> None:
    text = "import airflow\n\ndag = airflow.make_dag()\n"
    assert ids_in(text, "1.10.12") == ["never-scanned"]
    assert ids_in(text, "2.0.2") == []


@pytest.mark.parametrize(
    ("comment", "silent"),
    [
        ("# mwaa-local: ignore[top-level-variable]", True),
        ("#mwaa-local: ignore[heavy-import, top-level-variable]", True),
        ("# mwaa-local: ignore-file[top-level-variable]", True),
        ("# mwaa-local: ignore[top-level-aws]", False),
        ("# ignore[top-level-variable]", False),
    ],
)
def test_a_comment_silences_the_rules_that_it_names(comment: str, silent: bool) -> None:
    found = ids_in(f"from airflow.models import Variable\nX = Variable.get('x')  {comment}\n")
    assert ("top-level-variable" not in found) == silent


def test_a_comment_at_the_end_of_a_statement_counts_too() -> None:
    comment = "# mwaa-local: ignore[top-level-variable]"
    text = f"from airflow.models import Variable\nX = Variable.get(\n    'x'\n)  {comment}\n"
    assert ids_in(text) == []


def test_the_same_name_is_judged_by_the_installed_version() -> None:
    text = "from airflow.providers.amazon.aws.operators.ecs import EcsOperator  # dag\n"
    assert ids_in(text) == []
    for version, expected in (
        ("2.4.0", "unknown-name"),
        ("6.0.0", "deprecated-name"),
        ("9.0.0", "unknown-name"),
    ):
        names = load_provider_names({"apache-airflow-providers-amazon": version})
        seen = Surroundings(load_version("2.2.2"), catchup_by_default=False, providers=names)
        assert [each.rule_id for each in check_dag_text("x.py", text, seen).findings] == [expected]


def test_what_this_version_has_instead_is_said() -> None:
    names = load_provider_names({"apache-airflow-providers-amazon": "2.4.0"})
    seen = Surroundings(load_version("2.2.2"), catchup_by_default=False, providers=names)
    text = "from airflow.providers.amazon.aws.operators.ecs import EcsOperator  # dag\n"
    (finding,) = check_dag_text("x.py", text, seen).findings
    assert finding.hint.endswith("use airflow.providers.amazon.aws.operators.ecs.ECSOperator.")


def test_versions_decide_what_is_allowed() -> None:
    wait = (
        "from airflow.sensors.date_time import DateTimeSensorAsync  # dag\nDateTimeSensorAsync(task_id='x')\n"
    )
    assert ids_in(wait, "2.6.3") == ["deferrable-operator"]
    assert ids_in(wait, "2.7.2") == []
    schedule = "from airflow import DAG\nDAG('x', schedule_interval=None, catchup=False)\n"
    assert ids_in(schedule, "2.10.3") == []
    assert ids_in(schedule, "3.0.6") == ["unknown-dag-argument"]


def test_a_secret_is_not_repeated() -> None:
    text = (
        'from airflow import DAG\nURL = "postgresql://me:correct-horse@db/x"\nKEY = "AKIAABCDEFGHIJKLMNOP"\n'
    )
    findings = check_dag_text("x.py", text, around()).findings
    assert [each.severity for each in findings] == [Severity.ERROR, Severity.ERROR]
    assert not any("horse" in str(each) or "AKIA" in str(each) for each in findings)
