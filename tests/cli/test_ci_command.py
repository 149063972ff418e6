"""`ci` from the command line: pipeline files that are valid, and that run only what there is."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from mwaa_local.cli.entry import mwaa_local
from tests.cli.environments import Cli

CONFIG = """\
[environment]
region = "eu-west-1"
[deployments.development]
bucket = "orders-${ENV}"
profile = "me-${USER}"
[deployments.prod]
bucket = "orders-prod"
region = "${REGION}"
"""
FILES = {
    "github": ".github/workflows/mwaa.yml",
    "gitlab": ".gitlab-ci.yml",
    "codebuild": ".aws/buildspec.yml",
}
COMMAND = re.compile(r"(?<![\w`*'-])mwaa-local ([^|;&\n>]*)")


@pytest.fixture
def repository(project: Path) -> Path:
    """A project with everything, at the top of its repository."""
    (project / ".git").mkdir()
    (project / "tests").mkdir()
    for name, text in (
        ("mwaa-local.toml", CONFIG),
        ("requirements.txt", ""),
        ("tests/test_a.py", ""),
        ("dags/a.py", ""),
    ):
        (project / name).write_text(text, encoding="utf-8")
    return project


def texts(value: object) -> Iterator[str]:
    """Yield every text in a document."""
    match value:
        case str():
            yield value
        case dict():
            for each in value.values():
                yield from texts(each)
        case list():
            for each in value:
                yield from texts(each)


def commands(document: object) -> list[list[str]]:
    """Return the command lines of ours that a pipeline runs, without the program's name."""
    found = [found for text in texts(document) for found in COMMAND.findall(text)]
    return [shlex.split(each.removesuffix(" 2")) for each in found]


@pytest.mark.parametrize("system", FILES)
def test_a_file_that_is_there_is_not_overwritten(repository: Path, cli: Cli, system: str) -> None:
    path = repository / FILES[system]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine", encoding="utf-8")
    done = cli("ci", system)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        f"Error: {path} is there already; nothing was written.\n"
        "  Hint: Look at ours first: --output - prints it; or write it elsewhere with --output FILE.\n"
    )
    assert path.read_text(encoding="utf-8") == "mine"


def test_a_project_without_deployments_is_shown_one(project: Path, cli: Cli) -> None:
    done = cli("ci", "github")
    assert done.exit_code == 2
    assert "describes no deployment" in done.stderr
    assert "[deployments.staging]" in done.stderr


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ("prd=main", 'there is no deployment "prd"'),
        ("prod", "--deployment cannot be 'prod'"),
        ("prod=a b", "--deployment cannot be 'prod=a b'"),
        ("prod=$(rm)", "--deployment cannot be 'prod=$(rm)'"),
    ],
)
def test_a_wrong_wish_ends_with_2(repository: Path, cli: Cli, wish: str, message: str) -> None:
    done = cli("ci", "github", "--deployment", wish)
    assert done.exit_code == 2
    assert message in done.stderr
    assert cli("ci", "jenkins").exit_code == 2
    assert cli("ci", "github", "--deployment", "prod=a", "--deployment", "prod=b").exit_code == 2
    assert not (repository / ".github").exists()


@pytest.mark.parametrize("system", FILES)
def test_every_command_in_it_is_one_that_there_is(repository: Path, cli: Cli, system: str) -> None:
    done = cli("ci", system)
    assert (done.exit_code, done.stdout) == (0, f"Written: {FILES[system]}\n")
    assert done.stderr.startswith(
        "development is deployed when development is pushed.\nprod is deployed when main is pushed.\nCommit it; "
    )
    document = yaml.safe_load((repository / FILES[system]).read_text(encoding="utf-8"))
    lines = commands(document)
    for name, *arguments in lines:
        command = mwaa_local.get_command(click.Context(mwaa_local), name)
        assert command is not None, name
        with command.make_context(name, list(arguments)) as context:
            assert context.args == []
    assert {" ".join(line[:2]) for line in lines} >= {
        "plan development",
        "plan prod",
        "deploy development",
        "deploy prod",
        "pytest tests",
    }
    assert {"validate", "test-requirements", "test-dags"} <= {line[0] for line in lines}
    assert ["deploy", "prod", "--yes"] in lines


def test_github_plans_pull_requests_and_deploys_pushes_of_each_branch(repository: Path, cli: Cli) -> None:
    document = yaml.safe_load(cli("ci", "github", "--output", "-").stdout)
    # YAML 1.1 reads `on` as true.
    assert document[True] == {
        "pull_request": {"branches": ["development", "main"]},
        "push": {"branches": ["development", "main"]},
    }
    jobs = document["jobs"]
    assert list(jobs) == ["check", "plan-development", "deploy-development", "plan-prod", "deploy-prod"]
    assert "github.base_ref == 'development'" in jobs["plan-development"]["if"]
    assert jobs["deploy-prod"]["if"] == "github.event_name == 'push' && github.ref_name == 'main'"
    assert jobs["deploy-prod"]["needs"] == "check"
    assert jobs["deploy-prod"]["permissions"] == {"contents": "read", "id-token": "write"}
    assert document["env"] == {"MWAA_LOCAL_PROFILE": "none"}
    assert jobs["plan-development"]["env"] == {"ENV": "${{ vars.ENV }}"}
    regions = [
        step["with"]["aws-region"] for job in jobs.values() for step in job["steps"] if "aws-" in str(step)
    ]
    assert regions == ["eu-west-1", "eu-west-1", "${{ vars.AWS_REGION }}", "${{ vars.AWS_REGION }}"]


