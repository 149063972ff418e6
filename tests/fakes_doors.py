"""What lies behind the web server's doors, played by threads of the test, and clients in front of them."""

import base64
import json
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from mwaa_local.aws.web_doors.listener import DoorServer, open_doors
from mwaa_local.aws.web_doors.settings import DoorSettings, authority_certificate
from mwaa_local.mwaa_tokens import AirflowRole, Purpose, login_key, make_token, new_claims, read_token
from tests.contract.endpoint_process import free_port

ENVIRONMENT = "MyEnvironment"
KEY = b"thirty-two random bytes, or less"
USER = "assumed-role/Engineer/me"
PATIENCE = 20.0


@dataclass(frozen=True)
class Seen:
    """A request that has reached the web server."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class WebServerScript:
    """What the web server in Airflow's place does, and what it has seen."""

    seen: list[Seen] = field(default_factory=list)
    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    body: bytes = b'{"dags": []}'
    pause: float = 0.0
    refused_sessions: set[str] = field(default_factory=set)
    logins: int = 0

    def log_in(self, word: str) -> tuple[int, str]:
        """Play `mwaa_inside.web_login`: a cookie that names user and role."""
        claims = read_token(login_key(KEY), word, ENVIRONMENT, Purpose.LOGIN, now=time.time())
        self.logins += 1
        return 200, f"session={claims.role}-{claims.user.replace('/', '.')}-{self.logins}; HttpOnly; Path=/"


def script_handler(script: WebServerScript) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            script.seen.append(Seen(self.command, self.path, headers, body))
            if self.path == "/_mwaa_local/login":
                status, cookie = script.log_in(headers["x-mwaa-local-login"])
                self._send(status, (("Set-Cookie", cookie),), b"")
            elif headers.get("cookie") in script.refused_sessions:
                self._send(401, (), b"{}")
            elif self.path == "/stream":
                self._stream()
            else:
                time.sleep(script.pause)
                self._send(script.status, script.headers, script.body)

        def _send(self, status: int, headers: tuple[tuple[str, str], ...], body: bytes) -> None:
            self.send_response(status)
            for name, value in (*headers, ("Content-Length", str(len(body)))):
                self.send_header(name, value)
            self.end_headers()
            with suppress(BrokenPipeError):  # a client that waits no longer
                self.wfile.write(b"" if self.command == "HEAD" else body)

        def _stream(self) -> None:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (b"one\n", b"two\n"):
                self.wfile.write(b"%X\r\n%s\r\n" % (len(part), part))
            self.wfile.write(b"0\r\n\r\n")

        do_GET = do_HEAD = do_POST = do_PATCH = do_DELETE = _answer

    return Handler


@contextmanager
def web_server(script: WebServerScript) -> Iterator[int]:
    """Serve; give the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), script_handler(script))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(frozen=True)
class Response:
    """What a client got."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Front:
    """The doors as a client sees them."""

    cache: Path
    port: int
    environment: str = ENVIRONMENT
    key: bytes = KEY

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def authority(self) -> Path:
        """The certificate to trust, which the doors make before they take the first connection."""
        path = authority_certificate(self.cache)
        deadline = time.monotonic() + PATIENCE
        while not path.exists():
            assert time.monotonic() < deadline, "there is no authority"
            time.sleep(0.01)
        return path

    def token(self, purpose: Purpose, role: AirflowRole = AirflowRole.ADMIN, age: float = 0.0) -> str:
        return make_token(self.key, new_claims(self.environment, purpose, role, USER, now=time.time() - age))

    def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Response:
        """Send one request, and follow nothing."""
        connection = HTTPSConnection(
            "localhost",
            self.port,
            timeout=PATIENCE,
            context=ssl.create_default_context(cafile=self.authority),
        )
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return Response(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def command(self, line: str, **headers: str) -> Response:
        """Send a command line as the guide describes it."""
        sent = {"Authorization": f"Bearer {self.token(Purpose.CLI)}", "Content-Type": "text/plain"}
        return self.ask("POST", "/aws_mwaa/cli", {**sent, **headers}, line.encode())

    def log_in(self, token: str, path: str = "/aws_mwaa/login") -> Response:
        """Send a login form."""
        body = urllib.parse.urlencode({"token": token}).encode()
        return self.ask("POST", path, {"Content-Type": "application/x-www-form-urlencoded"}, body)


@contextmanager
def open_front(folder: Path, web_port: int, commands: Path, version: str = "2.10.3") -> Iterator[Front]:
    """Open doors before a web server and a command server."""
    port = free_port()
    settings = DoorSettings(ENVIRONMENT, version, port, web_port, folder / "authority", folder, commands)
    server: DoorServer = open_doors(settings, KEY)
    try:
        yield Front(folder, port)
    finally:
        server.server_close()


class FakeCommands:
    """A command server that echoes, or waits until it may go on."""

    def __init__(self, path: Path) -> None:
        self.ran: list[Sequence[str]] = []
        self.may_end = threading.Event()
        self.may_end.set()
        self.began = threading.Semaphore(0)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(caller,), daemon=True).start()

    def _answer(self, caller: socket.socket) -> None:
        with caller, caller.makefile("rwb") as stream:
            arguments = json.loads(stream.readline())["arguments"]
            self.ran.append(arguments)
            self.began.release()
            assert self.may_end.wait(PATIENCE)
            answer = {
                "exit_code": 1,
                "stdout": base64.b64encode(" ".join(arguments).encode()).decode(),
                "stderr": base64.b64encode(b"a warning").decode(),
            }
            stream.write(json.dumps(answer).encode() + b"\n")
