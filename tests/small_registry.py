"""A registry that images can be pushed to: the few requests of the distribution specification that a push makes."""

import base64
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

USER, PASSWORD = "pusher", "a password"


@dataclass(slots=True)
class SmallRegistry:
    """What was pushed: blobs by digest, manifests by `NAME:TAG`."""

    port: int = 0
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """Return its address; engines speak plain HTTP with this machine."""
        return f"127.0.0.1:{self.port}"


class RegistryServer(ThreadingHTTPServer):
    """Serves one registry on a port of its own."""

    daemon_threads = True

    def __init__(self, registry: SmallRegistry) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.registry = registry


class Handler(BaseHTTPRequestHandler):
    """Answers what a push asks."""

    protocol_version = "HTTP/1.1"

    @property
    def registry(self) -> SmallRegistry:
        """Return what is pushed to."""
        assert isinstance(self.server, RegistryServer)
        return self.server.registry

    def do_GET(self) -> None:
        self._answer(200 if self.path == "/v2/" else 404)

    def do_HEAD(self) -> None:
        self._answer(200 if self.path.rpartition("/")[2] in self.registry.blobs else 404)

    def do_POST(self) -> None:
        self._answer(202, Location=f"{self.path}one", Range="0-0")

    def do_PATCH(self) -> None:
        blob = self._body()
        self.registry.blobs["sha256:" + hashlib.sha256(blob).hexdigest()] = blob
        self._answer(202, Location=self.path, Range=f"0-{len(blob) - 1}")

    def do_PUT(self) -> None:
        address, body = urlsplit(self.path), self._body()
        digest = "".join(parse_qs(address.query).get("digest", []))
        if "/manifests/" in address.path:
            name, _, tag = address.path.removeprefix("/v2/").partition("/manifests/")
            self.registry.manifests[f"{name}:{tag}"] = body
            digest = "sha256:" + hashlib.sha256(body).hexdigest()
        headers = {"Docker-Content-Digest": digest, "Location": address.path}
        self._answer(201, **headers)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self, status: int, **headers: str) -> None:
        known = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != known:
            status, headers = 401, {"WWW-Authenticate": 'Basic realm="small"'}
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()


@contextmanager
def small_registry() -> Iterator[SmallRegistry]:
    """Serve a registry that takes only USER with PASSWORD."""
    registry = SmallRegistry()
    server = RegistryServer(registry)
    registry.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
