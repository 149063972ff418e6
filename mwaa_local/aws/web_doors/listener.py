"""The HTTPS server of the doors, within the endpoint process: a thread that waits, and one for each connection."""

import datetime
import logging
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from http import HTTPStatus
from http.client import HTTPResponse
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from urllib.parse import urlsplit

from mwaa_local.aws.web_doors.authority import ensure_authority, write_certificate
from mwaa_local.aws.web_doors.commands import CommandDoor, CommandServer
from mwaa_local.aws.web_doors.cookies import inner_cookies, is_browser, outer_cookies
from mwaa_local.aws.web_doors.doors import LARGEST_BODY, Doors, door_of, is_local_host
from mwaa_local.aws.web_doors.exchange import Answer, Request, refusal
from mwaa_local.aws.web_doors.login import Sessions
from mwaa_local.aws.web_doors.proxy import INNER_PATH, answer_headers, request_headers
from mwaa_local.aws.web_doors.settings import DoorSettings
from mwaa_local.aws.web_doors.web_server import Head, Source, WebServer, WebServerError

HANDSHAKE = 10.0
SILENCE = 60.0
"""Seconds after which a connection that says nothing is closed."""
PATIENCE = 300.0
"""Seconds that the web server may be silent while it answers."""
CHUNK = 65536
LINGER = 1.0
"""Seconds that a client that is refused may be silent before we hang up."""
LARGEST_REFUSED = 64 * 1024 * 1024
NO_BODY = frozenset({204, 304})

log = logging.getLogger("mwaa_local.doors")


def open_doors(settings: DoorSettings, key: bytes) -> "DoorServer":
    """Serve in a thread of this process until it ends; OSError if the port is taken."""
    web = WebServer(settings.web_port, settings.web_host)
    doors = Doors(
        settings.environment,
        key,
        CommandDoor(settings.version, CommandServer(settings.commands)),
        Sessions(settings.environment, key, web),
        time.time,
    )
    server = DoorServer(settings, doors, web)
    threading.Thread(target=server.serve, name="doors", daemon=True).start()
    return server


class DoorServer(ThreadingMixIn, TCPServer):
    """Takes connections; each has its handshake in its own thread, so that a slow one holds nobody up."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, settings: DoorSettings, doors: Doors, web: WebServer) -> None:
        super().__init__((settings.listen, settings.port), DoorHandler)
        self.settings = settings
        self.doors = doors
        self.web = web
        self._tls: ssl.SSLContext | None = None
        self._is_closed = False

    def serve(self) -> None:
        """Serve for ever; unlike `serve_forever` without waking up while nothing happens."""
        try:
            self._tls = tls_context(self.settings)
        except OSError as error:
            log.error("the web server's doors stay shut: %s", error)
            self.server_close()
            return
        while not self._is_closed:
            try:
                self.handle_request()
            except (OSError, ValueError):
                # Waiting for connections ends so when the server is closed meanwhile.
                if not self._is_closed:
                    raise

    def server_close(self) -> None:
        """Stop taking connections."""
        self._is_closed = True
        super().server_close()

    def finish_request(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        """Shake hands, then answer what comes over the connection."""
        assert self._tls is not None
        assert isinstance(request, socket.socket)
        request.settimeout(HANDSHAKE)
        with self._tls.wrap_socket(request, server_side=True) as connection:
            connection.settimeout(SILENCE)
            DoorHandler(connection, client_address, self)

    def handle_error(self, _request: object, _client_address: object) -> None:
        """Note what went wrong, unless it is the connection: clients that hang up or do not trust us are no news."""
        if not isinstance(sys.exc_info()[1], OSError):
            log.exception("a request to the doors failed")


def tls_context(settings: DoorSettings) -> ssl.SSLContext:
    """Return the context with this environment's certificate, which every start makes anew."""
    now = datetime.datetime.fromtimestamp(time.time(), datetime.UTC)
    authority = ensure_authority(settings.authority, now)
    names = ("localhost", f"{settings.environment.lower().replace('_', '-')}.localhost")
    path = write_certificate(authority, names, settings.state, now)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(path)
    return context


class DoorHandler(BaseHTTPRequestHandler):
    """One connection: doors are answered here, everything else goes to the web server."""

    protocol_version = "HTTP/1.1"
    server_version = "mwaa-local"
    sys_version = ""
    server: DoorServer
    wbufsize = CHUNK
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """Keep no access log: addresses and headers may hold secrets."""

    def _serve(self) -> None:
        host = self.headers.get("Host", "")
        path = urlsplit(self.path).path
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = -1
        if not is_local_host(host):
            self._refuse(HTTPStatus.FORBIDDEN, "only loopback addresses are served")
        elif "Transfer-Encoding" in self.headers or length < 0:
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "send a Content-Length")
        elif path.startswith(INNER_PATH):
            self._refuse(HTTPStatus.NOT_FOUND, "no such path")
        elif door_of(path):
            self._serve_door(path, length)
        else:
            self._pass_on(host, length)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        """Answer and hang up, when the client has sent what it wants to send: it would miss the answer otherwise."""
        self.close_connection = True
        self._send(refusal(status, message))
        self.wfile.flush()
        self.connection.settimeout(LINGER)
        for _ in range(LARGEST_REFUSED // CHUNK):
            if not self.rfile.read1(CHUNK):
                break

    def _serve_door(self, path: str, length: int) -> None:
        if length > LARGEST_BODY:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {LARGEST_BODY} bytes")
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(length)
        answer = self.server.doors.answer(Request(self.command, path, headers, body))
        self._send(replace(answer, headers=tuple(self._for_client(answer.headers))))

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _for_client(self, headers: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
        """Return headers of an answer as this client wants them."""
        if not is_browser({name.lower(): value for name, value in self.headers.items()}):
            return headers
        return outer_cookies(headers, self.headers.get("Host", ""))

    def _pass_on(self, host: str, length: int) -> None:
        given = inner_cookies(request_headers(self.headers.items()), host)
        head = Head(self.command, self.path, tuple(given))
        body = _parts(self.rfile, length)
        try:
            with self.server.web.open(head, body, PATIENCE) as response:
                self._pass_back(response, host)
        except WebServerError:
            self._refuse(HTTPStatus.BAD_GATEWAY, "the web server does not answer; see: mwaa-local status")

    def _pass_back(self, response: HTTPResponse, host: str) -> None:
        """Send the web server's answer on, as it comes."""
        self.send_response_only(response.status, response.reason)
        headers = answer_headers(response.getheaders(), host, self.server.settings.web_port)
        for name, value in self._for_client(headers):
            self.send_header(name, value)
        empty = self.command == "HEAD" or response.status in NO_BODY
        chunked = response.length is None and not empty
        if chunked and self.request_version == "HTTP/1.0":
            chunked, self.close_connection = False, True
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if empty:
            return
        while part := response.read1(CHUNK):
            self.wfile.write(b"%X\r\n%s\r\n" % (len(part), part) if chunked else part)
            self.wfile.flush()
        if chunked:
            self.wfile.write(b"0\r\n\r\n")
        elif response.length:
            self.close_connection = True  # the web server has said less than it had announced


def _parts(stream: Source, length: int) -> Iterator[bytes]:
    """Yield a request's body as it comes."""
    while length > 0:
        part = stream.read(min(CHUNK, length))
        if not part:
            return
        length -= len(part)
        yield part
