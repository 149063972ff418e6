"""Thousands of generated requests: none is answered with a 5xx, and none that is refused changes anything."""

import random
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from mwaa_local.aws.mwaa_api.constraints import violations
from tests.mwaa_api_samples import ANYTHING, anything
from tests.mwaa_api_site import ARN, CREATION, MODEL, ApiSite

REQUESTS = 10_000
NAMES = ("one", "two", "three", "1", "a b", "é", "x" * 81, "%00", "..")
QUERIES = (
    "",
    "",
    "?tagKeys=x",
    "?tagKeys=a&tagKeys=b",
    "?MaxResults=1",
    "?MaxResults=x",
    "?NextToken=abc",
    "?%ff",
)
BODIES = (b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"a":' * 5000, b'{"MaxWorkers":1e999}')
ANSWERS = {operation.name: operation for operation in MODEL.operations}
NOT_AS_IN_THE_MODEL = ("'environment.webserverUrl'", "'webServerHostname'", "at 'tags'")
"""Host names without a scheme (as MWAA returns them) and with a port; an environment without tags."""


def generated(rng: random.Random) -> tuple[str, str, Any]:
    """Return method, target and body of a request."""
    operation = rng.choice(MODEL.operations)
    name = quote(rng.choice(NAMES[:3] if rng.random() < 0.7 else NAMES))
    target = operation.http["requestUri"].replace("{ResourceArn}", quote(ARN + name, safe="") or "x")
    target = target.replace("{Name}", name).replace("{EnvironmentName}", name) + rng.choice(QUERIES)
    method = (
        operation.http["method"] if rng.random() < 0.9 else rng.choice(("GET", "POST", "DELETE", "TRACE"))
    )
    if rng.random() < 0.1:
        return method, target, rng.choice(BODIES)
    assert operation.input_shape is not None
    body = anything(rng, operation.input_shape, rng.choice((0.0, 0.02, 0.2)))
    if operation.name == "CreateEnvironment" and rng.random() < 0.5:
        body = {**CREATION, rng.choice(sorted(operation.input_shape.members)): rng.choice(ANYTHING)}
    return method, target, body


@pytest.mark.parametrize("seed", range(4))
def test_no_generated_request_breaks_the_api_or_changes_what_it_may_not(seed: int, tmp_path: Path) -> None:
    site, rng = ApiSite(tmp_path), random.Random(seed)
    site.made("one").made("two", Tags={"x": "y"})
    records = tmp_path / "environments.json"
    statuses: dict[int, int] = {}
    for _ in range(REQUESTS // 4):
        before = records.read_bytes()
        method, target, body = generated(rng)
        reply = site.send(method, target, body)
        statuses[reply.status] = statuses.get(reply.status, 0) + 1
        assert reply.status < 500, (method, target, body)
        if reply.status != 200 or method == "GET":
            assert records.read_bytes() == before, (method, target, body)
        else:
            for name in site.store.names():
                site.finish(name)
            if "one" not in site.store.names():
                site.made("one")
    assert {200, 400, 404} <= statuses.keys()
    assert statuses[200] > REQUESTS // 100


def test_what_is_answered_is_what_the_model_says(tmp_path: Path) -> None:
    site = ApiSite(tmp_path).made("one", PluginsS3Path="plugins.zip", PluginsS3ObjectVersion="p1")
    site.made("two").update("two", MaxWorkers=3)
    site.finish("two", error="INCORRECT_CONFIGURATION")
    asked: dict[str, tuple[str, str, Any]] = {
        "CreateCliToken": ("POST", "/clitoken/one", None),
        "CreateEnvironment": ("PUT", "/environments/three", CREATION),
        "CreateWebLoginToken": ("POST", "/webtoken/one", None),
        "GetEnvironment": ("GET", "/environments/two", None),
        "InvokeRestApi": ("POST", "/restapi/one", {"Path": "/dags", "Method": "GET"}),
        "ListEnvironments": ("GET", "/environments?MaxResults=1", None),
        "ListTagsForResource": ("GET", f"/tags/{ARN}one", None),
        "PublishMetrics": ("POST", "/metrics/environments/one", {"MetricData": []}),
        "TagResource": ("POST", f"/tags/{ARN}one", {"Tags": {"a": "b"}}),
        "UntagResource": ("DELETE", f"/tags/{ARN}one?tagKeys=a", None),
        "UpdateEnvironment": ("PATCH", "/environments/one", {"MaxWorkers": 3}),
        "DeleteEnvironment": ("DELETE", "/environments/two", None),
    }
    assert asked.keys() == ANSWERS.keys()
    site.finish("two")
    for name, (method, target, body) in asked.items():
        reply = site.send(method, target, body)
        assert reply.status == 200, (name, reply)
        shape = ANSWERS[name].output_shape
        assert shape is not None
        assert set(reply.body) <= set(shape.members)
        wrong = [
            each for each in violations(shape, reply.body) if not any(n in each for n in NOT_AS_IN_THE_MODEL)
        ]
        assert wrong == []


def test_pages_list_every_environment_once(tmp_path: Path) -> None:
    site = ApiSite(tmp_path)
    for number in range(7):
        site.create(f"e{number}")
    found, token = [], ""
    while True:
        answer = site.send("GET", f"/environments?MaxResults=3&NextToken={quote(token)}").body
        found += answer["Environments"]
        token = answer.get("NextToken", "")
        if not token:
            break
    assert found == [f"e{number}" for number in range(7)]
    assert site.send("GET", "/environments?NextToken=bm9uZSBvZiBvdXJz").message == "Invalid NextToken."


def test_the_rest_api_s_answers_and_errors_come_through(tmp_path: Path) -> None:
    site = ApiSite(tmp_path).made("one").made("old", AirflowVersion="2.2.2")

    def call(path: str, name: str = "one") -> Any:
        return site.send("POST", f"/restapi/{name}", {"Path": path, "Method": "GET"})

    assert call("/dags").body == {"RestApiStatusCode": 200, "RestApiResponse": {"path": "/dags"}}
    refused = call("/bad")
    assert (refused.status, refused.error) == (400, "RestApiClientException")
    assert refused.body == {"RestApiStatusCode": 404, "RestApiResponse": {"path": "/bad"}}
    assert call("/broken").error == "RestApiServerException"
    assert call("dags").error == "ValidationException"
    assert call("/../x").error == "ValidationException"
    assert call("/dags", "old").error == "AccessDeniedException"
    assert call("/dags", "none").error == "ResourceNotFoundException"
