"""Tells requests for MWAA from those for moto's services, and answers them."""

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from botocore.model import OperationModel

from mwaa_local.aws.access_keys import key_id
from mwaa_local.aws.mwaa_api.doors import DoorsService
from mwaa_local.aws.mwaa_api.errors import INTERNAL, UNAVAILABLE, ApiError
from mwaa_local.aws.mwaa_api.model import ApiModel, HttpRequest, HttpResponse
from mwaa_local.aws.mwaa_api.service import Answer, Call, EnvironmentsService

LARGEST_BODY = 8 * 1024 * 1024
HOST_PREFIX = re.compile(r"(api|env|ops)\.(localhost|127\.0\.0\.1)(:\d+)?")

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]

log = logging.getLogger(__name__)


class MwaaApi:
    """The API behind WSGI: `is_for` says whether a request is for it, calling it answers."""

    def __init__(
        self,
        model: ApiModel,
        environments: EnvironmentsService,
        doors: DoorsService,
        is_bucket: Callable[[str], bool],
    ) -> None:
        self.environments = environments
        self._model = model
        self._is_bucket = is_bucket
        self._operations = {
            operation.name: _method(operation.name, environments, doors) for operation in model.operations
        }

    def is_for(self, environ: Mapping[str, Any]) -> bool:
        """Tell whether a request is for MWAA: signed for it, sent to its host, or unsigned on one of its paths."""
        scope = _credential(environ).split("/")
        if len(scope) > 1:
            return len(scope) == 5 and scope[3] == self._model.signing_name
        if HOST_PREFIX.fullmatch(str(environ.get("HTTP_HOST", "")).lower()):
            return True
        target = _target(environ)
        if self._model.find(str(environ["REQUEST_METHOD"]), target) is None:
            return False
        # S3 has the same paths where a bucket is called `environments`, `tags`, ...
        return not self._is_bucket(target.lstrip("/").split("/")[0].split("?")[0])

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        response = self._respond(environ)
        status = f"{response.status} {HTTPStatus(response.status).phrase}"
        start_response(status, list(response.headers))
        return [response.body]

    def _respond(self, environ: Environ) -> HttpResponse:
        try:
            request = HttpRequest(str(environ["REQUEST_METHOD"]), _target(environ), _body(environ))
            operation, parameters = self._model.parse(request)
            unknown = self._model.unknown_members(operation, request)
            key = key_id(_credential(environ).split("/")[0])
            call = Call(operation.name, parameters, key, frozenset(unknown))
            return self._model.answer(operation, self._done(operation, call))
        except ApiError as error:
            return self._model.refusal(error)
        except Exception:
            # A server answers, whatever is wrong with it: SDKs understand this error and no other.
            log.exception("a bug in the MWAA API")
            return self._model.refusal(ApiError(INTERNAL, "An internal error has occurred."))

    def _done(self, operation: OperationModel, call: Call) -> Answer:
        try:
            return self._operations[operation.name](call)
        except OSError as error:
            log.error("%s cannot be done: %s", operation.name, error)
            declared = {shape.name for shape in operation.error_shapes}
            code = UNAVAILABLE if UNAVAILABLE in declared else INTERNAL
            raise ApiError(
                code, f"The records of environments cannot be written: {error.strerror}"
            ) from error


def _method(name: str, *services: object) -> Callable[[Call], Answer]:
    """Return the method that answers an operation: CreateEnvironment is create_environment."""
    attribute = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    service = next(each for each in services if hasattr(each, attribute))
    method: Callable[[Call], Answer] = getattr(service, attribute)
    return method


def _target(environ: Mapping[str, Any]) -> str:
    """Return the undecoded path and query, which werkzeug hands over."""
    return str(environ.get("REQUEST_URI") or environ.get("RAW_URI") or environ.get("PATH_INFO", "/"))


def _credential(environ: Mapping[str, Any]) -> str:
    """Return KEY/DATE/REGION/SERVICE/aws4_request of a signed request, "" of an unsigned one."""
    match = re.search(r"Credential=([^,\s]+)", str(environ.get("HTTP_AUTHORIZATION", "")))
    if match:
        return match[1]
    return (parse_qs(str(environ.get("QUERY_STRING", ""))).get("X-Amz-Credential") or [""])[0]


def _body(environ: Mapping[str, Any]) -> bytes:
    length = str(environ.get("CONTENT_LENGTH") or "0")
    if environ.get("wsgi.input_terminated"):
        body: bytes = environ["wsgi.input"].read(LARGEST_BODY + 1)
    else:
        wanted = int(length) if length.isdecimal() else 0
        body = environ["wsgi.input"].read(min(wanted, LARGEST_BODY + 1))
    if len(body) > LARGEST_BODY:
        raise ApiError("SerializationException", "the request body is too large")
    return body
