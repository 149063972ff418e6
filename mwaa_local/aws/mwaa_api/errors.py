"""What the API answers when it refuses: an error shape of the service model, or one that every AWS service has."""

from collections.abc import Mapping
from typing import Any

VALIDATION = "ValidationException"
NOT_FOUND = "ResourceNotFoundException"
ACCESS_DENIED = "AccessDeniedException"
INTERNAL = "InternalServerException"
UNAVAILABLE = "ServiceUnavailableException"

COMMON_STATUS = {
    "AccessDeniedException": 403,
    "InvalidSignatureException": 403,
    "MissingAuthenticationTokenException": 403,
    "SerializationException": 400,
    "ThrottlingException": 429,
    "UnknownOperationException": 404,
    "UnrecognizedClientException": 403,
}
"""Errors that no operation declares because any may end in them, and their HTTP status."""


class ApiError(Exception):
    """A refusal: `code` names the error's shape, `members` are what the shape has beside the message."""

    def __init__(self, code: str, message: str, members: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.members = members or {}


def invalid(message: str) -> ApiError:
    """Return the refusal of a request that the service finds wrong."""
    return ApiError(VALIDATION, message)


def not_found(message: str) -> ApiError:
    """Return the refusal of a request about something that is not there."""
    return ApiError(NOT_FOUND, message)
