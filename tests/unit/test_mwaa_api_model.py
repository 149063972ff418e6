"""The API against the service model: every operation, every declared error, every constraint at its edges.

The other side of each test is botocore: what its serializer sends is understood, what is answered its parser reads.
"""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, StructureShape
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from mwaa_local.aws.mwaa_api.constraints import violations
from mwaa_local.aws.mwaa_api.errors import ApiError
from mwaa_local.aws.mwaa_api.model import HttpRequest
from tests.mwaa_api_samples import edges, replaced, sample
from tests.mwaa_api_site import MODEL

SERVICE = ServiceModel(Loader().load_service_model("mwaa", "service-2"), "mwaa")
OPERATIONS = {operation.name: operation for operation in MODEL.operations}
ERRORS = sorted({(name, error.name) for name, each in OPERATIONS.items() for error in each.error_shapes})


def input_of(name: str) -> StructureShape:
    shape = OPERATIONS[name].input_shape
    assert shape is not None
    return shape


def serialised(operation: OperationModel, parameters: Any) -> HttpRequest:
    """Return the request that botocore sends."""
    request = create_serializer("rest-json", include_validation=False).serialize_to_request(
        parameters, operation
    )
    query = "&".join(
        f"{name}={value}"
        for name, values in request["query_string"].items()
        for value in (values if isinstance(values, list) else [values])
    )
    body = request["body"]
    content = body if isinstance(body, bytes) else str(body or "").encode()
    return HttpRequest(request["method"], request["url_path"] + (f"?{query}" if query else ""), content)


def test_there_are_twelve_operations() -> None:
    assert len(OPERATIONS) == 12


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_botocore_sends_is_understood(name: str) -> None:
    parameters = sample(input_of(name))
    operation, understood = MODEL.parse(serialised(OPERATIONS[name], parameters))
    assert operation.name == name
    assert understood == parameters


@pytest.mark.parametrize("name", OPERATIONS)
def test_botocore_reads_what_is_answered(name: str) -> None:
    operation = OPERATIONS[name]
    shape = operation.output_shape
    assert shape is not None
    result = sample(shape)
    assert list(violations(shape, result)) == []
    answer = MODEL.answer(operation, result)
    raw = {"status_code": answer.status, "headers": dict(answer.headers), "body": answer.body}
    read = create_parser("rest-json").parse(raw, shape)
    read.pop("ResponseMetadata")
    assert json.loads(json.dumps(read, default=lambda time: time.timestamp())) == result


@pytest.mark.parametrize(("name", "code"), ERRORS)
def test_botocore_knows_every_declared_error_by_its_status_and_type(name: str, code: str) -> None:
    shape = SERVICE.shape_for(code)
    assert isinstance(shape, StructureShape)
    members = {"RestApiStatusCode": 404, "RestApiResponse": {"title": "x"}} if "RestApi" in code else {}
    answer = MODEL.refusal(ApiError(code, "why", members))
    raw = {"status_code": answer.status, "headers": dict(answer.headers), "body": answer.body}
    read = create_parser("rest-json").parse(raw, SERVICE.shape_for("GetEnvironmentOutput"))
    assert answer.status == shape.metadata["error"]["httpStatusCode"]
    assert read["Error"]["Code"] == code
    assert read["Error"]["Message"] == ("" if members else "why")
    assert set(json.loads(answer.body)) <= set(shape.members)


CASES = [
    pytest.param(name, path, value, allowed, id=f"{name}-{number}-{'-'.join(map(str, path))}")
    for name in OPERATIONS
    for number, (path, shape, value, allowed) in enumerate(edges(input_of(name)))
    # A label of the path cannot be empty: that is another path. A list in the query that is empty is not there.
    if not (value == "" and len(path) == 1 and shape.name in ("EnvironmentName", "EnvironmentArn"))
    and not (value == [] and path == ("tagKeys",))
]


@pytest.mark.parametrize(("name", "path", "value", "allowed"), CASES)
def test_each_constraint_holds_at_its_edges(
    name: str, path: tuple[str | int, ...], value: Any, allowed: bool
) -> None:
    request = serialised(OPERATIONS[name], replaced(sample(input_of(name)), path, value))
    if allowed:
        MODEL.parse(request)
        return
    with pytest.raises(ApiError) as refused:
        MODEL.parse(request)
    assert refused.value.code == "ValidationException"
    first = str(path[0])
    assert f"at '{first[0].lower()}{first[1:]}" in refused.value.message


REQUIRED = [
    (name, member)
    for name in OPERATIONS
    for member in input_of(name).required_members
    if input_of(name).members[member].serialization.get("location") != "uri"
]


@pytest.mark.parametrize(("name", "member"), REQUIRED)
def test_every_required_member_is_required(name: str, member: str) -> None:
    parameters = {key: value for key, value in sample(input_of(name)).items() if key != member}
    with pytest.raises(ApiError, match="Member must not be null") as refused:
        MODEL.parse(serialised(OPERATIONS[name], parameters))
    assert f"'{member[0].lower()}{member[1:]}'" in refused.value.message


PYTHON = {"string": str, "integer": int, "map": dict, "structure": dict, "boolean": bool}


def wrong_types() -> Iterator[tuple[str, str, Any]]:
    """Yield (operation, member of its body, a value of another type)."""
    for name in ("CreateEnvironment", "UpdateEnvironment", "InvokeRestApi"):
        for member, shape in input_of(name).members.items():
            if shape.serialization.get("location") is None and not getattr(shape, "is_document_type", False):
                others: tuple[Any, ...] = ([1], "text", 1.5, True, {"a": 1})
                yield from (
                    (name, member, each) for each in others if type(each) is not PYTHON[shape.type_name]
                )


@pytest.mark.parametrize(("name", "member", "wrong"), tuple(wrong_types()))
def test_a_member_of_another_type_is_no_request(name: str, member: str, wrong: Any) -> None:
    body = {**sample(input_of(name)), member: wrong}
    sent = serialised(OPERATIONS[name], sample(input_of(name)))
    with pytest.raises(ApiError) as refused:
        MODEL.parse(HttpRequest(sent.method, sent.target, json.dumps(body).encode()))
    assert refused.value.code == "SerializationException"


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'{"MaxWorkers": NaN}', b"[" * 100_000, b'"x"'])
def test_a_body_that_is_no_json_object_is_no_request(body: bytes) -> None:
    with pytest.raises(ApiError) as refused:
        MODEL.parse(HttpRequest("PATCH", "/environments/one", body))
    assert refused.value.code == "SerializationException"


@pytest.mark.parametrize(
    ("method", "path"),
    tuple(
        itertools.product(
            ("GET", "POST", "HEAD"), ("/", "/environment/one", "/clitoken", "/metrics/environments")
        )
    ),
)
def test_other_paths_are_no_operation(method: str, path: str) -> None:
    with pytest.raises(ApiError) as refused:
        MODEL.parse(HttpRequest(method, path, b""))
    assert refused.value.code == "UnknownOperationException"
