"""A proxy between S3's client and its server that spoils one request in a chosen way, and counts all of them."""

import contextlib
import http.client
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Fault(StrEnum):
    """What happens to the request."""

    RESET = "connection reset before the server has seen it"
    LOST = "connection reset after the server has done it"
    SLOW_DOWN = "503 SlowDown"
    DENIED = "403"
    CONFLICT = "412"
    SILENCE = "no answer until the client gives up"
    HALF = "half a body, then the end"
    SLOW = "a slow answer"


_ANSWERS = {
    Fault.SLOW_DOWN: (503, "SlowDown", "Please reduce your request rate."),
    Fault.DENIED: (403, "AccessDenied", "Access Denied"),
    Fault.CONFLICT: (
        412,
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
    ),
}
SILENCE = 5.0
SLOWNESS = 0.2


@dataclass
class Script:
    """Which request is spoiled (counted from 1; 0 for none) and how."""

    upstream: str
    at: int = 0
    fault: Fault = Fault.RESET
    count: int = 0
    seen: list[str] = field(default_factory=list)
    spoiled: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)
    let_go: threading.Event = field(default_factory=threading.Event)

    def begin(self, at: int, fault: Fault) -> None:
        """Count anew, and spoil request number `at`."""
        with self.lock:
            self.at, self.fault, self.count, self.spoiled = at, fault, 0, ""
            self.seen.clear()
        self.let_go.clear()

    def next(self, request: str) -> Fault | None:
        """Count a request; return what is to happen to it."""
        with self.lock:
            self.count += 1
            self.seen.append(request)
            if self.count != self.at:
                return None
            self.spoiled = request
            return self.fault


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def _do(self) -> None:
        script: Script = self.server.script  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = script.next(f"{self.command} {self.path}")
        match fault:
            case None:
                self._answer(*self._forward(body))
            case Fault.RESET:
                self._reset()
            case Fault.LOST:
                self._forward(body)
                self._reset()
            case Fault.SLOW_DOWN | Fault.DENIED | Fault.CONFLICT:
                self._refuse(*_ANSWERS[fault])
            case Fault.SILENCE:
                script.let_go.wait(SILENCE)
                self._reset()
            case Fault.HALF:
                self._half(*self._forward(body))
            case Fault.SLOW:
                time.sleep(SLOWNESS)
                self._answer(*self._forward(body))

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_PATCH = _do

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        script: Script = self.server.script  # type: ignore[attr-defined]
        parts = urlsplit(script.upstream)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in ("connection", "content-length"):
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self._head(status, headers, len(body))
        self.wfile.write(body)

    def _head(self, status: int, headers: list[tuple[str, str]], length: int) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(name, value)
            elif name.lower() == "content-length" and self.command == "HEAD":
                length = int(value)
        if status != 204:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def _half(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        if body and self.command != "HEAD":
            self._head(status, headers, len(body))
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
        else:
            self.wfile.write(b"HTTP/1.1 200 ")
            self.wfile.flush()
        self.close_connection = True

    def _refuse(self, status: int, code: str, message: str) -> None:
        text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
        self._head(status, [("Content-Type", "application/xml")], len(text))
        if self.command != "HEAD":
            self.wfile.write(text)

    def _reset(self) -> None:
        """Close so that the client sees a reset, not an end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with contextlib.suppress(OSError):
            self.connection.close()
        self.close_connection = True

    def handle(self) -> None:
        """Serve; a client that went away or a connection that we have reset is no failure of the proxy."""
        with contextlib.suppress(OSError, ValueError):
            super().handle()

    def finish(self) -> None:
        """End; the same."""
        with contextlib.suppress(OSError, ValueError):
            super().finish()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64


@contextlib.contextmanager
def fault_proxy(upstream: str) -> Iterator[tuple[str, Script]]:
    """Run a proxy; yields its address and the script to write."""
    server = _Server(("127.0.0.1", 0), _Handler)
    script = Script(upstream)
    server.script = script  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", script
    finally:
        script.let_go.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
