"""The web server's doors over HTTPS, before a web server and a command server that the test plays."""

import base64
import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from mwaa_local.aws.web_doors.commands import AT_ONCE
from mwaa_local.aws.web_doors.login import PAGE
from mwaa_local.aws.web_doors.settings import KEY_VARIABLE, DoorSettings, door_arguments
from mwaa_local.mwaa_tokens import AirflowRole, Purpose
from tests.contract.endpoint_process import Endpoint, free_port
from tests.fakes_doors import ENVIRONMENT, KEY, FakeCommands, Front, WebServerScript, open_front, web_server

PATIENCE = 20.0


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="mwl-doors-"))  # short: a socket's path has a limit
    yield path
    shutil.rmtree(path)


@pytest.fixture
def commands(folder: Path) -> Iterator[FakeCommands]:
    made = FakeCommands(folder / "c.sock")
    yield made
    made.may_end.set()
    made.close()


@pytest.fixture
def airflow() -> WebServerScript:
    return WebServerScript()


@pytest.fixture
def front(folder: Path, commands: FakeCommands, airflow: WebServerScript) -> Iterator[Front]:
    with web_server(airflow) as port, open_front(folder, port, folder / "c.sock") as made:
        yield made


def decoded(document: Any) -> dict[str, str]:
    return {name: base64.b64decode(value).decode() for name, value in document.items()}


def test_a_command_line_is_split_as_a_shell_does_and_runs_whatever_its_exit_code(
    front: Front, commands: FakeCommands
) -> None:
    answer = front.command("dags trigger my_dag --conf '{\"a\": 1}'\n")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert commands.ran == [["dags", "trigger", "my_dag", "--conf", '{"a": 1}']]
    assert decoded(answer.json) == {"stdout": 'dags trigger my_dag --conf {"a": 1}', "stderr": "a warning"}


@pytest.mark.parametrize("line", ["users list", "db reset -y", "webserver", "", "--help", "dags explode"])
def test_a_command_that_mwaa_does_not_run_is_refused_with_500(
    front: Front, commands: FakeCommands, line: str
) -> None:
    assert front.command(line).status == 500
    assert commands.ran == []


def test_what_cannot_be_read_is_refused_before_anything_runs(front: Front, commands: FakeCommands) -> None:
    assert front.command("dags list 'open").status == 400
    assert front.command("dags list", **{"Content-Type": "application/json"}).status == 415
    assert front.command("x" * 1_000_001).status == 413
    assert front.ask("GET", "/aws_mwaa/cli").status == 405
    assert commands.ran == []


def test_a_token_opens_its_own_door_of_its_own_environment_for_a_minute(
    front: Front, commands: FakeCommands
) -> None:
    other = Front(front.cache, front.port, environment="Other")
    stranger = Front(front.cache, front.port, key=b"another key")
    refused = (
        front.token(Purpose.CLI, age=60),
        front.token(Purpose.WEB),
        front.token(Purpose.LOGIN),
        other.token(Purpose.CLI),
        stranger.token(Purpose.CLI),
        "",
    )
    for token in refused:
        assert front.command("version", Authorization=f"Bearer {token}").status == 403
    assert front.command("version", Authorization=f"Basic {front.token(Purpose.CLI)}").status == 403
    assert commands.ran == []
    for token in (front.token(Purpose.WEB, age=60), front.token(Purpose.CLI), other.token(Purpose.WEB), ""):
        assert front.log_in(token).status == 403
    again = front.token(Purpose.CLI, age=50)
    for _ in range(2):
        assert front.command("version", Authorization=f"Bearer {again}").status == 200


def test_four_commands_run_at_a_time_and_the_fifth_gets_503(front: Front, commands: FakeCommands) -> None:
    commands.may_end.clear()
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(front.command("dags list").status))
        for _ in range(AT_ONCE)
    ]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert commands.began.acquire(timeout=PATIENCE)
    assert front.command("version").status == 503
    commands.may_end.set()
    for thread in threads:
        thread.join()
    assert answers == [200] * AT_ONCE
    assert front.command("version").status == 200


