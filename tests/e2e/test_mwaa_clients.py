"""Real clients before real environments: AWS CLI, scripts of AWS's guide, Airflow's own operators, a link in Chromium.

The project's own environment runs Airflow 3; another one, of Airflow 2, is made through the API, and called from it.
"""

import json
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Error as BrowserError
from playwright.sync_api import Page, expect

from tests.aws_cli import install_aws_cli
from tests.e2e.browser import PATIENCE
from tests.e2e.browser import open_screen as open_browser
from tests.e2e.local_environment import LocalEnvironment, eventually, sample_environment
from tests.mwaa_endpoint import NETWORK, ROLE
from tests.mwaa_scripts import (
    BASH_COMMAND,
    BASH_LINK,
    BASH_SESSION,
    LAMBDA,
    PYTHON_COMMAND,
    PYTHON_SESSION,
    Shell,
)

pytestmark = pytest.mark.airflow

OTHER, BUCKET = "other", "bucket-of-the-other"
TARGET = """\
from datetime import datetime
from airflow import DAG
from airflow.operators.python import PythonOperator

def say(params):
    print("called by", params.get("by"))

with DAG("target", start_date=datetime(2024, 1, 1), schedule=None, catchup=False, params={"by": "nobody"},
         is_paused_upon_creation=False) as dag:
    PythonOperator(task_id="say", python_callable=say)
"""
CALLER = """\
from datetime import datetime
from airflow.providers.amazon.aws.hooks.mwaa import MwaaHook
from airflow.providers.amazon.aws.operators.mwaa import MwaaTriggerDagRunOperator
from airflow.providers.amazon.aws.sensors.mwaa import MwaaDagRunSensor, MwaaTaskSensor
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG

OTHER = "other"

def command(way):
    # As in AWS's guide: a DAG that invokes DAGs in another environment.
    import base64, http.client, json
    import boto3, requests
    token = boto3.client("mwaa").create_cli_token(Name=OTHER)
    host, line = token["WebServerHostname"], "dags trigger target --conf '" + json.dumps({"by": way}) + "'"
    headers = {"Authorization": "Bearer " + token["CliToken"], "Content-Type": "text/plain"}
    if way == "requests":
        said = requests.post(f"https://{host}/aws_mwaa/cli", headers=headers, data=line, timeout=60).json()
    else:
        connection = http.client.HTTPSConnection(host, timeout=60)
        connection.request("POST", "/aws_mwaa/cli", line, headers)
        said = json.loads(connection.getresponse().read())
    assert "target" in base64.b64decode(said["stdout"]).decode(), said

def session():
    path = "/dags/target/dagRuns"
    answer = MwaaHook().invoke_rest_api(OTHER, path, "POST", {"conf": {"by": "session"}}, generate_local_token=True)
    assert answer["RestApiStatusCode"] == 200

with DAG("caller", start_date=datetime(2024, 1, 1), schedule=None, catchup=False) as dag:
    # InvokeRestApi takes paths of 64 characters at most, so the run's name is a short one.
    trigger = MwaaTriggerDagRunOperator(
        task_id="trigger", env_name=OTHER, trigger_dag_id="target", trigger_run_id="by-operator",
        conf={"by": "operator"}, deferrable=True, waiter_delay=2)
    run = MwaaDagRunSensor(task_id="run", external_env_name=OTHER, external_dag_id="target",
                           external_dag_run_id="by-operator", poke_interval=2)
    task = MwaaTaskSensor(task_id="task", external_env_name=OTHER, external_dag_id="target",
                          external_dag_run_id="by-operator", external_task_id="say", poke_interval=2)
    trigger >> [run, task]
    # One after the other: `dags trigger` names a run by the second.
    ways = [PythonOperator(task_id=way, python_callable=command, op_args=[way]) for way in ("requests", "http")]
    ways[0] >> ways[1] >> PythonOperator(task_id="session", python_callable=session)
    BashOperator(task_id="bash", bash_command='test -s "$CURL_CA_BUNDLE"')
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEnvironment]:
    folder = tmp_path_factory.mktemp("clients") / "sample"
    with sample_environment(folder, "3.0.6", "--executor", "local") as made:
        (folder / "dags" / "caller.py").write_text(CALLER)
        made.start()
        yield made


@pytest.fixture(scope="module")
def shell(home: LocalEnvironment, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A shell as `mwaa-local env aws` makes it, with the real AWS CLI."""
    try:
        aws = install_aws_cli(tmp_path_factory.mktemp("aws") / "cli")
    except RuntimeError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"the AWS CLI cannot be installed: {error}")
    exported = json.loads(home.succeed("env", "aws", "--json"))
    variables = {name: value for name, value in exported.items() if value is not None}
    return Shell({"PATH": os.environ["PATH"], "HOME": str(home.project.parent), **variables}, aws)


