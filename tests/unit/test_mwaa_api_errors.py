"""Each operation of the MWAA API with each error that the model declares for it, caused as a caller or a disk would."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.mwaa_api_site import ARN, CREATION, MODEL, ApiSite, Reply

FULL = OSError(28, "No space left on device")
INVALID, MISSING, INTERNAL = "ValidationException", "ResourceNotFoundException", "InternalServerException"
UNAVAILABLE, DENIED = "ServiceUnavailableException", "AccessDeniedException"
NEW = {**CREATION, "MaxWorkers": 1}
METRICS = {"MetricData": [{"MetricName": "m", "Timestamp": 1_795_000_000}]}


def send(method: str, target: str, body: Any = None, key: str = "key") -> Callable[[ApiSite], Reply]:
    return lambda site: site.send(method, target, body, key)


def on_a_full_disk(method: str, target: str, body: Any = None) -> Callable[[ApiSite], Reply]:
    def ask(site: ApiSite) -> Reply:
        site.store.writing = FULL
        return site.send(method, target, body)

    return ask


def with_a_bug(method: str, target: str, body: Any = None) -> Callable[[ApiSite], Reply]:
    def ask(site: ApiSite) -> Reply:
        site.store.reading = RuntimeError("a bug")
        return site.send(method, target, body)

    return ask


REST = {"Path": "/dags", "Method": "GET"}
CAUSES: dict[tuple[str, str], Callable[[ApiSite], Reply]] = {
    ("CreateCliToken", MISSING): send("POST", "/clitoken/none"),
    ("CreateEnvironment", INTERNAL): with_a_bug("PUT", "/environments/two", NEW),
    ("CreateEnvironment", UNAVAILABLE): on_a_full_disk("PUT", "/environments/two", NEW),
    ("CreateEnvironment", INVALID): send("PUT", "/environments/one", NEW),
    ("CreateWebLoginToken", DENIED): send("POST", "/webtoken/one", key="nobody"),
    ("CreateWebLoginToken", INTERNAL): with_a_bug("POST", "/webtoken/one"),
    ("CreateWebLoginToken", MISSING): send("POST", "/webtoken/none"),
    ("CreateWebLoginToken", INVALID): send("POST", "/webtoken/1"),
    ("DeleteEnvironment", INTERNAL): with_a_bug("DELETE", "/environments/one"),
    ("DeleteEnvironment", MISSING): send("DELETE", "/environments/none"),
    ("DeleteEnvironment", UNAVAILABLE): on_a_full_disk("DELETE", "/environments/one"),
    ("DeleteEnvironment", INVALID): send("DELETE", "/environments/1"),
    ("GetEnvironment", INTERNAL): with_a_bug("GET", "/environments/one"),
    ("GetEnvironment", MISSING): send("GET", "/environments/none"),
    ("GetEnvironment", INVALID): send("GET", "/environments/1"),
    ("InvokeRestApi", DENIED): send("POST", "/restapi/one", REST, key="nobody"),
    ("InvokeRestApi", INTERNAL): with_a_bug("POST", "/restapi/one", REST),
    ("InvokeRestApi", MISSING): send("POST", "/restapi/none", REST),
    ("InvokeRestApi", "RestApiClientException"): send("POST", "/restapi/one", {**REST, "Path": "/bad"}),
    ("InvokeRestApi", "RestApiServerException"): send("POST", "/restapi/one", {**REST, "Path": "/broken"}),
    ("InvokeRestApi", INVALID): send("POST", "/restapi/one", {"Path": "/dags", "Method": "TRACE"}),
    ("ListEnvironments", INTERNAL): with_a_bug("GET", "/environments"),
    ("ListEnvironments", INVALID): send("GET", "/environments?MaxResults=26"),
    ("ListTagsForResource", INTERNAL): with_a_bug("GET", f"/tags/{ARN}one"),
    ("ListTagsForResource", MISSING): send("GET", f"/tags/{ARN}none"),
    ("ListTagsForResource", INVALID): send("GET", "/tags/one"),
    ("PublishMetrics", INTERNAL): with_a_bug("POST", "/metrics/environments/one", METRICS),
    ("PublishMetrics", INVALID): send("POST", "/metrics/environments/none", METRICS),
    ("TagResource", INTERNAL): on_a_full_disk("POST", f"/tags/{ARN}one", {"Tags": {"a": "b"}}),
    ("TagResource", MISSING): send("POST", f"/tags/{ARN}none", {"Tags": {"a": "b"}}),
    ("TagResource", INVALID): send("POST", f"/tags/{ARN}one", {"Tags": {}}),
    ("UntagResource", INTERNAL): on_a_full_disk("DELETE", f"/tags/{ARN}one?tagKeys=a"),
    ("UntagResource", MISSING): send("DELETE", f"/tags/{ARN}none?tagKeys=a"),
    ("UntagResource", INVALID): send("DELETE", f"/tags/{ARN}one"),
    ("UpdateEnvironment", INTERNAL): with_a_bug("PATCH", "/environments/one", {}),
    ("UpdateEnvironment", MISSING): send("PATCH", "/environments/none", {}),
    ("UpdateEnvironment", UNAVAILABLE): on_a_full_disk("PATCH", "/environments/one", {}),
    ("UpdateEnvironment", INVALID): send("PATCH", "/environments/one", {"MaxWorkers": 26}),
}


def test_the_limits_of_invoke_rest_api_are_refused_before_airflow_is_asked(tmp_path: Path) -> None:
    site = ApiSite(tmp_path).made("one")
    throttled = site.send("POST", "/restapi/one", {**REST, "Path": "/often"})
    assert (throttled.status, throttled.error) == (429, "ThrottlingException")
    large = {**REST, "Method": "POST", "Body": {"conf": "x" * 6 * 1024 * 1024}}
    refused = site.send("POST", "/restapi/one", large)
    assert (refused.error, refused.message) == (INVALID, "The request body is larger than 6 MB.")
    longest = site.send("POST", "/restapi/one", {**REST, "Path": "/" + "x" * 64})
    assert (longest.error, "less than or equal to 64" in longest.message) == (INVALID, True)


def test_every_declared_error_has_a_cause() -> None:
    declared = {(each.name, shape.name) for each in MODEL.operations for shape in each.error_shapes}
    assert set(CAUSES) == declared


@pytest.mark.parametrize(("operation", "code"), CAUSES)
def test_the_cause_has_its_error_and_changes_nothing(operation: str, code: str, tmp_path: Path) -> None:
    site = ApiSite(tmp_path).made("one")
    before = (tmp_path / "environments.json").read_bytes()
    reply = CAUSES[operation, code](site)
    shape = MODEL.shape(code)
    assert (reply.error, reply.status) == (code, shape.metadata["error"]["httpStatusCode"])
    assert (tmp_path / "environments.json").read_bytes() == before
    site.store.reading = site.store.writing = None
    assert site.describe()["Status"] == "AVAILABLE"
