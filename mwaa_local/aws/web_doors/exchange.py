"""A request to one of the doors and its answer, without the connection that carries them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """A request that has been read to its end."""

    method: str
    path: str
    headers: Mapping[str, str]
    """By name in lower case."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: HTTPStatus
    headers: Headers
    body: bytes


def json_answer(status: HTTPStatus, document: Mapping[str, object]) -> Answer:
    """Return an answer that nobody may keep."""
    headers = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
    return Answer(status, headers, json.dumps(document).encode())


def refusal(status: HTTPStatus, message: str) -> Answer:
    """Return an answer that says why not."""
    return json_answer(status, {"message": message})
