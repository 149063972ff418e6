"""The web server's own doors before a real Airflow: commands, sign-in and REST API by token, and a link in Chromium."""

import base64
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from mwaa_local.aws.web_doors.rest_api import Caller, RestCall, build_rest_api
from mwaa_local.aws.web_doors.settings import DoorSettings, parse_key
from mwaa_local.mwaa_tokens import AirflowRole, Purpose
from tests.e2e.browser import PATIENCE
from tests.e2e.browser import open_screen as open_browser
from tests.e2e.local_environment import LocalEnvironment, sample_environment
from tests.fakes_doors import USER as ENGINEER
from tests.fakes_doors import Front

pytestmark = pytest.mark.airflow

VERSION = "2.10.3"
DAG = "hello_pipeline"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEnvironment]:
    with sample_environment(tmp_path_factory.mktemp("doors") / "sample", VERSION) as made:
        made.start()
        yield made


@pytest.fixture(scope="module")
def front(environment: LocalEnvironment) -> Front:
    ports = json.loads(environment.read_state("ports.json"))
    key = parse_key(json.loads(environment.read_state("secrets.json"))["token_key"])
    cache = Path(os.environ["MWAA_LOCAL_CACHE"])
    return Front(cache, ports["doors"], environment.summary["name"], key)


def run(front: Front, line: str) -> tuple[str, str]:
    """Run a command that the doors let pass; return its two streams."""
    answer = front.command(line)
    assert answer.status == 200, answer.body
    return base64.b64decode(answer.json["stdout"]).decode(), base64.b64decode(answer.json["stderr"]).decode()


def test_commands_run_in_the_environment_and_a_failure_is_only_in_what_they_say(front: Front) -> None:
    assert DAG in run(front, "dags list")[0]
    run(front, "variables set greeting 'Hello there'")
    assert run(front, "variables get greeting")[0] == "Hello there\n"
    assert "does not exist" in run(front, "variables get nothing")[1]
    assert "invalid choice" in run(front, "dags list --output nonsense")[1]
    assert run(front, "version")[0] == f"{VERSION}\n"


def test_a_token_gives_a_session_with_its_role(front: Front) -> None:
    codes = {}
    for role in (AirflowRole.OP, AirflowRole.VIEWER, AirflowRole.PUBLIC):
        signed_in = front.log_in(front.token(Purpose.WEB, role))
        headers = {
            "Cookie": signed_in.headers["set-cookie"].partition(";")[0],
            "Content-Type": "application/json",
        }
        seen = front.ask("GET", "/api/v1/dags", headers).status
        triggered = front.ask("POST", f"/api/v1/dags/{DAG}/dagRuns", headers, b"{}").status
        codes[role] = (seen, triggered, front.ask("GET", "/users/list/", headers).status)
    assert codes == {
        AirflowRole.OP: (200, 200, 302),
        AirflowRole.VIEWER: (200, 403, 302),
        AirflowRole.PUBLIC: (403, 403, 302),
    }
    admin = front.log_in(front.token(Purpose.WEB, AirflowRole.ADMIN)).headers["set-cookie"].partition(";")[0]
    assert front.ask("GET", "/users/list/", {"Cookie": admin}).status == 200


def test_the_rest_api_is_called_as_a_role(front: Front, environment: LocalEnvironment) -> None:
    nowhere = Path("/nowhere")
    web_port = int(environment.url.rpartition(":")[2])
    settings = DoorSettings(front.environment, VERSION, front.port, web_port, nowhere, nowhere, nowhere)
    api = build_rest_api(settings, front.key, time.time)
    viewer, user = Caller(AirflowRole.VIEWER, ENGINEER), Caller(AirflowRole.USER, ENGINEER)
    trigger = RestCall("POST", f"/dags/{DAG}/dagRuns", {}, {"conf": {"from": "test"}})
    assert api.invoke(viewer, RestCall("GET", "/dags", {"limit": 1}, None)).response["total_entries"] > 1
    assert api.invoke(viewer, trigger).status == 403
    assert api.invoke(user, trigger).response["conf"] == {"from": "test"}
    assert api.invoke(user, RestCall("GET", "/dags/none", {}, None)).status == 404


@pytest.mark.browser
def test_a_link_with_a_token_leads_to_the_dags(front: Front) -> None:
    with open_browser(front.url) as screen:
        page = screen.page.context.browser.new_page(ignore_https_errors=True)  # type: ignore[union-attr]
        page.set_default_timeout(PATIENCE)
        page.goto(
            f"{front.url}/aws_mwaa/aws-console-sso?login=true#{front.token(Purpose.WEB, AirflowRole.VIEWER)}"
        )
        page.wait_for_url("**/home")
        expect(page.get_by_role("link", name=DAG, exact=True)).to_be_visible()
        page.goto(f"{front.url}/users/userinfo/")
        expect(page.get_by_text(ENGINEER).first).to_be_visible()
        expect(page.get_by_text("Viewer").first).to_be_visible()
        page.goto(f"{front.url}/aws_mwaa/aws-console-sso?login=true#expired")
        expect(page.get_by_text("Forbidden: the token is not one of this environment")).to_be_visible()


def test_no_log_holds_a_key_or_a_token(front: Front, environment: LocalEnvironment) -> None:
    token = front.token(Purpose.CLI)
    front.command("version", Authorization=f"Bearer {token}")
    stack = json.loads(environment.read_state("run", "stack.json"))
    web = next(dict(each["environment"]) for each in stack["services"] if each["name"] == "webserver")
    secrets = (
        json.loads(environment.read_state("secrets.json"))["token_key"],
        web["MWAA_LOCAL_LOGIN_KEY"],
        token,
    )
    logs = [path.read_text(errors="replace") for path in environment.project.rglob("*.log*")]
    assert len(logs) > 5
    assert not any(secret in text for text in logs for secret in secrets)
