"""A server that answers what AWS answers when it refuses, is busy, or is broken."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Refusing:
    """A server that answers the next requests from a list, and writes down what was asked."""

    answers: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    url: str = ""

    def next(self) -> tuple[int, str, dict[str, Any]]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def refusing_server() -> Iterator[Refusing]:
    """Run one on a free port."""
    script = Refusing()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            script.asked.append(f"{self.command} {self.path}")
            script.hosts.append(self.headers["Host"])
            status, code, body = script.next()
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("x-amzn-ErrorType", code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_PATCH = do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield script
    server.shutdown()
    thread.join()
    server.server_close()
