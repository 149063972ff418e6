"""InvokeRestApi for an environment that runs on this machine: the MWAA API's words, said to its web server."""

import threading
import time
from collections.abc import Mapping

from mwaa_local.aws.mwaa_api.backend import RestAnswer, RestCall, ThrottledError, Wish
from mwaa_local.aws.web_doors import rest_api
from mwaa_local.aws.web_doors.login import Sessions
from mwaa_local.aws.web_doors.settings import LOOPBACK
from mwaa_local.aws.web_doors.web_server import WebServer

_lock = threading.Lock()
_apis: dict[tuple[str, bytes, WebServer, str], rest_api.RestApi] = {}
"""One for each environment, as it counts the calls of a second and keeps sessions."""


def call_rest_api(
    wish: Wish, call: RestCall, ports: Mapping[str, int], key: bytes, host: str = LOOPBACK
) -> RestAnswer:
    """Call the REST API of an environment, given its ports, its key, and where its web server is."""
    version = str(wish.settings["AirflowVersion"])
    api = _api(wish.name, key, WebServer(ports["webserver"], host), version)
    inner = rest_api.RestCall(call.method, call.path, call.query, call.body)
    try:
        answer = api.invoke(rest_api.Caller(call.role, call.user), inner)
    except rest_api.RestApiThrottledError as error:
        raise ThrottledError(str(error)) from error
    return RestAnswer(answer.status, answer.response)


def _api(name: str, key: bytes, web: WebServer, version: str) -> rest_api.RestApi:
    with _lock:
        known = (name, key, web, version)
        if known not in _apis:
            numbers = tuple(int(part) for part in version.split("."))
            _apis[known] = rest_api.RestApi(web, Sessions(name, key, web), numbers, time.time)
        return _apis[known]
