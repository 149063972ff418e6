"""InvokeRestApi's other half, before a web server that the test plays."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.aws.web_doors import rest_api
from mwaa_local.aws.web_doors.rest_api import (
    Caller,
    RestApi,
    RestApiThrottledError,
    RestApiUnsupportedError,
    RestCall,
    build_rest_api,
)
from mwaa_local.aws.web_doors.settings import DoorSettings
from mwaa_local.mwaa_tokens import AirflowRole
from tests.fakes_doors import ENVIRONMENT, KEY, WebServerScript, web_server

ADMIN = Caller(AirflowRole.ADMIN, "assumed-role/Engineer/me")
VIEWER = Caller(AirflowRole.VIEWER, "assumed-role/Engineer/me")


class Clock:
    """Time that passes when the test says so; it begins now, since tokens are checked by the real clock."""

    def __init__(self) -> None:
        import time

        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def airflow() -> WebServerScript:
    return WebServerScript()


@pytest.fixture
def port(airflow: WebServerScript) -> Iterator[int]:
    with web_server(airflow) as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


def made(port: int, clock: Clock, version: str = "2.10.3") -> RestApi:
    nowhere = Path("/nowhere")
    return build_rest_api(DoorSettings(ENVIRONMENT, version, 1, port, nowhere, nowhere, nowhere), KEY, clock)


def call(
    method: str = "GET", path: str = "/dags", query: dict[str, Any] | None = None, body: Any = None
) -> RestCall:
    return RestCall(method, path, query or {}, body)


def test_a_call_goes_to_the_api_of_the_version_as_the_role(
    port: int, clock: Clock, airflow: WebServerScript
) -> None:
    api = made(port, clock)
    answer = api.invoke(
        VIEWER, call("POST", "dags/a dag/dagRuns", {"tags": ["a", "b"], "limit": 3}, {"conf": {}})
    )
    assert (answer.status, answer.response) == (200, {"dags": []})
    seen = airflow.seen[-1]
    assert (seen.method, seen.target) == ("POST", "/api/v1/dags/a%20dag/dagRuns?tags=a&tags=b&limit=3")
    assert seen.headers["cookie"].startswith("session=Viewer-")
    assert (seen.headers["content-type"], seen.body) == ("application/json", b'{"conf": {}}')
    made(port, clock, "3.0.6").invoke(VIEWER, call())
    assert airflow.seen[-1].target == "/api/v2/dags"


def test_a_session_is_used_again_by_the_same_caller_only_until_it_ends(
    port: int, clock: Clock, airflow: WebServerScript
) -> None:
    api = made(port, clock)
    for caller in (ADMIN, ADMIN, VIEWER, ADMIN):
        api.invoke(caller, call())
    assert airflow.logins == 2
    airflow.refused_sessions.add(airflow.seen[-1].headers["cookie"])
    assert api.invoke(ADMIN, call()).status == 200
    assert airflow.logins == 3


@pytest.mark.parametrize("status", [400, 403, 404, 409, 500])
def test_what_airflow_answers_is_handed_back(
    port: int, clock: Clock, airflow: WebServerScript, status: int
) -> None:
    airflow.status, airflow.body = status, b"not JSON"
    answer = made(port, clock).invoke(ADMIN, call())
    assert (answer.status, answer.response) == (status, "not JSON")


def test_an_answer_without_content_is_an_empty_object(
    port: int, clock: Clock, airflow: WebServerScript
) -> None:
    airflow.status, airflow.body = 200, b""
    assert made(port, clock).invoke(ADMIN, call("DELETE")).response == {}


def test_a_web_server_that_is_away_or_too_slow_is_a_server_error(
    port: int, clock: Clock, airflow: WebServerScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert made(1, clock).invoke(ADMIN, call()).status == 502
    monkeypatch.setattr(rest_api, "PATIENCE", 0.2)
    airflow.pause = 0.6
    answer = made(port, clock).invoke(ADMIN, call())
    assert (answer.status, answer.response["detail"]) == (504, "the web server takes too long")


def test_bodies_have_6_megabytes_at_most(port: int, clock: Clock, airflow: WebServerScript) -> None:
    api = made(port, clock)
    assert api.invoke(ADMIN, call("POST", body="x" * (6 * 1024 * 1024))).status == 413
    assert airflow.seen == []
    airflow.body = b"x" * (6 * 1024 * 1024 + 1)
    assert api.invoke(ADMIN, call()).status == 502


def test_ten_calls_a_second_are_taken(port: int, clock: Clock) -> None:
    api = made(port, clock)
    for _ in range(10):
        api.invoke(ADMIN, call())
    with pytest.raises(RestApiThrottledError):
        api.invoke(ADMIN, call())
    clock.now += 1
    assert api.invoke(ADMIN, call()).status == 200


@pytest.mark.parametrize("version", ["1.10.12", "2.0.2", "2.2.2"])
def test_old_versions_have_no_rest_api_to_call(port: int, clock: Clock, version: str) -> None:
    with pytest.raises(RestApiUnsupportedError, match=r"Airflow 2.4.3 or newer"):
        made(port, clock, version).invoke(ADMIN, call())
