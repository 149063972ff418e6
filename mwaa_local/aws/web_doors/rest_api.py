"""InvokeRestApi's other half: calls the environment's own REST API as the role that the caller may assume.

MWAA-FACTS 9.5: from Airflow 2.4.3, ten seconds, 6 MB, ten calls a second. What Airflow answers is handed back whatever
its status is; the MWAA API turns a 4xx into RestApiClientException and a 5xx into RestApiServerException.
"""

import json
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from mwaa_local.aws.web_doors.login import Sessions
from mwaa_local.aws.web_doors.settings import DoorSettings
from mwaa_local.aws.web_doors.web_server import Head, Reply, WebServer, WebServerError
from mwaa_local.mwaa_tokens import AirflowRole

SINCE = (2, 4, 3)
AIRFLOW_3 = (3,)
PATIENCE = 10.0
LARGEST = 6 * 1024 * 1024
CALLS = 10
WINDOW = 1.0
SESSION = 11 * 3600.0
"""Seconds that a session is used again; it lasts for twelve hours."""
COOKIES = ("session", "_token")
"""Of Airflow 2, and of Airflow 3."""


class RestApiUnsupportedError(Exception):
    """This version of Airflow has no REST API that InvokeRestApi could call."""


class RestApiThrottledError(Exception):
    """More calls in a second than the service takes."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom the REST API sees."""

    role: AirflowRole
    user: str


@dataclass(frozen=True, slots=True)
class RestCall:
    """A call as InvokeRestApi takes it; `path` is relative to the API, as in `/dags/my_dag/dagRuns`."""

    method: str
    path: str
    query: Mapping[str, Any]
    body: Any
    """None: no body."""


@dataclass(frozen=True, slots=True)
class RestAnswer:
    """What the REST API has answered: a JSON value, or a text where it is none."""

    status: int
    response: Any


class RestApi:
    """The REST API of one environment."""

    def __init__(
        self, web: WebServer, sessions: Sessions, version: tuple[int, ...], now: Callable[[], float]
    ) -> None:
        self._web = web
        self._sessions = sessions
        self._version = version
        self._now = now
        self._lock = threading.Lock()
        self._recent: deque[float] = deque(maxlen=CALLS)
        self._kept: dict[Caller, tuple[str, str, float]] = {}

    def invoke(self, caller: Caller, call: RestCall) -> RestAnswer:
        """Make a call; RestApiUnsupportedError, RestApiThrottledError. A web server that fails answers 5xx."""
        if self._version < SINCE:
            raise RestApiUnsupportedError("InvokeRestApi needs Airflow 2.4.3 or newer")
        self._take_turn()
        body = b"" if call.body is None else json.dumps(call.body).encode()
        if len(body) > LARGEST:
            return _failure(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body has more than {LARGEST} bytes")
        try:
            reply = self._send(caller, call, body)
            if reply.status == HTTPStatus.UNAUTHORIZED:
                # The session may have ended with its database, or with the web server's keys.
                self._forget(caller)
                reply = self._send(caller, call, body)
        except WebServerError as error:
            status = HTTPStatus.GATEWAY_TIMEOUT if error.is_late else HTTPStatus.BAD_GATEWAY
            return _failure(status, str(error))
        return RestAnswer(reply.status, _parse(reply.body))

    def _take_turn(self) -> None:
        with self._lock:
            now = self._now()
            if len(self._recent) == CALLS and now - self._recent[0] < WINDOW:
                raise RestApiThrottledError(f"more than {CALLS} calls a second")
            self._recent.append(now)

    def _send(self, caller: Caller, call: RestCall, body: bytes) -> Reply:
        name, value = self._session(caller)
        headers = [
            ("Host", f"127.0.0.1:{self._web.port}"),
            ("Accept", "application/json"),
            ("Connection", "close"),
        ]
        headers.append(
            ("Cookie", f"{name}={value}") if name == "session" else ("Authorization", f"Bearer {value}")
        )
        if call.body is not None:
            headers.append(("Content-Type", "application/json"))
        return self._web.ask(Head(call.method, self._target(call), headers), body, PATIENCE, LARGEST)

    def _target(self, call: RestCall) -> str:
        root = "/api/v2" if self._version >= AIRFLOW_3 else "/api/v1"
        path = quote("/" + call.path.lstrip("/"), safe="/%:~@!$&'()*+,;=")
        pairs = [pair for name, value in call.query.items() for pair in _pairs(name, value)]
        return root + path + ("?" + urlencode(pairs) if pairs else "")

    def _session(self, caller: Caller) -> tuple[str, str]:
        """Return name and value of the cookie of the caller's session, which is used again."""
        kept = self._kept.get(caller)
        if kept is not None and kept[2] > self._now():
            return kept[0], kept[1]
        reply = self._sessions.open(caller.role, caller.user, f"127.0.0.1:{self._web.port}", self._now())
        cookies = reply.cookies()
        name = next((name for name in COOKIES if name in cookies), None)
        if name is None:
            raise WebServerError(f"the web server gave no session (status {reply.status})")
        self._kept[caller] = (name, cookies[name], self._now() + SESSION)
        return name, cookies[name]

    def _forget(self, caller: Caller) -> None:
        self._kept.pop(caller, None)


def _pairs(name: str, value: Any) -> list[tuple[str, str]]:
    values: Sequence[Any] = value if isinstance(value, list | tuple) else (value,)
    return [(name, _text(each)) for each in values]


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str) else json.dumps(value)


def _parse(body: bytes) -> Any:
    """Return a JSON value; nothing at all is an empty object, as for an answer without content."""
    if not body:
        return {}
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def _failure(status: HTTPStatus, message: str) -> RestAnswer:
    return RestAnswer(status, {"title": status.phrase, "status": int(status), "detail": message})


def build_rest_api(settings: DoorSettings, key: bytes, now: Callable[[], float]) -> RestApi:
    """Return the REST API of the environment whose doors have these settings."""
    web = WebServer(settings.web_port, settings.web_host)
    version = tuple(int(part) for part in settings.version.split("."))
    return RestApi(web, Sessions(settings.environment, key, web), version, now)
