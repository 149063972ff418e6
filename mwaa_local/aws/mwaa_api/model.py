"""A small server for the `rest-json` protocol, made from botocore's service model: routes, requests, answers, errors.

Nothing about MWAA is written here a second time: paths, members, locations, limits and status codes are the model's.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from mwaa_local.aws.mwaa_api.constraints import summary, violations
from mwaa_local.aws.mwaa_api.errors import COMMON_STATUS, ApiError, invalid

INT_RANGE = range(-(2**31), 2**31)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it came: `target` is the undecoded path with its query."""

    method: str
    target: str
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer: JSON, with the headers of the protocol."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class ApiModel:
    """The service model as a server sees it."""

    def __init__(self, service: str = "mwaa") -> None:
        self._service = ServiceModel(Loader().load_service_model(service, "service-2"), service)

    @property
    def signing_name(self) -> str:
        """Return the name that requests to the service are signed for."""
        return str(self._service.signing_name)

    @property
    def operations(self) -> tuple[OperationModel, ...]:
        """Return every operation of the service."""
        return tuple(self._service.operation_model(name) for name in self._service.operation_names)

    def shape(self, name: str) -> Shape:
        """Return a shape by its name."""
        return self._service.shape_for(name)

    @cached_property
    def _routes(self) -> tuple[tuple[re.Pattern[str], OperationModel], ...]:
        return tuple((_route(each), each) for each in self.operations)

    def find(self, method: str, target: str) -> tuple[OperationModel, dict[str, str]] | None:
        """Return the operation that a method and an undecoded path ask for, with the labels of the path."""
        path = urlsplit(target).path or "/"
        for pattern, operation in self._routes:
            match = pattern.fullmatch(path)
            if match and operation.http["method"] == method:
                return operation, {
                    name: unquote(text, errors="replace") for name, text in match.groupdict().items()
                }
        return None

    def parse(self, request: HttpRequest) -> tuple[OperationModel, dict[str, Any]]:
        """Return the operation and its checked parameters; ApiError for anything that the model does not allow."""
        found = self.find(request.method, request.target)
        if found is None:
            raise ApiError("UnknownOperationException", f"no operation answers {request.method} on this path")
        operation, labels = found
        shape = operation.input_shape
        if shape is None:
            return operation, {}
        query = parse_qs(urlsplit(request.target).query, keep_blank_values=True, errors="replace")
        parameters = _located(shape, labels, query)
        in_body = {name for name, member in shape.members.items() if "location" not in member.serialization}
        if in_body:
            document = _json_object(request.body)
            for name in in_body:
                if document.get(name) is not None:
                    parameters[name] = typed(shape.members[name], document[name], name)
        wrong = list(violations(shape, parameters))
        if wrong:
            raise invalid(summary(wrong))
        return operation, parameters

    def unknown_members(self, operation: OperationModel, request: HttpRequest) -> set[str]:
        """Return the members of a request's body that the operation has not got; the protocol passes over them."""
        shape = operation.input_shape
        return set(_json_object(request.body)) - set(shape.members) if shape is not None else set()

    def answer(self, operation: OperationModel, result: Mapping[str, Any]) -> HttpResponse:
        """Return the answer of an operation that succeeded."""
        shape = operation.output_shape
        body = serialised(shape, result) if shape is not None else {}
        return _json_response(int(operation.http.get("responseCode", 200)), body)

    def refusal(self, error: ApiError) -> HttpResponse:
        """Return the answer for an error: the shape's members and status, and the type where SDKs look for it."""
        body: dict[str, Any] = dict(error.members)
        status = COMMON_STATUS.get(error.code, 400)
        if error.code in self._service.shape_names:
            shape = self._service.shape_for(error.code)
            status = int(shape.metadata["error"]["httpStatusCode"])
            members = shape.members if isinstance(shape, StructureShape) else {}
            name = next((each for each in members if each.lower() == "message"), None)
            body |= {name: error.message} if name else {}
        else:
            body["message"] = error.message
        return _json_response(status, body, ("x-amzn-errortype", error.code))


