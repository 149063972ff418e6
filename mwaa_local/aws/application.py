"""The WSGI application of the endpoint: our own few paths, MWAA's API, then moto's services.

It refuses requests that a web page could make (another Host, moto's reset API), since browsers reach loopback ports.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from mwaa_local.aws.access_keys import consumer_of
from mwaa_local.aws.exchange import Exchange, enter_exchange
from mwaa_local.aws.guard import Guard
from mwaa_local.aws.mwaa_api.handler import MwaaApi
from mwaa_local.aws.signatures import read_signature

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Handler = Callable[[Environ], tuple[str, Mapping[str, Any]]]

CHANGING = frozenset({"DELETE", "PATCH", "POST", "PUT"})


class Endpoint:
    """Answers MWAA's requests with `mwaa`, other AWS requests with moto, /_mwaa_local/... with `handlers`.

    `prepare` is called before moto answers a request; `guard` may refuse one before anybody looks at it.
    `served_as` is the endpoint's name in a network of containers.
    """

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        mwaa: MwaaApi | None = None,
        recording: Callable[[Environ], AbstractContextManager[object]] = nullcontext,
        prepare: Callable[[Environ], None] = lambda _: None,
        guard: Guard | None = None,
        served_as: str = "",
    ) -> None:
        self._aws = DomainDispatcherApplication(create_backend_app)
        self._handlers = handlers
        self._mwaa = mwaa
        self._recording = recording
        self._prepare = prepare
        self._guard = guard
        self._served_as = served_as

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", ""))
        if not _is_local_host(str(environ.get("HTTP_HOST", "")), self._served_as):
            return _answer(start_response, "403 Forbidden", {"message": "only loopback addresses are served"})
        handler = self._handlers.get(path)
        if handler is not None:
            return _answer(start_response, *handler(environ))
        if path.startswith(("/_mwaa_local", "/moto-api")):
            return _answer(start_response, "404 Not Found", {"message": "no such path"})
        refused = self._guard.refusal(environ) if self._guard is not None else None
        if refused is not None:
            start_response(refused.status, list(refused.headers))
            return [refused.body]
        if self._mwaa is not None and self._mwaa.is_for(environ):
            return self._mwaa(environ, start_response)
        self._prepare(environ)
        return self._answer_aws(environ, start_response)

    def _answer_aws(self, environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        exchange = Exchange(environ.get("werkzeug.socket"), consumer_of(_access_key(environ)))
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


def _is_local_host(host: str, served_as: str) -> bool:
    name = host.rsplit(":", 1)[0].lower()
    if served_as and (name == served_as or name.endswith(f".{served_as}")):
        return True
    # Clients that put the prefix of an operation before an address end up with `api.127.0.0.1`.
    return name in ("127.0.0.1", "localhost") or name.endswith((".localhost", ".127.0.0.1"))


def _access_key(environ: Environ) -> str:
    """Return what a request was signed with, "" if it was not."""
    signature = read_signature(environ)
    return signature.key if signature is not None else ""
