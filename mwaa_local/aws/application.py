"""The WSGI application of the endpoint: our own few paths, MWAA's API, then moto's services.

It refuses requests that a web page could make (another Host, moto's reset API), since browsers reach loopback ports.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from urllib.parse import parse_qs

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from mwaa_local.aws.exchange import Exchange, enter_exchange
from mwaa_local.aws.mwaa_api.handler import MwaaApi

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Handler = Callable[[Environ], tuple[str, Mapping[str, Any]]]

CHANGING = frozenset({"DELETE", "PATCH", "POST", "PUT"})


class Endpoint:
    """Answers MWAA's requests with `mwaa`, other AWS requests with moto, /_mwaa_local/... with `handlers`.

    `prepare` is called before moto answers a request.
    """

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        mwaa: MwaaApi | None = None,
        recording: Callable[[Environ], AbstractContextManager[object]] = nullcontext,
        prepare: Callable[[Environ], None] = lambda _: None,
    ) -> None:
        self._aws = DomainDispatcherApplication(create_backend_app)
        self._handlers = handlers
        self._mwaa = mwaa
        self._recording = recording
        self._prepare = prepare

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", ""))
        if not _is_local_host(str(environ.get("HTTP_HOST", ""))):
            return _answer(start_response, "403 Forbidden", {"message": "only loopback addresses are served"})
        handler = self._handlers.get(path)
        if handler is not None:
            return _answer(start_response, *handler(environ))
        if path.startswith(("/_mwaa_local", "/moto-api")):
            return _answer(start_response, "404 Not Found", {"message": "no such path"})
        if self._mwaa is not None and self._mwaa.is_for(environ):
            return self._mwaa(environ, start_response)
        self._prepare(environ)
        return self._answer_aws(environ, start_response)

    def _answer_aws(self, environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        exchange = Exchange(environ.get("werkzeug.socket"), _access_key(environ))
        enter_exchange(exchange)
        complete = False
        try:
            # What a request changes is on disk before the first byte of its answer leaves.
            with self._recording(environ) if environ["REQUEST_METHOD"] in CHANGING else nullcontext():
                body = self._aws(environ, start_response)
            try:
                yield from body
            finally:
                if hasattr(body, "close"):
                    body.close()
            complete = True
        finally:
            enter_exchange(None)
            for callback in exchange.answered if complete else exchange.abandoned:
                callback()


def health(_: Environ) -> tuple[str, Mapping[str, Any]]:
    """Say that the endpoint serves, and in which process."""
    return "200 OK", {"status": "healthy", "pid": os.getpid()}


def _answer(start_response: StartResponse, status: str, value: Mapping[str, Any]) -> Iterable[bytes]:
    body = json.dumps(value).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def _is_local_host(host: str) -> bool:
    name = host.rsplit(":", 1)[0].lower()
    # Clients that put the prefix of an operation before an address end up with `api.127.0.0.1`.
    return name in ("127.0.0.1", "localhost") or name.endswith((".localhost", ".127.0.0.1"))


def _access_key(environ: Environ) -> str:
    """Return the access key of a signed request: from its header, or from its query when it is presigned."""
    _, _, credential = str(environ.get("HTTP_AUTHORIZATION", "")).partition("Credential=")
    if not credential:
        query = parse_qs(str(environ.get("QUERY_STRING", "")))
        credential = (query.get("X-Amz-Credential") or query.get("AWSAccessKeyId") or [""])[0]
    return credential.split("/")[0].split(",")[0]