def test_a_web_server_that_is_away_gives_502_at_every_door(folder: Path) -> None:
    with open_front(folder, 1, folder / "none.sock") as front:
        assert front.command("version").status == 502
        assert front.log_in(front.token(Purpose.WEB)).status == 502
        assert front.ask("GET", "/home").status == 502


@pytest.mark.parametrize("prefix", ["/aws_mwaa", "/pluginsv2/aws_mwaa"])
def test_a_web_token_becomes_a_session_with_its_role(
    front: Front, airflow: WebServerScript, prefix: str
) -> None:
    answer = front.log_in(front.token(Purpose.WEB, AirflowRole.VIEWER), f"{prefix}/login")
    assert answer.status == 200
    assert answer.headers["set-cookie"].startswith("session=Viewer-assumed-role.Engineer.me-1;")
    assert airflow.seen[0].headers["host"] == f"localhost:{front.port}"


def test_a_browser_keeps_the_sessions_of_two_environments_apart(
    front: Front, airflow: WebServerScript
) -> None:
    browser = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}
    answer = front.ask("POST", "/aws_mwaa/login", browser, f"token={front.token(Purpose.WEB)}".encode())
    name, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
    assert name == f"session-{front.port}"
    front.ask("GET", "/home", {**browser, "Cookie": f"session=another; {name}={value}"})
    assert airflow.seen[-1].headers["cookie"] == f"session={value}"


def test_the_page_of_a_link_keeps_the_token_from_the_server(front: Front, airflow: WebServerScript) -> None:
    answer = front.ask("GET", "/aws_mwaa/aws-console-sso?login=true")
    assert (answer.status, answer.body.decode()) == (200, PAGE)
    assert "'unsafe-inline'" not in answer.headers["content-security-policy"]
    assert airflow.seen == []


def test_everything_else_reaches_the_web_server_and_comes_back(
    front: Front, airflow: WebServerScript
) -> None:
    airflow.status = 404
    answer = front.ask("PATCH", "/api/v1/dags/x?update_mask=is_paused", {"Cookie": "session=1"}, b'{"a": 1}')
    assert (answer.status, answer.body) == (404, b'{"dags": []}')
    (seen,) = airflow.seen
    assert (seen.method, seen.target) == ("PATCH", "/api/v1/dags/x?update_mask=is_paused")
    assert (seen.headers["cookie"], seen.headers["x-forwarded-proto"]) == ("session=1", "https")
    assert seen.body == b'{"a": 1}'


def test_a_streamed_answer_comes_as_a_stream(front: Front) -> None:
    answer = front.ask("GET", "/stream")
    assert (answer.headers["transfer-encoding"], answer.body) == ("chunked", b"one\ntwo\n")


def test_the_inner_door_and_foreign_names_are_shut(front: Front, airflow: WebServerScript) -> None:
    assert front.ask("POST", "/_mwaa_local/login", {"X-Mwaa-Local-Login": "x"}).status == 404
    assert front.ask("GET", "/home", {"Host": "evil.example"}).status == 403
    assert front.ask("POST", "/home", {"Transfer-Encoding": "chunked"}).status == 411
    assert airflow.seen == []


def test_a_connection_serves_several_requests(front: Front) -> None:
    with requests.Session() as session:
        for path in ("/home", "/aws_mwaa/aws-console-sso", "/home"):
            assert (
                session.get(front.url + path, timeout=PATIENCE, verify=str(front.authority)).status_code
                == 200
            )


def test_a_client_that_does_not_trust_the_authority_is_not_served(
    front: Front, airflow: WebServerScript
) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(front.url, timeout=PATIENCE)
    assert airflow.seen == []


def test_a_client_that_says_nothing_holds_nobody_up(front: Front) -> None:
    with socket.create_connection(("127.0.0.1", front.port)):
        assert front.ask("GET", "/home").status == 200