@pytest.fixture(scope="module")
def other(shell: Shell, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Another environment, made as one makes it on AWS; return its name."""
    dags = tmp_path_factory.mktemp("other") / "dags"
    dags.mkdir()
    (dags / "target.py").write_text(TARGET)
    shell.cli("s3", "mb", f"s3://{BUCKET}")
    bucket = ("--bucket", BUCKET)
    shell.cli("s3api", "put-bucket-versioning", *bucket, "--versioning-configuration", "Status=Enabled")
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    blocks = ",".join(f"{name}=true" for name in names)
    shell.cli("s3api", "put-public-access-block", *bucket, "--public-access-block-configuration", blocks)
    shell.cli("s3", "sync", str(dags), f"s3://{BUCKET}/dags")
    settings = f"""--name {OTHER} --airflow-version 2.10.3 --execution-role-arn {ROLE}
        --source-bucket-arn arn:aws:s3:::{BUCKET} --dag-s3-path dags --environment-class mw1.micro"""
    shell.cli(
        "mwaa", "create-environment", *shlex.split(settings), "--network-configuration", json.dumps(NETWORK)
    )
    eventually(lambda: status(shell) != "CREATING", "the environment is created")
    assert status(shell) == "AVAILABLE"
    return OTHER


def status(shell: Shell) -> str:
    query = ("--query", "Environment.Status", "--output", "text")
    return shell.cli("mwaa", "get-environment", "--name", OTHER, *query).strip()


def called_by(shell: Shell) -> set[str]:
    """Return who has called the target, as the REST API lists its runs."""
    given = ("--name", OTHER, "--method", "GET", "--path", "/dags/target/dagRuns")
    runs = json.loads(shell.cli("mwaa", "invoke-rest-api", *given))["RestApiResponse"]["dag_runs"]
    return {str(run["conf"].get("by")) for run in runs}


def trigger(by: str, day: int) -> str:
    """Return the command that triggers a run of a day of its own: Airflow has only one of each second."""
    return f'dags trigger target --exec-date 2024-01-0{day} --conf \'{{"by": "{by}"}}\''


def test_scripts_of_the_guide_run_commands_in_another_environment(shell: Shell, other: str) -> None:
    eventually(lambda: "target" in shell.bash(BASH_COMMAND, other, "dags list"), "the DAG is read")
    shell.bash(BASH_COMMAND, other, trigger("bash", 1))
    shell.python(PYTHON_COMMAND, other, trigger("urllib", 2))
    assert "target" in shell.python(LAMBDA, other, trigger("lambda", 3))
    assert called_by(shell) == {"bash", "urllib", "lambda"}


@pytest.mark.parametrize(
    ("of_home", "login", "path"),
    [
        (False, "/aws_mwaa/login", "/api/v1/dags"),
        (True, "/pluginsv2/aws_mwaa/login", "/api/v2/dags"),
    ],
    ids=["Airflow 2", "Airflow 3"],
)
def test_scripts_of_the_guide_sign_in_and_call_the_rest_api(
    of_home: bool, login: str, path: str, shell: Shell, other: str, home: LocalEnvironment, tmp_path: Path
) -> None:
    name = str(home.summary["name"]) if of_home else other
    wanted = "hello_pipeline" if of_home else "target"
    assert wanted in shell.python(PYTHON_SESSION, name, login, path)
    assert wanted in shell.cli(
        "mwaa", "invoke-rest-api", "--name", name, "--method", "GET", "--path", "/dags"
    )
    if not of_home:  # Airflow 3 takes its token in a header, which curl does not make of a cookie
        assert wanted in shell.bash(BASH_SESSION, name, login, path, str(tmp_path / "cookies"))


def test_a_dag_calls_another_environment_with_airflows_own_operators(
    home: LocalEnvironment, shell: Shell, other: str
) -> None:
    result = home.run_dag("caller")
    assert result["state"] == "success", result
    assert {"operator", "requests", "http", "session"} <= called_by(shell)


def test_the_aws_cli_reads_the_log_of_a_task(shell: Shell, other: str) -> None:
    query = ("--query", "events[].[logStreamName, message]", "--output", "text")
    group = ("--log-group-name", f"airflow-{other}-Task", "--start-time", "0", "--interleaved")
    eventually(lambda: "called by" in shell.cli("logs", "filter-log-events", *group, *query), "it is logged")


def visit(page: Page, url: str) -> None:
    """Go to an address; again, where Chromium gives up since the machine has got another network interface."""
    for _ in range(3):
        try:
            page.goto(url)
        except BrowserError as error:
            if "ERR_NETWORK_CHANGED" not in error.message:
                raise
        else:
            return
    pytest.fail(f"the network keeps changing: {url}")


@pytest.mark.browser
def test_links_lead_into_both_environments_side_by_side_in_chromium(
    shell: Shell, home: LocalEnvironment, other: str
) -> None:
    link = shell.bash(BASH_LINK, other).strip()
    with open_browser(home.url) as screen:
        page = screen.page.context.browser.new_page(ignore_https_errors=True)  # type: ignore[union-attr]
        page.set_default_timeout(PATIENCE)
        visit(page, link)
        page.wait_for_url("**/home")
        expect(page.get_by_role("link", name="target", exact=True)).to_be_visible()
        of_other = page.url
        visit(page, shell.bash(BASH_LINK, str(home.summary["name"])).strip())
        page.get_by_role("link", name="Dags").first.click()
        expect(page.get_by_role("link", name="hello_pipeline", exact=True)).to_be_visible()
        visit(page, of_other)
        expect(page.get_by_role("link", name="target", exact=True)).to_be_visible()


def test_the_aws_cli_deletes_the_environment(shell: Shell, other: str) -> None:
    shell.cli("mwaa", "delete-environment", "--name", other)
    listed = ("mwaa", "list-environments", "--query", "Environments", "--output", "text")
    eventually(lambda: other not in shell.cli(*listed).split(), "the environment is gone")
    assert "ResourceNotFoundException" in shell.refused_cli("mwaa", "get-environment", "--name", other)