def test_gitlab_has_a_plan_and_a_deploy_for_each(repository: Path, cli: Cli) -> None:
    document = yaml.safe_load(cli("ci", "gitlab", "--output", "-", "--deployment", "prod=release/1").stdout)
    assert {name for name in document if name.startswith(("plan", "deploy"))} == {"plan-prod", "deploy-prod"}
    assert document["deploy-prod"]["rules"] == [
        {"if": '$CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == "release/1"'}
    ]
    assert document["workflow"]["rules"][-1] == {"if": '$CI_COMMIT_BRANCH == "release/1"'}


@pytest.mark.parametrize(
    ("event", "head", "base", "ran"),
    [
        ("PUSH", "refs/heads/main", "", "deploy prod --yes"),
        ("PUSH", "refs/heads/development", "", "deploy development --yes"),
        ("PUSH", "refs/heads/other", "", ""),
        ("PUSH", "refs/heads/main-2", "", ""),
        ("PULL_REQUEST_CREATED", "refs/heads/x", "refs/heads/main", "plan prod"),
        ("PULL_REQUEST_UPDATED", "refs/heads/main", "refs/heads/development", "plan development"),
        ("PULL_REQUEST_CREATED", "refs/heads/main", "refs/heads/other", ""),
        ("", "", "", ""),
    ],
)
def test_codebuild_does_what_the_event_asks_for(
    repository: Path, cli: Cli, event: str, head: str, base: str, ran: str
) -> None:
    document = yaml.safe_load(cli("ci", "codebuild", "--output", "-").stdout)
    (script,) = document["phases"]["build"]["commands"]
    variables = {
        "PATH": "/usr/bin:/bin",
        "CODEBUILD_WEBHOOK_EVENT": event,
        "CODEBUILD_WEBHOOK_HEAD_REF": head,
        "CODEBUILD_WEBHOOK_BASE_REF": base,
    }
    program = f'mwaa-local() {{ echo "ran $*"; return 3; }}\n{script}'
    done = subprocess.run(["bash", "-c", program], env=variables, capture_output=True, text=True, check=False)
    expected = f"ran {ran}\n" if ran else "Nothing is deployed from here.\n"
    assert (done.stdout, done.stderr, done.returncode) == (expected, "", 3 if ran else 0)


def test_a_project_in_a_folder_of_its_repository_is_found_there(project: Path, cli: Cli) -> None:
    (project.parent / ".git").mkdir()
    (project / "mwaa-local.toml").write_text('[deployments.only]\nbucket = "abc"\n', encoding="utf-8")
    done = cli("ci", "codebuild", "--package", "mwaa-local==0.1.0")
    assert done.stdout == "Written: ../.aws/buildspec.yml\n"
    document = yaml.safe_load((project.parent / ".aws" / "buildspec.yml").read_text(encoding="utf-8"))
    assert document["env"]["variables"]["MWAA_LOCAL_PROJECT"] == "orders"
    assert document["phases"]["install"]["commands"][0] == "pip install --quiet mwaa-local==0.1.0"
    assert [line[0] for line in commands(document["phases"]["pre_build"])] == ["validate", "test-dags"]
    assert "refs/heads/main " in document["phases"]["build"]["commands"][0]


def test_names_that_look_alike_get_jobs_of_their_own(project: Path, cli: Cli) -> None:
    (project / "mwaa-local.toml").write_text(
        '[deployments."a.b"]\nbucket = "abc"\n[deployments.a-b]\nbucket = "abc"\n', encoding="utf-8"
    )
    jobs = yaml.safe_load(cli("ci", "github", "--output", "-").stdout)["jobs"]
    assert sorted(jobs) == ["check", "deploy-a-b", "deploy-a-b-2", "plan-a-b", "plan-a-b-2"]


@pytest.mark.parametrize("system", FILES)
def test_names_that_look_like_numbers_stay_names(project: Path, cli: Cli, system: str) -> None:
    (project / "mwaa-local.toml").write_text('[deployments.on]\nbucket = "abc"\n', encoding="utf-8")
    made = cli("ci", system, "--output", "-", "--deployment", "on=1.0").stdout
    document = yaml.safe_load(made)
    assert ["deploy", "on", "--yes"] in commands(document)
    if system == "github":
        assert document[True]["push"] == {"branches": ["1.0"]}
    if system != "codebuild":
        deploy = document.get("jobs", document)["deploy-on"]
        assert deploy["environment"] == "on"