def test_the_certificate_is_good_for_127_0_0_1_and_for_the_environments_own_name(front: Front) -> None:
    context = ssl.create_default_context(cafile=front.authority)
    for name in ("127.0.0.1", f"{ENVIRONMENT.lower()}.localhost"):
        with (
            socket.create_connection(("127.0.0.1", front.port)) as plain,
            context.wrap_socket(plain, server_hostname=name) as tls,
        ):
            assert tls.version() in ("TLSv1.3", "TLSv1.2")


BASH = """
set -euo pipefail
answer=$(curl --silent --show-error --fail --request POST "https://$WEB_SERVER_HOSTNAME/aws_mwaa/cli" \
  --header "Authorization: Bearer $CLI_TOKEN" --header "Content-Type: text/plain" \
  --data-raw "dags trigger $DAG_ID")
field() { echo "$answer" | python3 -c "import json, sys; print(json.load(sys.stdin)['$1'])" | base64 --decode; }
echo "output: $(field stdout)"
echo "errors: $(field stderr)"
"""


def test_a_bash_script_with_curl_runs_a_command(front: Front) -> None:
    if shutil.which("curl") is None:
        assert os.environ.get("CI") != "true", "there is no curl"
        pytest.skip("there is no curl")
    variables = {
        "PATH": os.environ["PATH"],
        "WEB_SERVER_HOSTNAME": f"localhost:{front.port}",
        "CLI_TOKEN": front.token(Purpose.CLI),
        "DAG_ID": "my_dag",
        "CURL_CA_BUNDLE": str(front.authority),
    }
    done = subprocess.run(["bash", "-c", BASH], env=variables, capture_output=True, text=True, check=False)
    assert (done.stderr, done.stdout) == ("", "output: dags trigger my_dag\nerrors: a warning\n")


def test_a_python_script_signs_in_and_calls_the_rest_api(
    front: Front, airflow: WebServerScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(front.authority))
    host = f"localhost:{front.port}"
    login = requests.post(
        f"https://{host}/aws_mwaa/login", data={"token": front.token(Purpose.WEB)}, timeout=PATIENCE
    )
    assert login.status_code == 200
    session = login.cookies["session"]
    answer = requests.get(f"https://{host}/api/v1/dags", cookies={"session": session}, timeout=PATIENCE)
    assert answer.json() == {"dags": []}
    assert airflow.seen[-1].headers["cookie"] == f"session={session}"


def test_the_endpoint_process_opens_the_doors_and_tells_nobody_the_key(folder: Path) -> None:
    key = base64.urlsafe_b64encode(KEY).decode()
    front = Front(folder, free_port())
    settings = DoorSettings(
        ENVIRONMENT, "2.10.3", front.port, 1, folder / "authority", folder, folder / "none.sock"
    )
    endpoint = Endpoint(
        folder, arguments=(*door_arguments(settings), "--airflow", "2.10.3"), variables={KEY_VARIABLE: key}
    )
    endpoint.start()
    try:
        assert front.command("users list").status == 500
        assert front.command("version", Authorization="Bearer x").status == 403
        assert front.command("version").status == 502
        assert endpoint.process is not None
        assert not any(key in part for part in psutil.Process(endpoint.process.pid).cmdline())
    finally:
        endpoint.end()
    kept = [path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file()]
    assert not any(key in text or front.token(Purpose.CLI)[:40] in text for text in kept)


def test_a_lambda_handler_sends_a_command_with_the_standard_library(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(front.authority))
    connection = HTTPSConnection(f"localhost:{front.port}", timeout=PATIENCE)
    headers = {"Authorization": "Bearer " + front.token(Purpose.CLI), "Content-Type": "text/plain"}
    connection.request("POST", "/aws_mwaa/cli", "dags trigger my_dag", headers)
    said = json.loads(connection.getresponse().read())
    connection.close()
    assert base64.b64decode(said["stdout"]) == b"dags trigger my_dag"