def _route(operation: OperationModel) -> re.Pattern[str]:
    """Return the pattern of an operation's path; a label at its end takes the rest, as an ARN's slash may be plain."""
    parts = re.split(r"\{(\w+)\+?\}", operation.http["requestUri"])
    pattern = ""
    for index, part in enumerate(parts):
        if index % 2 == 0:
            pattern += re.escape(part)
        else:
            is_last = index == len(parts) - 2 and not parts[-1]
            pattern += f"(?P<{part}>.+)" if is_last else f"(?P<{part}>[^/]+)"
    return re.compile(pattern + "/?" if len(parts) == 1 else pattern)


def _located(
    shape: StructureShape, labels: Mapping[str, str], query: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    for name, member in shape.members.items():
        where = member.serialization.get("location")
        key = str(member.serialization.get("name", name))
        if where == "uri":
            parameters[name] = labels[key]
        elif where == "querystring" and key in query:
            if isinstance(member, ListShape):
                parameters[name] = list(query[key])
            else:
                parameters[name] = _from_text(member, query[key][-1], name)
    return parameters


def _from_text(shape: Shape, text: str, path: str) -> Any:
    if shape.type_name != "integer":
        return text
    if not re.fullmatch(r"-?[0-9]{1,10}", text):
        raise _wrong_type(path, "an integer")
    return typed(shape, int(text), path)


def _json_object(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        document = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise ApiError("SerializationException", "the request body is not valid JSON") from None
    if not isinstance(document, dict):
        raise ApiError("SerializationException", "the request body must be a JSON object")
    return document


def _no_constant(name: str) -> float:
    raise ValueError(name)


def typed(shape: Shape, value: Any, path: str) -> Any:
    """Return a JSON value as the shape's type, members that the shape has not got left out."""
    match shape:
        case StructureShape():
            if shape.is_document_type:
                return value
            if not isinstance(value, dict):
                raise _wrong_type(path, "an object")
            return {
                name: typed(member, value[name], f"{path}.{name}")
                for name, member in shape.members.items()
                if value.get(name) is not None
            }
        case ListShape():
            if not isinstance(value, list):
                raise _wrong_type(path, "a list")
            return [typed(shape.member, item, path) for item in value]
        case MapShape():
            if not isinstance(value, dict):
                raise _wrong_type(path, "an object")
            return {key: typed(shape.value, item, f"{path}.{key}") for key, item in value.items()}
    return _scalar(shape, value, path)


def _scalar(shape: Shape, value: Any, path: str) -> Any:
    is_number = _is_number(value)
    match shape.type_name:
        case "string" if isinstance(value, str):
            return value
        case "boolean" if isinstance(value, bool):
            return value
        case "integer" if is_number and value == int(value) and int(value) in INT_RANGE:
            return int(value)
        case "double" | "timestamp" if is_number:
            return float(value)
    raise _wrong_type(path, f"of type {shape.type_name}")


def _is_number(value: Any) -> bool:
    """Tell whether a JSON value is a number that a double can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _wrong_type(path: str, wanted: str) -> ApiError:
    return ApiError("SerializationException", f"{path} must be {wanted}")


def serialised(shape: Shape, value: Any) -> Any:
    """Return a result as JSON has it: the members of the shape that have a value, in the model's order."""
    match shape:
        case StructureShape():
            if shape.is_document_type:
                return value
            return {
                name: serialised(member, value[name])
                for name, member in shape.members.items()
                if value.get(name) is not None
            }
        case ListShape():
            return [serialised(shape.member, item) for item in value]
        case MapShape():
            return {key: serialised(shape.value, item) for key, item in value.items()}
    return value


def _json_response(status: int, body: Mapping[str, Any], *more: tuple[str, str]) -> HttpResponse:
    content = json.dumps(body).encode()
    headers = (("Content-Type", "application/json"), ("Content-Length", str(len(content))), *more)
    return HttpResponse(status, headers, content)
